"""Every vendor that we ship: what its SDKs ask for, and bare tails, with every base URL.

The tails are those of the SDKs that `client_auth` names in the collection of vendor facts:
each line is one place upstream, all the ways a bot may write it, and all the base URLs an
operator may have pasted.
"""

import pytest

from domain.vendors import Vendor
from tests.domain.going import CATALOG, go

CHAT, MESSAGES, COUNT = "chat/completions", "messages", "messages/count_tokens"


def both(tail: str, *more: str) -> tuple[str, ...]:
    """The tail bare and as an SDK whose base URL ends in /v1 writes it, and more ways."""
    return (tail, f"v1/{tail}", *more)


V1 = ("", "/v1")
ROWS: list[tuple[str, tuple[str, ...], tuple[str, ...], str]] = [
    # vendor, base paths, tails, where they lead
    ("openai", V1, both(CHAT), "/v1/chat/completions"),
    ("openai", V1, both("responses"), "/v1/responses"),
    ("openai", V1, both("embeddings"), "/v1/embeddings"),
    ("openai", V1, both("audio/transcriptions"), "/v1/audio/transcriptions"),
    ("anthropic", V1, both(MESSAGES), "/v1/messages"),
    ("anthropic", V1, both(COUNT), "/v1/messages/count_tokens"),
    ("anthropic", V1, both(CHAT), "/v1/chat/completions"),
    (
        "google",
        ("", "/v1beta", "/v1beta/openai"),
        both(CHAT, "v1beta/openai/chat/completions"),
        "/v1beta/openai/chat/completions",
    ),
    (
        "google",
        ("", "/v1beta", "/v1beta/openai"),
        ("v1beta/models/m:streamGenerateContent", "models/m:streamGenerateContent"),
        "/v1beta/models/m:streamGenerateContent",
    ),
    ("google", ("",), ("v1/interactions",), "/v1/interactions"),
    (
        "azure-openai",
        ("", "/openai", "/openai/v1"),
        both(CHAT),
        "/openai/v1/chat/completions",
    ),
    (
        "azure-openai",
        ("", "/openai", "/openai/v1"),
        ("openai/deployments/d/chat/completions",),
        "/openai/deployments/d/chat/completions",
    ),
    (
        "azure-openai",
        ("", "/anthropic", "/openai/v1"),
        both(MESSAGES, "anthropic/v1/messages"),
        "/anthropic/v1/messages",
    ),
    ("deepseek", ("",), both(CHAT), "/chat/completions"),
    ("deepseek", ("/v1",), both(CHAT), "/v1/chat/completions"),
    ("deepseek", ("/beta",), both("completions"), "/beta/completions"),
    (
        "deepseek",
        ("", "/v1", "/beta", "/anthropic", "/anthropic/v1"),
        both(MESSAGES, "anthropic/v1/messages"),
        "/anthropic/v1/messages",
    ),
    (
        "groq",
        ("", "/openai", "/openai/v1"),
        both(CHAT, "openai/v1/chat/completions"),
        "/openai/v1/chat/completions",
    ),
    (
        "groq",
        ("", "/openai/v1"),
        both("responses", "openai/v1/responses"),
        "/openai/v1/responses",
    ),
    (
        "groq",
        ("", "/openai/v1"),
        both("audio/transcriptions", "openai/v1/audio/transcriptions"),
        "/openai/v1/audio/transcriptions",
    ),
    ("mistral", V1, both(CHAT), "/v1/chat/completions"),
    ("mistral", V1, ("v1/fim/completions",), "/v1/fim/completions"),
    ("mistral", V1, ("v1/ocr",), "/v1/ocr"),
    ("openrouter", ("/api", "/api/v1"), both(CHAT), "/api/v1/chat/completions"),
    ("openrouter", ("/api", "/api/v1"), both("responses"), "/api/v1/responses"),
    ("openrouter", ("/api", "/api/v1"), both(MESSAGES), "/api/v1/messages"),
    (
        "openrouter",
        ("/api", "/api/v1"),
        ("v1/presets/p/messages",),
        "/api/v1/presets/p/messages",
    ),
    ("together", V1, both(CHAT), "/v1/chat/completions"),
    ("together", V1, both("rerank"), "/v1/rerank"),
    (
        "fireworks",
        ("/inference", "/inference/v1"),
        both(CHAT),
        "/inference/v1/chat/completions",
    ),
    (
        "fireworks",
        ("/inference", "/inference/v1"),
        both(MESSAGES),
        "/inference/v1/messages",
    ),
    ("perplexity", V1, both("responses"), "/v1/responses"),
    ("perplexity", V1, both("embeddings"), "/v1/embeddings"),
    ("perplexity", V1, ("v1/agent",), "/v1/agent"),
    ("cohere", ("", "/v1", "/v2"), ("v2/chat", "chat"), "/v2/chat"),
    ("cohere", ("/v1", "/v2"), both(CHAT), "/compatibility/v1/chat/completions"),
    ("cohere", ("", "/v2"), ("v2/embed", "embed"), "/v2/embed"),
    ("cohere", ("", "/v2"), ("v2/rerank", "rerank"), "/v2/rerank"),
    (
        "cohere",
        ("", "/compatibility/v1"),
        both(CHAT, "compatibility/v1/chat/completions"),
        "/compatibility/v1/chat/completions",
    ),
    (
        "zhipu",
        ("", "/api/paas/v4"),
        both(CHAT, "api/paas/v4/chat/completions"),
        "/api/paas/v4/chat/completions",
    ),
    (
        "zhipu",
        ("/api/coding/paas/v4",),
        both(CHAT, "api/paas/v4/chat/completions", "api/coding/paas/v4/chat/completions"),
        "/api/coding/paas/v4/chat/completions",
    ),
    (
        "zhipu",
        ("", "/api/paas/v4", "/api/coding/paas/v4", "/api/anthropic"),
        both(MESSAGES, "api/anthropic/v1/messages"),
        "/api/anthropic/v1/messages",
    ),
    ("zhipu", ("", "/api/paas/v4"), both("responses"), "/api/v1/responses"),
    ("moonshot", ("", "/v1", "/anthropic"), both(CHAT), "/v1/chat/completions"),
    (
        "moonshot",
        ("", "/v1", "/anthropic"),
        both(MESSAGES, "anthropic/v1/messages"),
        "/anthropic/v1/messages",
    ),
    ("moonshot", ("/coding", "/coding/v1"), both(CHAT), "/coding/v1/chat/completions"),
    (
        "moonshot",
        ("/coding", "/coding/v1"),
        both(MESSAGES, "anthropic/v1/messages"),
        "/coding/v1/messages",
    ),
    ("baichuan", V1, both(CHAT), "/v1/chat/completions"),
    (
        "dashscope",
        ("", "/compatible-mode/v1", "/apps/anthropic", "/api/v1", "/api"),
        both(CHAT, "compatible-mode/v1/chat/completions"),
        "/compatible-mode/v1/chat/completions",
    ),
    (
        "dashscope",
        ("", "/compatible-mode/v1", "/apps/anthropic"),
        both(MESSAGES, "apps/anthropic/v1/messages"),
        "/apps/anthropic/v1/messages",
    ),
    (
        "dashscope",
        ("", "/api/v1", "/compatible-mode/v1"),
        (
            "api/v1/services/aigc/text-generation/generation",
            "services/aigc/text-generation/generation",
        ),
        "/api/v1/services/aigc/text-generation/generation",
    ),
    ("stepfun", V1, both(CHAT), "/v1/chat/completions"),
    ("stepfun", V1, both(MESSAGES), "/v1/messages"),
    (
        "stepfun",
        ("/step_plan", "/step_plan/v1"),
        both(CHAT),
        "/step_plan/v1/chat/completions",
    ),
    ("stepfun", ("/step_plan", "/step_plan/v1"), both(MESSAGES), "/step_plan/v1/messages"),
    (
        "doubao",
        ("", "/api/v3"),
        both(CHAT, "api/v3/chat/completions"),
        "/api/v3/chat/completions",
    ),
    (
        "doubao",
        ("/api/coding", "/api/coding/v3"),
        both(CHAT, "api/v3/chat/completions"),
        "/api/coding/v3/chat/completions",
    ),
    ("doubao", ("", "/api/v3"), both(MESSAGES), "/api/compatible/v1/messages"),
    (
        "doubao",
        ("/api/coding", "/api/coding/v3"),
        both(MESSAGES, "api/compatible/v1/messages"),
        "/api/coding/v1/messages",
    ),
    (
        "doubao",
        ("", "/api/v3"),
        ("api/v3/bots/chat/completions",),
        "/api/v3/bots/chat/completions",
    ),
    ("minimax", ("", "/v1", "/anthropic"), both(CHAT), "/v1/chat/completions"),
    (
        "minimax",
        ("", "/v1", "/anthropic"),
        both(MESSAGES, "anthropic/v1/messages"),
        "/anthropic/v1/messages",
    ),
    ("minimax", V1, ("v1/text/chatcompletion_v2",), "/v1/text/chatcompletion_v2"),
    ("yi", V1, both(CHAT), "/v1/chat/completions"),
    ("hunyuan", V1, both(CHAT), "/v1/chat/completions"),
    (
        "hunyuan",
        ("", "/v1", "/anthropic"),
        both(MESSAGES, "anthropic/v1/messages"),
        "/anthropic/v1/messages",
    ),
    ("siliconflow", V1, both(CHAT), "/v1/chat/completions"),
    ("siliconflow", V1, both(MESSAGES), "/v1/messages"),
    ("siliconflow", V1, both("rerank"), "/v1/rerank"),
    (
        "venice",
        ("", "/api", "/api/v1"),
        both(CHAT, "api/v1/chat/completions"),
        "/api/v1/chat/completions",
    ),
    ("ollama", ("", "/api", "/v1"), ("api/chat",), "/api/chat"),
    ("ollama", ("", "/api"), ("chat",), "/api/chat"),
    ("ollama", ("", "/api"), ("api/generate", "generate"), "/api/generate"),
    ("ollama", ("", "/api"), ("api/embed", "embed"), "/api/embed"),
    ("ollama", ("", "/v1", "/api"), both(CHAT), "/v1/chat/completions"),
    ("ollama", V1, both("responses"), "/v1/responses"),
    ("ollama", V1, both(MESSAGES), "/v1/messages"),
    ("groq", ("/gateway/v1",), both(CHAT), "/gateway/v1/chat/completions"),
    ("custom", V1, both(CHAT), "/v1/chat/completions"),
    ("custom", V1, both("responses"), "/v1/responses"),
    ("custom", V1, both(MESSAGES), "/v1/messages"),
    ("custom", V1, both(COUNT), "/v1/messages/count_tokens"),
    ("custom", V1, both("audio/speech"), "/v1/audio/speech"),
    ("custom", V1, both("rerank"), "/v1/rerank"),
    ("custom", ("/gateway",), both(CHAT), "/gateway/chat/completions"),
    ("custom", ("/gateway", "/gateway/v1"), both(MESSAGES), "/gateway/v1/messages"),
    ("custom", ("/gateway/v1",), both(CHAT), "/gateway/v1/chat/completions"),
]


