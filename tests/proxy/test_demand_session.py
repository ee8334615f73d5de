"""What a realtime session asks for: one response, at its longest."""

from __future__ import annotations

import pytest

from proxy.demand import demand_of


@pytest.mark.parametrize(
    ("model", "into", "out"),
    [
        ("gpt-realtime", 28_672, 4_096),
        ("openai/gpt-realtime-mini-2025-10-06", 28_672, 4_096),
        ("gpt-4o-realtime-preview", 126_976, 4_096),
        ("gpt-realtime-2", 99_072, 32_000),
        (None, 99_072, 32_000),
    ],
)
def test_a_session_asks_for_one_response_at_its_longest(
    model: str | None, into: int, out: int
) -> None:
    demand = demand_of("openai-realtime", b"", streaming=False, model=model)
    assert (demand.input_tokens, demand.output_limit) == (into, out)
    assert demand.bounded
    assert not demand.visible
