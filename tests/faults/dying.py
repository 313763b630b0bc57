"""A process that dies at a step chosen beforehand: before or after a call of a port, before a statement or commit.

    countdown = Countdown(at=7)
    process = dying_process(rig, own, countdown, "dies")      # its seventh step is its last

A dead process does nothing more: whatever of it still runs (a `finally`, another task) dies at its next step as well.
A transaction that was open is rolled back, as the database does when its client is gone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.services.assembly import Parts, assemble
from cloudcache.services.credentials import Credentials
from cloudcache.services.rollouts import Rollouts
from tests.support.rig import Crash, CrashingTasks, Process, Rig


def _crash() -> None:
    raise Crash


class Countdown:
    """Counts steps, and at step `at` (its number, or its name) calls `die`; without `at` it only notes them."""

    def __init__(
        self, at: int | str | None = None, die: Callable[[], None] = _crash, *, is_deadly: bool = True
    ) -> None:
        self.at = at
        self.steps: list[str] = []
        self.is_dead = False
        self.is_asleep = False
        """While a process is being put together nothing is counted."""
        self._die = die
        self._is_deadly = is_deadly
        self.was_reached = False

    def step(self, name: str) -> None:
        if self.is_asleep:
            return
        if self.is_dead:
            raise Crash
        self.steps.append(name)
        if not self.was_reached and self.at in (len(self.steps), name):
            self.was_reached, self.is_dead = True, self._is_deadly
            self._die()


class Counted:
    """A port each of whose calls is a step before it begins and another after it has ended."""

    def __init__(self, inner: object, name: str, countdown: Countdown) -> None:
        self._inner = inner
        self._name = name
        self._countdown = countdown

    def __getattr__(self, method: str) -> Any:
        really, name = getattr(self._inner, method), f"{self._name}.{method}"
        if inspect.iscoroutinefunction(really):

            async def awaited(*args: Any, **more: Any) -> Any:
                self._countdown.step(f"before {name}")
                answer = await really(*args, **more)
                self._countdown.step(f"after {name}")
                return answer

            return awaited

        def called(*args: Any, **more: Any) -> Any:
            self._countdown.step(f"before {name}")
            answer = really(*args, **more)
            self._countdown.step(f"after {name}")
            return answer

        return called


class OwnConnections:
    """A store with connections of its own, for one process after the other; statements and commits may be steps."""

    def __init__(self, url: str) -> None:
        self.store = SqlStore(make_engine(url))
        self.counting: Countdown | None = None
        engine = self.store.engine.sync_engine
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)

    def _statement(self, connection, cursor, text, parameters, context, many) -> None:
        if self.counting is not None:
            self.counting.step(f"statement {text.split(maxsplit=1)[0]}")

    def _commit(self, connection) -> None:
        if self.counting is not None:
            self.counting.step("commit")


def dying_process(
    rig: Rig, own: OwnConnections, countdown: Countdown, name: str, *, by_statement: bool = False
) -> Process:
    """One more process on the rig's database."""
    countdown.is_asleep = True
    store = own.store
    own.counting = countdown if by_statement else None
    counted: Any = Counted(store, "store", countdown)
    gateway: Any = Counted(rig.gateway, "gateway", countdown)
    budget: Any = Counted(rig.budget, "budget", countdown)
    bus: Any = Counted(rig.bus, "bus", countdown)
    tasks = CrashingTasks()
    parts = Parts(
        counted,
        counted,
        counted,
        gateway,
        budget,
        Credentials(counted, EnvelopeVault(["k" * 40]), None),
        bus,
        rig.clock,
        tasks,
        Rollouts(counted, rig.clock, "local"),
        owner=lambda: name,
        chance=lambda: 0.5,
    )
    sync = assemble(parts)
    countdown.is_asleep = False
    return Process(
        name,
        sync.toggles,
        sync.writer,
        sync.reconciler,
        sync.attention,
        sync.engine,
        sync.pacing,
        tasks,
        store,
        sync.suspensions,
    )
