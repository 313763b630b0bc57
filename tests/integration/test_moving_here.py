"""`kv-import` and `rollout` as an operator types them, against a pretend Cloudflare on a port."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.integration.test_commands import cloudflare, run, token_of, zone_of
from tests.support.waiting import SAFETY_NET_S

__all__ = ["cloudflare"]
NAMESPACE = "e" * 32
KEY = "settings:rocket_loader"


def account_of(cloudflare: dict, number: int = 0) -> str:
    return cloudflare["zones"][number]["account_id"]


def add(data: Path, cloudflare: dict, shop: str, number: int) -> None:
    added = run(data, cloudflare, "customers", "add", shop, "--zone", zone_of(cloudflare, number))
    assert added.returncode == 0, added.stderr


def value_at(cloudflare: dict, zone: str) -> str:
    token = next(one["token"] for one in cloudflare["tokens"] if one["kind"] == "user")
    url = f"{cloudflare['url']}/zones/{zone}/settings/rocket_loader"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=SAFETY_NET_S)
    return answer.json()["result"]["value"]


def test_a_file_is_looked_at_kept_written_and_then_done(tmp_path: Path, cloudflare: dict):
    add(tmp_path, cloudflare, "first", 0)
    zone = zone_of(cloudflare, 0)
    other = "off" if value_at(cloudflare, zone) == "on" else "on"
    file = tmp_path / "old.ndjson"
    told = [{"zone": zone, "value": other}, {"zone": "f" * 32, "value": "on"}, {"zone": zone}]
    file.write_text("\n".join(map(json.dumps, told)))

    looked = run(tmp_path, cloudflare, "kv-import", str(file))
    kept = run(tmp_path, cloudflare, "kv-import", str(file), "--apply", "--json")
    still = value_at(cloudflare, zone)
    wrote = run(tmp_path, cloudflare, "kv-import", str(file), "--apply", "--write", "--json")
    again = run(tmp_path, cloudflare, "kv-import", str(file), "--apply", "--write", "--json")

    assert looked.returncode == 1, "a record was refused"
    assert "Nothing was changed" in looked.stdout and "unknown zone" in looked.stdout
    assert json.loads(kept.stdout)["counts"] == {
        "same": 0,
        "differs": 1,
        "unknown_zone": 1,
        "unreadable": 0,
        "refused": 1,
        "brought_over_before": 0,
        "written": 0,
    }
    assert still != other and value_at(cloudflare, zone) == other
    assert json.loads(wrote.stdout)["records"][0]["change_status"] == "applied"
    assert json.loads(again.stdout)["records"][0]["brought_over_before"]
    assert json.loads(again.stdout)["records"][2]["line"] == 3


def test_a_namespace_is_read_through_the_api(tmp_path: Path, cloudflare: dict):
    add(tmp_path, cloudflare, "second", 1)
    zone, account = zone_of(cloudflare, 1), account_of(cloudflare, 1)
    body = {"account": account, "namespace": NAMESPACE, "key": KEY, "value": '{"value":"on"}'}
    address = f"{cloudflare['url'].removesuffix('/client/v4')}/_emulator/kv"
    assert httpx.post(address, json=body, timeout=SAFETY_NET_S).status_code == 200
    words = ("kv-import", "--zone", zone, "--account", account, "--namespace", NAMESPACE, "--json")

    read = run(tmp_path, cloudflare, *words, "--token-stdin", stdin=token_of(cloudflare, "account"))

    record = json.loads(read.stdout)["records"][0]
    assert read.returncode == 0, read.stderr
    assert record["told"] == "on" and record["result"] in ("same", "differs")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--zone", "0" * 32), "specify a file"),
        (("--zone", "0" * 32, "--account", "a", "--namespace", "b" * 32), "the account isn't an ID"),
        (("old.json", "--write"), "--apply"),
    ],
)
def test_an_order_that_is_not_clear_is_not_carried_out(
    tmp_path: Path, cloudflare: dict, words: tuple[str, ...], said: str
):
    done = run(tmp_path, cloudflare, "kv-import", *words)

    assert done.returncode == 2 and said in done.stderr


def test_the_rollout_is_set_named_and_shown(tmp_path: Path, cloudflare: dict):
    add(tmp_path, cloudflare, "third", 2)
    for words in (("set", "--percent", "0"), ("add", "third"), ("remove", "elsewhere")):
        done = run(tmp_path, cloudflare, "rollout", *words)
        assert done.returncode == 0, done.stderr

    shown = json.loads(run(tmp_path, cloudflare, "rollout", "show", "--json").stdout)
    other = run(tmp_path, cloudflare, "rollout", "show", "--environment", "production").stdout

    assert (shown["environment"], shown["percent"]) == ("local", 0)
    assert shown["served"] == ["third.myshopify.com"] and shown["waiting"] == ["elsewhere.myshopify.com"]
    assert shown["cohorts"]["served"]["customers"] == 1 and shown["cohorts"]["waiting"]["customers"] == 0
    assert "production: 100% of stores are served" in other