@pytest.mark.parametrize(("vendor", "bases", "tails", "path"), ROWS)
def test_all_ways_to_write_it_lead_to_the_one_place(
    vendor: str, bases: tuple[str, ...], tails: tuple[str, ...], path: str
) -> None:
    for base in bases:
        for tail in tails:
            found = go(vendor, tail, base)
            assert (base, tail, found.path) == (base, tail, path)
            assert found.endpoint.metered is (not path.endswith("/count_tokens"))


def test_each_vendor_is_in_the_table_with_its_own_base_url() -> None:
    assert {row[0] for row in ROWS} == {vendor.id for vendor in CATALOG.all()}
    for vendor in CATALOG.all():
        own = "/" + "/".join((vendor.base_url or "").split("/")[3:])
        assert any(own.rstrip("/") in row[1] for row in ROWS if row[0] == vendor.id)


ONLY_CHAT = {("anthropic", "embeddings"), ("anthropic", "responses")}


@pytest.mark.parametrize("vendor", CATALOG.all(), ids=lambda vendor: vendor.id)
def test_each_format_that_a_layout_promises_is_open_in_every_layout(vendor: Vendor) -> None:
    for layout in vendor.layouts:
        for place, ending in (
            (layout.openai, CHAT),
            (layout.openai, "embeddings"),
            (layout.responses, "responses"),
            (layout.anthropic, "v1/messages"),
        ):
            if place is not None and (vendor.id, ending) not in ONLY_CHAT:
                assert go(vendor.id, "/".join((*place, ending))).path.endswith(ending)
