"""What happened by the hour, as SVG pictures that refer to nothing on any network."""

from __future__ import annotations

import sys
from pathlib import Path

import pygal
from pygal.style import CleanStyle

from cloudcache.simulation.figures import Hourly

# pygal adds an import hook with an interface that Python has dropped: every import that fails then warns.
sys.meta_path[:] = [hook for hook in sys.meta_path if type(hook).__module__ != pygal.__name__]


def draw(hourly: Hourly, folder: Path, name: str) -> list[Path]:
    """Write the pictures of a run; their files."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = {"ages": _ages(hourly), "calls": _calls(hourly), "delays": _delays(hourly)}
    files = []
    for what, chart in charts.items():
        file = folder / f"{name}-{what}.svg"
        file.write_bytes(chart.render())
        files.append(file)
    return files


def _chart(title: str, unit: str, hours: int) -> pygal.Line:
    chart = pygal.Line(
        title=title,
        x_title="hour",
        y_title=unit,
        js=(),
        style=CleanStyle,
        width=900,
        height=360,
        show_dots=False,
        show_minor_x_labels=False,
        legend_at_bottom=True,
        truncate_legend=40,
    )
    chart.x_labels = [str(hour) for hour in range(hours)]
    chart.x_labels_major = [str(hour) for hour in range(0, hours, max(1, hours // 12))]
    return chart


def _ages(hourly: Hourly) -> pygal.Line:
    chart = _chart("Age of whole reads", "hours", len(hourly.ages))
    for place, name in enumerate(("half of the zones", "95 %", "99 %", "the oldest")):
        chart.add(name, [round(row[place], 2) for row in hourly.ages])
    return chart


def _calls(hourly: Hourly) -> pygal.Line:
    hours = max((max(counts) for counts in hourly.calls.values() if counts), default=0) + 1
    chart = _chart("Calls by class, and breaches", "calls an hour", hours)
    for name, counts in sorted(hourly.calls.items()):
        chart.add(name, [counts[hour] for hour in range(hours)])
    chart.add("breaches", [hourly.breaches[hour] for hour in range(hours)])
    return chart


def _delays(hourly: Hourly) -> pygal.Line:
    hours = max(hourly.delays, default=0) + 1
    chart = _chart("From an outside change to our knowing it", "seconds", hours)
    for share in (50, 95, 99):
        spreads = [hourly.delays.get(hour) for hour in range(hours)]
        chart.add(f"p{share}", [one.at(share / 100) if one else None for one in spreads])
    return chart
