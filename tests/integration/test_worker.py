"""The worker as an operator runs it: a process, a signal, another process that goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from cloudcache.adapters.telemetry import METRICS, STANDARD
from tests.integration.test_commands import ROOT, run, token_of, zone_of
from tests.support.held import held
from tests.support.ports import free_port
from tests.support.waiting import SAFETY_NET_S, wait_until

SERVE = """
from cloudcache.emulator.serve import serve
from cloudcache.emulator.world import Options, World
serve(World(Options(zones=6, audit_delay=0.0)), "127.0.0.1", 0)
"""


PATIENT_WORKER = f"""
import sys
from cloudcache import worker
worker.DRAIN_SECONDS = {SAFETY_NET_S}
sys.exit(worker.main())
"""
"""It gives what it has in hand more time than a busy machine needs to be asked how it is."""


@contextmanager
def pretend_cloudflare() -> Iterator[dict]:
    command = [sys.executable, "-c", SERVE]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(SAFETY_NET_S)
        process.stdout.close()


@pytest.fixture
def cloudflare() -> Iterator[dict]:
    with pretend_cloudflare() as described:
        yield described


@contextmanager
def worker(
    data: Path, cloudflare: dict, *, program: tuple[str, ...] = ("-m", "cloudcache", "worker"), **more: str
) -> Iterator[subprocess.Popen]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDCACHE_")}
    env |= {
        "CLOUDCACHE_DATA_DIR": str(data),
        "CLOUDCACHE_CLOUDFLARE_URL": cloudflare["url"],
        "CLOUDCACHE_CLOUDFLARE_TOKEN": token_of(cloudflare, "user"),
        **more,
    }
    process = subprocess.Popen(
        [sys.executable, *program], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SAFETY_NET_S)
        if process.stderr:
            process.stderr.close()


def added(data: Path, cloudflare: dict, many: int) -> None:
    for number in range(many):
        done = run(
            data, cloudflare, "customers", "add", f"shop-{number}", "--zone", zone_of(cloudflare, number)
        )
        assert done.returncode == 0, done.stderr


def asked(data: Path, query: str) -> int:
    address = f"file:{data / 'cloudcache.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=SAFETY_NET_S)) as connection:
        return int(connection.execute(query).fetchone()[0])


def until(data: Path, query: str, expected: int) -> None:
    wait_until(
        lambda: asked(data, query) == expected, lambda: f"{query} is {asked(data, query)}, not {expected}"
    )


READ = "SELECT count(*) FROM customer_zones WHERE full_read_at IS NOT NULL"
IN_HAND = "SELECT count(*) FROM customer_zones WHERE lease_owner IS NOT NULL"


def test_a_worker_reads_what_is_due_follows_the_log_and_drains_when_told(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 3)
    with worker(tmp_path, cloudflare) as process:
        until(tmp_path, READ, 3)
        until(tmp_path, "SELECT count(*) FROM accounts WHERE feed_status = 'on'", 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SAFETY_NET_S) == 0

    assert asked(tmp_path, IN_HAND) == 0
    report = run(tmp_path, cloudflare, "sync", "--report", "--json")
    assert json.loads(report.stdout)["ages"]["ever"] == 3


def answers(url: str, status: int = 200) -> httpx.Response:
    """What the worker's own port says, once it says so."""
    found: list[httpx.Response] = []

    def has_answered() -> bool:
        with suppress(httpx.TransportError):
            answer = httpx.get(url, trust_env=False, timeout=SAFETY_NET_S)
            found[:] = [answer] if answer.status_code == status else []
        return bool(found)

    wait_until(has_answered, lambda: url)
    return found[0]


def emulator_of(cloudflare: dict) -> str:
    return str(cloudflare["dashboard"].removesuffix("/dashboard"))


def declared_and_reported(url: str) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """Metrics that should be there, those that are, and the process's own."""
    text = answers(f"{url}/metrics").text
    declared = {one.name.removesuffix("_total"): one.kind.value for one in METRICS}
    reported = dict(re.findall(r"^# TYPE (cloudcache_\w+?)(?:_total)? (\w+)$", text, re.MULTILINE))
    return declared, reported, set(re.findall(r"^(process_\w+) ", text, re.MULTILINE))


def all_are_reported(url: str) -> bool:
    """What the database does not give within two seconds is reported by a later scrape."""
    declared, reported, _ = declared_and_reported(url)
    return declared == reported


