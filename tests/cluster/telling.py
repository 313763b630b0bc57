"""The outcome of the show, in a table and a few lines; every figure is what was counted."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.cluster.kills import Outcome
from tests.cluster.sessions import BACK, CUT_OFF, DONE, LATE, REFUSED_CLICK, REPLACED, Record

CLICKS = {
    DONE: "done",
    REFUSED_CLICK: "refused",
    REPLACED: "replaced",
    CUT_OFF: "cut off",
    LATE: "over 10 s",
}


def tell(out: Console, outcome: Outcome) -> None:
    """Print it."""
    out.print(_table(outcome))
    out.print(f"wishes in the journal: {outcome.statuses}; open after the show: {outcome.open_wishes}")
    out.print(
        f"after the last click: no wish open after {outcome.quiet_after_s:.1f} s, "
        f"every open page true after {outcome.true_after_s:.1f} s"
    )
    out.print(f"toggles compared at Cloudflare, in the cache and on a fresh page: {outcome.compared}")
    for problem in (*outcome.wrong, *outcome.faults):
        out.print(f"[red]WRONG[/] {problem}")
    out.print("all is well" if outcome.is_fine else "[red]not all is well[/]")


def _table(outcome: Outcome) -> Table:
    """What happened between one death and the next."""
    clicks = [f"clicks {name}" for name in CLICKS.values()]
    table = Table("killed -9", *clicks, "median s", "pages back", "median s", "longest s", box=None)
    ends = [at for at, _ in outcome.killed[1:]] + [float("inf")]
    for (began, name), end in zip(outcome.killed, ends, strict=True):
        phase = Record(happened=[one for one in outcome.record.happened if began <= one.at < end])
        back = phase.all_of(BACK)
        counts = [str(len(phase.all_of(what))) for what in CLICKS]
        longest = f"{back[-1]:.1f}" if back else ""
        table.add_row(name, *counts, _middle(phase.all_of(DONE)), str(len(back)), _middle(back), longest)
    return table


def _middle(seconds: list[float]) -> str:
    return f"{seconds[len(seconds) // 2]:.2f}" if seconds else ""
