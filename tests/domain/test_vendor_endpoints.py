"""What the endpoints of the vendors that we ship say: checks, formats, keys, queries."""

import pytest

from domain.catalog import AllowPaths, Auth, PathNotAllowed, Target, key_check_path, target
from domain.layouts import Layout
from domain.paths import split
from domain.vendors import Endpoint, Vendor
from tests.domain.going import CATALOG, go


@pytest.mark.parametrize(
    ("vendor", "base", "path"),
    [
        ("openai", "", "/v1/models"),
        ("openai", "/gateway/v1", "/gateway/v1/models"),
        ("anthropic", "/v1", "/v1/models"),
        ("google", "", "/v1beta/models?pageSize=1"),
        ("google", "/v1beta/openai", "/v1beta/models?pageSize=1"),
        ("azure-openai", "", "/openai/v1/models"),
        ("azure-openai", "/openai", "/openai/v1/models"),
        ("azure-openai", "/openai/v1", "/openai/v1/models"),
        ("azure-openai", "/anthropic", "/openai/v1/models"),
        ("deepseek", "", "/models"),
        ("deepseek", "/anthropic", "/models"),
        ("groq", "/openai/v1", "/openai/v1/models"),
        ("openrouter", "/api", "/api/v1/key"),
        ("openrouter", "/api/v1", "/api/v1/key"),
        ("fireworks", "/inference/v1", "/inference/v1/models"),
        ("cohere", "/compatibility/v1", "/v1/models"),
        ("zhipu", "/api/paas/v4", "/api/paas/v4/models"),
        ("zhipu", "/api/coding/paas/v4", "/api/coding/paas/v4/models"),
        ("zhipu", "/api/anthropic", "/api/paas/v4/models"),
        ("moonshot", "/coding", "/coding/v1/models"),
        ("dashscope", "/apps/anthropic", "/compatible-mode/v1/models"),
        ("doubao", "/api/coding", "/api/coding/v3/models"),
        ("venice", "", "/api/v1/api_keys/rate_limits"),
        ("venice", "/api/v1", "/api/v1/api_keys/rate_limits"),
        ("ollama", "", "/api/tags"),
        ("ollama", "/v1", "/api/tags"),
        ("ollama", "/api", "/api/tags"),
        ("custom", "", "/v1/models"),
        ("custom", "/v1", "/v1/models"),
        ("custom", "/gateway", "/gateway/models"),
    ],
)
def test_a_key_is_checked_below_its_own_base_url(vendor: str, base: str, path: str) -> None:
    assert key_check_path(CATALOG.get(vendor), base_path=base) == path


def check(vendor: str, tail: str, base: str = "", method: str = "GET") -> Target:
    return target(
        CATALOG.get(vendor), base_path=base, method=method, tail=tail, allow_paths="check"
    )


@pytest.mark.parametrize("vendor", CATALOG.all(), ids=lambda vendor: vendor.id)
def test_a_check_opens_its_own_path_and_nothing_else(vendor: Vendor) -> None:
    tail = vendor.models_path.partition("?")[0].lstrip("/")
    for base in ("", "/v1", "/gateway"):
        whole = key_check_path(vendor, base_path=base)
        assert check(vendor.id, tail, base).path == whole.partition("?")[0]
    assert not check(vendor.id, tail).endpoint.metered
    for method, other in (("POST", tail), ("GET", f"{tail}/x"), ("GET", "v1/files")):
        with pytest.raises(PathNotAllowed):
            check(vendor.id, other, method=method)


@pytest.mark.parametrize(
    ("vendor", "tail"),
    [
        ("openrouter", "v1/key"),
        ("openrouter", "v1/credits"),
        ("venice", "api/v1/api_keys/rate_limits"),
        ("venice", "api_keys/rate_limits"),
    ],
)
@pytest.mark.parametrize("allow", ["inference", "all"])
def test_what_a_check_reads_of_an_account_is_not_for_bots(
    vendor: str, tail: str, allow: AllowPaths
) -> None:
    with pytest.raises(PathNotAllowed):
        go(vendor, tail, method="GET", allow=allow)


def endpoint(vendor: str, tail: str, method: str = "POST") -> Endpoint:
    return go(vendor, tail, method=method).endpoint


