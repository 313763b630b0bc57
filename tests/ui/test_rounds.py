"""Everybody has a turn in each round, and no turn has many more than another."""

import hypothesis.strategies as st
from hypothesis import given

from cloudcache.ui.states.rounds import Round


@given(people=st.sets(st.integers(), max_size=200), turns=st.integers(1, 40))
def test_everybody_has_exactly_one_turn_a_round(people: set[int], turns: int):
    everybody: Round[int] = Round(turns)
    for _ in range(2):
        assert everybody.is_over
        dealt = [everybody.turn(people) for _ in range(turns)]
        assert sorted(one for turn in dealt for one in turn) == sorted(people)
        assert max(map(len, dealt)) <= -(-len(people) // turns)


def test_who_comes_meanwhile_waits_for_the_next_round():
    everybody: Round[int] = Round(2)

    assert [*everybody.turn([1, 2]), *everybody.turn([1, 2, 3])] == [1, 2]
    assert [*everybody.turn([1, 2, 3]), *everybody.turn([])] == [1, 2, 3]
