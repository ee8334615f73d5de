"""What is read of a server and of a client: one message, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.relays.mcp.messages import NotAMessage, is_request, line, read_message
from adapters.relays.mcp.sessions import MESSAGES_A_SECOND, Pace

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "2.0", "1.0"]),
        "id": st.integers(0, 9) | st.none() | VALUES,
        "method": st.just("ping") | st.none() | VALUES,
        "params": VALUES,
        "result": VALUES,
    },
)


@given(st.binary(max_size=200) | VALUES.map(json.dumps).map(str.encode))
def test_whatever_comes_is_read_or_refused(text: bytes) -> None:
    try:
        said = read_message(text)
    except NotAMessage:
        return
    assert said["jsonrpc"] == "2.0"


@given(FIELDS)
def test_what_is_read_can_be_relied_on_and_goes_on_as_one_line(
    fields: dict[str, Any],
) -> None:
    try:
        said = read_message(json.dumps(fields).encode())
    except NotAMessage:
        return
    assert said == fields
    assert isinstance(said.get("params", {}), dict)
    assert is_request(said) == (
        said.get("method") is not None and said.get("id") is not None
    )
    written = line(said)
    assert written.endswith(b"\n")
    assert b"\n" not in written[:-1]
    assert read_message(written) == said


@pytest.mark.parametrize("deep", [1_000, 100_000])
def test_what_is_nested_without_end_is_refused(deep: int) -> None:
    with pytest.raises(NotAMessage):
        read_message(b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * deep)


def test_a_server_may_say_so_much_a_second_and_no_more() -> None:
    pace = Pace()
    allowed = [pace.allows(1) for _ in range(2 * MESSAGES_A_SECOND + 2)]
    assert all(allowed[:MESSAGES_A_SECOND])
    assert not all(allowed)
