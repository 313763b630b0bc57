"""What the history says of a change: one sentence that has its outcome and a person in it."""

from __future__ import annotations

import json

import pytest

from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.audit import AuditAction, HistoryEntry, Link
from cloudcache.domain.catalog import State
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, ChangeStatus, Source
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId
from cloudcache.ui.states import rows
from cloudcache.ui.states.history import _shown
from cloudcache.ui.wording import history
from cloudcache.ui.wording.reasons import reason

OWNER = {"actor": "owner of maple-lane.myshopify.com"}


def change(status: ChangeStatus, error: str = "", actor: str = "") -> Change:
    return Change(
        id=ChangeId(7),
        customer=CustomerId(1),
        toggle=ToggleId("polish"),
        from_state=State.OFF,
        from_value="off",
        to_state=State.ON,
        to_value="lossless",
        actor=Actor(ActorKind.MERCHANT, actor),
        source=Source.PAGE,
        status=status,
        request_id="r",
        requested_at=1,
        error=error,
    )


def entry(
    action: AuditAction,
    told: dict[str, str],
    found: Change | None = None,
    kind: ActorKind = ActorKind.MERCHANT,
) -> tuple[str, str]:
    link = Link(1, 1, 1, kind, action, "", "polish", 7 if found else None, json.dumps(told), "", "", "")
    return history.entry(HistoryEntry(link, found), "Polish")


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (ChangeStatus.APPLIED, "", ("Polish turned on by Store owner", "")),
        (ChangeStatus.PENDING, "", ("Waiting to turn on Polish", "Requested by Store owner")),
        (ChangeStatus.SUPERSEDED, "", ("Turn on Polish", f"{history.REPLACED}. Requested by Store owner")),
        (
            ChangeStatus.SUPERSEDED,
            "cancelled",
            ("Turn on Polish", f"{reason(Reason.CANCELLED)}. Requested by Store owner"),
        ),
        (
            ChangeStatus.FAILED,
            "plan",
            ("Couldn’t turn on Polish", f"{reason(Reason.PLAN)}. Requested by Store owner"),
        ),
    ],
)
def test_change_is_one_sentence_with_its_outcome(status: ChangeStatus, error: str, said: tuple[str, str]):
    assert entry(AuditAction.FLIP_ASKED, {**OWNER, "to": "on"}, change(status, error)) == said


@pytest.mark.parametrize(
    ("actor", "who"),
    [
        ("owner of maple-lane.myshopify.com", "Store owner"),
        ("user 42", "Shopify user 42"),
        ("script nightly", "API token “nightly”"),
        ("", "Someone at your store"),
    ],
)
def test_person_is_named_as_a_person_would(actor: str, who: str):
    said, _ = entry(AuditAction.FLIP_ASKED, {"actor": actor, "to": "on"}, change(ChangeStatus.APPLIED))

    assert said == f"Polish turned on by {who}"


def test_person_whom_the_audit_log_named_later_is_shown():
    found = change(ChangeStatus.OBSERVED, actor="ann@example.com")

    assert entry(AuditAction.CHANGED_ELSEWHERE, {"to": "off"}, found, ActorKind.OUTSIDE) == (
        "Polish turned off by ann@example.com",
        history.OUTSIDE,
    )


def test_change_by_nobody_known_names_no_place():
    said = entry(
        AuditAction.CHANGED_ELSEWHERE, {"to": "off"}, change(ChangeStatus.OBSERVED), ActorKind.OUTSIDE
    )

    assert said == ("Polish turned off", history.OUTSIDE)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ChangeStatus.APPLIED, "Polish changed back to lossy by Store owner"),
        (ChangeStatus.PENDING, "Waiting to change Polish back to lossy"),
        (ChangeStatus.FAILED, "Couldn’t change Polish back to lossy"),
        (ChangeStatus.SUPERSEDED, "Change Polish back to lossy"),
    ],
)
def test_change_back_to_a_finer_value_is_not_called_turning_on(status: ChangeStatus, said: str):
    told = {**OWNER, "to": "on", "from": "lossless", "value": "lossy"}

    assert entry(AuditAction.FLIP_ASKED, told, change(status))[0] == said


def test_outside_change_of_a_finer_value_names_both_values():
    told = {"to": "on", "from": "lossy", "value": "lossless"}
    seen = change(ChangeStatus.OBSERVED, actor="ann@example.com")

    said, _ = entry(AuditAction.CHANGED_ELSEWHERE, told, seen, ActorKind.OUTSIDE)

    assert said == "Polish changed from lossy to lossless by ann@example.com"


@pytest.mark.parametrize(
    ("action", "told", "at", "before"),
    [
        (AuditAction.CHANGED_ELSEWHERE, {"made_at": "500000"}, 500_000, ""),
        (AuditAction.CHANGED_ELSEWHERE, {}, 900_000, "Noticed "),
        (AuditAction.CHANGED_ELSEWHERE, {"made_at": "soon"}, 900_000, "Noticed "),
        (AuditAction.SIDE_EFFECT, {}, 900_000, ""),
        (AuditAction.FLIP_ASKED, OWNER, 900_000, ""),
    ],
)
def test_time_of_an_outside_change_is_its_own_or_said_to_be_when_it_was_noticed(
    action: AuditAction, told: dict[str, str], at: int, before: str
):
    link = Link(1, 1, 900_000, ActorKind.OUTSIDE, action, "", "polish", None, json.dumps(told), "", "", "")

    shown = _shown(HistoryEntry(link, None))

    assert (shown["at"], shown["before"]) == (rows.seconds(at), before)


def test_support_is_named_with_its_reason():
    told = {"actor": "sub-1", "name": "Kim", "reason": "ticket 4711"}

    assert entry(AuditAction.VIEW_STARTED, told, kind=ActorKind.STAFF) == (
        f"Kim from support {history.SUPPORT_VIEWED}",
        "ticket 4711",
    )


@pytest.mark.parametrize("name", ["\u05d0\u05d1\u05d2", "ann\u202eeve", "\u2069out"])
def test_name_does_not_turn_the_sentence_around(name: str):
    said, _ = entry(
        AuditAction.CHANGED_ELSEWHERE,
        {"to": "on"},
        change(ChangeStatus.OBSERVED, actor=name),
        ActorKind.OUTSIDE,
    )
    inside = said.removeprefix("Polish turned on by ").removeprefix("\u2068").removesuffix("\u2069")

    assert inside.isprintable() and (inside.isascii() or said.endswith(f"\u2068{inside}\u2069"))


NEVER_A_STORES = {AuditAction.FLIP_ENDED, AuditAction.ROLE_CHANGED, AuditAction.TAKEN_IN}
"""Outcomes, which are part of their change, and lines of the log that belongs to nobody."""


@pytest.mark.parametrize("action", [one for one in AuditAction if one not in NEVER_A_STORES])
def test_every_action_of_a_store_has_words(action: AuditAction):
    said, _ = entry(action, {**OWNER, "name": "Kim"}, change(ChangeStatus.APPLIED))

    assert said[0].isupper() and said != action