@pytest.mark.parametrize(
    ("vendor", "tail", "format_and_streaming"),
    [
        ("azure-openai", "openai/deployments/d/chat/completions", ("openai-chat", "body")),
        ("azure-openai", "openai/responses", ("openai-responses", "body")),
        ("groq", "openai/v1/audio/translations", ("openai-audio", "never")),
        ("openai", "v1/audio/transcriptions", ("openai-audio", "body")),
        ("openai", "v1/audio/speech", ("openai-audio", "stream-format")),
        ("openai", "v1/images/edits", ("openai-images", "body")),
        (
            "azure-openai",
            "openai/deployments/d/images/generations",
            ("openai-images", "body"),
        ),
        ("mistral", "v1/ocr", (None, "never")),
        ("perplexity", "v1/agent", ("openai-responses", "body")),
        ("cohere", "v2/chat", ("cohere-v2", "body")),
        ("cohere", "v2/rerank", ("cohere-v2", "never")),
        ("zhipu", "api/anthropic/v1/messages", ("anthropic-messages", "body")),
        (
            "dashscope",
            "api/v1/services/aigc/text-generation/generation",
            ("dashscope-native", "header"),
        ),
        ("doubao", "api/v3/context/chat/completions", ("openai-chat", "body")),
        ("minimax", "v1/text/chatcompletion_v2", ("openai-chat", "body")),
        ("ollama", "api/chat", ("ollama", "body-unless-false")),
        ("ollama", "api/embed", ("ollama", "never")),
        ("custom", "v1/messages", ("anthropic-messages", "body")),
    ],
)
def test_an_endpoint_says_how_its_usage_is_read(
    vendor: str, tail: str, format_and_streaming: tuple[str | None, str]
) -> None:
    found = endpoint(vendor, tail)
    assert (found.format, found.streaming) == format_and_streaming


@pytest.mark.parametrize(
    ("vendor", "method", "tail"),
    [
        ("cohere", "POST", "v1/tokenize"),
        ("ollama", "POST", "api/show"),
        ("ollama", "GET", "api/tags"),
        ("moonshot", "POST", "v1/tokenizers/estimate-token-count"),
        ("openai", "POST", "v1/moderations"),
        ("doubao", "POST", "api/v3/tokenization"),
    ],
)
def test_what_is_free_is_not_metered(vendor: str, method: str, tail: str) -> None:
    assert not endpoint(vendor, tail, method).metered
    assert endpoint("mistral", "v1/moderations").metered


def test_keys_travel_as_each_vendor_wants_them() -> None:
    azure = "azure-openai"
    assert go(azure, "openai/v1/chat/completions").auth.header == "api-key"
    assert go(azure, "openai/deployments/d/embeddings").auth.scheme == "raw"
    assert go(azure, "anthropic/v1/messages").auth.header == "x-api-key"
    others = {v.id for v in CATALOG.all()} - {azure, "anthropic", "google"}
    for vendor in others:
        for tail in ("v1/messages", "v1/chat/completions"):
            spoken = CATALOG.get(vendor).layouts[0].anthropic is not None
            if spoken or tail != "v1/messages":
                assert go(vendor, tail).auth == Auth(
                    header="Authorization", scheme="bearer"
                )


def test_a_deployment_in_the_path_is_the_model() -> None:
    found = go("azure-openai", "openai/deployments/Our-GPT/chat/completions")
    assert found.model == "Our-GPT"
    assert go("azure-openai", "openai/v1/chat/completions").model is None


def test_what_the_base_url_holds_of_a_path_counts() -> None:
    found = go("azure-openai", "d/chat/completions", "/openai/deployments")
    assert found.path == "/openai/deployments/d/chat/completions"
    assert (found.model, found.endpoint.metered) == ("d", True)


def test_a_base_url_may_be_called_like_what_is_closed() -> None:
    assert go("custom", "v1/embeddings", "/keys/v1").path == "/keys/v1/embeddings"
    with pytest.raises(PathNotAllowed):
        go("custom", "keys", "/keys/v1", allow="all")


@pytest.mark.parametrize(
    ("sent", "goes"),
    [
        (b"", b"api-version=2024-10-21"),
        (b"x=1", b"x=1&api-version=2024-10-21"),
        (b"api-version=2025-01-01-preview", b"api-version=2025-01-01-preview"),
        (b"x=1&API-Version=p&y", b"x=1&API-Version=p&y"),
        (b"api%2dversion=p", b"api%2dversion=p"),
        (b"my-api-version=p", b"my-api-version=p&api-version=2024-10-21"),
    ],
)
def test_azure_is_told_a_version_where_the_client_told_none(
    sent: bytes, goes: bytes
) -> None:
    deployment = go("azure-openai", "openai/deployments/d/chat/completions")
    assert deployment.query == "api-version=2024-10-21"
    assert deployment.full_query(sent) == goes


@pytest.mark.parametrize("vendor", ["azure-openai", "openai", "google"])
def test_no_query_is_touched_where_none_is_needed(vendor: str) -> None:
    found = go(vendor, "v1/chat/completions")
    assert found.query == ""
    assert found.full_query(b"&&a=%zz") == b"&&a=%zz"


def test_a_layout_is_known_by_the_longest_end() -> None:
    usual = Layout(openai=("v1",), anthropic=(), responses=("v1",))
    assert usual.ends == (("v1",), ("v1",), ())
    assert usual.put(split("V1/Chat/Completions")) == ("v1", "Chat", "Completions")
    assert usual.put(("files",)) is None
    assert usual.put_loosely(("files",)) == ("v1", "files")
    assert usual.put_loosely(("v1",)) is None
