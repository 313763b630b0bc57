"""When a change seen at Cloudflare was made, as far as Cloudflare's own dates tell it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cloudcache.domain.change_time import made_at
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import ToggleId

SEEN = 1_795_000_000_000
"""When the call began that saw the change, by our clock."""
NOW = SEEN + 400
HOUR = 3_600_000


def text(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat().replace("+00:00", "Z")


def seen(modified_on: str | None, *, ahead_ms: int = 0) -> Observation:
    """A value read by a process whose clock is ahead of Cloudflare's by so much."""
    return Observation(
        ToggleId("polish"), "lossy", SEEN, modified_on=modified_on, cloudflare_at=SEEN - ahead_ms
    )


def test_date_newer_than_the_one_before_is_when_it_was_changed():
    before, at = text(SEEN - 9 * HOUR), SEEN - 2 * HOUR

    assert made_at(seen(text(at)), before, SEEN - 3 * HOUR, NOW) == at


def test_first_date_of_a_setting_counts_when_it_is_later_than_the_last_read():
    at = SEEN - 2 * HOUR

    assert made_at(seen(text(at)), None, SEEN - 3 * HOUR, NOW) == at
    assert made_at(seen(text(at)), None, SEEN - HOUR, NOW) is None


def test_cloudflares_time_is_told_by_our_clock():
    at = SEEN - 2 * HOUR

    assert made_at(seen(text(at), ahead_ms=90_000), text(1), None, NOW) == at + 90_000


@pytest.mark.parametrize(
    "modified_on",
    [None, "", "yesterday", "2026-11-18", "0001-01-01T00:00:00Z", text(SEEN - 9 * HOUR), text(NOW + 1000)],
)
def test_a_date_that_is_missing_garbled_old_or_to_come_tells_nothing(modified_on: str | None):
    assert made_at(seen(modified_on), text(SEEN - 9 * HOUR), SEEN - 3 * HOUR, NOW) is None


def test_a_garbled_date_before_is_as_good_as_none():
    at = SEEN - 2 * HOUR

    assert made_at(seen(text(at)), "yesterday", SEEN - 3 * HOUR, NOW) == at
