"""No test measures the machine: what may wait, where, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.waits import waits

TESTS = Path(__file__).resolve().parents[1]
MEASURING = {"bench", "cluster", "load"}
"""Programs that people start to measure something, and what they are made of."""

ALLOWED = {
    ("support/postgres.py", "_wait"): "ends at the safety net",
    ("support/server.py", "_wait_for"): "ends at the safety net",
    ("unit/emulator/test_emulated_faults.py", "client"): "Cloudflare and its client wait by a virtual clock",
    ("support/waiting.py", "wait_until"): "asks another process again, and ends at the safety net",
    ("support/waiting.py", "until"): "asks another process again",
}


def sources() -> dict[str, str]:
    """The code of all tests and of what supports them."""
    files = (one for one in TESTS.rglob("*.py") if one.relative_to(TESTS).parts[0] not in MEASURING)
    return {str(one.relative_to(TESTS)): one.read_text() for one in files}


def test_no_outcome_depends_on_how_busy_the_machine_is():
    found = {
        (name, wait.function): f"{name}:{wait.line} {wait.why}"
        for name, source in sources().items()
        for wait in waits(source)
    }

    assert [what for where, what in sorted(found.items()) if where not in ALLOWED] == []


def test_allowed_waits_are_still_there():
    found = {(name, wait.function) for name, source in sources().items() for wait in waits(source)}

    assert ALLOWED.keys() <= found


@pytest.mark.parametrize(
    "line",
    [
        "time.sleep(0.1)",
        "asyncio.sleep(delay)",
        "page.wait_for_timeout(200)",
        "asyncio.timeout(20)",
        "asyncio.wait_for(work, 5)",
        "process.wait(15)",
        "thread.join(10)",
        "subprocess.run(words, timeout=30)",
        "pytest.mark.timeout(30)",
        "httpx.AsyncClient(trust_env=False)",
        "httpx.get(url)",
        "time.perf_counter()",
        "asyncio.get_running_loop().time()",
        "settings(deadline=200)",
        "settings(suppress_health_check=[HealthCheck.filter_too_much])",
        "started.wait(SOON)",
    ],
)
def test_wait_that_depends_on_the_machine_is_found(line: str):
    assert [one.function for one in waits(f"SOON = 5\ndef test():\n    {line}")] == ["test"]


@pytest.mark.parametrize(
    "line",
    [
        "asyncio.sleep(0)",
        "clock.sleep(5)",
        "asyncio.timeout(SAFETY_NET_S)",
        "process.wait(SAFETY_NET_S)",
        "subprocess.run(words, timeout=60)",
        "httpx.AsyncClient(transport=transport)",
        "httpx.get(url, timeout=SAFETY_NET_S)",
        "httpx.AsyncClient(**options)",
        "settings(deadline=None)",
        "event.wait()",
    ],
)
def test_wait_for_an_event_is_not_complained_of(line: str):
    assert waits(f"def test():\n    {line}") == []
