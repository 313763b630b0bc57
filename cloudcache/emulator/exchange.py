"""One admitted call on its way through the API: the world, who calls, and the marks its answer will carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudcache.emulator.audit import Actor, Origin
from cloudcache.emulator.faults import Fault
from cloudcache.emulator.store import Held
from cloudcache.emulator.tokens import Token
from cloudcache.emulator.wire import JSON, Call
from cloudcache.emulator.world import World


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a handler gets. `now` is the one time that the whole call goes by."""

    world: World
    call: Call
    token: Token
    now: float
    ray_id: str
    audit_id: str
    fault: Fault | None = None

    def held(self, zone_id: str) -> Mapping[str, Held]:
        """The values of a zone that a read shows; under an absurd fault those of an untouched zone."""
        if self.fault is not None and self.fault.kind == "absurd":
            return {}
        return self.world.held(zone_id)

    def origin(self) -> Origin:
        """What the audit logs will tell about this call."""
        token = self.token
        actor = Actor(
            type="user" if token.kind == "user" else "account",
            context="api_token",
            id=token.user_id,
            email=token.email,
            ip_address=self.call.address,
            token_id=token.id,
            token_name=token.name,
        )
        call = self.call
        return Origin(actor, call.method, call.path, self.audit_id, self.ray_id, call.user_agent)

    def body(self) -> Mapping[str, JSON]:
        """The body as an object; anything else reads as an empty one, which no write accepts."""
        payload = self.call.payload()
        return payload if isinstance(payload, dict) else {}
