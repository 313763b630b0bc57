"""The load client understands what a server sends, and a small crowd finds everything right."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bench import fragments
from tests.bench.report import Section
from tests.load import hanging
from tests.load.crowd import NUMBER, Crowd
from tests.load.page import UPDATE, Lost, Page, mentions, row_is
from tests.load.processes import cost, family
from tests.load.stage import embedded

STATE = "reflex___state____state.cloudcache___ui___states___grid____grid"


def update(**changed: str) -> str:
    inside = ",".join(f'"{name}_rx_state_":"{value}"' for name, value in changed.items())
    return f'{UPDATE}["event",{{"delta":{{"{STATE}":{{{inside}}}}}}}]'


def test_a_page_knows_its_rows_and_whose_it_is():
    page = Page("mine.myshopify.com", "")

    page.take(update(r0="Ctp07gs", r12="qtp07gs", shop="mine.myshopify.com", query="r7"))

    assert (page.rows[0], page.rows[12], page.rows[7]) == ("C", "q", "")
    assert page.shop == "mine.myshopify.com" and not page.is_ready


async def test_who_waits_for_a_frame_is_told_once_it_is_there():
    page = Page("mine.myshopify.com", "")
    row, text = page.expect(row_is(3, "Pp")), page.expect(mentions('"query_rx_state_":"tls"'))

    page.take(update(r3="ctp07gs"))
    assert not row.done() and not text.done()
    page.take(update(r3="Ptp07gs"))
    assert row.done() and not text.done()
    page.take(update(query="tls"))
    assert text.done() and row.result() <= text.result()


async def test_who_waits_on_a_socket_that_ends_is_told_so():
    page = Page("mine.myshopify.com", "")
    waiting = page.expect(row_is(0, "C"))

    page.on_ws_disconnected(page._transport)

    with pytest.raises(Lost):
        await waiting
    with pytest.raises(Lost):
        page.send("clear")


def test_a_part_of_the_report_is_replaced_and_the_others_stay(tmp_path: Path):
    target = tmp_path / "report.md"
    for name, cell, load in (("one", "1", 0.1), ("two", "2", 0.1), ("one", "3", 9.0)):
        section = Section(f"Part {name}", "How.", ["a"], [(cell,)])
        fragments.write(name, [section], load, tmp_path)
    fragments.assemble(["two", "missing", "one"], tmp_path, target)

    text = target.read_text()
    assert text.index("## Part two") < text.index("## Part one")
    assert "| 2 |" in text and "| 3 |" in text and "| 1 |" not in text
    assert text.count("The machine was busy") == 1


@pytest.mark.browser
def test_a_small_crowd_loads_looks_and_flips():
    with embedded(10, accounts=2, latency=0) as stage:
        asyncio.run(_crowd_of_twenty(Crowd.of(stage, 20)))
        assert cost(family(stage.app.pid)).rss > 0


@pytest.mark.browser
def test_tabs_that_hang_leave_every_event_of_the_others_answered_and_can_be_reloaded():
    with embedded(12, accounts=10, latency=0, first=hanging.NEVER_RETURNS) as stage:
        found = asyncio.run(hanging.run(stage, 24, silent=3, seconds=1, events=40, flips=8))

    assert (found.hanging, found.lost) == (10, 0)
    assert found.reload_ms > 0


async def _crowd_of_twenty(crowd: Crowd) -> None:
    arrival = await crowd.arrive()
    assert arrival.failed == 0
    assert all(page.shop == page.wanted_shop for page in crowd.grids) and len(crowd.grids) == 19

    times = await crowd.live(1, events=40, flips=8)
    assert [name for name, one in times.items() if one.lost] == []
    assert times["confirmed"].taken and times["search"].taken

    hot = [page for page in crowd.grids if page.wanted_shop == crowd.pages[0].wanted_shop]
    await asyncio.gather(*(page.until(row_is(NUMBER["fonts"], "cCrR")) for page in hot))
    assert len({page.rows[NUMBER["fonts"]].lower() for page in hot}) == 1
    crowd.close()
