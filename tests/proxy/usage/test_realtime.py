"""A session's usage: what its events tell, added up, and what nobody has told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import OtherUnits, Usage, UsageSource
from proxy.usage.openai_realtime import MOST_OPEN, Ask, OpenAiRealtime, asks_for

CREATED = {"type": "session.created", "session": {"type": "realtime", "model": "gpt-r"}}
LISTENING = {
    "type": "session.updated",
    "session": {"audio": {"input": {"transcription": {"model": "whisper-1"}}}},
}
COMMITTED = {"type": "input_audio_buffer.committed", "item_id": "i"}
TRANSCRIPT = "conversation.item.input_audio_transcription."


def heard(*events: dict[str, Any]) -> OpenAiRealtime:
    tally = OpenAiRealtime()
    for event in events:
        assert tally.event(json.dumps(event).encode())
    return tally


def usage_of(*events: dict[str, Any]) -> Usage:
    return heard(*events).reading(None).usage


def begun(name: str = "r") -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": name}}


def said(text: str, name: str = "r") -> dict[str, Any]:
    return {"type": "response.output_text.delta", "response_id": name, "delta": text}


def done(
    into: object = 10, out: object = 5, name: str = "r", **more: Any
) -> dict[str, Any]:
    usage = {"input_tokens": into, "output_tokens": out, "total_tokens": 15, **more}
    response = {"id": name, "status": "completed", "usage": usage}
    return {"type": "response.done", "response": response}


def test_responses_are_added_up_with_all_their_parts() -> None:
    details = {
        "input_token_details": {"cached_tokens": 4, "audio_tokens": 3, "text_tokens": 7},
        "output_token_details": {"audio_tokens": 2, "text_tokens": 3},
    }
    assert usage_of(
        CREATED,
        begun("a"),
        done(name="a", **details),
        begun("b"),
        done(name="b", **details),
    ) == Usage(
        input_tokens=20,
        output_tokens=10,
        total_tokens=30,
        cache_read_tokens=8,
        other=OtherUnits(audio_input_tokens=6, audio_output_tokens=4),
        source=UsageSource.REPORTED,
    )


def test_a_session_in_which_nothing_was_asked_used_nothing() -> None:
    usage = usage_of(CREATED)
    assert (usage.input_tokens, usage.output_tokens) == (0, 0)
    assert usage.source is UsageSource.REPORTED


def test_of_a_vendor_that_says_nothing_nothing_is_known() -> None:
    assert usage_of() == Usage()
    assert usage_of({"type": "hello"}) == Usage()


@pytest.mark.parametrize(
    "rest",
    {
        "a response that was begun": (begun(),),
        "a response without usage": (begun(), {**done(), "response": {"id": "r"}}),
        "a response with half a usage": (begun(), done(out=None)),
        "a response with a usage that is none": (begun(), done(into="many", out=-1)),
        "sound without its transcript": (LISTENING, COMMITTED),
        "a transcript without usage": (
            *(LISTENING, COMMITTED),
            {"type": f"{TRANSCRIPT}completed", "item_id": "i"},
        ),
    }.items(),
    ids=lambda item: item[0],
)
def test_what_nobody_has_told_makes_a_sum_partial_and_is_never_nothing(
    rest: tuple[str, tuple[dict[str, Any], ...]],
) -> None:
    alone = usage_of(CREATED, *rest[1])
    assert alone.source is not UsageSource.REPORTED
    assert 0 not in (alone.input_tokens, alone.output_tokens)
    after = usage_of(CREATED, begun("first"), done(name="first"), *rest[1])
    assert after.source is UsageSource.PARTIAL
    assert (after.input_tokens or 0) >= 10


def test_text_that_nobody_has_billed_is_weighed_and_billed_text_is_not() -> None:
    assert heard(CREATED, begun(), said("four"), done()).reading(None).output_bytes == 0
    assert heard(CREATED, begun(), said("four")).reading(None).output_bytes == 4
    lost = {"type": "response.done", "response": {"id": "r", "usage": None}}
    assert heard(CREATED, begun(), said("héé"), lost).reading(None).output_bytes == 5
    stray = heard(CREATED, said("four", "unknown"))
    assert stray.reading(None).output_bytes == 0


def test_a_transcript_is_in_the_sums_and_by_itself() -> None:
    usage = {
        "type": "tokens",
        "input_tokens": 7,
        "output_tokens": 2,
        "total_tokens": 9,
        "input_token_details": {"audio_tokens": 7},
    }
    heard_it = {"type": f"{TRANSCRIPT}completed", "item_id": "i", "usage": usage}
    assert usage_of(CREATED, LISTENING, COMMITTED, begun(), done(), heard_it) == Usage(
        input_tokens=17,
        output_tokens=7,
        total_tokens=24,
        other=OtherUnits(audio_input_tokens=7, transcript_tokens=9),
        source=UsageSource.REPORTED,
    )


def test_a_transcript_by_the_second_counts_seconds() -> None:
    usage = {"type": "duration", "seconds": 1.5}
    event = {"type": f"{TRANSCRIPT}completed", "item_id": "i", "usage": usage}
    found = usage_of(CREATED, LISTENING, COMMITTED, event, COMMITTED, event)
    assert found.other == OtherUnits(audio_ms=3000)
    assert found.source is UsageSource.REPORTED


def test_a_transcript_that_failed_is_not_waited_for() -> None:
    failed = {"type": f"{TRANSCRIPT}failed", "item_id": "i"}
    tally = heard(CREATED, LISTENING, COMMITTED)
    assert tally.waits
    tally.event(json.dumps(failed).encode())
    assert not tally.waits


def test_sound_is_only_waited_for_where_it_is_transcribed() -> None:
    assert usage_of(CREATED, COMMITTED).source is UsageSource.REPORTED
    old = {"type": "session.updated", "session": {"input_audio_transcription": {}}}
    assert usage_of(CREATED, old, COMMITTED).source is not UsageSource.REPORTED


def test_a_response_that_was_asked_for_and_not_begun_is_waited_for() -> None:
    tally = heard(CREATED)
    assert asks_for(b'{"response":{},"type":"response.create"}') is Ask.NEXT
    tally.asked(Ask.NEXT)
    assert tally.waits
    assert tally.reading(None).usage.source is not UsageSource.REPORTED
    tally.event(json.dumps(begun()).encode())
    tally.event(json.dumps(done()).encode())
    assert not tally.waits
    tally.asked(Ask.BESIDE)
    assert tally.waits
    refused = {"type": "error", "error": {"type": "invalid_request_error", "code": "x"}}
    tally.event(json.dumps(refused).encode())
    assert not tally.waits


@pytest.mark.parametrize(
    ("said", "ask"),
    [
        (rb'{"type":"response\u002ecreate"}', Ask.NEXT),
        (rb'{"type":"response.create","response":{"conversation":"auto"}}', Ask.NEXT),
        (
            rb'{"type":"response.create","response":{"conversation":"\u006eone"}}',
            Ask.BESIDE,
        ),
        (b'{"type":"input_audio_buffer.append","audio":"response.create"}', None),
        (b'["response.create"]', None),
    ],
)
def test_a_client_asks_for_the_next_response_or_one_beside(
    said: bytes, ask: Ask | None
) -> None:
    assert asks_for(said) is ask


def test_of_one_conversation_there_is_one_response_at_a_time() -> None:
    tally = heard(CREATED)
    assert (tally.at_once(), tally.at_once(Ask.NEXT), tally.at_once(Ask.BESIDE)) == (
        0,
        1,
        1,
    )
    tally.asked(Ask.NEXT)
    assert (tally.at_once(Ask.NEXT), tally.at_once(Ask.BESIDE)) == (1, 2)
    within = begun()
    within["response"]["conversation_id"] = "c"
    tally.event(json.dumps(within).encode())
    assert (tally.at_once(Ask.NEXT), tally.at_once(Ask.BESIDE)) == (1, 2)


def test_the_model_is_the_sessions_or_the_one_that_transcribes() -> None:
    assert heard(CREATED).reading("asked").model == "gpt-r"
    assert heard(LISTENING).reading("asked").model == "asked"
    session = {**LISTENING["session"], "type": "transcription"}  # type: ignore[dict-item]
    only = {"type": "session.created", "session": session}
    assert heard(only).reading("asked").model == "whisper-1"


def test_a_clients_mistake_is_no_error_of_the_session_but_a_vendors_is() -> None:
    mistake = {"type": "error", "error": {"type": "invalid_request_error", "code": "x"}}
    assert heard(CREATED, mistake, begun(), done()).reading(None).error is None
    broke = {"type": "error", "error": {"type": "server_error", "code": "boom"}}
    found = heard(CREATED, broke, begun(), done()).reading(None)
    assert found.error is not None
    assert found.error.code == "boom"
    assert found.usage.source is UsageSource.REPORTED
    details = {"type": "failed", "error": {"code": "insufficient_quota", "type": "x"}}
    failed = {"id": "r", "status": "failed", "status_details": details, "usage": None}
    found = heard(CREATED, begun(), {"type": "response.done", "response": failed}).reading(
        None
    )
    assert found.error is not None
    assert found.error.code == "insufficient_quota"


def test_a_vendor_that_begins_without_end_is_not_kept_in_mind_without_end() -> None:
    tally = heard(CREATED, *(begun(f"r{nth}") for nth in range(5 * MOST_OPEN)))
    for nth in range(MOST_OPEN):
        assert tally.waits
        tally.event(json.dumps(done(name=f"r{nth}")).encode())
    assert not tally.waits
    assert tally.reading(None).usage.source is UsageSource.PARTIAL
    sounds = ({**COMMITTED, "item_id": f"i{nth}"} for nth in range(5 * MOST_OPEN))
    tally = heard(CREATED, LISTENING, *sounds)
    for nth in range(MOST_OPEN):
        assert tally.waits
        over = {"type": f"{TRANSCRIPT}failed", "item_id": f"i{nth}"}
        tally.event(json.dumps(over).encode())
    assert not tally.waits
    assert tally.reading(None).usage.source is not UsageSource.REPORTED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KINDS = st.sampled_from(
    [
        *("session.created", "session.updated", "response.created", "response.done"),
        *("response.output_text.delta", "input_audio_buffer.committed", "error"),
        *(f"{TRANSCRIPT}completed", f"{TRANSCRIPT}failed", "rate_limits.updated"),
    ]
)
NAMES = st.sampled_from(["session", "response", "usage", "error", "delta", "item_id"])


@given(st.lists(st.tuples(KINDS, st.dictionaries(NAMES, JSON)) | st.binary(max_size=40)))
def test_no_event_of_a_vendor_breaks_it(
    events: list[tuple[str, dict[str, Any]] | bytes],
) -> None:
    tally = OpenAiRealtime()
    for event in events:
        raw = event if isinstance(event, bytes) else None
        kind, fields = ("", {}) if isinstance(event, bytes) else event
        tally.event(json.dumps({**fields, "type": kind}).encode() if raw is None else raw)
        ask = asks_for(raw or b"\\")
        if ask is not None:
            tally.asked(ask)
    usage = tally.reading(None).usage
    for number in (usage.input_tokens, usage.output_tokens, usage.total_tokens):
        assert number is None or number >= 0
