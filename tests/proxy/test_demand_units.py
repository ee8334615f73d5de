"""What is charged by the piece is read from the body before the call is made."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from domain.usage import OtherUnits
from domain.vendors import Format
from proxy.demand import demand_of

LONG = "x" * 499


def asked(format: Format, body: dict[str, Any]) -> OtherUnits:  # noqa: A002
    return demand_of(format, orjson.dumps(body), streaming=False, model="m").units


@pytest.mark.parametrize(
    ("body", "images"),
    [
        ({"prompt": "a cat"}, 1),
        ({"prompt": "a cat", "n": 3}, 3),
        ({"prompt": "a cat", "n": None}, 1),
        ({"prompt": "a cat", "n": -5}, 1),
        ({"prompt": "a cat", "n": 2.0}, 2),
        ({"prompt": "a cat", "n": "4"}, 1),
        ({"prompt": "a cat", "batch_size": 4}, 4),
        ({"prompt": "a cat", "n": 2, "num_images": 9}, 9),
    ],
)
def test_images_are_as_many_as_are_asked_for(body: dict[str, Any], images: int) -> None:
    assert asked("openai-images", body) == OtherUnits(images=images)


def test_speech_is_as_long_as_its_text() -> None:
    assert asked("openai-audio", {"input": "héllo", "voice": "a"}) == OtherUnits(
        characters=5
    )
    assert asked("openai-audio", {"input": ["hello"]}) == OtherUnits()


@pytest.mark.parametrize(
    ("documents", "searches"),
    [
        (["a"], 1),
        ([], 1),
        (["a"] * 100, 1),
        (["a"] * 101, 2),
        ([{"text": "a"}] * 300, 3),
        ([LONG] * 100, 1),  # with its query of one byte, 500
        ([LONG + "x"] * 100, 2),
        (["ж" * 250] * 100, 2),
    ],
)
def test_a_search_has_a_hundred_documents_of_500_tokens(
    documents: list[Any], searches: int
) -> None:
    body = {"model": "m", "query": "q", "documents": documents}
    assert asked("cohere-v2", body) == OtherUnits(search_units=searches)


def test_what_is_no_reranking_asks_for_no_search() -> None:
    chat = {"messages": [], "documents": ["a"], "query": "q"}
    assert asked("cohere-v2", chat) == OtherUnits()
    assert asked("cohere-v2", {"texts": ["a"]}) == OtherUnits()
    assert asked("openai-chat", {"messages": [], "n": 3}).search_units is None
