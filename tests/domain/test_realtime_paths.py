"""Where a WebSocket may go: to a vendor's realtime endpoint, and nowhere else."""

import pytest

from domain.catalog import WEBSOCKET, AllowPaths, PathNotAllowed, target
from tests.domain.going import CATALOG

MEETINGS = [
    ("openai", "", "v1/realtime", "/v1/realtime"),
    ("openai", "/v1", "realtime", "/v1/realtime"),
    ("openai", "", "realtime", "/v1/realtime"),
    ("azure-openai", "", "openai/realtime", "/openai/realtime"),
    ("azure-openai", "", "openai/v1/realtime", "/openai/v1/realtime"),
    ("azure-openai", "/openai/v1", "realtime", "/openai/v1/realtime"),
    ("custom", "/v1", "realtime", "/v1/realtime"),
    ("custom", "", "v1/realtime", "/v1/realtime"),
]


@pytest.mark.parametrize(("vendor", "base", "tail", "path"), MEETINGS)
def test_a_websocket_to_the_realtime_endpoint_is_open_and_metered(
    vendor: str, base: str, tail: str, path: str
) -> None:
    found = target(
        CATALOG.get(vendor),
        base_path=base,
        method=WEBSOCKET,
        tail=tail,
        allow_paths="inference",
    )
    assert found.path == path
    assert found.endpoint.format == "openai-realtime"
    assert found.endpoint.metered


@pytest.mark.parametrize("opened", ["inference", "all"])
@pytest.mark.parametrize(
    ("vendor", "tail"),
    [
        ("openai", "v1/chat/completions"),
        ("openai", "v1/responses"),
        ("openai", "v1/models"),
        ("openai", "v1/realtime/client_secrets"),
        ("openai", "v1/realtime/sessions"),
        ("openai", "v1/realtime/"),
        ("openai", "v1/files"),
        ("anthropic", "v1/realtime"),
        ("deepseek", "v1/realtime"),
        ("google", "v1beta/realtime"),
    ],
)
def test_a_websocket_to_anything_else_is_closed_even_for_a_key_that_opens_all(
    vendor: str, tail: str, opened: AllowPaths
) -> None:
    with pytest.raises(PathNotAllowed):
        target(
            CATALOG.get(vendor),
            base_path="",
            method=WEBSOCKET,
            tail=tail,
            allow_paths=opened,
        )


@pytest.mark.parametrize("method", ["GET", "POST", "WEBSOCKET", "Websocket"])
def test_the_realtime_endpoint_answers_to_no_method_of_http(method: str) -> None:
    with pytest.raises(PathNotAllowed):
        target(
            CATALOG.get("openai"),
            base_path="",
            method=method,
            tail="v1/realtime",
            allow_paths="inference",
        )
