"""Staff who look, scripts that call, tokens that rotate, and agreements made at Cloudflare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import SYSTEM, Action, Actor, ActorKind, Principal, Role, may
from cloudcache.domain.errors import NotAllowed, NotFound, Refused
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.shopify import Forged
from cloudcache.services.credentials import Credentials
from cloudcache.services.merchants import READS_LAST_MS
from cloudcache.services.scripts import MOST_TOKENS
from cloudcache.services.support import ROLE_KEPT_MS, VIEW_MS
from tests.support.databases import temporary_store
from tests.support.house import KITE, KITE_TOKEN, KITE_ZONE, VIEWER, House, agree, build_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = await build_house(await temporary_store(tmp_path / "house.db"), ["k" * 40])
    yield made
    await made.close()


# -- merchants ---------------------------------------------------------------------------------


async def test_a_bound_shop_cannot_become_another_and_a_query_decides_nothing(house: House):
    token = house.world.id_token(KITE)

    for given in ({"bound_shop": "shop.myshopify.com"}, {"query_shop": "shop.myshopify.com"}):
        with pytest.raises(Forged):
            await house.merchants.present(token, **given)
    principal = await house.merchants.present(token, query_shop=KITE.upper(), bound_shop=KITE)

    assert principal.actor.shop == KITE
    assert principal.expires_at <= house.rig.clock.ms + 60_000 + READS_LAST_MS


async def test_a_write_needs_a_token_of_its_own_that_is_fresh(house: House):
    token = house.world.id_token(KITE)

    assert house.merchants.holds(token, KITE)
    assert not house.merchants.holds(token, "shop.myshopify.com")
    assert not house.merchants.holds("", KITE) and not house.merchants.holds(None, KITE)
    house.rig.clock.ms += 71_000
    assert not house.merchants.holds(token, KITE)


async def test_a_forged_token_installs_nothing(house: House):
    for changes in ({"aud": "other"}, {"exp": 1}, {"dest": "https://evil.example"}, {"sub": None}):
        with pytest.raises(Forged):
            await house.merchants.present(house.world.id_token(KITE, **changes))
    with pytest.raises(NotFound):
        await house.store.installation(KITE)


# -- staff -------------------------------------------------------------------------------------


def signed_in(house: House, subject: str = "sub-viewer") -> Principal:
    return Principal(f"staff:{subject}", Actor(ActorKind.STAFF, subject), house.rig.clock.ms + 3_600_000)


async def test_a_role_comes_from_settings_or_database_and_ends_within_a_minute(house: House):
    assert (await house.support.actor(signed_in(house))).role is Role.VIEWER
    assert await house.support.actor(signed_in(house, "stranger")) is None
    assert await house.support.actor(None) is None

    await house.support.set_role(SYSTEM, "kim-sub", Role.OPERATOR)
    assert (await house.support.actor(signed_in(house, "kim-sub"))).role is Role.OPERATOR
    await house.store.set_staff_role("kim-sub", None, now=1)
    house.rig.clock.ms += ROLE_KEPT_MS + 1

    assert await house.support.actor(signed_in(house, "kim-sub")) is None
    house.rig.clock.ms += 3_600_000
    assert await house.support.actor(signed_in(house)) is not None
    ended = replace(signed_in(house), expires_at=house.rig.clock.ms)
    assert await house.support.actor(ended) is None


async def test_search_finds_a_shop_or_domain_by_any_part(house: House):
    await house.connected()

    for text in ("kite", "KITE", "\u200bkite", "https://kite.example/admin", "rkite.exa"):
        assert [one.shop for one in await house.support.find(VIEWER, text)] == [KITE], text
    for text in ("k%e", "k_te", "kites"):
        assert not await house.support.find(VIEWER, text), text


async def test_a_search_finds_by_the_beginning_of_shop_domain_or_zone(house: House):
    await house.connected()

    for text in ("paper", "PAPERKITE.ex", KITE_ZONE[:31], f"  {KITE}"):
        assert KITE in [one.shop for one in await house.support.find(VIEWER, text)]
    for text in ("", "p", "k_te", "%", "_aper", "\ud800", None, ["paper"]):
        assert KITE not in [one.shop for one in await house.support.find(VIEWER, text)]
    with pytest.raises(NotAllowed):
        await house.support.find(await house.merchant(), "paper")


@pytest.mark.parametrize(
    "text",
    [
        KITE,
        "paper-kite",
        "https://paper-kite.myshopify.com/admin",
        "admin.shopify.com/store/paper-kite/apps/x",
        "\u200bPAPER-KITE.myshopify.com.",
        "https://www.paperkite.example:443/?q=1",
        "paperkite.example",
        f" {KITE_ZONE[:16]} {KITE_ZONE[16:]} ",
    ],
)
async def test_customer_is_found_and_viewed_by_whatever_was_copied(house: House, text: str):
    await house.connected()

    found = await house.support.find(VIEWER, text)
    view = await house.support.start_view(VIEWER, text, "the merchant asked")

    assert [one.shop for one in found] == [KITE]
    assert view.customer == (await house.store.customer_of_shop(KITE)).id


@pytest.mark.parametrize(
    "text", ["paper", "paperkite", "paper-kite.myshopify", KITE_ZONE[:31], "", "https://", "\0"]
)
async def test_beginning_of_a_name_is_found_and_not_viewed(house: House, text: str):
    await house.connected()

    with pytest.raises(NotFound):
        await house.support.start_view(VIEWER, text, "the merchant asked")


async def test_a_view_needs_a_reason_reads_only_and_ends(house: House):
    merchant = await house.connected()
    assert merchant.customer is not None
    for reason in ("", "short", "x" * 201, None, "   a    b   "):
        with pytest.raises(ValueError, match="reason"):
            await house.support.start_view(VIEWER, KITE, reason)
    with pytest.raises(NotFound):
        await house.support.start_view(VIEWER, "nobody.myshopify.com", "a good reason")

    view = await house.support.start_view(VIEWER, KITE, "ticket 4711")
    looking = await house.support.viewing(VIEWER, merchant.customer, view.id)

    assert may(looking, Action.VIEW, merchant.customer) and not may(looking, Action.FLIP, merchant.customer)
    assert (await house.process.toggles.page(looking, merchant.customer)).customer.shop == KITE
    with pytest.raises(NotAllowed):
        await house.process.toggles.flip(looking, merchant.customer, "polish", True, request_id="r")
    with pytest.raises(NotAllowed):
        await house.process.toggles.page(looking, house.rig.customer.id)
    for somebody, customer, which in (
        (replace(VIEWER, id="another"), merchant.customer, view.id),
        (VIEWER, house.rig.customer.id, view.id),
        (VIEWER, merchant.customer, "made-up"),
        (replace(VIEWER, role=None), merchant.customer, view.id),
    ):
        with pytest.raises(NotAllowed):
            await house.support.viewing(somebody, customer, which)
    house.rig.clock.ms += VIEW_MS
    with pytest.raises(NotAllowed):
        await house.support.viewing(VIEWER, merchant.customer, view.id)
    told = [one.link.told for one in await house.auditing.history(merchant, merchant.customer)]
    assert any(one.get("reason") == "ticket 4711" and one.get("name") == "Kim" for one in told)


async def test_open_view_is_found_again_by_its_own_person_only(house: House):
    merchant = await house.connected()
    view = await house.support.start_view(VIEWER, KITE, "ticket 4711")

    assert await house.support.open_view(VIEWER, "paper-kite") == view
    assert await house.support.open_view(replace(VIEWER, id="another"), KITE) is None
    assert await house.support.open_view(VIEWER, "shop.myshopify.com") is None
    house.rig.clock.ms += VIEW_MS
    assert await house.support.open_view(VIEWER, KITE) is None

    again = await house.support.start_view(VIEWER, KITE, "ticket 4711")
    await house.support.end_view(VIEWER, merchant.customer, again.id)
    assert await house.support.open_view(VIEWER, KITE) is None


async def test_a_view_that_was_stopped_is_over(house: House):
    merchant = await house.connected()
    assert merchant.customer is not None
    view = await house.support.start_view(VIEWER, KITE, "ticket 4711")
    await house.support.end_view(VIEWER, merchant.customer, view.id)

    with pytest.raises(NotAllowed):
        await house.support.viewing(VIEWER, merchant.customer, view.id)


# -- scripts -----------------------------------------------------------------------------------


async def test_a_token_for_scripts_is_its_shop_and_no_more_than_its_scope(house: House):
    merchant = await house.connected()
    _, reading = await house.scripts.make(merchant, "reports", "read")
    _, writing = await house.scripts.make(merchant, "nightly", "write")

    reader = await house.scripts.actor_of(reading.reveal())
    writer = await house.scripts.actor_of(writing.reveal())

    assert reader.customer == writer.customer == merchant.customer
    with pytest.raises(NotAllowed):
        await house.process.toggles.flip(reader, reader.customer, "polish", True, request_id="r")
    assert await house.process.toggles.flip(writer, writer.customer, "polish", True, request_id="r")
    for script in (reader, writer):
        with pytest.raises(NotAllowed):
            await house.scripts.make(script, "another", "write")
        with pytest.raises(NotAllowed):
            await house.scripts.all(script)


async def test_a_revoked_token_a_guess_and_a_shop_that_left_are_nobody(house: House):
    merchant = await house.connected()
    token, secret = await house.scripts.make(merchant, "reports", "read")
    text = secret.reveal()
    for wrong in (text[:-1] + ("a" if text[-1] != "a" else "b"), text + "x", "", "cct_", text.upper()):
        assert await house.scripts.actor_of(wrong) is None

    other = await house.merchant("shop.myshopify.com")
    assert not await house.scripts.revoke(other, token.id), "not theirs to revoke"
    assert await house.scripts.actor_of(text) is not None
    assert await house.scripts.revoke(merchant, token.id)
    assert await house.scripts.actor_of(text) is None and not await house.scripts.revoke(merchant, token.id)


async def test_names_scopes_and_numbers_of_tokens_are_limited(house: House):
    merchant = await house.connected()
    for name, scope in (("", "read"), ("x" * 61, "read"), (None, "read"), ("a", "admin"), ("a", None)):
        with pytest.raises(ValueError, match=r"name|Choose"):
            await house.scripts.make(merchant, name, scope)
    for number in range(MOST_TOKENS):
        await house.scripts.make(merchant, f"token {number}", "read")
    with pytest.raises(Refused):
        await house.scripts.make(merchant, "one more", "read")


async def test_a_key_is_answered_the_same_and_refused_for_another_request(house: House):
    merchant = await house.connected()

    assert await house.scripts.claim(merchant, "k", b"one") is None
    under_way = await house.scripts.claim(merchant, "k", b"one")
    await house.scripts.keep(merchant, "k", 202, "answer")
    again = await house.scripts.claim(merchant, "k", b"one")

    assert under_way is not None and under_way.status is None
    assert again is not None and (again.status, again.body) == (202, "answer")
    with pytest.raises(Refused):
        await house.scripts.claim(merchant, "k", b"two")
    other = await house.merchant("shop.myshopify.com")
    assert await house.scripts.claim(other, "k", b"two") is None, "keys belong to a shop"
    for wrong in ("", "x" * 81, "two words", "ä", "\n"):
        with pytest.raises(ValueError, match="Idempotency"):
            await house.scripts.claim(merchant, wrong, b"one")


async def test_key_of_a_process_that_died_is_claimed_again_after_a_minute(house: House):
    merchant = await house.connected()
    assert await house.scripts.claim(merchant, "k", b"one") is None

    house.rig.clock.ms += 59_000
    still_claimed = await house.scripts.claim(merchant, "k", b"one")
    house.rig.clock.ms += 2_000
    with pytest.raises(Refused):
        await house.scripts.claim(merchant, "k", b"two")
    claimed_again = await house.scripts.claim(merchant, "k", b"one")
    house.rig.clock.ms += 30_000
    held = await house.scripts.claim(merchant, "k", b"one")

    assert still_claimed is not None and still_claimed.status is None
    assert claimed_again is None
    assert held is not None, "the second claim is a lease of its own"


# -- keys and agreements -----------------------------------------------------------------------


async def test_keys_are_rotated_while_tokens_are_in_use(house: House):
    await house.connected()
    old, new = "k" * 40, "n" * 40
    both = Credentials(house.store, EnvelopeVault([new, old]), None)
    customer = await house.store.customer_of_shop(KITE)

    first = await both.rotate(SYSTEM)
    again = await both.rotate(SYSTEM)

    only_new = Credentials(house.store, EnvelopeVault([new]), None)
    assert (first.total, first.renewed, first.unreadable) == (2, 2, ())
    assert again.renewed == 0
    assert (await house.merchants.rotate(SYSTEM)).renewed == 0, "the house's own vault knows one key"
    assert (await only_new.access(customer)).token.reveal() == KITE_TOKEN
    with pytest.raises(NotAllowed):
        await both.rotate(await house.merchant())


async def test_a_token_that_no_key_opens_is_named_and_left(house: House):
    await house.connected()

    found = await Credentials(house.store, EnvelopeVault(["z" * 40]), None).rotate(SYSTEM)

    assert len(found.unreadable) == 2 and found.renewed == 0


async def test_an_agreement_at_cloudflare_connects_and_is_renewed(house: House):
    actor = await house.merchant()
    state, nonce, code = await agree(house, actor)
    assert house.connecting.shop_of(state, nonce) == KITE
    await house.connecting.finish(state, nonce, code)

    checked = await house.connecting.agreed(actor)
    await house.connecting.connect(actor, checked.sealed, KITE_ZONE)
    customer = await house.store.customer_of_shop(KITE)
    first = (await house.credentials.access(customer)).token
    house.rig.clock.ms += 58 * 60_000
    second = (await house.credentials.access(customer)).token

    assert checked.is_oauth and first.reveal().startswith("cfoat_")
    assert second != first and (await house.credentials.access(customer)).token == second


async def test_an_agreement_ends_in_the_browser_that_began_it_and_for_its_shop(house: House):
    actor, other = await house.merchant(), await house.merchant("shop.myshopify.com")
    state, nonce, code = await agree(house, actor)

    for bad_state, bad_nonce in ((state, "another"), (state, ""), ("made up", nonce), (state[:-4], nonce)):
        with pytest.raises(Refused):
            await house.connecting.finish(bad_state, bad_nonce, code)
    await house.connecting.finish(state, nonce, code)
    with pytest.raises(NotFound):
        await house.connecting.agreed(other)
    with pytest.raises(Refused):
        await house.connecting.finish(state, nonce, code)  # a code is good once


async def test_an_old_link_begins_nothing(house: House):
    ticket = house.connecting.begin(await house.merchant())
    house.rig.clock.ms += 11 * 60_000

    with pytest.raises(Refused):
        house.connecting.agreement(ticket)


async def test_what_waits_in_vain_is_forgotten(house: House):
    actor = await house.merchant()
    state, nonce, code = await agree(house, actor)
    await house.connecting.finish(state, nonce, code)

    assert await house.store.forget_waiting(house.rig.clock.ms + 1) == 1
    with pytest.raises(NotFound):
        await house.connecting.agreed(actor)
    assert await house.store.sealed_token(CredentialId("c1")), "what is in use stays"
