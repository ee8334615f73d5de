"""The simulator's ledger: every call it got, and the usage its answer's bytes stated.

It is what a proxy's accounting is compared with. `input_tokens` and so on are what was
really stated to the client, as far as bytes were handed to the transport, and null where
no usage was stated (a cut, `nousage`, no `include_usage`). `billed_*` is what the vendor
would charge all the same: the whole input, and the output up to where the answer ended.
All numbers are normalized alike for every vendor: input contains what the cache gave,
output contains reasoning.

In memory, the newest two million entries, about 100 bytes each. Names of models and
credentials are kept once each until the ledger is emptied.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from itertools import islice
from struct import Struct
from typing import NamedTuple

import msgspec

ENTRIES = 2_000_000
PAGE = 10_000
NOT_STATED = -1

# number of the call, index of its traits, time in µs, usage stated (4), billed (2)
ENTRY = Struct("<QIQ6q")


class Usage(NamedTuple):
    """Tokens; input contains the cached ones, output the reasoning ones."""

    input: int
    output: int
    cache_read: int = 0
    reasoning: int = 0


class Traits(NamedTuple):
    """What many calls have in common, so that it is stored once."""

    id_prefix: str
    vendor_format: str
    metered: bool  # an answer a vendor charges for; models and token counts are not
    model: str | None
    stream: bool
    status: int
    outcome: str  # complete | cut | error | client_left
    credential_sha256: str | None
    credential_last4: str | None
    other_credentials_sha256: tuple[str, ...]  # sent besides, in another place


class Item(msgspec.Struct, frozen=True):
    """One call, as `GET /ledger` shows it."""

    seq: int
    id: str  # as in the answer; where that has none, of its request-id header
    vendor_format: str
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    reasoning_tokens: int | None
    billed_input_tokens: int
    billed_output_tokens: int
    stream: bool
    status: int
    outcome: str
    metered: bool
    credential_sha256: str | None
    credential_last4: str | None
    other_credentials_sha256: tuple[str, ...]
    call_id: str | None
    at: datetime


class Totals(msgspec.Struct):
    """Sums over all metered calls since the ledger was emptied, those let go included."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Page(msgspec.Struct, frozen=True):
    """Items in order, the sums over all, and where the next page starts (null: no more)."""

    items: list[Item]
    totals: Totals
    next_after: int | None


class Ledger:
    """Entries in the order in which the calls ended."""

    def __init__(self, boot: str, *, entries: int = ENTRIES) -> None:
        self._boot = boot
        self._entries: deque[bytes] = deque(maxlen=entries)
        self._last = 0
        self._traits: dict[Traits, int] = {}
        self._by_index: list[Traits] = []
        self._totals = Totals()

    def add(
        self,
        number: int,
        traits: Traits,
        *,
        stated: Usage | None,
        billed: Usage,
        call_id: bytes | None,
    ) -> None:
        """The call is in the ledger, and in its sums if it is metered."""
        index = self._traits.get(traits)
        if index is None:
            index = self._traits[traits] = len(self._by_index)
            self._by_index.append(traits)
        packed = ENTRY.pack(
            number,
            index,
            time.time_ns() // 1000,
            *(stated or (NOT_STATED,) * 4),
            billed.input,
            billed.output,
        )
        self._entries.append(packed if call_id is None else packed + b"=" + call_id)
        self._last += 1
        if traits.metered:
            self._totals.calls += 1
            if stated is not None:
                self._totals.input_tokens += stated.input
                self._totals.output_tokens += stated.output

    def page(self, after: int = 0, limit: int = PAGE) -> Page:
        """Up to `limit` items with a sequence number above `after`."""
        gone = self._last - len(self._entries)
        start = max(after, gone)
        chosen = islice(self._entries, start - gone, start - gone + limit)
        items = [self._item(seq, entry) for seq, entry in enumerate(chosen, start + 1)]
        end = start + len(items)
        return Page(items, self._totals, end if items and end < self._last else None)

    def clear(self) -> None:
        """Nothing is in the ledger; sequence numbers go on."""
        self._entries.clear()
        self._traits.clear()
        self._by_index.clear()
        self._totals = Totals()

    def _item(self, seq: int, entry: bytes) -> Item:
        number, index, at, *usage = ENTRY.unpack_from(entry)
        traits = self._by_index[index]
        stated = [None if value == NOT_STATED else value for value in usage[:4]]
        call_id = entry[ENTRY.size + 1 :].decode("latin-1")
        return Item(
            seq=seq,
            id=f"{traits.id_prefix}{answer_core(self._boot, number)}",
            vendor_format=traits.vendor_format,
            model=traits.model,
            input_tokens=stated[0],
            output_tokens=stated[1],
            cache_read_tokens=stated[2],
            reasoning_tokens=stated[3],
            billed_input_tokens=usage[4],
            billed_output_tokens=usage[5],
            stream=traits.stream,
            status=traits.status,
            outcome=traits.outcome,
            metered=traits.metered,
            credential_sha256=traits.credential_sha256,
            credential_last4=traits.credential_last4,
            other_credentials_sha256=traits.other_credentials_sha256,
            call_id=call_id if len(entry) > ENTRY.size else None,
            at=datetime.fromtimestamp(at / 1e6, UTC),
        )


def answer_core(boot: str, number: int) -> str:
    """What makes an id unique: this process's mark and the call's number; 16 hex digits."""
    return f"{boot}{number:08x}"
