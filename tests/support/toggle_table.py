"""What each of the 50 rows says, asks and sends, for every plan, topology and direction, as a table for people.

`python -m tests.support.toggle_table` writes `tests/data/toggle-table.txt`. Plans and topologies with the same
outcome share a line, so that 1,600 combinations can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from cloudcache.domain.catalog import TOGGLES, State, Toggle, Topology, ZonePlan
from cloudcache.domain.toggle import Cell, Lock, lock
from cloudcache.emulator.catalogue import BOT_FIELDS, Plan
from cloudcache.emulator.reading import bot_fields

TABLE = Path(__file__).parents[1] / "data" / "toggle-table.txt"
TOPOLOGIES = (Topology.O2O, Topology.PROXIED, Topology.DNS_ONLY, Topology.NO_ZONE)
COMBINATIONS = len(TOGGLES) * len(State) * len(ZonePlan) * len(TOPOLOGIES)


def outcome(toggle: Toggle, wanted: State, plan: ZonePlan, topology: Topology) -> tuple[str, str, str]:
    """What the row says, whether it asks, and what is sent to Cloudflare; "-" where nothing is."""
    verdict = toggle.verdict(topology)
    cell = read_cell(toggle, plan)
    locked = lock(toggle, cell, plan, frozenset())
    if locked is Lock.PLAN:
        return f"needs {toggle.min_plan.title}", "-", "-"
    if locked is not None:
        return locked.value, "-", "-"
    asked = asking(toggle, topology, wanted)
    value = toggle.wanted(wanted, held=cell.value)
    sent = json.dumps(toggle.body(value), separators=(",", ":"))
    return verdict.effect.value.replace("_", " "), asked, f"{toggle.method} {toggle.path} {sent}"


def asking(toggle: Toggle, topology: Topology, wanted: State) -> str:
    """Whether a question comes first, and how it is answered."""
    asks = toggle.asks(topology, wanted)
    if asks is None:
        return "no"
    if asks.only_with is not None:
        return f"with {asks.only_with}"
    return "types the name" if asks.type_shop else "yes"


def read_cell(toggle: Toggle, plan: ZonePlan) -> Cell:
    """The toggle as a zone of this plan answers before anything was changed; never read where that is the same."""
    if not toggle.depends_on_zone:
        return Cell(toggle.id)
    fields = {name: BOT_FIELDS[name].initial(Plan(plan)) for name in bot_fields(Plan(plan))}
    value = toggle.extract(fields)
    if value is None:
        return Cell(toggle.id, absent_at=1)
    return Cell(toggle.id, toggle.read(value).state, value, seen_at=1)


def lines() -> Iterator[tuple[str, ...]]:
    """Toggle, direction, topologies, plans, and the outcome they share."""
    for toggle, wanted in product(TOGGLES, State):
        shared: dict[tuple[str, str, str], list[tuple[ZonePlan, Topology]]] = {}
        for plan, topology in product(ZonePlan, TOPOLOGIES):
            shared.setdefault(outcome(toggle, wanted, plan, topology), []).append((plan, topology))
        for found, where in shared.items():
            plans = "+".join(dict.fromkeys(plan.title for plan, _ in where))
            topologies = "+".join(dict.fromkeys(topology.value for _, topology in where))
            yield toggle.id, wanted.value, topologies, plans, *found


def text() -> str:
    """The whole table, its columns in line."""
    head = ("toggle", "to", "topologies", "plans", "says", "asks", "sends")
    rows = [head, *lines()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)


if __name__ == "__main__":
    TABLE.write_text(text())
