"""The use cases. `current()` gives the services in use; wiring fills it, tests fill it with fakes.

One public method per use case, the actor first. A service speaks `domain` and `ports` only: it knows no
database, no HTTP and no page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex

from cloudcache.ports import Bus, Clock, Identity, Limiter, SessionIssuer, StaffIdentity, Telemetry
from cloudcache.services.attention import Attention
from cloudcache.services.auditing import Auditing
from cloudcache.services.connecting import Connecting
from cloudcache.services.credentials import Credentials
from cloudcache.services.customers import Customers
from cloudcache.services.engine import Engine
from cloudcache.services.health import Health
from cloudcache.services.importing import Importing
from cloudcache.services.merchants import Merchants
from cloudcache.services.onboarding import Onboarding
from cloudcache.services.pacing import Pacing
from cloudcache.services.readiness import Readiness
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.report import Reports
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.scripts import Scripts
from cloudcache.services.sign_outs import SignOuts
from cloudcache.services.storefront import StorefrontChecks
from cloudcache.services.support import Support
from cloudcache.services.toggles import Toggles
from cloudcache.services.webhooks import Webhooks
from cloudcache.services.writing import Writer


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a page, a route or a command may ask for."""

    toggles: Toggles
    writer: Writer
    reconciler: Reconciler
    attention: Attention
    storefront: StorefrontChecks
    engine: Engine
    pacing: Pacing
    reports: Reports
    customers: Customers
    onboarding: Onboarding
    credentials: Credentials
    connecting: Connecting
    merchants: Merchants
    scripts: Scripts
    support: Support
    auditing: Auditing
    rollouts: Rollouts
    importing: Importing
    webhooks: Webhooks
    health: Health
    readiness: Readiness
    identity: Identity
    staff: StaffIdentity
    local_sessions: SessionIssuer | None
    sign_outs: SignOuts
    limits: Limiter
    bus: Bus
    clock: Clock
    support_address: str | None
    """Where merchants reach support: a link to write to, or a page."""
    telemetry: Telemetry
    origins: Callable[[], Sequence[str]]
    """The origins of our own pages; nothing that changes anything is taken from another."""

    def request_id(self, key: str | None) -> str:
        """The journal's id of a request: the caller's own key, told apart from ours, or a new one."""
        return f"key-{key}"[:80] if key else token_hex(16)


_in_use: list[Services] = []


def use(services: Services) -> None:
    """Make these the services in use."""
    _in_use[:] = [services]


def current() -> Services:
    """The services in use; RuntimeError before wiring has run."""
    if not _in_use:
        raise RuntimeError("the services are not wired yet")
    return _in_use[0]
