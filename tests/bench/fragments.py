"""`docs/benchmarks.md` from its parts: a file for each, so that one can be measured anew without the others.

Each part says when it was measured and how busy the machine was just before; the load of the last minute on two idle
cores is below 0.5, and a run that began above `QUIET` is marked, for it says more about the neighbours than about us.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tests.bench.report import Section

DOCS = Path(__file__).resolve().parents[2] / "docs"
TARGET = DOCS / "benchmarks.md"
PARTS = DOCS / "benchmarks"
QUIET = 1.5


def write(name: str, sections: Sequence[Section], load: float, folder: Path = PARTS) -> None:
    """Replace one part."""
    folder.mkdir(parents=True, exist_ok=True)
    busy = (
        "" if load <= QUIET else " **The machine was busy with other things: do not compare these figures.**"
    )
    measured = f"*Measured on {date.today().isoformat()}; load average before: {load:.1f}.*{busy}\n"
    text = "\n".join(section.markdown().rstrip("\n") + "\n" for section in sections)
    heading, _, rest = text.partition("\n")
    (folder / f"{name}.md").write_text(f"{heading}\n\n{measured}{rest}")


def assemble(names: Sequence[str], folder: Path = PARTS, target: Path = TARGET) -> None:
    """Put the parts that there are together, in this order."""
    parts = [folder / f"{name}.md" for name in names]
    head = [
        "# Benchmarks",
        "",
        f"Written by `make bench`, part by part (`python -m tests.bench NAME`), on {machine()}; server, clients, "
        "browser and pretend Cloudflare all share that machine. Compare ratios before absolute times.",
        "",
    ]
    target.write_text("\n".join(head) + "\n" + "\n".join(one.read_text() for one in parts if one.exists()))


def machine() -> str:
    """What the figures are taken on."""
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {platform.system()}"