def test_a_worker_has_a_port_of_its_own_that_tells_all_that_is_on_the_list(tmp_path: Path, cloudflare: dict):
    port = free_port()
    settings = {"CLOUDCACHE_METRICS_PORT": str(port), "CLOUDCACHE_LOG_FORMAT": "json"}
    url = f"http://127.0.0.1:{port}"
    added(tmp_path, cloudflare, 1)
    with worker(tmp_path, cloudflare, program=("-c", PATIENT_WORKER), **settings) as process:
        with held(emulator_of(cloudflare), "GET"):
            ready = answers(f"{url}/readyz").json()
            alive = answers(f"{url}/healthz").json()
            until(tmp_path, IN_HAND, 1)
            wait_until(lambda: all_are_reported(url), lambda: declared_and_reported(url))
            standard = declared_and_reported(url)[2]
            process.send_signal(signal.SIGTERM)  # it has a zone in hand, for which it is given time
            stopping = answers(f"{url}/readyz", 503).json()
        assert process.wait(SAFETY_NET_S) == 0
        lines = process.stderr.read().splitlines() if process.stderr else []

    assert standard <= set(STANDARD)
    assert (ready["status"], alive["status"]) == ("ready", "alive")
    assert stopping == {"status": "not ready", "process": "stopping"}
    assert {json.loads(line)["process"] for line in lines} == {f"worker-{process.pid}"}


def test_what_a_killed_worker_had_in_hand_is_done_by_the_next(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 3)
    with held(emulator_of(cloudflare), "GET"), worker(tmp_path, cloudflare) as first:
        wait_until(lambda: asked(tmp_path, IN_HAND) > 0)
        first.kill()
        first.wait(SAFETY_NET_S)
        leased = asked(tmp_path, IN_HAND)
    _let_leases_end(tmp_path)
    with worker(tmp_path, cloudflare):
        until(tmp_path, READ, 3)

    assert leased > 0


def _let_leases_end(data: Path) -> None:
    """A minute passes."""
    with closing(sqlite3.connect(data / "cloudcache.db", timeout=SAFETY_NET_S)) as connection, connection:
        connection.execute("UPDATE customer_zones SET lease_until = 1 WHERE lease_until IS NOT NULL")
        connection.execute("UPDATE accounts SET feed_lease_until = 1 WHERE feed_lease_until IS NOT NULL")


def test_one_zone_and_all_zones_can_be_read_by_command(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 2)
    dashboard = cloudflare["dashboard"]
    one = run(tmp_path, cloudflare, "sync", "shop-0", "--json")
    change = {
        "zone_id": zone_of(cloudflare),
        "setting": "rocket_loader",
        "value": "on",
        "actor_email": "a@b.example",
    }
    httpx.post(dashboard, json=change, timeout=SAFETY_NET_S).raise_for_status()
    again = run(tmp_path, cloudflare, "sync", "shop-0", "--json")
    everything = run(tmp_path, cloudflare, "sync", "--all", "--json")
    zone = run(tmp_path, cloudflare, "sync", "shop-0", "--report", "--json")

    assert json.loads(one.stdout)["calls"] == 16, one.stderr
    assert [change["toggle"] for change in json.loads(again.stdout)["changes"]] == ["rocket_loader"]
    assert json.loads(everything.stdout)["zones_read"] == 2, everything.stderr
    assert [change["by"] for change in json.loads(zone.stdout)["changes"]] == ["a@b.example"]


def test_a_refused_token_is_reported_and_a_new_one_mends_it(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 1)
    wrong = "cfut_" + "x" * 40
    refused = run(tmp_path, cloudflare, "sync", "--all", "--json", token=wrong)
    report = run(tmp_path, cloudflare, "sync", "--report")
    bad = run(tmp_path, cloudflare, "credentials", "verify", "--json", token=wrong)
    not_taken = run(tmp_path, cloudflare, "credentials", "add", "shop-0", stdin=f"{wrong}\n")
    good = run(tmp_path, cloudflare, "credentials", "verify", "--json")
    own = token_of(cloudflare, "account")
    taken = run(tmp_path, cloudflare, "credentials", "add", "shop-0", stdin=f"{own}\n")

    assert json.loads(refused.stdout)["parked"] == 1, refused.stderr
    assert "credentials verify" in report.stdout
    assert bad.returncode == 1 and not json.loads(bad.stdout)["ok"]
    assert not_taken.returncode == 1 and wrong not in not_taken.stderr
    assert json.loads(good.stdout)["resumed"] == 1
    assert taken.returncode == 0 and own not in taken.stdout
    assert asked(tmp_path, "SELECT count(*) FROM customer_zones WHERE credential_id IS NOT NULL") == 1


def test_a_simulation_prints_one_object(tmp_path: Path):
    words = ["simulate", "--customers", "200", "--hours", "0.5", "--plot", str(tmp_path), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "cloudcache", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SAFETY_NET_S,
    )

    figures = json.loads(done.stdout)
    assert {
        "breaches",
        "calls",
        "detection_delay_s",
        "write_wait_s",
        "age_s",
        "predicted",
        "wall_s",
        "peak_mb",
    } <= set(figures)
    assert {file.suffix for file in tmp_path.iterdir()} == {".svg"}
    assert all('href="http' not in file.read_text() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    "words", [("simulate", "--scenario", "nope"), ("simulate", "--hours", "-1"), ("sync", "x", "--all")]
)
def test_bad_options_end_with_a_clear_line(tmp_path: Path, cloudflare: dict, words: tuple[str, ...]):
    done = run(tmp_path, cloudflare, *words)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
