"""Turns are fair over many calls, without anybody counting."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from domain.turns import Share, in_turn

shares = st.lists(
    st.builds(
        Share,
        st.integers(-2, 2),
        st.integers(1, 100),
        st.lists(st.integers(), max_size=4, unique=True),
    ),
    max_size=6,
)
TURN = (1 << 48) - 1


@given(shares, st.integers(0, TURN))
def test_every_member_comes_once_and_lower_priorities_before_higher_ones(
    given_shares: list[Share[int]], turn: int
) -> None:
    named = [
        Share(
            share.priority, share.weight, [(share.priority, nth, m) for m in share.members]
        )
        for nth, share in enumerate(given_shares)
    ]
    order = in_turn(named, turn)
    assert sorted(order) == sorted(one for share in named for one in share.members)
    priorities = [priority for priority, _, _ in order]
    assert priorities == sorted(priorities)


def test_the_random_part_of_a_calls_id_gives_every_member_its_share() -> None:
    both = [Share(0, 3, ["a", "b", "c"]), Share(0, 1, ["d"])]
    first = Counter(in_turn(both, uuid7().int & TURN)[0] for _ in range(8000))
    assert all(abs(first[name] - 2000) < 250 for name in "abcd")


def test_the_rest_of_a_share_comes_before_the_next_share() -> None:
    orders = {
        tuple(in_turn([Share(0, 1, [1, 2, 3]), Share(1, 9, [4])], n)) for n in range(6)
    }
    assert orders == {(1, 2, 3, 4), (2, 3, 1, 4), (3, 1, 2, 4)}
