"""Where a call may not go: tails that are no paths, the allow-lists, administration."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog import METHODS, UNLISTED, AllowPaths, PathNotAllowed
from domain.paths import ClosedPaths, PathPattern
from tests.domain.going import go


@pytest.mark.parametrize("allow", ["inference", "all"])
@pytest.mark.parametrize("vendor", ["openai", "google", "azure-openai", "ollama", "custom"])
@pytest.mark.parametrize(
    "tail",
    [
        "",
        "/v1/chat/completions",
        "v1//chat/completions",
        "v1/chat/completions/",
        "v1/../chat/completions",
        "v1/chat/..",
        "./v1/chat/completions",
        "v1/models/a..b",
        "v1/%2e%2e/x",
        "v1/%2E%2e/x",
        "v1/.%2e/x",
        "v1/models/gpt-5%2e1",
        "v1/a%2fb",
        "v1/a%2Fb",
        "v1/a%5cb",
        "v1/a%5Cb",
        "v1/a\\b",
        "v1/a;b",
        "v1/a%3bb",
        "v1/a%00b",
        "v1/a\x00b",
        "v1/a\x1fb",
        "v1/a%0d%0aHost:evil",
        "v1/a\r\nb",
        "v1/a\tb",
        "v1/a b",
        "v1/a%7fb",
        "v1/user@host",
        "v1/user%40host",
        "@evil.example/v1",
        "https://evil.example/v1",
        "https:evil",
        "v1/https://evil.example",
        "v1/models?key=x",
        "v1/models%3fkey=x",
        "v1/models#x",
        "v1/%252e%252e/x",
        "v1/%25",
        "v1/%",
        "v1/%zz",
        "v1/mod\u00e9l",
        "v1/mod%c3%a9l",
        "v1/%c0%ae%c0%ae/x",
        "v1/\uff0e\uff0e/x",
    ],
)
def test_a_tail_that_is_no_plain_path_is_refused(
    vendor: str, tail: str, allow: AllowPaths
) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(PathNotAllowed):
            go(vendor, tail, method=method, allow=allow)


@pytest.mark.parametrize(
    ("vendor", "method", "tail"),
    [
        ("openai", "GET", "v1/chat/completions"),
        ("openai", "DELETE", "v1/models/ft-1"),
        ("openai", "POST", "v1/files"),
        ("openai", "GET", "v1/files"),
        ("openai", "POST", "v1/batches"),
        ("openai", "POST", "v1/fine_tuning/jobs"),
        ("openai", "GET", "v1/responses/resp_1"),
        ("openai", "OPTIONS", "v1/chat/completions"),
        ("anthropic", "POST", "v1/messages/batches"),
        ("anthropic", "POST", "v1/responses"),
        ("google", "POST", "v1beta/models/m:batchGenerateContent"),
        ("google", "POST", "v1beta/cachedContents"),
        ("google", "GET", "v1beta/files"),
        ("custom", "POST", "v1/messages/batches"),
        ("mistral", "POST", "v1/conversations"),
        ("cohere", "POST", "v1/chat"),
        ("cohere", "POST", "v2/batches"),
        ("dashscope", "POST", "api/v1/services/aigc/text2image/image-synthesis"),
        ("perplexity", "POST", "search"),
        ("zhipu", "POST", "api/paas/v4/async/chat/completions"),
        ("custom", "POST", "tenant/v1/chat/completions"),
    ],
)
def test_only_inference_is_open_unless_the_key_says_more(
    vendor: str, method: str, tail: str
) -> None:
    with pytest.raises(PathNotAllowed):
        go(vendor, tail, method=method)
    if method in METHODS:
        opened = go(vendor, tail, method=method, allow="all").endpoint
        assert opened is UNLISTED or opened.metered


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "get", "PURGE", ""])
def test_a_method_that_no_vendor_needs_is_refused(method: str) -> None:
    for tail in ("v1/models", "v1/files"):
        with pytest.raises(PathNotAllowed):
            go("openai", tail, method=method, allow="all")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("vendor", "base", "tail"),
    [
        ("openai", "", "v1/organization/admin_api_keys"),
        ("openai", "", "v1/organization/costs"),
        ("openai", "", "organization/users"),
        ("openai", "/v1", "organization/users"),
        ("openai", "", "v1/Organization/users"),
        ("openai", "", "v1/%6frganization/users"),
        ("openai", "", "v1/projects/p/roles"),
        ("openai", "", "dashboard/billing/usage"),
        ("openai", "", "v1/realtime/client_secrets"),
        ("openai", "", "v1/realtime/sessions"),
        ("openai", "", "v1/webhook_endpoints/w/rotate_secret"),
        ("openai", "", "v1/fine_tuning/checkpoints/c/permissions"),
        ("openai", "", "v1/vaults/v/credentials"),
        ("anthropic", "", "v1/organizations/api_keys"),
        ("anthropic", "/v1", "organizations/invites"),
        ("anthropic", "", "v1/tunnels/t/reveal_token"),
        ("google", "", "v1alpha/auth_tokens"),
        ("google", "", "v1beta/credentials"),
        ("google", "", "v1beta/webhooks/w:rotateSigningSecret"),
        ("google", "", "v1beta/tunedModels/t:transferOwnership"),
        ("google", "", "v1beta/tunedModels/t/permissions"),
        ("google", "", "upload/v1beta/files"),
        ("custom", "/v1", "organization/users"),
        ("custom", "", "openai/v1/organization/users"),
        ("custom", "/api/v1", "api_keys/rate_limits"),
        ("openrouter", "/api/v1", "keys/k"),
        ("openrouter", "/api", "v1/workspaces/w/members"),
        ("openrouter", "/api", "v1/guardrails"),
        ("openrouter", "/api", "v1/vault/secrets"),
        ("openrouter", "/api", "v1/auth/keys/code"),
        ("mistral", "", "v1/service-accounts"),
        ("mistral", "", "v1/users/me/organizations"),
        ("mistral", "", "v1/connectors/c/user/credentials"),
        ("mistral", "", "v1/webhooks/w/signing-secret"),
        ("mistral", "", "v1/client/sessions"),
        ("together", "", "v1/billing/usage"),
        ("together", "", "v1/deployments/secrets"),
        ("together", "", "v2/projects/p/endpoints"),
        ("fireworks", "", "v1/accounts/a/users/u/apiKeys"),
        ("fireworks", "/inference", "v1/accounts/a/secrets"),
        ("deepseek", "", "user/balance"),
        ("moonshot", "", "v1/users/me/balance"),
        ("siliconflow", "/v1", "user/info"),
        ("dashscope", "", "api/v1/tokens"),
        ("dashscope", "/api/v1", "tokens"),
        ("dashscope", "/api", "v1/tokens"),
        ("dashscope", "", "api/v1/uploads"),
        ("venice", "/api/v1", "api_keys"),
        ("venice", "/api", "v1/x402/top-up"),
        ("ollama", "", "api/pull"),
        ("ollama", "/api", "pull"),
        ("ollama", "/API", "Pull"),
        ("ollama", "", "api/blobs/sha256:0"),
        ("ollama", "/v1", "api/delete"),
        ("ollama", "/gw/api", "create"),
    ],
)
def test_administration_is_never_open(
    vendor: str, base: str, tail: str, method: str
) -> None:
    with pytest.raises(PathNotAllowed):
        go(vendor, tail, base, method, allow="all")


@pytest.mark.parametrize(
    ("vendor", "base", "tail"),
    [
        ("openai", "", "V1/Chat/Completions"),
        ("openai", "/v1", "v1/v1/chat/completions"),
        ("custom", "", "openai/v1/chat/completions"),
        ("custom", "/openai/v1", "openai/v1/chat/completions"),
        ("custom", "/v1", "V1/ch%61t/Completions"),
        ("google", "", "V1BETA/models/m:GenerateContent"),
        ("ollama", "/v1", "v1/chat/completions"),
        ("ollama", "/v1", "openai/v1/chat/completions"),
        ("zhipu", "", "api/paas/v4/async/chat/completions"),
        ("doubao", "", "api/v3/batch/chat/completions"),
        ("openrouter", "/api", "v1/other/p/chat/completions"),
        ("azure-openai", "/openai/deployments/d", "chat/completions"),
    ],
)
def test_with_all_paths_open_inference_is_metered_in_disguise_too(
    vendor: str, base: str, tail: str
) -> None:
    endpoint = go(vendor, tail, base, allow="all").endpoint
    assert endpoint.metered
    assert endpoint.format in {"openai-chat", "gemini"}


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(["a", "A", "b:x", "*", "*:x"]), min_size=1, max_size=4),
    st.sampled_from([[], ["**"]]),
    st.lists(st.sampled_from(["a", "b", "b:x", ":x", "q:x", "a:x:x"]), max_size=6),
)
def test_a_pattern_fits_what_the_expression_of_the_same_meaning_fits(
    pattern: list[str], end: list[str], path: list[str]
) -> None:
    meaning = "".join(
        "/" + re.escape(part.lower()).replace(r"\*", "[^/]+") for part in pattern
    ) + ("(/[^/]+)*" if end else "")
    text = "/".join(pattern + end)
    fits = PathPattern(text).fits(tuple(path))
    assert fits == bool(re.fullmatch(meaning, "".join("/" + segment for segment in path)))


@pytest.mark.parametrize(
    "text", ["", "a//b", "/a", "a/", "a*b", "a*", "**/a", "a/***", "a b", "a?"]
)
def test_a_pattern_says_only_what_can_be_matched_in_one_pass(text: str) -> None:
    with pytest.raises(ValueError, match="a pattern is"):
        PathPattern(text)


def test_a_closed_path_begins_with_a_word() -> None:
    with pytest.raises(ValueError, match="literal"):
        ClosedPaths([PathPattern("*/keys")])
