"""What a target would refuse goes under its other name or is left out, and is listed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalog.routing_catalog import load_routing_catalog
from domain.routing_catalog import Rewrite
from domain.routing_policy import Direct, Failover, RouteTarget
from proxy.fitting import fitted
from tests.journeys.plane import DataPlane
from tests.proxy.routes import routed, target

CATALOG = load_routing_catalog()
NEWER = "renamed:max_tokens:max_completion_tokens"
OLDER = "renamed:max_completion_tokens:max_tokens"
SEED = "renamed:seed:random_seed"
CHAT = Rewrite(
    models=("*",),
    format="openai-chat",
    rename={"max_completion_tokens": "max_tokens"},
    drop=("stream_options",),
)


@pytest.mark.parametrize(
    ("vendor", "model", "body", "changes"),
    [
        ("mistral", "m", {"max_completion_tokens": 3}, [OLDER]),
        ("mistral", "m", {"max_tokens": 3, "store": True}, ["dropped:store"]),
        ("mistral", "m", {"seed": 1, "user": "u"}, [SEED, "dropped:user"]),
        (
            "google",
            "gemini-3.8-flash",
            {"store": False, "metadata": {}, "max_completion_tokens": 3, "seed": 1},
            ["dropped:store", "dropped:metadata", "dropped:seed"],
        ),
        ("deepseek", "deepseek-chat", {"max_completion_tokens": 3}, [OLDER]),
        ("ollama", "llama3", {"max_completion_tokens": 3}, [OLDER]),
        ("openai", "gpt-5-mini", {"max_tokens": 3}, [NEWER]),
        ("openai", "o3", {"max_tokens": 3}, [NEWER]),
        ("openai", "gpt-4o", {"max_tokens": 3}, []),
        ("openai", "gpt-5", {"temperature": 0.2}, ["dropped:temperature"]),
        ("openai", "gpt-5-mini-2025-08-07", {"top_p": 0.9}, ["dropped:top_p"]),
        ("openai", "gpt-5.2", {"temperature": 0.2}, []),
        ("openai", "gpt-5-chat-latest", {"temperature": 0.2}, []),
        ("openai", "gpt-4o", {"max_completion_tokens": 3}, []),
        ("azure-openai", "o4-mini", {"max_tokens": 3}, [NEWER]),
        ("custom", "m", {"max_completion_tokens": 3, "store": True}, []),
    ],
)
def test_each_vendor_has_its_own(
    vendor: str, model: str, body: dict[str, object], changes: list[str]
) -> None:
    rewrites = CATALOG.rewrites_for(vendor, model, "openai-chat")
    _, told = fitted(json.dumps({"model": "auto", **body}).encode(), model, rewrites)
    assert list(told) == ["model", *changes]
    others = CATALOG.rewrites_for(vendor, model, "openai-responses")
    assert list(others) == []


def test_of_both_names_the_targets_own_stays() -> None:
    body = b'{"model":"m","max_completion_tokens":9,"max_tokens":5,"stream_options":{}}'
    changed, told = fitted(body, "m", [CHAT])
    assert json.loads(changed) == {"model": "m", "max_tokens": 5}
    assert told == (OLDER, "dropped:stream_options")
    unset, _ = fitted(
        b'{"model":"m","max_completion_tokens":9,"max_tokens":null}', "m", [CHAT]
    )
    assert json.loads(unset) == {"model": "m", "max_tokens": 9}


@given(
    st.dictionaries(
        st.sampled_from(["max_tokens", "temperature", "messages", "n", "stop"]),
        st.integers() | st.lists(st.text(max_size=5), max_size=3) | st.none(),
    )
)
def test_a_request_that_fits_keeps_its_bytes(fields: dict[str, object]) -> None:
    body = json.dumps({**fields, "model": "m"}, indent=1).encode()
    assert fitted(body, "m", [CHAT]) == (body, ())


def test_the_limit_holds_at_a_vendor_with_the_older_name(data_plane: DataPlane) -> None:
    there = target("mistral", "+tokens=40")
    bot = routed(data_plane, Direct(target=there))
    answer = bot.ask(
        stream=True, stream_options={"include_usage": True}, max_completion_tokens=7
    )
    assert answer.status_code == 200
    assert bot.settled().usage.output_tokens == 7
    assert bot.admitted().changes == ("model", OLDER, "dropped:stream_options")


def test_what_another_attempt_changes_stands_with_that_attempt(
    data_plane: DataPlane,
) -> None:
    broken, fine = target("openai", "+status=503"), target("mistral")
    bot = routed(data_plane, Failover(steps=(broken, fine)))
    bot.ask(max_completion_tokens=7)
    assert bot.admitted().changes == ("model",)
    changes = [one.changes for one in bot.settled().attempt_log]
    assert changes == [None, ("model", OLDER)]


def test_a_model_that_the_request_names_is_fitted_too(data_plane: DataPlane) -> None:
    there = RouteTarget(vendor="openai", model="gpt-5-mini")
    bot = routed(data_plane, None, there)
    assert bot.ask(there.model, max_tokens=9).status_code == 200
    assert bot.admitted().changes == (NEWER,)
