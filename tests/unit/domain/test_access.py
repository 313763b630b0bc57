"""The access table, and secrets that cannot be printed."""

import itertools
import pickle
import traceback

import pytest

from cloudcache.domain.access import (
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    Role,
    allowed,
    may,
    require,
    require_administrator,
    require_shop,
)
from cloudcache.domain.customers import shop_name, zone_id
from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.secret import Token

MINE, OTHER = CustomerId(1), CustomerId(2)
MERCHANT = Actor(ActorKind.MERCHANT, "owner", MINE)


def test_a_merchant_acts_on_the_own_customer_only():
    assert may(MERCHANT, Action.FLIP, MINE)
    assert not any(may(MERCHANT, action, OTHER) for action in Action)
    assert not may(Actor(ActorKind.MERCHANT, "nobody's owner"), Action.VIEW, MINE)


def test_staff_look_at_the_customer_they_gave_a_reason_for_and_do_not_flip():
    for role in Role:
        staff = Actor(ActorKind.STAFF, "support", MINE, role=role)
        assert may(staff, Action.VIEW, MINE)
        assert not may(staff, Action.VIEW, OTHER)
        assert not may(staff, Action.FLIP, MINE) and not may(staff, Action.CONNECT, MINE)
    assert not may(Actor(ActorKind.STAFF, "dismissed", MINE), Action.VIEW, MINE)


def test_each_role_of_the_staff_may_more_than_the_one_before():
    rising = [allowed(Actor(ActorKind.STAFF, "s", role=role)) for role in (None, *sorted(Role))]

    assert all(less < more for less, more in itertools.pairwise(rising))
    assert Action.ADMINISTER in rising[-1] and Action.ADMINISTER not in rising[-2]


def test_a_token_for_reading_does_not_write_nor_connect():
    script = Actor(ActorKind.MERCHANT, "script", MINE, "a.myshopify.com", reads_only=True)

    assert allowed(script) == {Action.VIEW}
    with pytest.raises(NotAllowed):
        require_shop(script)


def test_only_the_system_administers_beside_admins():
    assert may(SYSTEM, Action.ADMINISTER, MINE)
    assert not any(may(Actor(ActorKind.OUTSIDE, ""), action, MINE) for action in Action)
    with pytest.raises(NotAllowed):
        require_administrator(MERCHANT)
    with pytest.raises(NotAllowed):
        require_administrator(Actor(ActorKind.STAFF, "s", role=Role.OPERATOR))


def test_a_refusal_is_an_error_of_ours():
    with pytest.raises(NotAllowed):
        require(MERCHANT, Action.FLIP, OTHER)


def test_a_token_shows_its_last_four_characters_at_most():
    token = Token("cfat_very_secret_value_1234")

    for text in (
        str(token),
        repr(token),
        f"{token}",
        f"{token:>40}",
        "".join(map(str, [token])),
        repr({"t": token}),
    ):
        assert "very_secret" not in text
    assert token.last_four == "1234" and Token("short").last_four == ""
    with pytest.raises(TypeError):
        pickle.dumps(token)


def test_a_traceback_through_a_token_does_not_show_it():
    token = Token("cfat_very_secret_value_1234")
    try:
        raise RuntimeError(f"failed with {token}")
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "very_secret" not in shown


@pytest.mark.parametrize("wrong", ["", "two words", "tab\t", "umlaut-ä"])
def test_what_is_no_token_is_refused(wrong: str):
    with pytest.raises(ValueError, match="token"):
        Token(wrong)


def test_shop_names_and_zone_ids_have_one_normal_form():
    assert shop_name(" Maple-Lane ") == "maple-lane.myshopify.com"
    assert zone_id("0" * 31 + "A") == "0" * 31 + "a"
    for wrong in ("", "a b", "evil.example", "-x", "a" * 64, "shop.myshopify.com.evil.example"):
        with pytest.raises(ValueError, match="shop"):
            shop_name(wrong)
    for wrong in ("", "zone", "0" * 31, "0" * 33):
        with pytest.raises(ValueError, match="zone"):
            zone_id(wrong)
