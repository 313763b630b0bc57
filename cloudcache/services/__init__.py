"""The use cases. `current()` gives the services in use; wiring fills it, tests fill it with fakes.

One public method per use case, the actor first. A service speaks `domain` and `ports` only: it knows no
database, no HTTP and no page.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudcache.ports import Bus, Clock, Identity, SessionIssuer
from cloudcache.services.attention import Attention
from cloudcache.services.customers import Customers
from cloudcache.services.engine import Engine
from cloudcache.services.health import Health
from cloudcache.services.pacing import Pacing
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.report import Reports
from cloudcache.services.toggles import Toggles
from cloudcache.services.writing import Writer


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a page, a route or a command may ask for."""

    toggles: Toggles
    writer: Writer
    reconciler: Reconciler
    attention: Attention
    engine: Engine
    pacing: Pacing
    reports: Reports
    customers: Customers
    health: Health
    identity: Identity
    local_sessions: SessionIssuer | None
    bus: Bus
    clock: Clock


_in_use: list[Services] = []


def use(services: Services) -> None:
    """Make these the services in use."""
    _in_use[:] = [services]


def current() -> Services:
    """The services in use; RuntimeError before wiring has run."""
    if not _in_use:
        raise RuntimeError("the services are not wired yet")
    return _in_use[0]
