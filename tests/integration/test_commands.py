"""The commands as an operator types them, against a pretend Cloudflare on a port, where a real one would be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import SAFETY_NET_S

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cloudflare() -> Iterator[dict]:
    """What `emulator --json` says of itself: its address, tokens and zones."""
    command = [sys.executable, "-m", "cloudcache", "emulator", "--port", "0", "--zones", "5", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        assert process.wait(SAFETY_NET_S) == 0
        process.stdout.close()


def token_of(cloudflare: dict, kind: str) -> str:
    return next(one["token"] for one in cloudflare["tokens"] if one["kind"] == kind)


def run(data: Path, cloudflare: dict, *words: str, token: str | None = None, stdin: str = ""):
    """One command in a world of its own; the finished process."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDCACHE_")}
    env |= {
        "CLOUDCACHE_DATA_DIR": str(data),
        "CLOUDCACHE_CLOUDFLARE_URL": cloudflare["url"],
        "CLOUDCACHE_CLOUDFLARE_TOKEN": token or token_of(cloudflare, "user"),
    }
    command = [sys.executable, "-m", "cloudcache", *words]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SAFETY_NET_S, input=stdin
    )


def zone_of(cloudflare: dict, number: int = 0) -> str:
    return cloudflare["zones"][number]["id"]


def test_a_zone_is_added_listed_and_found_healthy(tmp_path: Path, cloudflare: dict):
    added = run(tmp_path, cloudflare, "customers", "add", "my-shop", "--zone", zone_of(cloudflare))
    listed = run(tmp_path, cloudflare, "customers", "list", "--json")
    doctor = run(tmp_path, cloudflare, "doctor", "--json")
    shown = run(tmp_path, cloudflare, "customers", "show", "my-shop", "--json")

    assert added.returncode == 0, added.stderr
    assert json.loads(listed.stdout)["shop"] == "my-shop.myshopify.com"
    report = json.loads(doctor.stdout)
    assert doctor.returncode == 0 and all(one["ok"] for one in report["findings"]), report
    assert {"database", "platform token", "my-shop.myshopify.com"} <= {
        one["subject"] for one in report["findings"]
    }
    assert json.loads(shown.stdout)["toggles"] == []


def test_a_customers_own_token_is_taken_from_standard_input_and_kept_sealed(tmp_path: Path, cloudflare: dict):
    own = token_of(cloudflare, "account")
    words = ("customers", "add", "own", "--zone", zone_of(cloudflare, 1), "--own-token")

    added = run(tmp_path, cloudflare, *words, stdin=f"{own}\n")

    assert added.returncode == 0, added.stderr
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert own.encode() not in files
    assert own not in added.stdout + added.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("customers", "add", "my shop", "--zone", "0" * 32), "not a store name"),
        (("customers", "add", "my-shop", "--zone", "xyz"), "not a zone ID"),
        (("customers", "add", "my-shop", "--zone", "f" * 32), "The token can't find a zone with this ID"),
        (("customers", "show", "nobody"), "no such customer"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, cloudflare: dict, words: tuple[str, ...], said: str):
    done = run(tmp_path, cloudflare, *words)

    assert done.returncode == 1
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_doctor_says_no_to_a_token_that_cloudflare_does_not_know(tmp_path: Path, cloudflare: dict):
    doctor = run(tmp_path, cloudflare, "doctor", token="cfut_" + "x" * 40)

    assert doctor.returncode == 1
    assert "NO" in doctor.stdout and "platform token" in doctor.stdout


def test_a_shop_is_registered_once(tmp_path: Path, cloudflare: dict):
    words = ("customers", "add", "twice", "--zone", zone_of(cloudflare, 2))
    first, second = run(tmp_path, cloudflare, *words), run(tmp_path, cloudflare, *words)

    assert first.returncode == 0 and second.returncode == 1
    assert "already exists" in second.stderr


def test_outside_local_a_missing_secret_stops_every_command_with_one_line(tmp_path: Path):
    env = {**os.environ, "CLOUDCACHE_ENVIRONMENT": "production"}
    done = subprocess.run(
        [sys.executable, "-m", "cloudcache", "doctor"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=SAFETY_NET_S,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("cloudcache: CLOUDCACHE_")
    assert len(done.stderr.strip().splitlines()) == 1
