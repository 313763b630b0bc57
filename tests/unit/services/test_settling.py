"""When a zone is due again after a read, whatever the jitter draws."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudcache.domain.catalog import Topology, ZonePlan
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.feed import WHOLE
from cloudcache.domain.freshness import Interest, Pace, Urgency, next_look
from cloudcache.domain.ids import CustomerId, ToggleId, ZoneId
from cloudcache.ports import LeasedZone
from cloudcache.services.settling import asked_of, failed, outcome

NOW, HOUR_MS = 1_795_000_000_000, 3_600_000
CUSTOMER = Customer(
    CustomerId(1),
    "s.myshopify.com",
    ZoneId("a" * 32),
    "s.example",
    ZonePlan.PRO,
    Topology.O2O,
    ZoneStatus.ACTIVE,
    None,
    1,
)
draws = st.floats(0, 1, exclude_max=True)


def leased(**changes: object) -> LeasedZone:
    interest = Interest(watched_until=NOW + 100 * HOUR_MS)
    zone = LeasedZone(CUSTOMER, Urgency.WATCHED, 0, 0, 0, interest, frozenset())
    return replace(zone, **changes)


@settings(deadline=None)
@given(
    st.lists(draws, min_size=60, max_size=60),
    st.sets(st.sampled_from(sorted(WHOLE)), min_size=1),
    st.booleans(),
    st.integers(1, 120_000),
    st.sampled_from([frozenset(), WHOLE]) | st.frozensets(st.sampled_from(sorted(WHOLE))),
)
def test_ten_whole_reads_an_hour_at_most_whatever_stays_unread(
    jitter: list[float], broken: set[ToggleId], followed: bool, watched_ms: int, named: frozenset[ToggleId]
):
    pace, answered = Pace(watched_ms=watched_ms), WHOLE - broken
    interest = Interest(watched_until=NOW + 100 * HOUR_MS, followed=followed)
    lines = {1: named} if named else {}
    zone, now, whole_at = leased(interest=interest, named=named, lines=lines, entries=tuple(lines)), NOW, []

    for chance in jitter:
        wanted = asked_of(zone, now)
        is_due = next_look(zone.interest, pace, now)[0] <= now
        is_whole = not wanted or wanted >= WHOLE or is_due
        whole_at += [now] if is_whole else []
        result = outcome(zone, answered, answered, now, is_whole=is_whole)
        if result.is_complete:  # what was named was read; the rest is not due
            continue
        retry = failed(zone, result, pace, now, chance, is_silent=not answered)
        began = result.began if result.began is not None else zone.interest.unread_at
        interest = replace(zone.interest, unread_at=began, is_retried=began is not None)
        unread = retry.unread or zone.unread
        lines = {
            one: names
            for one, names in (zone.lines | result.still_named).items()
            if one not in result.entries
        }
        zone = replace(
            zone,
            failures=zone.failures + 1,
            unread=unread,
            interest=interest,
            due=retry.due,
            named=frozenset().union(*lines.values()),
            lines=lines,
            entries=tuple(lines),
        )
        now = retry.due

    for first in whole_at:
        assert sum(first <= at < first + HOUR_MS for at in whole_at) <= 10


def test_line_is_answered_only_when_all_it_names_was_written():
    polish, webp = ToggleId("polish"), ToggleId("webp")
    zone = leased(
        named=frozenset({polish, webp}),
        entries=(1, 2),
        lines={1: frozenset({polish}), 2: frozenset({polish, webp})},
    )

    result = outcome(zone, {polish, webp}, {polish}, NOW, is_whole=False)

    assert (result.entries, result.missing, result.is_complete) == ((1,), {webp}, False)
    assert result.still_named == {2: {webp}}
