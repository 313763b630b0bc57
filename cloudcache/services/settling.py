"""What a read of a leased zone comes to: which lines it answered, what is left unread, and when it is due again.

    complete     everything that was to be read was answered; failures are forgotten
    incomplete   what is left is tried again alone, later and later; the rest keeps its rhythm

A toggle that the zone does not have counts as answered. Pure decisions; the engine carries them out.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.feed import NOTHING, WHOLE, Named
from cloudcache.domain.freshness import Pace, next_look, retry_at
from cloudcache.domain.ids import ToggleId
from cloudcache.ports import Finished, LeasedZone, Unread

REFUSED_AGAIN = 3
"""How often what was refused is tried again before it waits for the next whole read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a read: when the whole read that it completes began (None: it completes none), what is `left`
    unread of a whole read begun at `began`, whether something named is `missing`, which lines were answered, and what
    is `still_named` by those that were answered in part."""

    read_at: int | None
    left: Named
    began: int | None
    missing: Named
    entries: tuple[int, ...]
    still_named: dict[int, Named]
    keeps_unread: bool

    @property
    def is_complete(self) -> bool:
        """Whether all that was to be read was answered."""
        return not self.left and not self.missing


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed read is tried again, and what it left unread (None: as before)."""

    due: int
    unread: Unread | None


def asked_of(zone: LeasedZone, now: int) -> Named:
    """The toggles that are to be read now, if not all of them: named, ended by themselves, or left unread."""
    return zone.named | zone.ended | zone.unread_due(now)


def outcome(
    zone: LeasedZone,
    answered: Set[ToggleId],
    settled: Set[ToggleId],
    began: int,
    *,
    is_whole: bool,
    refused: Set[ToggleId] = NOTHING,
) -> Outcome:
    """Judge a read begun at `began`. `answered` are the toggles of which Cloudflare said anything, `settled` those of
    which that could be written: what is named must be settled, for a value read before the change proves nothing.
    `refused` are those that Cloudflare did not show. A refusal may be a mistake of that moment, so it is tried again
    a few times; then it waits for the next whole read, and this one does not count as complete. Where the token is
    known to lack the permission, nothing else was to be expected."""
    unexpected = {one for one in refused if BY_ID[one].permission not in zone.customer.missing}
    again = unexpected if zone.failures < REFUSED_AGAIN else NOTHING
    left = (WHOLE if is_whole else zone.unread_due(began)) - (answered - again)
    settled = settled - again
    completes = is_whole or (zone.unread is not None and zone.unread.due <= began)
    since = began if is_whole or zone.unread is None else zone.unread.at
    return Outcome(
        read_at=since if completes and not left and not unexpected else None,
        left=left,
        began=since if completes else None,
        missing=(zone.named | zone.ended) - settled,
        entries=tuple(one for one in zone.entries if zone.lines.get(one, WHOLE) <= settled),
        still_named={
            one: names - settled for one, names in zone.lines.items() if _is_in_part(names, settled)
        },
        keeps_unread=zone.unread is not None and not completes,
    )


def _is_in_part(names: Named, settled: Set[ToggleId]) -> bool:
    return bool(names & settled) and not names <= settled


def finished(zone: LeasedZone, result: Outcome, pace: Pace, now: int) -> Finished:
    """Say when a zone is due again after a complete read."""
    interest, unread_at = zone.interest, None
    if result.read_at is not None:
        interest = interest.read(result.read_at)
    elif result.began is not None:
        interest, unread_at = interest.read_in_part(result.began, is_retried=False), result.began
    due, urgency = next_look(interest, pace, now)
    if result.keeps_unread and zone.unread is not None:
        due = min(due, zone.unread.due)
    return Finished(due, urgency, result.read_at, result.entries, unread_at, keeps_unread=result.keeps_unread)


def failed(
    zone: LeasedZone, result: Outcome, pace: Pace, now: int, chance: float, *, is_silent: bool
) -> Retry:
    """Say when a zone is due again after a read that left something open. What is left is tried again with growing
    waits; while Cloudflare answers for the rest, that is read in its own time as well."""
    retry = retry_at(zone.failures, now, chance)
    is_part = result.began is not None
    unread = Unread(result.left, result.began, retry) if result.began is not None else None
    interest = zone.interest.read_in_part(result.began) if result.began is not None else zone.interest
    due, _ = next_look(interest, pace, now)
    is_sooner = now < due < retry and not is_silent and is_part
    return Retry(due if is_sooner else retry, unread)
