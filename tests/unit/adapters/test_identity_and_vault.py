"""Local sessions, sealed credentials, redacted logs, coalesced hints."""

import asyncio
import base64
import logging
from hashlib import blake2b

import pytest
from cryptography.fernet import Fernet

from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.identity.local import COOKIE, LocalIdentity
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.catalog.model import Topology, ZonePlan
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import Refused
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.logs import Redacting

NEW, OLD = "n" * 40, "o" * 40
SHOP = Customer(
    CustomerId(4),
    "maple-lane.myshopify.com",
    ZoneId("0" * 32),
    "maplelane.example",
    ZonePlan.PRO,
    Topology.O2O,
    ZoneStatus.ACTIVE,
    None,
    1,
)


def test_a_session_names_its_shop_and_survives_a_new_key():
    before = LocalIdentity("local", [OLD], SystemClock())
    after = LocalIdentity("local", [NEW, OLD], SystemClock())

    principal = after.principal(f"other=1; {COOKIE}={before.issue(SHOP)}")

    assert principal and principal.actor.customer == 4
    assert principal.subject == "local:maple-lane.myshopify.com"


@pytest.mark.parametrize(
    "cookies", ["", "x", f"{COOKIE}=", f"{COOKIE}=eyJ4IjoxfQ.x.y", "\x00=\x01", "a" * 9000]
)
def test_a_forged_or_broken_cookie_is_nobody(cookies: str):
    assert LocalIdentity("local", [NEW], SystemClock()).principal(cookies) is None


def test_a_cookie_of_another_key_is_nobody():
    foreign = LocalIdentity("local", [OLD], SystemClock()).issue(SHOP)

    assert LocalIdentity("local", [NEW], SystemClock()).principal(f"{COOKIE}={foreign}") is None


@pytest.mark.parametrize("environment", ["preview", "staging", "production"])
def test_the_local_sign_in_cannot_be_had_elsewhere(environment: str):
    with pytest.raises(ValueError, match="local"):
        LocalIdentity(environment, [NEW], SystemClock())


SECRET = Token("cfat_secret_0123456789")


def test_a_sealed_token_opens_with_an_old_key_and_not_with_a_foreign_one():
    sealed = EnvelopeVault([OLD]).seal(SECRET, "c1")

    assert b"cfat_secret" not in sealed
    assert EnvelopeVault([NEW, OLD]).open(sealed, "c1") == SECRET
    with pytest.raises(Refused):
        EnvelopeVault([NEW]).open(sealed, "c1")


def test_an_envelope_does_not_open_in_another_place_or_altered():
    vault = EnvelopeVault([OLD])
    sealed = vault.seal(SECRET, "c1")

    with pytest.raises(Refused):
        vault.open(sealed, "c2")
    for at in range(len(sealed)):
        with pytest.raises(Refused):
            vault.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], "c1")
    for length in range(0, len(sealed), 7):
        with pytest.raises(Refused):
            vault.open(sealed[:length], "c1")


def test_rotation_wraps_the_key_anew_and_leaves_the_text_alone():
    sealed = EnvelopeVault([OLD]).seal(SECRET, "c1")
    both = EnvelopeVault([NEW, OLD])

    again = both.renewed(sealed, "c1")

    assert again is not None and again[-40:] == sealed[-40:]
    assert EnvelopeVault([NEW]).open(again, "c1") == SECRET
    assert both.renewed(again, "c1") is None
    with pytest.raises(Refused):
        both.renewed(again, "c2") or EnvelopeVault([OLD]).renewed(again, "c1")


def test_what_was_sealed_before_there_were_envelopes_opens_and_is_renewed():
    key = base64.urlsafe_b64encode(blake2b(OLD.encode(), digest_size=32, person=b"cloudcache vault").digest())
    sealed = Fernet(key).encrypt(b"cfat_secret_0123456789")
    vault = EnvelopeVault([NEW, OLD])

    assert vault.open(sealed, "c1") == SECRET
    again = vault.renewed(sealed, "c1")
    assert again is not None and EnvelopeVault([NEW]).open(again, "c1") == SECRET


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefgh12345678",
        "{'cookie': 'cloudcache_local=abcdefgh12345678; x=1'}",
        "token cfat_abcdefgh12345678 refused",
        "postgresql+asyncpg://user:abcdefgh12345678@host/db",
        "headers {'cookie': 'session=abcdefgh12345678'}",
    ],
)
def test_a_log_line_shows_no_credential(text: str):
    record = logging.LogRecord("x", logging.ERROR, "f", 1, text, None, None)

    assert "abcdefgh12345678" not in Redacting("%(message)s").format(record)


async def test_hints_are_coalesced_and_reach_every_listener():
    bus = InMemoryBus()
    first, second = bus.hints(), bus.hints()
    waiting = [asyncio.ensure_future(anext(one)) for one in (first, second)]
    await asyncio.sleep(0)

    for _ in range(1000):
        bus.hint(CustomerId(1))
    bus.hint(CustomerId(2))

    assert [await one for one in waiting] == [frozenset({1, 2})] * 2
