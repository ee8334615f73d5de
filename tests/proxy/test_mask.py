"""The key mask: the same as replacing in the whole, whatever the cuts."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from proxy.mask import KeyMask

KEY = b"sk-test-0123456789"

# Few letters, so that keys overlap themselves; * is one of them.
letters = st.sampled_from([b"a", b"b", b"*"])
keys = st.lists(letters, min_size=1, max_size=6).map(b"".join)
chunks = st.lists(st.lists(letters, max_size=12).map(b"".join), max_size=8)


@given(key=keys, parts=chunks, padded=st.booleans())
@example(key=b"*a", parts=[b"*a", b"a"], padded=False)
@example(key=b"aab", parts=[b"aa", b"ab"], padded=False)
@example(key=b"aa", parts=[b"aaa", b"a"], padded=False)
def test_any_chunking_masks_what_replacing_in_the_whole_masks(
    key: bytes, parts: list[bytes], *, padded: bool
) -> None:
    parts = [part + key for part in parts] if padded else parts
    mask = KeyMask(key)
    out, fed = [], 0
    for part in parts:
        out.append(mask.feed(part))
        fed += len(part)
        assert fed - sum(map(len, out)) <= len(key) - 1
    out.append(mask.flush())
    assert b"".join(out) == b"".join(parts).replace(key, b"*" * len(key))


@given(st.binary(min_size=1, max_size=40), st.lists(st.binary(max_size=60), max_size=6))
def test_masking_changes_no_length(key: bytes, parts: list[bytes]) -> None:
    mask = KeyMask(key)
    out = b"".join(map(mask.feed, parts)) + mask.flush()
    assert len(out) == sum(map(len, parts))


def test_a_key_across_three_chunks_is_masked() -> None:
    mask = KeyMask(KEY)
    out = [
        mask.feed(b"your key " + KEY[:4]),
        mask.feed(KEY[4:9]),
        mask.feed(KEY[9:] + b"!"),
    ]
    assert out == [b"your key ", b"", b"*" * len(KEY) + b"!"]
    assert mask.flush() == b""


def test_ordinary_bytes_are_not_held_back() -> None:
    mask = KeyMask(KEY)
    for event in (b'data: {"is": "s"}\n\n', b"data: sk-test-012345678\n\n", b"s \n"):
        assert mask.feed(event) == event


def test_the_beginning_of_a_key_waits_for_the_rest_and_passes_if_it_is_none() -> None:
    mask = KeyMask(KEY)
    assert mask.feed(b"task sk-te") == b"task "
    assert mask.feed(b"nts") == b"sk-tent"
    assert mask.flush() == b"s"
    assert mask.flush() == b""


def test_an_empty_key_masks_nothing() -> None:
    mask = KeyMask(b"")
    assert mask.feed(b"all of it") + mask.flush() == b"all of it"
