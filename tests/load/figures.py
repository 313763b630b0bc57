"""One run with so many sessions, from the first connection to the last figure."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from tests.bench.report import percentile
from tests.load.crowd import Crowd, Times, lag
from tests.load.processes import cost, load_average
from tests.load.stage import Stage

EVENTS = ("search", "section", "history", "pending")


@dataclass
class Figures:
    """What one run measured; times in milliseconds, sizes in kilobytes of 1,024 bytes."""

    sessions: int
    came: int
    load_average: float
    connects_per_s: float
    connect_cpu_ms: float
    load_p99_ms: float
    kb_per_session: float
    pss_kb_per_session: float
    hydrate_bytes: float
    files: int
    idle_cores: float
    idle_bytes_per_s: float
    events_per_s: float
    live_cores: float
    event_p50_ms: float
    event_p99_ms: float
    confirmed_p50_ms: float
    confirmed_p99_ms: float
    lost: int
    detection_p50_s: float
    spread_p50_ms: float
    spread_p95_ms: float
    widest: int
    late: int
    client_cores: float
    client_lag_p99_ms: float
    by_kind: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    still_open: int = 0
    wrong_shop: int = 0

    def as_json(self) -> str:
        return json.dumps(asdict(self))


async def run(
    stage: Stage,
    sessions: int,
    *,
    events: float = 100,
    flips: float = 10,
    idle_s: float = 35,
    live_s: float = 40,
    changes: int = 10,
    tabs: int = 2,
) -> Figures:
    """Arrive, do nothing, be busy, hear of changes made elsewhere; longer than the slow tick's period each."""
    crowd = Crowd.of(stage, sessions, tabs=tabs)
    arrival = await crowd.arrive()
    stop = asyncio.Event()
    late = asyncio.create_task(lag(stop))
    spent, began = time.process_time(), time.perf_counter()
    rested, heard = cost(stage.web), _bytes(crowd)
    await asyncio.sleep(idle_s)
    idle, idle_bytes = cost(stage.web), _bytes(crowd) - heard
    times = await crowd.live(live_s, events, flips)
    busy = cost(stage.web)
    fanout = await crowd.change_elsewhere(changes)
    client_cores = (time.process_time() - spent) / (time.perf_counter() - began)
    stop.set()
    lags = await late
    open_now = sum(page.is_open for page in crowd.pages)
    wrong = sum(page.shop not in ("", page.wanted_shop) for page in crowd.pages)
    crowd.close()
    both = [one for name in EVENTS for one in times[name].taken]
    came = max(1, sessions - arrival.failed)
    before, after = arrival.before, arrival.after
    return Figures(
        sessions=sessions,
        came=sessions - arrival.failed,
        load_average=load_average(),
        connects_per_s=came / arrival.seconds,
        connect_cpu_ms=(after.cpu_s - before.cpu_s) / came * 1000,
        load_p99_ms=_ms(arrival.loads.taken, 0.99),
        kb_per_session=(idle.rss - before.rss) / came / 1024,
        pss_kb_per_session=(idle.pss - before.pss) / came / 1024,
        hydrate_bytes=arrival.bytes / came,
        files=idle.files,
        idle_cores=idle.cores_since(rested),
        idle_bytes_per_s=idle_bytes / max(idle_s, 1),
        events_per_s=events,
        live_cores=busy.cores_since(idle),
        event_p50_ms=_ms(both, 0.5),
        event_p99_ms=_ms(both, 0.99),
        confirmed_p50_ms=_ms(times["confirmed"].taken, 0.5),
        confirmed_p99_ms=_ms(times["confirmed"].taken, 0.99),
        lost=sum(one.lost for one in times.values()),
        detection_p50_s=_ms(fanout.detection, 0.5) / 1000,
        spread_p50_ms=_ms(fanout.spread, 0.5),
        spread_p95_ms=_ms(fanout.spread, 0.95),
        widest=fanout.widest,
        late=fanout.late,
        client_cores=client_cores,
        client_lag_p99_ms=_ms(lags, 0.99),
        by_kind=_by_kind(times),
        still_open=open_now,
        wrong_shop=wrong,
    )


def _by_kind(times: Mapping[str, Times]) -> dict[str, tuple[float, float, int]]:
    return {name: (_ms(one.taken, 0.5), _ms(one.taken, 0.99), len(one.taken)) for name, one in times.items()}


def _ms(seconds: list[float], share: float) -> float:
    return round(percentile(seconds, share) * 1000, 2) if seconds else float("nan")


def _bytes(crowd: Crowd) -> int:
    return sum(page.bytes for page in crowd.pages)


def allow_many_files() -> None:
    """A socket is an open file: as many as this machine allows, here and in what is started from here."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def machine() -> str:
    """What the figures were taken on."""
    return f"{os.cpu_count()} cores"
