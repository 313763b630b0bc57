"""The store's promises about reads: nothing older overwrites anything newer, and no difference goes unnoticed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cloudcache.adapters.db.models import toggles
from cloudcache.domain.access import ActorKind
from cloudcache.domain.catalog import TOGGLES, State, find
from cloudcache.domain.errors import NotFound
from cloudcache.domain.events import ChangeStatus, Observation, Source
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.toggle import ConfirmedBy
from tests.support.tenants import POLISH, ROCKET, Tenant

HSTS, DEVELOPMENT = find("hsts"), find("development_mode")


async def test_a_first_look_fills_the_page_and_is_no_change(mine: Tenant):
    seen = [Observation(toggle.id, toggle.off, 100 + n) for n, toggle in enumerate(TOGGLES)]

    found = (await mine.store.observe(mine.id, seen, since=1, now=200)).changes

    cells = (await mine.store.page(mine.id)).cells
    assert found == [] and len(cells) == 50
    assert {cell.state for cell in cells.values()} == {State.OFF}
    assert [cells[toggle.id].seen_at for toggle in TOGGLES] == list(range(100, 150))
    assert {cell.revision for cell in cells.values()} == {2}


async def test_a_read_does_not_touch_a_toggle_with_an_open_wish(mine: Tenant):
    await mine.saw("off")
    await mine.wish()

    found = await mine.saw("on", at=600)

    cell = await mine.cell()
    assert found == [] and (cell.state, cell.seen_at) == (State.OFF, 500)


async def test_a_read_that_began_before_a_write_does_not_undo_it(mine: Tenant):
    await mine.saw("off")
    since = await mine.store.revision(mine.id)
    await mine.applied(await mine.sent())

    found = await mine.saw("off", at=9_000, since=since)

    cell = await mine.cell()
    assert found == [] and (cell.state, cell.seen_at) == (State.ON, 1150)


async def test_of_two_reads_the_one_that_began_earlier_does_not_undo_the_later(mine: Tenant):
    await mine.saw("off")
    since = await mine.store.revision(mine.id)
    await mine.saw("on", at=700)

    await mine.saw("off", at=600, since=since)

    assert (await mine.cell()).state is State.ON


async def test_even_a_read_that_saw_the_same_makes_an_earlier_one_stale(mine: Tenant):
    await mine.saw("off")
    since = await mine.store.revision(mine.id)
    await mine.saw("off", at=700)

    assert await mine.saw("on", at=600, since=since) == []
    assert (await mine.cell()).state is State.OFF


async def test_a_difference_nobody_wished_becomes_a_journal_line(mine: Tenant):
    first = await mine.saw("off")
    found = await mine.saw("on", at=800, now=850, person="ann@shop.example")
    same = await mine.saw("on", at=900)

    cell = await mine.cell()
    assert first == [] and same == [] and len(found) == 1
    line = found[0]
    assert (line.from_state, line.from_value) == (State.OFF, "off")
    assert (line.to_state, line.to_value) == (State.ON, "on")
    assert (line.status, line.source) == (ChangeStatus.OBSERVED, Source.CLOUDFLARE)
    assert (line.actor.kind, line.actor.id) == (ActorKind.OUTSIDE, "ann@shop.example")
    assert line.requested_at == line.settled_at == 850
    assert cell.change == line and cell.seen_at == 900


async def test_change_has_cloudflares_time_and_the_time_it_was_noticed(mine: Tenant):
    await mine.saw("off", modified_on="1970-01-01T00:00:00.100Z")

    (dated,) = await mine.saw("on", at=900, now=950, modified_on="1970-01-01T00:00:00.700Z")
    (undated,) = await mine.saw("off", at=1_900, now=1_950)

    assert (dated.requested_at, dated.settled_at, dated.has_known_time) == (700, 950, True)
    assert (undated.requested_at, undated.settled_at, undated.has_known_time) == (1_950, 1_950, False)


@pytest.mark.parametrize(("named_at", "person"), [(3_000, "ann"), (7_900, "ann"), (1_900, "")])
async def test_who_did_something_clearly_before_is_not_blamed(mine: Tenant, named_at: int, person: str):
    await mine.saw("off", modified_on="1970-01-01T00:00:00.100Z")

    (line,) = await mine.saw(
        "on", at=9_000, modified_on="1970-01-01T00:00:07Z", person="ann", named_at=named_at
    )

    assert line.actor.id == person


async def test_audit_event_of_a_finer_change_names_both_values_and_its_time(mine: Tenant):
    await mine.saw("lossy", toggle=POLISH, modified_on="1970-01-01T00:00:00.100Z")
    await mine.saw("lossless", toggle=POLISH, at=900, modified_on="1970-01-01T00:00:00.700Z")
    await mine.saw("off", toggle=POLISH, at=1_900)

    finer, plain = [one.told for one in reversed(await mine.store.trail(mine.id, 9))]
    assert (finer["from"], finer["value"], finer["made_at"]) == ("lossy", "lossless", "700")
    assert plain["to"] == "off" and not plain.keys() & {"from", "value", "made_at"}


async def test_each_of_many_differences_in_one_look_has_its_line(mine: Tenant):
    before = [Observation(toggle.id, toggle.off, 100) for toggle in TOGGLES]
    await mine.store.observe(mine.id, before, since=1, now=100)
    since = await mine.store.revision(mine.id)
    after = [Observation(toggle.id, toggle.on, 200) for toggle in TOGGLES[:12]]

    found = (await mine.store.observe(mine.id, [*after, *before[12:]], since=since, now=200)).changes

    cells = (await mine.store.page(mine.id)).cells
    assert {line.toggle for line in found} == {one.toggle for one in after}
    assert [cells[line.toggle].change for line in found] == found
    assert [line.id for line in found] == sorted(line.id for line in found)
    assert sum(cell.state is State.ON for cell in cells.values()) == 12


async def test_a_toggle_seen_twice_in_one_look_counts_once(mine: Tenant):
    await mine.saw("off")
    since = await mine.store.revision(mine.id)
    twice = [Observation(ROCKET.id, "on", 600), Observation(ROCKET.id, "on", 601)]

    assert len((await mine.store.observe(mine.id, twice, since=since, now=700)).changes) == 1
    assert (await mine.cell()).seen_at == 601


async def test_an_outside_change_after_a_failure_takes_its_place(mine: Tenant):
    await mine.saw("off")
    await mine.applied(await mine.sent(), "on")

    found = await mine.saw("off", at=2_000)

    assert (await mine.cell()).change == found[0]


async def test_another_spelling_is_no_change_and_another_finer_value_is_one(mine: Tenant):
    await mine.saw("lossless", toggle=POLISH)

    assert await mine.saw("LOSSLESS", toggle=POLISH, at=600) == []
    assert len(await mine.saw("lossy", toggle=POLISH, at=700)) == 1
    assert (await mine.cell(POLISH)).last_on == "lossy"


async def test_the_finer_value_is_remembered_while_it_is_off(mine: Tenant):
    await mine.saw("lossy", toggle=POLISH)
    await mine.saw("off", toggle=POLISH, at=600)

    cell = await mine.cell(POLISH)
    assert (cell.state, cell.last_on, cell.last_off) == (State.OFF, "lossy", "off")


async def test_a_part_of_a_value_that_decides_nothing_is_no_change_but_is_remembered(mine: Tenant):
    short = {"strict_transport_security": {"enabled": True, "max_age": 300}}
    long = {"strict_transport_security": {"enabled": True, "max_age": 31_536_000}}
    await mine.saw(short, toggle=HSTS)

    assert await mine.saw(long, toggle=HSTS, at=600) == []
    assert (await mine.cell(HSTS)).last_on == long


async def test_a_value_nobody_knows_is_kept_and_told_but_never_remembered_as_a_side(mine: Tenant):
    await mine.saw("off", toggle=POLISH)

    found = await mine.saw("shiny" * 100, toggle=POLISH, at=600)

    cell = await mine.cell(POLISH)
    assert len(found) == 1 and found[0].detail.startswith("shiny")
    assert (cell.value, cell.last_on, cell.last_off) == ("shiny" * 100, None, "off")


async def test_updated_at_tells_when_a_value_last_became_another(mine: Tenant):
    async def updated() -> int:
        query = select(toggles.c.updated_at).where(toggles.c.customer_id == mine.id)
        async with mine.store.database.reading("*") as connection:
            return int((await connection.execute(query)).scalar_one())

    await mine.saw("off", at=500)
    await mine.saw("off", at=600)
    unchanged = await updated()
    await mine.saw("on", at=700)

    assert (unchanged, await updated()) == (500, 700)


async def test_ages_never_run_backwards(mine: Tenant):
    await mine.saw("on", at=900)
    await mine.saw("on", at=400, now=950)

    assert (await mine.cell()).seen_at == 900


async def test_a_read_confirms_what_a_write_established(mine: Tenant):
    await mine.applied(await mine.sent())

    await mine.saw("on", at=2_000)

    cell = await mine.cell()
    assert (cell.confirmed_by, cell.seen_at) == (ConfirmedBy.READ, 2_000)
    assert cell.change and cell.change.status is ChangeStatus.APPLIED


async def test_what_an_answer_leaves_out_stays_as_it_was_known(mine: Tenant):
    full = Observation(ROCKET.id, "on", 500, editable=False, modified_on="2026-01-01T00:00:00Z")
    await mine.store.observe(mine.id, [full], since=1, now=500)
    since = await mine.store.revision(mine.id)

    await mine.store.observe(mine.id, [Observation(ROCKET.id, "on", 600)], since=since, now=600)

    assert (await mine.cell()).editable is False


async def test_the_end_of_a_setting_that_ends_by_itself_goes_when_it_has_ended(mine: Tenant):
    on = Observation(DEVELOPMENT.id, "on", 500, ends_at=10_000)
    await mine.store.observe(mine.id, [on], since=1, now=500)
    running = await mine.cell(DEVELOPMENT)

    await mine.saw("off", at=600, toggle=DEVELOPMENT)

    assert running.ends_at == 10_000
    assert (await mine.cell(DEVELOPMENT)).ends_at is None


async def test_a_look_that_saw_nothing_changes_nothing(mine: Tenant):
    before = await mine.rows()

    assert not (await mine.store.observe(mine.id, [], since=1, now=500)).changes
    assert await mine.rows() == before


async def test_nobody_can_be_observed_who_does_not_exist(mine: Tenant):
    with pytest.raises(NotFound):
        await mine.store.observe(CustomerId(99), [Observation(ROCKET.id, "on", 1)], since=0, now=1)
