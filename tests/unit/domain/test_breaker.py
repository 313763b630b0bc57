"""When a circuit breaker opens, for whom, and when it forgets."""

from __future__ import annotations

from cloudcache.domain.breaker import (
    FORGET_AFTER_MS,
    TRY_EVERY_MS,
    CircuitBreaker,
    after_failure,
    zone_digest,
)
from cloudcache.domain.ids import ZoneId
from cloudcache.domain.secret import Token, TokenKind

A, B, C = (ZoneId(digit * 32) for digit in "abc")


def failed(*zones: ZoneId, every_ms: int = 1_000) -> CircuitBreaker:
    held = None
    for number, zone in enumerate(zones):
        held = after_failure(held, TokenKind.ACCOUNT, "hotlink_protection", zone, number * every_ms)
    assert held is not None
    return held


def test_two_failures_do_not_open_it():
    assert not failed(A, B).is_open


def test_three_failures_of_one_zone_concern_that_zone_alone():
    held = failed(A, A, A)

    assert held.refuses(A, held.failed_at) and not held.refuses(B, held.failed_at)


def test_failures_of_two_zones_concern_every_zone():
    held = failed(A, B, A)

    assert held.refuses(C, held.failed_at)


def test_it_lets_a_change_through_after_ten_minutes():
    held = failed(A, A, A)

    assert held.refuses(A, held.failed_at + TRY_EVERY_MS - 1)
    assert not held.refuses(A, held.failed_at + TRY_EVERY_MS)


def test_failures_far_apart_do_not_add_up():
    assert failed(A, A, A, every_ms=FORGET_AFTER_MS + 1).failures == 1


def test_zone_is_not_named():
    assert A not in zone_digest(A) and len(zone_digest(A)) == 16


def test_kind_of_a_token_is_told_by_its_prefix():
    kinds = {text: Token(text + "x" * 40).kind for text in ("cfut_", "cfat_", "cfoat_", "", "cfk_")}

    assert list(kinds.values()) == [
        TokenKind.USER,
        TokenKind.ACCOUNT,
        TokenKind.OAUTH,
        TokenKind.LEGACY,
        TokenKind.LEGACY,
    ]
