"""`sync` and `credentials verify` as a script sees them: exit codes, and what was not read, named in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.test_commands import token_of, zone_of
from tests.integration.test_worker import emulator_of, pretend_cloudflare
from tests.support.commands import Commands, Ended
from tests.support.waiting import SAFETY_NET_S

UNKNOWN_ZONE = {"kind": "status", "status": 404, "code": 1001, "message": "Invalid zone identifier"}
REFUSED = {
    "kind": "status",
    "status": 403,
    "code": 9109,
    "message": "Unauthorized to access requested resource",
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[dict]:
    """One for all: each test has its own database, and sets its own faults."""
    with pretend_cloudflare() as described:
        yield described


@pytest.fixture
def cloudflare(emulator: dict) -> Iterator[dict]:
    yield emulator
    fault(emulator)


def fault(cloudflare: dict, *faults: dict) -> None:
    """Set these faults for ever, in place of all others."""
    body = {"clear": True, "faults": [{"times": None, **one} for one in faults]}
    url = f"{emulator_of(cloudflare)}/faults"
    httpx.post(url, json=body, timeout=SAFETY_NET_S, trust_env=False).raise_for_status()


def run(data: Path, cloudflare: dict, *words: str) -> Ended:
    """One command in this process, which spares the start of another."""
    env = {
        "CLOUDCACHE_CLOUDFLARE_URL": cloudflare["url"],
        "CLOUDCACHE_CLOUDFLARE_TOKEN": token_of(cloudflare, "user"),
    }
    return Commands(data, env)(*words)


def added(data: Path, cloudflare: dict, many: int) -> None:
    for number in range(many):
        words = ("customers", "add", f"shop-{number}", "--zone", zone_of(cloudflare, number))
        assert run(data, cloudflare, *words).code == 0


def data_of(done: Ended) -> dict:
    return json.loads(done.out)


@pytest.mark.parametrize(
    "trouble", [{"kind": "html"}, {"kind": "status", "status": 502}, {**REFUSED, "code": 10000}, REFUSED]
)
def test_sync_of_one_shop_fails_when_nothing_is_read(tmp_path: Path, cloudflare: dict, trouble: dict):
    added(tmp_path, cloudflare, 1)
    fault(cloudflare, {**trouble, "path": zone_of(cloudflare)})

    as_json = run(tmp_path, cloudflare, "sync", "shop-0", "--json")
    in_words = run(tmp_path, cloudflare, "sync", "shop-0")

    assert (as_json.code, in_words.code) == (1, 1)
    result = data_of(as_json)
    assert result["ok"] is False and result["why"]
    assert "token_refused" not in in_words.out and "Traceback" not in in_words.err


def test_sync_of_one_shop_names_the_settings_that_were_refused(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 1)
    fault(cloudflare, {**REFUSED, "zone_id": zone_of(cloudflare), "path": "/page_shield"})

    as_json = run(tmp_path, cloudflare, "sync", "shop-0", "--json")

    result = data_of(as_json)
    assert (as_json.code, result["status"], result["refused"]) == (1, "active", 1)
    (only,) = result["not_read"]
    assert only["toggle"] == "page_shield" and "9109" in only["why"]


def test_sync_of_one_shop_succeeds_when_all_is_read(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 1)

    done = run(tmp_path, cloudflare, "sync", "shop-0", "--json")

    result = data_of(done)
    assert (done.code, result["ok"], result["calls"], result["not_read"]) == (0, True, 16, [])


@pytest.mark.parametrize("remedy", [("sync", "shop-0"), ("credentials", "verify", "shop-0")])
def test_unknown_zone_is_suspended_everywhere_and_resumed_by_command(
    tmp_path: Path, cloudflare: dict, remedy: tuple[str, ...]
):
    added(tmp_path, cloudflare, 1)
    fault(cloudflare, {**UNKNOWN_ZONE, "path": zone_of(cloudflare)})

    gone = run(tmp_path, cloudflare, "sync", "shop-0", "--json")
    still = run(tmp_path, cloudflare, *remedy, "--json")
    listed = run(tmp_path, cloudflare, "customers", "list", "--json")
    shown = run(tmp_path, cloudflare, "customers", "show", "shop-0", "--json")
    reported = run(tmp_path, cloudflare, "sync", "shop-0", "--report", "--json")
    fleet = run(tmp_path, cloudflare, "sync", "--report", "--json")
    fault(cloudflare)
    doctor = run(tmp_path, cloudflare, "doctor", "--json")
    lifted = run(tmp_path, cloudflare, *remedy, "--json")
    after = run(tmp_path, cloudflare, "customers", "list", "--json")

    assert (gone.code, data_of(gone)["status"]) == (1, "gone")
    assert "1001" in data_of(gone)["why"]
    assert still.code == 1 and not data_of(still)["ok"]
    assert {data_of(one)["status"] for one in (listed, shown, reported)} == {"gone"}
    assert [one["status"] for one in data_of(fleet)["parked"]] == ["gone"]
    assert doctor.code == 1 and "suspended: gone" in doctor.out
    assert (lifted.code, data_of(after)["status"]) == (0, "active"), lifted.out


def test_sync_of_all_fails_when_a_zone_was_not_read(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 2)
    fault(cloudflare, {"kind": "status", "status": 502, "path": zone_of(cloudflare, 1)})

    failed = run(tmp_path, cloudflare, "sync", "--all", "--json")
    fault(cloudflare)
    done = run(tmp_path, cloudflare, "sync", "--all", "--json")

    assert (failed.code, done.code) == (1, 0), failed.out + done.out


def test_verify_of_the_platform_token_resumes_its_lost_zones(tmp_path: Path, cloudflare: dict):
    added(tmp_path, cloudflare, 1)
    fault(cloudflare, {**UNKNOWN_ZONE, "path": zone_of(cloudflare)})
    run(tmp_path, cloudflare, "sync", "shop-0")
    fault(cloudflare)

    done = run(tmp_path, cloudflare, "credentials", "verify", "--json")

    assert (done.code, data_of(done)["resumed"]) == (0, 1)
