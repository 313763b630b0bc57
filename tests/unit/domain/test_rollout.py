"""Who is served: by a stable place, by name, and never by chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cloudcache.domain.rollout import Cohort, Rollout, environment_named, percentage, place_of

SHOPS = [f"shop-{number}.myshopify.com" for number in range(2_000)]
PLACE_OF_MAPLE_LANE = 40.0606


def served(percent: int) -> set[str]:
    return {shop for shop in SHOPS if Rollout("local", percent).serves(shop)}


@given(some.integers(0, 100), some.integers(0, 100))
def test_raising_the_percentage_only_adds_shops(one: int, other: int):
    assert served(min(one, other)) <= served(max(one, other))


def test_a_percentage_is_about_that_part_of_the_shops_and_the_ends_are_exact():
    assert served(0) == set()
    assert served(100) == set(SHOPS)
    assert 0.22 < len(served(25)) / len(SHOPS) < 0.28


def test_a_place_is_the_same_in_every_process_and_version():
    assert place_of("maple-lane.myshopify.com") == pytest.approx(PLACE_OF_MAPLE_LANE, abs=0.0001)


def test_a_named_shop_goes_by_its_name_alone():
    rule = Rollout("local", 0, {"in.myshopify.com": True, "out.myshopify.com": False})
    full = Rollout("local", 100, rule.named)

    assert rule.serves("in.myshopify.com") and full.serves("in.myshopify.com")
    assert not rule.serves("out.myshopify.com") and not full.serves("out.myshopify.com")
    assert full.cohort("out.myshopify.com") is Cohort.WAITING
    assert not full.is_complete and Rollout("local").is_complete


def test_nobody_knows_where_a_shop_without_a_name_stands():
    assert Rollout("local").serves("")
    assert not Rollout("local", 99).serves("")


@pytest.mark.parametrize("wrong", [-1, 101, 5.0, "5", True, None])
def test_a_percentage_is_a_whole_number(wrong: object):
    with pytest.raises(ValueError, match="whole number"):
        percentage(wrong)


def test_an_environment_is_one_of_four():
    assert environment_named("staging") == "staging"
    with pytest.raises(ValueError, match="no such environment"):
        environment_named("prod")
