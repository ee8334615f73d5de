"""The key mask: the same as replacing in the whole, whatever the cuts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.key_mask import LEAST_HIDDEN, forms_of
from proxy.mask import KeyMask, mask_of

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


@pytest.mark.parametrize(
    "written",
    [
        rb"ab/c+d==&",  # as it is
        rb"ab\/c+d==&",  # PHP
        rb"ab/c+d==\u0026",  # Go
        rb"ab/c+d\u003d\u003d\u0026",  # Gson
        rb"ab/c\u002Bd==\u0026",  # .NET
        b"ab%2Fc%2Bd%3D%3D%26",
        b"ab%2fc%2bd%3d%3d%26",
    ],
)
def test_a_key_is_masked_however_it_is_written_and_wherever_that_is_cut(
    written: bytes,
) -> None:
    secret, said = b"ab/c+d==&", b'{"message":"no key %b, ab%%2"}' % written
    assert mask_of(secret).whole(written) == b"*" * len(written)
    for cut in range(len(said) + 1):
        mask = mask_of(secret)
        seen = mask.feed(said[:cut]) + mask.feed(said[cut:]) + mask.flush()
        assert seen == said.replace(written, b"*" * len(written))


def test_what_json_must_escape_is_masked_as_it_is_escaped() -> None:
    for text in ('a"b', "a\\b", 'a\\"/b'):
        assert set(mask_of(text.encode()).whole(json.dumps(text).encode()[1:-1])) == {42}


def test_a_usual_key_is_written_in_one_way() -> None:
    assert forms_of(KEY) == (KEY,)
    assert type(mask_of(KEY)) is KeyMask
    assert mask_of(b"").feed(b"all") == b"all"


@pytest.mark.parametrize("masked_by", [KeyMask, mask_of])
def test_an_answer_that_breaks_off_in_the_key_does_not_show_its_beginning(
    masked_by: Callable[[bytes], KeyMask],
) -> None:
    for secret in (KEY, b"sk/test/0123456789"):
        for shown in range(1, len(secret)):
            mask = masked_by(secret)
            seen = mask.feed(b"no such key: " + secret[:shown]) + mask.flush()
            told = secret[:shown] if shown < LEAST_HIDDEN else b"*" * shown
            assert seen == b"no such key: " + told
