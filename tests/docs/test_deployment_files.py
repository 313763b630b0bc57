"""The files under docs/deployment fit the program: what they copy, start and set is there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.support.documents import ROOT
from tests.support.ports import free_port
from tests.support.server import build_once
from tests.support.waiting import SAFETY_NET_S, wait_until

FOLDER = ROOT / "docs" / "deployment"
PLACE = "/opt/cloudcache"
SILENCE_S = 25 + 120
"""After so long at most the server gives up a page that does not answer its ping."""


def instructions() -> list[tuple[str, str]]:
    """The container file's, each with what follows it."""
    text = re.sub(r"\\\n\s*", " ", (FOLDER / "Containerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def last_stage() -> list[tuple[str, str]]:
    given = instructions()
    return given[max(at for at, one in enumerate(given) if one[0] == "FROM") :]


def copied(stage: list[tuple[str, str]]) -> Iterator[str]:
    """What a stage takes from the repository."""
    for word, rest in stage:
        if word == "COPY" and not rest.startswith("--from"):
            yield from rest.split()[:-1]


def command() -> list[str]:
    return json.loads(dict(last_stage())["CMD"])


def test_the_container_takes_what_there_is():
    sources = list(copied(instructions()))

    assert sources and [one for one in sources if not (ROOT / one).exists()] == []


def test_nothing_that_is_copied_is_left_out_of_the_build():
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    tops = {one.split("/")[0] for one in copied(instructions())}

    assert tops & set(ignored) == set() and not any(one.startswith(".") for one in tops)


def test_what_is_copied_serves_with_the_containers_command(tmp_path: Path):
    """Only that, with neither Bun nor Node to be found."""
    for name in copied(last_stage()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(build_once(), tmp_path / ".web")
    port = free_port()
    words = [str(port) if word == "8000" else word for word in command()]
    words[0] = str(Path(sys.executable).with_name(words[0]))
    given = {"CLOUDCACHE_DATA_DIR": str(tmp_path / "data"), "PATH": "/nonexistent", "HOME": str(tmp_path)}
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(words, cwd=tmp_path, env=given, stdout=output, stderr=output)
    try:
        assert _answer(port, "/healthz", process) == '{"status": "alive"}', log.read_text()
        assert "<html" in _answer(port, "/", process), log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(SAFETY_NET_S)
    assert ended == 0, log.read_text()


def _answer(port: int, path: str, process: subprocess.Popen[bytes]) -> str:
    """As soon as there is one; nothing when the process has ended."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    found: list[str] = []

    def has_answered_or_ended() -> bool:
        with (
            contextlib.suppress(OSError),
            direct.open(f"http://127.0.0.1:{port}{path}", timeout=SAFETY_NET_S) as answer,
        ):
            found.append(str(answer.read().decode()))
        return bool(found) or process.poll() is not None

    wait_until(has_answered_or_ended, lambda: f"{path} is not answered")
    return found[0] if found else ""


def test_a_unit_starts_what_the_container_starts():
    units = {one.name: one.read_text() for one in (FOLDER / "systemd").iterdir()}
    web = re.search(r"^ExecStart=(.*)$", units["cloudcache-web@.service"], re.MULTILINE)

    assert web is not None
    words = (
        web.group(1).replace(f"{PLACE}/.venv/bin/", "").replace("%i", "8000").replace("127.0.0.1", "0.0.0.0")
    )
    assert words.split() == command()
    paths = [one for text in units.values() for one in re.findall(rf"{PLACE}/([\w./-]+)", text)]
    assert [one for one in paths if not one.startswith(".venv/") and not (ROOT / one).exists()] == []


def test_compose_names_what_there_is():
    loaded = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    services = loaded["services"]

    assert {"database", "redis", "migrate", "web-1", "web-2", "worker", "proxy"} == set(services)
    for name, one in services.items():
        assert "image" in one, name
        assert set(one.get("depends_on", [])) <= set(services), name
        for volume in one.get("volumes", []):
            source = volume.split(":")[0]
            known = source in loaded["volumes"] or source == "./tls" or (FOLDER / source).exists()
            assert known, (name, source)
    build = services["migrate"]["build"]
    assert ((FOLDER / build["context"]).resolve() / build["dockerfile"]).exists()
    assert services["worker"]["command"] == ["python", "-m", "cloudcache", "worker"]


def test_each_variable_of_the_files_is_a_setting():
    sources = "\n".join(one.read_text() for one in (ROOT / "cloudcache").rglob("*.py"))
    names = re.findall(r"\bCLOUDCACHE_[A-Z_]+\b", "\n".join(one.read_text() for one in FOLDER.glob("*env*")))

    assert names and [one for one in names if one not in sources] == []


def test_proxies_wait_longer_than_a_page_may_be_silent():
    nginx = (FOLDER / "nginx.conf").read_text()
    timeouts = [int(one) for one in re.findall(r"proxy_(?:read|send)_timeout\s+(\d+)s;", nginx)]

    assert len(timeouts) == 2 and min(timeouts) > SILENCE_S
    for path in ("/metrics", "/readyz", "/_health"):
        assert path in nginx and path in (FOLDER / "Caddyfile").read_text()


def test_waiting_for_a_process_ends_with_what_is_wrong():
    """A port that nobody has is asked until the time is over; the script's own limit is cut short here."""
    source = (FOLDER / "wait_ready.py").read_text().replace("SECONDS = 50", "SECONDS = 0.1")
    told = subprocess.run(
        [sys.executable, "-c", source, str(free_port())],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=SAFETY_NET_S,
    )

    assert told.returncode == 1 and "not ready after" in told.stderr
