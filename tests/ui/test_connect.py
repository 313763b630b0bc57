"""What the connect page offers after a token was tried: a zone of this token, or none."""

from __future__ import annotations

from dataclasses import replace
from inspect import getsource

import pytest

from cloudcache.domain.catalog import Topology, ZonePlan
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.token_text import TokenProblem
from cloudcache.ports import Way, ZoneFacts
from cloudcache.services.connecting import Checked, FoundZone, Looked
from cloudcache.ui import wording
from cloudcache.ui.pages.connect import _found, _replacing, _token
from cloudcache.ui.states.connect import Connect
from cloudcache.web.signin import end_agreement

ZONE = FoundZone(ZoneId("0" * 32), "example.com", "Pro", False)
FACTS = ZoneFacts("example.com", ZonePlan.PRO, "a" * 32, "shop")


def checked(*zones: FoundZone) -> Checked:
    return Checked(b"sealed", "wxyz", False, zones, False, ())


@pytest.mark.parametrize("problem", TokenProblem)
def test_text_without_a_token_is_answered_in_the_words_of_the_page(problem: TokenProblem):
    said = wording.connect.connecting(Refused(Reason.WRONG_VALUE, problem.value))

    assert said.endswith(".") and "_" not in said and len(said.split()) >= 4
    assert said[0].isupper() and "'" not in said


def test_token_that_reaches_no_zone_offers_nothing_of_an_earlier_one():
    tab = Connect(_reflex_internal_init=True)
    tab._show_zones(checked(ZONE))
    tab.topology = "o2o"

    tab._forget_zones()
    tab._show_zones(checked())

    assert (tab.chosen, tab.domain, tab.zones, tab.checks) == ("", "", [], [])
    assert tab.problem == wording.connect.NO_ZONES


def test_token_that_was_refused_leaves_nothing_of_an_earlier_one():
    tab = Connect(_reflex_internal_init=True)
    tab._show_zones(checked(ZONE))

    tab._forget_zones()

    assert (tab.phase, tab.chosen, tab.domain, tab._sealed, tab.last_four) == ("t", "", "", b"", "")


def test_first_zone_is_named_before_it_was_looked_at():
    tab = Connect(_reflex_internal_init=True)
    tab.domain = "old.example"

    tab._show_zones(checked(ZONE))

    assert (tab.chosen, tab.domain) == (ZONE.id, "example.com")


def test_connect_button_needs_a_chosen_zone():
    (foot,) = _found().render()["children"][-1]["children"][-1]["children"]

    assert "chosen" in foot["cond_state"] and "Connecting" in str(foot["true_value"])
    assert "Connecting" not in str(foot["false_value"])


CUSTOMER = Customer(
    CustomerId(1),
    "shop.myshopify.com",
    ZONE.id,
    ZONE.name,
    ZonePlan.PRO,
    Topology.O2O,
    ZoneStatus.ACTIVE,
    CredentialId("c-1"),
    1,
    topology_at=1,
    is_followed=True,
)


def shown(tab: Connect) -> dict[str, str]:
    return {one["name"]: one["works"] for one in tab.checks}


def test_connected_page_lists_the_permissions_that_connecting_listed():
    tab = Connect(_reflex_internal_init=True)

    tab._show_found(Looked(ZONE.id, FACTS, frozenset(), True, True, Way(ZONE.name, Topology.O2O, {})))
    before = set(shown(tab))
    tab._show_connected(CUSTOMER)

    assert set(shown(tab)) == before and set(shown(tab).values()) == {"yes"}


def test_permission_that_a_change_has_proved_is_not_called_untried():
    tab = Connect(_reflex_internal_init=True)

    tab._show_connected(replace(CUSTOMER, topology_at=None), {"Zone Settings"})

    assert shown(tab)["Zone Settings: Edit"] == "yes" and shown(tab)["Zone WAF: Edit"] == "unknown"


def test_refusal_that_suspended_the_zone_is_said_once():
    tab = Connect(_reflex_internal_init=True)
    tab.problem = wording.problems.TOKEN_REFUSED

    tab._show_refused(replace(CUSTOMER, status=ZoneStatus.TOKEN_REFUSED))

    assert tab.status == "token_refused" and tab.problem == ""


def test_refusal_of_a_zone_is_said_beside_the_button_that_was_pressed():
    token, found = str(_token().render()), str(_found().render())

    assert "zones" in token.split("problem")[0][-200:] and "problem" in found
    tab = Connect(_reflex_internal_init=True)
    tab._show_zones(checked(ZONE))
    tab._say(Refused(Reason.CONFLICT))
    assert tab.phase == "z" and tab.problem


def test_token_field_keeps_what_was_refused():
    assert "reset_on_submit" not in str(_token().render()) and "reset()" not in str(_token().render())


def test_page_of_the_agreement_names_the_button_that_goes_on():
    assert f"“{wording.connect.OAUTH_GO_ON}”" in getsource(end_agreement)


def test_replacing_a_token_names_the_connected_zone_and_leads_back():
    page = str(_replacing().render())

    assert "connected_zone" in page and wording.common.CANCEL in page
