"""Settings whose fields depend on the zone: what is read, what is said of it, and the exact fields that are sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.domain.catalog import State, ZonePlan, find
from cloudcache.domain.toggle import Cell, Lock, lock

FIGHT, TRAINING = find("bot_fight_mode"), find("block_ai_bots")
PRO = {
    "sbfm_definitely_automated": "allow",
    "sbfm_verified_bots": "allow",
    "sbfm_static_resource_protection": False,
    "optimize_wordpress": False,
}
BUSINESS = {**PRO, "sbfm_likely_automated": "allow"}
CHALLENGES = {"sbfm_definitely_automated": "managed_challenge", "sbfm_verified_bots": "allow"}
ENTERPRISE = {"auto_update_model": True, "bm_cookie_enabled": True, "suppress_session_score": False}


def read(toggle, result):
    reading = toggle.read(toggle.extract(result))
    return reading.state, reading.detail


@pytest.mark.parametrize(
    ("result", "state", "detail"),
    [
        ({"fight_mode": True}, State.ON, ""),
        ({"fight_mode": False}, State.OFF, ""),
        (PRO, State.OFF, ""),
        ({**PRO, "sbfm_definitely_automated": "managed_challenge"}, State.ON, ""),
        ({**PRO, "sbfm_definitely_automated": "block"}, State.ON, "block"),
        ({**PRO, "sbfm_verified_bots": "block"}, State.ON, "verified_bots_blocked"),
        ({**BUSINESS, "sbfm_likely_automated": "block"}, State.ON, "only_likely"),
        (
            {**BUSINESS, "sbfm_definitely_automated": "managed_challenge", "sbfm_likely_automated": "block"},
            State.ON,
            "",
        ),
        ({**PRO, "stale_zone_configuration": {"fight_mode": True}}, State.ON, "left_over"),
        ({**PRO, "stale_zone_configuration": {"fight_mode": False}}, State.OFF, ""),
        ({**PRO, "stale_zone_configuration": "?"}, State.OFF, ""),
        ({**PRO, "sbfm_definitely_automated": "captcha_plus"}, State.ON, "captcha_plus"),
    ],
)
def test_super_bot_fight_mode_is_on_while_any_bots_are_stopped(result, state, detail):
    assert read(FIGHT, result) == (state, detail)


def test_a_zone_with_bot_management_has_neither_product():
    assert FIGHT.extract(ENTERPRISE) is None


@pytest.mark.parametrize(
    ("result", "state", "sent"),
    [
        ({"fight_mode": False}, State.ON, {"fight_mode": True}),
        ({"fight_mode": True}, State.OFF, {"fight_mode": False}),
        (PRO, State.ON, CHALLENGES),
        ({**PRO, "sbfm_definitely_automated": "block"}, State.OFF, {"sbfm_definitely_automated": "allow"}),
        (BUSINESS, State.ON, CHALLENGES),
        (
            {**BUSINESS, "sbfm_definitely_automated": "block"},
            State.OFF,
            {"sbfm_definitely_automated": "allow", "sbfm_likely_automated": "allow"},
        ),
        (
            {**PRO, "sbfm_verified_bots": "block"},
            State.OFF,
            {"sbfm_definitely_automated": "allow", "sbfm_verified_bots": "allow"},
        ),
        (
            {**PRO, "stale_zone_configuration": {"fight_mode": True, "sbfm_likely_automated": "block"}},
            State.OFF,
            {"sbfm_definitely_automated": "allow", "fight_mode": False, "sbfm_likely_automated": "allow"},
        ),
    ],
)
def test_only_fields_of_this_zone_are_sent(result, state, sent):
    held = FIGHT.extract(result)

    assert FIGHT.wanted(state, held=held) == sent
    assert FIGHT.read(sent).state is state
    assert FIGHT.wanted(state, sent, sent) == sent  # as it is sent again after a restart


def test_a_stricter_choice_is_restored_and_a_harmful_one_is_not():
    blocked = {"sbfm_definitely_automated": "block", "sbfm_verified_bots": "block"}

    restored = FIGHT.wanted(State.ON, blocked, held=FIGHT.extract(PRO))

    assert restored == {"sbfm_definitely_automated": "block", "sbfm_verified_bots": "allow"}
    assert FIGHT.is_unsafe(blocked)


def test_a_zone_that_went_back_to_free_is_sent_the_field_of_free():
    before = FIGHT.extract({**PRO, "sbfm_definitely_automated": "block"})

    assert FIGHT.wanted(State.ON, before, held={"fight_mode": False}) == {"fight_mode": True}


def test_its_name_follows_the_plan():
    assert [FIGHT.title_on(plan) for plan in ZonePlan] == ["Bot Fight Mode"] + ["Super Bot Fight Mode"] * 3


@pytest.mark.parametrize(
    ("result", "state", "detail", "unsafe", "writable"),
    [
        ({"ai_training": "disabled"}, State.OFF, "", False, True),
        ({"ai_training": "disallow", "bot_preference_sync_enabled": True}, State.ON, "", False, True),
        (
            {"ai_training": "disallow", "bot_preference_sync_enabled": False},
            State.ON,
            "not_published",
            False,
            True,
        ),
        ({"ai_training": "block"}, State.ON, "block", True, True),
        ({"ai_training": "only_on_ad_pages"}, State.ON, "only_on_ad_pages", True, True),
        ({"ai_training": "disabled", "ai_bots_protection": "block"}, State.ON, "old_setting", True, False),
        ({"ai_training": "disallow", "ai_bots_protection": "block"}, State.ON, "", False, True),
        ({"ai_bots_protection": "block"}, State.ON, "old_setting", True, False),
        ({"ai_bots_protection": "only_on_ad_pages"}, State.ON, "old_setting", True, False),
        ({"ai_bots_protection": "disabled"}, State.OFF, "", False, False),
        ({"ai_training": "licensed"}, State.ON, "licensed", False, True),
    ],
)
def test_both_generations_of_the_ai_fields_are_read(result, state, detail, unsafe, writable):
    value = TRAINING.extract(
        {**result, "ai_search": "block", "ai_user": "block", "crawler_protection": "enabled"}
    )

    assert read(TRAINING, value) == (state, detail)
    assert TRAINING.is_unsafe(value) is unsafe
    assert TRAINING.is_writable(value) is writable
    cell = Cell(TRAINING.id, state, value, seen_at=1)
    assert lock(TRAINING, cell, ZonePlan.FREE) is (None if writable else Lock.DASHBOARD)


@given(
    remembered=st.sampled_from(
        [
            None,
            {"ai_training": "block"},
            {"ai_training": "only_on_ad_pages"},
            {"ai_bots_protection": "block"},
            {"ai_training": "disallow", "ai_search": "block"},
        ]
    ),
    state=st.sampled_from(State),
)
def test_nothing_but_the_preference_is_ever_sent(remembered, state):
    sent = TRAINING.wanted(state, remembered, remembered, remembered)

    assert sent in (
        {"ai_training": "disallow", "bot_preference_sync_enabled": True},
        {"ai_training": "disabled"},
    )


@pytest.mark.parametrize("toggle", [FIGHT, TRAINING], ids=lambda one: one.id)
@pytest.mark.parametrize(
    "value", [None, "on", True, 7, [], {}, {"x": 1}, {"sbfm_definitely_automated": None}]
)
def test_odd_values_are_read_without_an_error(toggle, value):
    assert toggle.read(value).state in State
    assert toggle.accepts(value) in (True, False)
    assert toggle.wanted(State.ON, value, value, value)


def test_ssl_mode_of_tomorrow_is_shown_as_it_is_and_not_sent():
    ssl = find("strict_ssl")
    reading = ssl.read("strict_plus")

    assert (reading.detail, reading.known) == ("strict_plus", False)
    assert not ssl.accepts("strict_plus")
    assert ssl.wanted(State.ON, "strict_plus") == "strict"
