"""The audit trail: what was done to zones, by whom, and when it becomes visible.

A `Deed` is one successful call that changed something, or one change made in Cloudflare's dashboard; it holds
an `Alteration` per setting. The newer log (v2) shows one entry per deed, the older one (v1) one per
alteration. Both show a deed only after a delay, and lose some: which ones is decided by a hash, so a lost
entry stays lost.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from cloudcache.emulator.chance import share
from cloudcache.emulator.wire import JSON

ACTOR_TYPES = ("user", "account", "delegated_service", "system", "cloudflare_admin")


class Unreadable(ValueError):
    """A kept record that is not a deed."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `type` is one of `ACTOR_TYPES`; `context` is how: with an API token, or in the dashboard. Only
    a delegated service has a `name`."""

    type: str
    context: str = ""
    id: str = ""
    email: str = ""
    ip_address: str = ""
    token_id: str = ""
    token_name: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that makes a change: what an audit entry tells besides the change itself."""

    actor: Actor
    method: str
    uri: str
    audit_id: str
    ray_id: str
    user_agent: str = ""
    status: int = 200
    result: JSON = "success"
    """What the log says came of it: `failure` for an action that changed nothing."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """One setting before and after."""

    name: str
    old: JSON
    new: JSON


@dataclass(frozen=True, slots=True)
class Deed:
    """One change as the API gateway saw it."""

    id: str
    sequence: int
    at: float
    account_id: str
    account_name: str
    zone_id: str
    zone_name: str
    method: str
    uri: str
    status: int
    ray_id: str
    user_agent: str
    actor: Actor
    alterations: tuple[Alteration, ...]
    result: JSON = "success"

    @property
    def action_type(self) -> str:
        """What the gateway calls this verb."""
        return "create" if self.method == "POST" else "update"

    @property
    def place(self) -> tuple[float, int]:
        """Its position in the trail."""
        return self.at, self.sequence

    def record(self) -> dict[str, JSON]:
        """The deed as JSON, for keeping."""
        fields: dict[str, JSON] = asdict(self)
        return fields

    @classmethod
    def from_record(cls, record: Mapping[str, JSON]) -> Deed:
        """The deed that was kept."""
        actor, alterations = record["actor"], record["alterations"]
        if not isinstance(actor, dict) or not isinstance(alterations, list):
            raise Unreadable(record)
        texts = {
            name: str(value) for name, value in record.items() if isinstance(value, str) and name != "result"
        }
        return cls(
            result=record.get("result", "success"),
            sequence=int(str(record["sequence"])),
            at=float(str(record["at"])),
            status=int(str(record["status"])),
            actor=Actor(**{name: str(value) for name, value in actor.items()}),
            alterations=tuple(Alteration(**item) for item in alterations if isinstance(item, dict)),
            **texts,
        )


def entry_of(
    origin: Origin,
    alterations: tuple[Alteration, ...],
    account: tuple[str, str],
    zone: tuple[str, str],
    *,
    sequence: int,
    at: float,
) -> Deed:
    """The audit log's entry of a call in a zone; `account` and `zone` are an ID and a name each."""
    return Deed(
        id=origin.audit_id,
        sequence=sequence,
        at=at,
        account_id=account[0],
        account_name=account[1],
        zone_id=zone[0],
        zone_name=zone[1],
        method=origin.method,
        uri=origin.uri,
        status=origin.status,
        ray_id=origin.ray_id,
        user_agent=origin.user_agent,
        actor=origin.actor,
        alterations=alterations,
        result=origin.result,
    )


class AuditTrail:
    """All deeds of all accounts, each account's in order of time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._deeds: dict[str, list[Deed]] = {}
        self.last_sequence = 0

    def keep(self, deed: Deed) -> None:
        """Adds a deed at its place."""
        self.last_sequence = max(self.last_sequence, deed.sequence)
        deeds = self._deeds.setdefault(deed.account_id, [])
        # Time almost always moves forward; a clock that was set back must not break the order.
        if deeds and deed.place < deeds[-1].place:
            insort(deeds, deed, key=lambda kept: kept.place)
        else:
            deeds.append(deed)

    def between(self, account_id: str, since: float, before: float) -> list[Deed]:
        """An account's deeds from `since` up to, not including, `before`, oldest first."""
        deeds = self._deeds.get(account_id, [])
        first = bisect_left(deeds, since, key=lambda deed: deed.at)
        last = bisect_left(deeds, before, key=lambda deed: deed.at)
        return deeds[first:last]

    def is_lost(self, deed: Deed, log: str, fraction: float) -> bool:
        """Whether one of the two logs never shows this deed; decided once and for all by the deed's id."""
        return fraction > 0 and share(self._seed, f"{log}/{deed.id}") < fraction

    def __iter__(self) -> Iterator[Deed]:
        return (deed for deeds in self._deeds.values() for deed in deeds)
