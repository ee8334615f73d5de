"""The ledger: bounded, paged, and exact in what it adds up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.ledger import Ledger, Traits, Usage

TRAITS = Traits(
    id_prefix="chatcmpl-",
    vendor_format="openai-chat",
    metered=True,
    model="m",
    stream=False,
    status=200,
    outcome="complete",
    credential_sha256="ab",
    credential_last4="b",
    other_credentials_sha256=(),
)
usages = st.builds(Usage, *[st.integers(0, 1 << 40)] * 4)


def filled(ledger: Ledger, usages: list[Usage | None]) -> Ledger:
    for number, stated in enumerate(usages, 1):
        ledger.add(number, TRAITS, stated=stated, billed=Usage(1, 2), call_id=None)
    return ledger


@given(st.lists(st.none() | usages, max_size=20), st.integers(0, 25), st.integers(1, 25))
def test_pages_hold_every_call_once_and_in_order(
    stated: list[Usage | None], after: int, limit: int
) -> None:
    ledger = filled(Ledger("00000000"), stated)
    numbers, at = [], after
    while True:
        page = ledger.page(at, limit)
        numbers += [item.seq for item in page.items]
        if page.next_after is None:
            break
        at = page.next_after
    assert numbers == list(range(after + 1, len(stated) + 1))


@given(st.lists(st.none() | usages, max_size=20))
def test_what_was_stated_is_kept_and_added_up(stated: list[Usage | None]) -> None:
    page = filled(Ledger("00000000"), stated).page()
    kept = [
        None
        if item.input_tokens is None
        else (
            item.input_tokens,
            item.output_tokens,
            item.cache_read_tokens,
            item.reasoning_tokens,
        )
        for item in page.items
    ]
    assert kept == stated
    known = [usage for usage in stated if usage is not None]
    assert page.totals.input_tokens == sum(usage.input for usage in known)
    assert page.totals.output_tokens == sum(usage.output for usage in known)
    assert page.totals.calls == len(stated)


def test_the_oldest_entries_go_and_the_sums_stay() -> None:
    ledger = filled(Ledger("00000000", entries=3), [Usage(1, 1)] * 5)
    page = ledger.page()
    assert [item.seq for item in page.items] == [3, 4, 5]
    assert [item.id for item in page.items][-1] == "chatcmpl-0000000000000005"
    assert page.totals.calls == 5


def test_what_is_not_metered_is_kept_but_not_added_up() -> None:
    ledger = Ledger("00000000")
    traits = TRAITS._replace(metered=False)
    ledger.add(1, traits, stated=Usage(5, 5), billed=Usage(0, 0), call_id=b"\xe9")
    page = ledger.page()
    assert (page.totals.calls, page.totals.input_tokens) == (0, 0)
    assert page.items[0].call_id == "é"
