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
from cloudcache.domain.catalog.rules import conflict
from cloudcache.domain.toggle import Cell, lock

TABLE = Path(__file__).parents[1] / "data" / "toggle-table.txt"
TOPOLOGIES = (Topology.O2O, Topology.PROXIED, Topology.DNS_ONLY, Topology.NO_ZONE)
COMBINATIONS = len(TOGGLES) * len(State) * len(ZonePlan) * len(TOPOLOGIES)


def outcome(toggle: Toggle, wanted: State, plan: ZonePlan, topology: Topology) -> tuple[str, str, str]:
    """What the row says, whether it asks, and what is sent to Cloudflare; "-" where nothing is."""
    verdict = toggle.verdict(topology)
    locked = lock(toggle, Cell(toggle.id), plan, frozenset())
    if locked is not None:
        return f"needs {toggle.min_plan.title}", "-", "-"
    if why := conflict(toggle, wanted, plan, lambda _: None):
        return why, "-", "-"
    asks = toggle.asks(topology, wanted)
    asked = "no" if asks is None else "types the name" if asks.type_shop else "yes"
    sent = json.dumps(toggle.body(toggle.wanted(wanted)), separators=(",", ":"))
    return verdict.effect.value.replace("_", " "), asked, f"{toggle.method} {toggle.path} {sent}"


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
