"""What is remembered over a restart, a killed process included."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloudcache.emulator.audit import Deed
from cloudcache.emulator.generated import PLATFORM
from cloudcache.emulator.options import Options
from cloudcache.emulator.tokens import Token
from cloudcache.emulator.wire import moment
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.support.waiting import SAFETY_NET_S
from tests.unit.emulator.stage import ACCOUNT, FREE, PRO, TOKEN, Caller, populate

ROOT = Path(__file__).parents[3]


def test_the_folder_of_the_file_is_made(tmp_path: Path, clock: FakeClock) -> None:
    open_world(tmp_path / "deep" / "down" / "state.db", clock).close()

    assert (tmp_path / "deep" / "down" / "state.db").exists()


opened: list[World] = []


@pytest.fixture(autouse=True)
def close_worlds() -> Iterator[None]:
    """Close every world that a test opened; closing one twice does nothing."""
    yield
    while opened:
        opened.pop().close()


def open_world(path: Path, clock: FakeClock) -> World:
    opened.append(World(Options(zones=100, accounts=2, address_per_second=0), clock=clock.now_s, path=path))
    return opened[-1]


def test_file_that_is_no_database_is_closed_again(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database at all" * 100)
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **more: made.append(connect(*given, **more)) or made[0]
    )

    with pytest.raises(sqlite3.DatabaseError):
        open_world(tmp_path / "state.db", clock)

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[0].execute("SELECT 1")


def test_changes_and_their_times_survive(tmp_path: Path, clock: FakeClock) -> None:
    world = open_world(tmp_path / "state.db", clock)
    populate(world)
    changed_on = Caller(world).set("polish", "lossy").result["modified_on"]
    world.close()
    clock.move_s(3600)

    again = open_world(tmp_path / "state.db", clock)

    assert again.value(PRO, "polish") == "lossy"
    assert Caller(again).setting("polish")["modified_on"] == changed_on


def test_a_change_that_the_audit_logs_never_hear_of_survives_too(tmp_path: Path, clock: FakeClock) -> None:
    world = open_world(tmp_path / "state.db", clock)
    populate(world)
    world.automatic_ssl_scan(PRO)
    world.close()

    again = open_world(tmp_path / "state.db", clock)

    assert again.value(PRO, "ssl") == "strict"
    assert list(again.trail) == []


def test_what_is_added_again_does_not_overwrite_what_is_remembered(tmp_path: Path, clock: FakeClock) -> None:
    for value in ("lossless", "off"):
        world = open_world(tmp_path / "state.db", clock)
        populate(world)
        world.add_zone("c" * 32, "given.example", ACCOUNT, "pro", {"polish": "lossy", "webp": "on"})
        expected = "lossy" if value == "lossless" else "lossless"
        assert world.value("c" * 32, "polish") == expected
        assert world.value("c" * 32, "webp") == "on"
        world.dashboard_change("c" * 32, "polish", value, actor_email="mia@example.com")
        world.close()


def test_zones_tokens_and_generated_zones_are_there_without_being_added_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    world = open_world(tmp_path / "state.db", clock)
    populate(world)
    generated_zone = world.directory.generated.zone_id(42)
    world.dashboard_change(generated_zone, "fonts", "on", actor_email="mia@example.com")
    world.close()

    again = open_world(tmp_path / "state.db", clock)

    assert again.value(generated_zone, "fonts") == "on"
    assert [zone["name"] for zone in Caller(again).get("/zones?name=free.example").results] == [
        "free.example"
    ]
    assert generated_zone in {zone.id for zone in again.with_zones()}


def test_a_revoked_token_stays_revoked(tmp_path: Path, clock: FakeClock) -> None:
    world = open_world(tmp_path / "state.db", clock)
    populate(world)
    generated = world.directory.generated.token("account", 1)
    world.revoke_token(TOKEN)
    world.revoke_token(generated)
    world.close()

    again = open_world(tmp_path / "state.db", clock)
    populate(again)

    assert again.token(TOKEN) is None
    assert again.token(generated) is None
    assert again.token(again.directory.generated.token("user", PLATFORM)) is not None


def test_the_audit_trail_survives_and_goes_on(tmp_path: Path, clock: FakeClock) -> None:
    for name in ("polish", "webp"):
        world = open_world(tmp_path / "state.db", clock)
        populate(world)
        world.dashboard_change(PRO, name, world.value(PRO, name), actor_email="mia@example.com")
        Caller(world).send("PUT", f"/zones/{FREE}/bot_management", {"fight_mode": True, "enable_js": True})
        world.close()
        clock.move_s(1)

    caller = Caller(open_world(tmp_path / "state.db", clock))
    times = f"since={moment(clock.now_s() - 60)}&before={moment(clock.now_s())}"

    assert len(caller.get(f"/accounts/{ACCOUNT}/logs/audit?{times}").results) == 4
    older = [
        entry["metadata"] for entry in caller.get(f"/accounts/{ACCOUNT}/audit_logs?direction=asc").results
    ]
    assert [entry["name"] for entry in older if isinstance(entry, dict)] == [
        "polish",
        "bot_management.fight_mode",
        "bot_management.enable_js",
        "webp",
        "bot_management.fight_mode",
        "bot_management.enable_js",
    ]


def test_no_token_is_written_to_the_file(tmp_path: Path, clock: FakeClock) -> None:
    world = open_world(tmp_path / "state.db", clock)
    populate(world)
    Caller(world).set("polish", "lossy")
    world.close()

    assert TOKEN.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_records_that_are_none_are_not_believed() -> None:
    with pytest.raises(ValueError, match="not a token"):
        Token.from_record({"kind": "user", "status": "asleep"})
    with pytest.raises(ValueError, match="uri"):
        Deed.from_record({"uri": "/zones", "actor": None, "alterations": []})


KILLED = """
import os, signal, sys
from pathlib import Path
from cloudcache.emulator.world import World
world = World(path=Path(sys.argv[1]))
world.add_account("mine", "Mine")
world.add_zone("c" * 32, "mine.example", "mine", "pro")
world.dashboard_change("c" * 32, "polish", "lossy", actor_email="mia@example.com")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_has_kept_what_it_did(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "state.db"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], env=environment, check=False, timeout=SAFETY_NET_S
    )
    with closing(World(clock=clock.now_s, path=path)) as world:
        assert killed.returncode == -signal.SIGKILL
        assert world.value("c" * 32, "polish") == "lossy"
        assert len(list(world.trail)) == 1
