"""Where a call may go: tails, base URLs and endpoints of the vendors that we ship."""

from dataclasses import replace

import pytest

from domain.catalog import Catalog, UnknownVendor, target
from tests.domain.going import CATALOG, go

GEMINI = "models/gemini-2.5-pro:generateContent"


@pytest.mark.parametrize(
    ("vendor", "base", "tail", "path"),
    [
        # what each vendor's own SDK sends
        ("openai", "", "v1/chat/completions", "/v1/chat/completions"),
        ("openai", "", "v1/responses", "/v1/responses"),
        ("openai", "", "v1/embeddings", "/v1/embeddings"),
        ("openai", "", "v1/images/generations", "/v1/images/generations"),
        ("openai", "", "v1/audio/transcriptions", "/v1/audio/transcriptions"),
        ("openai", "", "v1/moderations", "/v1/moderations"),
        ("anthropic", "", "v1/messages", "/v1/messages"),
        ("anthropic", "", "v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("anthropic", "", "v1/chat/completions", "/v1/chat/completions"),
        ("google", "", f"v1beta/{GEMINI}", f"/v1beta/{GEMINI}"),
        ("google", "", f"v1/{GEMINI}", f"/v1/{GEMINI}"),
        ("google", "", "v1/interactions", "/v1/interactions"),
        ("google", "", "v1beta/openai/chat/completions", "/v1beta/openai/chat/completions"),
        ("custom", "/v1", "chat/completions", "/v1/chat/completions"),
        # bare tails, and OpenAI's v1 at a vendor that has it elsewhere
        ("openai", "", "chat/completions", "/v1/chat/completions"),
        ("openai", "", "completions", "/v1/completions"),
        ("openai", "", "images/edits", "/v1/images/edits"),
        ("anthropic", "", "messages", "/v1/messages"),
        ("anthropic", "", "messages/count_tokens", "/v1/messages/count_tokens"),
        ("google", "", "chat/completions", "/v1beta/openai/chat/completions"),
        ("google", "", "v1/chat/completions", "/v1beta/openai/chat/completions"),
        ("google", "", "v1/embeddings", "/v1beta/openai/embeddings"),
        ("google", "", "images/generations", "/v1beta/openai/images/generations"),
        ("custom", "", "chat/completions", "/v1/chat/completions"),
        ("custom", "", "v1/chat/completions", "/v1/chat/completions"),
        # base URLs that operators paste
        ("openai", "/v1", "v1/chat/completions", "/v1/chat/completions"),
        ("openai", "/v1", "chat/completions", "/v1/chat/completions"),
        ("openai", "/v1/", "audio/speech", "/v1/audio/speech"),
        ("openai", "/gateway", "chat/completions", "/gateway/v1/chat/completions"),
        ("openai", "/gateway/v1", "v1/responses", "/gateway/v1/responses"),
        ("anthropic", "/v1", "v1/messages", "/v1/messages"),
        ("anthropic", "/v1", "messages", "/v1/messages"),
        ("google", "/v1beta", f"v1beta/{GEMINI}", f"/v1beta/{GEMINI}"),
        ("google", "/v1beta", "chat/completions", "/v1beta/openai/chat/completions"),
        ("google", "/v1beta/openai", "chat/completions", "/v1beta/openai/chat/completions"),
        ("google", "/v1beta/openai", f"v1beta/{GEMINI}", f"/v1beta/{GEMINI}"),
        ("google", "/v1", "v1/chat/completions", "/v1beta/openai/chat/completions"),
        ("custom", "/v1", "v1/chat/completions", "/v1/chat/completions"),
        ("custom", "/api/api", "api/api/embeddings", "/api/api/embeddings"),
        ("custom", "/api/v1", "api/v1/chat/completions", "/api/v1/chat/completions"),
        ("custom", "/openai", "v1/embeddings", "/openai/embeddings"),
        # encoded letters go up decoded: what was judged is what is sent
        ("openai", "", "v1/ch%61t/completions", "/v1/chat/completions"),
        ("google", "", f"v1/{GEMINI.replace(':', '%3A')}", f"/v1/{GEMINI}"),
    ],
)
def test_a_tail_leads_to_one_path_however_it_is_written(
    vendor: str, base: str, tail: str, path: str
) -> None:
    assert go(vendor, tail, base).path == path


@pytest.mark.parametrize(
    ("vendor", "tail", "path"),
    [
        ("openai", "v1/models", "/v1/models"),
        ("openai", "models/gpt-5", "/v1/models/gpt-5"),
        ("anthropic", "v1/models", "/v1/models"),
        ("google", "v1beta/models", "/v1beta/models"),
        ("google", "v1/models/gemini-2.5-pro", "/v1/models/gemini-2.5-pro"),
        ("google", "models", "/v1beta/openai/models"),
        ("custom", "v1/models", "/v1/models"),
    ],
)
def test_models_can_be_listed_and_are_not_metered(
    vendor: str, tail: str, path: str
) -> None:
    found = go(vendor, tail, method="GET")
    assert found.path == path
    assert found.endpoint.group == "models"
    assert not found.endpoint.metered


@pytest.mark.parametrize(
    ("vendor", "tail", "format_metered_streaming"),
    [
        ("openai", "v1/chat/completions", ("openai-chat", True, "body")),
        ("openai", "v1/completions", ("openai-chat", True, "body")),
        ("openai", "v1/responses", ("openai-responses", True, "body")),
        ("openai", "v1/embeddings", ("openai-embeddings", True, "never")),
        ("openai", "v1/images/edits", ("openai-images", True, "body")),
        ("openai", "v1/moderations", (None, False, "never")),
        ("anthropic", "v1/messages", ("anthropic-messages", True, "body")),
        ("anthropic", "v1/messages/count_tokens", (None, False, "never")),
        ("google", "v1beta/models/m:generateContent", ("gemini", True, "never")),
        ("google", "v1beta/models/m:streamGenerateContent", ("gemini", True, "path")),
        ("google", "v1beta/models/m:batchEmbedContents", ("gemini", True, "never")),
        ("google", "v1beta/models/m:countTokens", (None, False, "never")),
        ("google", "v1/interactions", ("gemini-interactions", True, "body")),
        ("custom", "chat/completions", ("openai-chat", True, "body")),
    ],
)
def test_an_endpoint_says_how_its_usage_is_read(
    vendor: str, tail: str, format_metered_streaming: tuple[str | None, bool, str]
) -> None:
    endpoint = go(vendor, tail).endpoint
    found = (endpoint.format, endpoint.metered, endpoint.streaming)
    assert found == format_metered_streaming


def test_a_model_in_the_path_is_found_with_its_own_spelling() -> None:
    assert go("google", "v1beta/models/Gemini-X:streamGenerateContent").model == "Gemini-X"
    assert go("google", "v1beta/tunedModels/ours-1:generateContent").model == "ours-1"
    assert go("openai", "v1/chat/completions").model is None


def test_a_key_travels_in_the_header_that_the_path_asks_for() -> None:
    assert go("anthropic", "v1/messages").auth.header == "x-api-key"
    assert go("anthropic", "v1/chat/completions").auth.scheme == "bearer"
    assert go("google", f"v1/{GEMINI}").auth.header == "x-goog-api-key"
    assert go("google", "chat/completions").auth.header == "Authorization"


def test_a_base_that_lies_below_the_root_of_another_format_is_understood() -> None:
    layout = replace(CATALOG.get("openai").layouts[0], anthropic=("anthropic",))
    two_formats = replace(CATALOG.get("openai"), layouts=(layout,))
    for base in ("", "/v1", "/anthropic", "/anthropic/v1"):
        found = target(
            two_formats, base_path=base, method="POST", tail="messages", allow_paths="all"
        )
        assert found.path == "/anthropic/v1/messages"


def test_a_vendor_is_found_by_id_and_alias_and_no_other_name() -> None:
    assert CATALOG.get("gemini") is CATALOG.get("google")
    for name in ("", "Google", "google ", "nobody"):
        with pytest.raises(UnknownVendor) as refused:
            CATALOG.get(name)
        assert refused.value.code == "unknown-vendor"
    with pytest.raises(UnknownVendor):
        Catalog([]).get("openai")
