"""The server is killed, the database is locked or wrong: what a person sees, and that nothing is lost."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Demo, picture
from tests.support.server import restartable_app, running_app
from tests.support.waiting import http_client

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def switch(page, name: str):
    return page.get_by_role("switch", name=name, exact=True)


def row(page, name: str):
    return page.get_by_role("article", name=name, exact=True)


async def test_killed_with_a_page_open_it_says_so_and_is_right_after_the_restart(browser: Browser):
    with restartable_app({"CLOUDCACHE_WATCH_SECONDS": "5"}) as server:
        demo = Demo(server.app)
        page = await demo.open(browser, "maple-lane")
        await demo.settled(page)
        await page.evaluate("window.notReloaded = true")
        hints, http3 = switch(page, "Early Hints"), switch(page, "HTTP/3 (QUIC)")
        hints_before = await hints.get_attribute("aria-checked")
        http3_before = await http3.get_attribute("aria-checked")
        await hints.click()
        await expect(row(page, "Early Hints")).to_contain_text("Confirmed")

        await asyncio.to_thread(server.kill)
        await expect(page.get_by_text("You’re offline")).to_be_visible()
        await http3.click(force=True)  # a switch that reports that it is disabled
        await picture(page, "lost")
        await asyncio.to_thread(server.start)

        await expect(page.get_by_text("You’re offline")).to_be_hidden()
        assert await page.evaluate("window.notReloaded") is True
        await expect(hints).not_to_have_attribute("aria-checked", hints_before or "")
        await expect(http3).to_have_attribute("aria-checked", http3_before or "")
        await http3.click()
        await expect(row(page, "HTTP/3 (QUIC)")).to_contain_text("Confirmed")
        assert await demo.value("maple-lane", "early_hints") == ("off" if hints_before == "true" else "on")


async def test_killed_in_the_middle_of_a_write_the_flip_is_settled_after_the_restart(browser: Browser):
    with restartable_app({"CLOUDCACHE_WATCH_SECONDS": "3600"}) as server:
        demo = Demo(server.app)
        page = await demo.open(browser, "maple-lane")
        await demo.settled(page)
        before = await demo.value("maple-lane", "early_hints")
        fault = {"kind": "slow", "delay": 3600, "method": "PATCH", "times": 1}
        async with http_client() as client:
            set_ = await client.post(f"{demo.url}/cloudflare/_emulator/faults", json=fault)
        assert set_.status_code == 200, set_.text
        other = await demo.open(browser, "maple-lane")
        await switch(page, "Early Hints").click()
        await expect(row(other, "Early Hints")).to_contain_text("Turning")  # so it is stored

        await asyncio.to_thread(server.kill)
        _end_all_leases(server.app.data_dir / "cloudcache.db")
        await asyncio.to_thread(server.start)

        await expect(row(page, "Early Hints")).to_contain_text("Confirmed")
        assert await demo.value("maple-lane", "early_hints") == ("off" if before == "on" else "on")


def _end_all_leases(file: Path) -> None:
    """As if the minute that a dead process's lease lasts had passed."""
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE changes SET lease_until = 1 WHERE status = 'pending'")
    connection.close()


async def test_a_locked_database_refuses_the_flip_in_words_and_works_again_afterwards(browser: Browser):
    with running_app({"CLOUDCACHE_WATCH_SECONDS": "3600"}) as app:
        demo = Demo(app)
        page = await demo.open(browser, "maple-lane")
        await demo.settled(page)
        before = await switch(page, "Early Hints").get_attribute("aria-checked")
        lock = sqlite3.connect(app.data_dir / "cloudcache.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")

        await switch(page, "Early Hints").click()
        await expect(row(page, "Early Hints")).to_contain_text("Couldn’t save. Try again.")
        await expect(switch(page, "Early Hints")).to_have_attribute("aria-checked", before or "")
        lock.rollback()
        lock.close()
        await switch(page, "Early Hints").click()

        await expect(row(page, "Early Hints")).to_contain_text(re.compile("Confirmed"))
        assert "locked" in app.log_text()


@pytest.mark.parametrize("trouble", ["other migration", "no folder", "not a database"])
async def test_a_database_that_cannot_be_used_leaves_the_process_up_and_says_why(
    trouble: str, tmp_path: Path
):
    file = tmp_path / "cache.db"
    if trouble == "other migration":
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            connection.execute("INSERT INTO alembic_version VALUES ('from-the-future')")
        connection.close()
    elif trouble == "not a database":
        file.write_bytes(b"this is no database at all" * 100)
    else:
        file = tmp_path / "missing" / "cache.db"

    with running_app({"CLOUDCACHE_DATABASE_URL": f"sqlite:///{file}"}) as app:
        async with http_client(base_url=app.url) as client:
            alive, ready = await client.get("/healthz"), await client.get("/readyz")
            shop = {"shop": "maple-lane"}
            origin = {"Origin": f"http://localhost:{app.port}"}
            signin = await client.post("/local/session", data=shop, headers=origin)

    assert alive.status_code == 200
    assert ready.status_code == 503 and "database" in ready.json()
    assert signin.status_code == 503 and "database" in signin.text
    assert "Traceback" not in app.log_text() if app.log.exists() else True
