"""`docs/security.md` names tests; each is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`((?:tests/[\w/]+/)?\w+\.py)`")


def threats() -> list[list[str]]:
    """The rows of the threat table: threat, wall, second wall, test."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.split("## Threats, walls, tests")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line
    ]
    return rows[2:]


def test_every_threat_has_a_wall_and_names_a_test_that_exists():
    known = {str(one.relative_to(ROOT)) for one in (ROOT / "tests").rglob("*.py")}
    names = {Path(one).name for one in known}

    assert len(threats()) >= 20
    for threat, wall, _, tests in threats():
        found = NAMED.findall(tests)
        assert threat and wall and found, f"{threat}: no test is named"
        for name in found:
            assert name in (known if "/" in name else names), f"{threat}: {name} is not there"
