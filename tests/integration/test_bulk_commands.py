"""`customers import`, `customers export` and `seed` as an operator types them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.support.databases import migrated_sqlite
from tests.support.waiting import SAFETY_NET_S

ROOT = Path(__file__).resolve().parents[2]
SECRET = "cfut_secret_of_a_customer_0123456789"
ROWS = 20_000

KILLED = """
import os, signal, sys
from cloudcache.services import onboarding
onboarding.STORED_AT_ONCE = 500
stored = onboarding.Onboarding.carry_out
async def carry_out(self, actor, plan, source, tell):
    def told(done):
        if done >= 1_500:
            os.kill(os.getpid(), signal.SIGKILL)
        tell(done)
    return await stored(self, actor, plan, source, told)
onboarding.Onboarding.carry_out = carry_out
from cloudcache.cli import app
app()
"""
"""The same program, which ends in the middle as if the machine had."""


def run(data: Path, *words: str, program: tuple[str, ...] = ("-m", "cloudcache"), **settings: str):
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDCACHE_")}
    env |= {"CLOUDCACHE_DATA_DIR": str(data), "CLOUDCACHE_CLOUDFLARE_URL": "http://127.0.0.1:9/client/v4"}
    command = [sys.executable, *program, *words]
    return subprocess.run(
        command, cwd=ROOT, env=env | settings, capture_output=True, text=True, timeout=SAFETY_NET_S
    )


def listed(file: Path, count: int) -> Path:
    rows = (f"shop-{number},{number:032x},{SECRET if number == 0 else ''}\n" for number in range(count))
    file.write_text("shop,zone_id,token\n" + "".join(rows))
    return file


def stored(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / "cloudcache.db")) as connection:
        return [row[0] for row in connection.execute("SELECT shop FROM customer_zones ORDER BY customer_id")]


def test_an_import_tells_what_it_did_and_writes_down_what_it_refused(tmp_path: Path):
    data, file = tmp_path / "data", listed(tmp_path / "list.csv", 50)
    right = file.read_text()
    file.write_text(right + f"my shop,{'f' * 32},\nshop-1,{'e' * 32},\n")

    tried = run(data, "customers", "import", str(file), "--dry-run", "--json")
    assert stored(data) == []
    done = run(data, "customers", "import", str(file), "--json")
    told = json.loads(done.stdout)
    written = Path(told["errors_file"]).read_text()
    file.write_text(right)
    mended = run(data, "customers", "import", str(file))

    assert json.loads(tried.stdout)["new"] == 50 and json.loads(tried.stdout)["stored"] == 0
    assert (told["rows"], told["stored"], told["already_there"], told["refused"]) == (52, 50, 0, 2)
    errors = list(csv.DictReader(written.splitlines()))
    assert [(one["line"], one["field"]) for one in errors] == [("52", "shop"), ("53", "shop")]
    assert SECRET not in done.stdout + done.stderr + written
    assert (done.returncode, mended.returncode) == (1, 0)
    assert "50 already existed, 0 refused" in mended.stdout
    assert not Path(told["errors_file"]).exists(), "it would tell of what is mended"


def test_what_is_no_list_is_one_clear_line(tmp_path: Path):
    (tmp_path / "list.csv").write_text("name,zone\n")

    done = run(tmp_path / "data", "customers", "import", str(tmp_path / "list.csv"))

    assert done.returncode == 1
    assert done.stderr == "cloudcache: the first line must name the columns; shop is missing\n"


def test_killed_in_the_middle_it_goes_on_and_doubles_nothing(tmp_path: Path):
    data, file = tmp_path / "data", listed(tmp_path / "list.csv", ROWS)

    killed = run(data, "customers", "import", str(file), program=("-c", KILLED))
    assert killed.returncode == -signal.SIGKILL
    assert len(stored(data)) == 1_500
    done = run(data, "customers", "import", str(file), "--json")

    told = json.loads(done.stdout)
    assert (told["already_there"], told["stored"]) == (1_500, ROWS - 1_500)
    assert stored(data) == [f"shop-{number}.myshopify.com" for number in range(ROWS)]


def test_an_export_is_a_file_that_an_import_takes(tmp_path: Path):
    data, file = tmp_path / "data", listed(tmp_path / "list.csv", 5)
    run(data, "customers", "import", str(file))

    to_file = run(data, "customers", "export", str(tmp_path / "all.csv"))
    to_script = run(data, "customers", "export", "--json")
    again = run(data, "customers", "import", str(tmp_path / "all.csv"), "--json")

    assert to_file.returncode == 0 and to_file.stdout == ""
    assert [json.loads(line)["zone_id"] for line in to_script.stdout.splitlines()] == [
        f"{number:032x}" for number in range(5)
    ]
    assert json.loads(again.stdout)["already_there"] == 5
    assert SECRET not in (tmp_path / "all.csv").read_text() + to_script.stdout


def test_a_crowd_is_seeded_and_known_to_the_pretend_cloudflare(tmp_path: Path):
    built_in = {"CLOUDCACHE_CLOUDFLARE_URL": "emulator"}

    first = run(tmp_path, "seed", "--customers", "300", "--json", **built_in)
    read = run(tmp_path, "sync", "demo-000299", **built_in)

    assert json.loads(first.stdout) == {"customers": 300, "stored": 300, "already_there": 0}
    assert read.returncode == 0, read.stderr


def test_outside_the_local_environment_there_is_no_crowd(tmp_path: Path):
    database = shutil.copy(migrated_sqlite(), tmp_path / "production.db")
    done = run(
        tmp_path,
        "seed",
        "--customers",
        "1",
        CLOUDCACHE_ENVIRONMENT="production",
        CLOUDCACHE_DATABASE_URL=f"sqlite:///{database}",
        CLOUDCACHE_SECRET_KEYS="0123456789abcdefghijklmnopqrstuvwxyz",
        CLOUDCACHE_PUBLIC_URL="https://app.example",
        CLOUDCACHE_SHOPIFY_CLIENT_ID="app",
        CLOUDCACHE_SHOPIFY_CLIENT_SECRET="0123456789abcdefghij",
    )

    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        "cloudcache: demo customers are for the local environment only"
    ]
