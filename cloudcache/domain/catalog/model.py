"""What one toggle is, and how it reads and writes on Cloudflare's wire.

A toggle is on or off for a person, but its wire value may be finer: Polish is `off`, `lossless` or `lossy`.
`read` turns a wire value into a `Reading` and never fails: a value nobody knows keeps its place and is
shown as it is. `wanted` is the way back; it restores the finer value the merchant had before.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum

from cloudcache.domain.catalog.shapes import decides
from cloudcache.domain.ids import JSON, ToggleId


class State(StrEnum):
    """The two positions of a switch."""

    ON = "on"
    OFF = "off"

    @classmethod
    def of(cls, on: bool) -> State:
        """The position that a boolean means."""
        return cls.ON if on else cls.OFF


class ZonePlan(IntEnum):
    """Cloudflare's plans, in rising order, so that they can be compared."""

    FREE = 0
    PRO = 1
    BUSINESS = 2
    ENTERPRISE = 3

    @property
    def title(self) -> str:
        """The plan's name as Cloudflare writes it."""
        return self.name.capitalize()

    @classmethod
    def named(cls, name: str) -> ZonePlan:
        """The plan of a `legacy_id` such as `pro`; an unknown one counts as the lowest."""
        return cls[name.upper()] if name.upper() in cls.__members__ else cls.FREE


class Topology(StrEnum):
    """How the shop's hostname reaches the origin; decides which verdict applies."""

    O2O = "o2o"  # a proxied CNAME to Shopify: our zone first, then Shopify's own
    DNS_ONLY = "dns_only"  # not proxied: no setting of the zone touches a shopper
    PROXIED = "proxied"  # proxied to something other than Shopify
    NO_ZONE = "no_zone"  # the shop's hostname is not in the zone that was chosen
    UNKNOWN = "unknown"  # the token may not read the zone's DNS records: judged as carefully as O2O


class Section(StrEnum):
    """The eight groups of the page, five to eight rows each; the value is the heading."""

    PAGE_LOADING = "Page loading"
    IMAGES = "Images"
    CONNECTIONS = "Connections"
    CACHING = "Caching"
    SECURITY = "Security"
    HTTPS = "HTTPS"
    BOTS = "Bots and AI"
    NETWORK = "Network"


class Effect(StrEnum):
    """What a setting does for shoppers of a Shopify store behind its own Cloudflare zone."""

    WORKS = "works"
    CAUTION = "caution"
    NO_EFFECT = "no_effect"
    UNSAFE = "unsafe"


class Evidence(StrEnum):
    """What a verdict rests on, the strongest that holds."""

    VENDOR = "vendor"  # a sentence in the documentation of Cloudflare or Shopify carries it
    PROBE = "probe"  # the vendors are silent or only half clear, and a request to the store decides it
    MECHANISM = "mechanism"  # it follows from how two zones work together, and can't be seen from outside
    NONE = "none"  # no one has published it


@dataclass(frozen=True, slots=True)
class Source:
    """The document that a verdict is based on, and when that was last looked up."""

    name: str
    checked: date


CHECKED = date(2026, 11, 25)
TABLE = Source("Cloudflare’s product compatibility table for SaaS customers", CHECKED)
GUIDE = Source("Cloudflare’s provider guide for Shopify", CHECKED)
TOPOLOGY = Source("the DNS records of your domain", CHECKED)


def docs(page: str) -> Source:
    """A page of Cloudflare's documentation."""
    return Source(f"Cloudflare’s documentation, “{page}”", CHECKED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a toggle does for a store's customers: the reason in one or two sentences, and what that rests on.

    `check` tells how a merchant can find out. It is given where no vendor says it and the store shows it; for what
    follows from the mechanism it may be missing."""

    effect: Effect
    reason: str
    evidence: Evidence
    source: Source
    check: str = ""

    def __post_init__(self) -> None:
        needed, excluded = self.evidence in (Evidence.PROBE, Evidence.NONE), self.evidence is Evidence.VENDOR
        if (needed and not self.check) or (excluded and self.check):
            raise ValueError(f"{self.reason}: say how to check it, and only where no vendor says it")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is asked before a risky change: what it breaks or weakens, and the way back."""

    breaks: str
    way_back: str
    only_when_unsafe: bool = False
    only_with: ToggleId | None = None
    """Asked only while this other toggle is on."""
    only_when_headless: bool = False
    """Asked only where the storefront isn't a Shopify theme."""
    type_shop: bool = False
    for_an_hour: bool = False
    """Whether it can be turned on for one hour instead, after which this app turns it off."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A call of its own, below `/zones/{zone_id}`, for what is no plain zone setting."""

    path: str
    method: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A wire value understood: the switch's position, and the finer value when it says more than on or off."""

    state: State
    detail: str = ""
    known: bool = True


_ON, _OFF = Reading(State.ON), Reading(State.OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggle:
    """One of the 50: what it is called, where it lives, its wire values, its plan and its risks.

    Exactly one of `setting` (a plain zone setting) and `endpoint` (a call of its own) is given. For the
    former `on` and `off` are what goes under `value`; for the latter they are the whole body.
    """

    id: ToggleId
    title: str
    description: str
    category: str
    section: Section
    setting: str | None = None
    endpoint: Endpoint | None = None
    on: JSON = "on"
    off: JSON = "off"
    others: Mapping[str, State] = field(default_factory=dict)
    never_restored: frozenset[str] = frozenset()
    only_plain: bool = False
    """Whether only `on` and `off` are ever sent, whatever the zone held before."""
    unsafe_values: frozenset[str] = frozenset()
    """Finer values that harm a store although the setting itself may be fine; a click never sets them."""
    paid_title: str = ""
    """What Cloudflare calls it from the Pro plan on, where that is another product."""
    in_batch: bool = False
    min_plan: ZonePlan = ZonePlan.FREE
    permission: str = "Zone Settings"
    caution: str = ""
    behind_shopify: Verdict
    confirmation: Confirmation | None = None
    """Asked before it is turned on."""
    confirmation_off: Confirmation | None = None
    """Asked before it is turned off."""

    def __post_init__(self) -> None:
        if (self.setting is None) == (self.endpoint is None):
            raise ValueError(f"{self.id}: give either a setting or an endpoint")

    @property
    def setting_id(self) -> str:
        """Cloudflare's own name of what the toggle changes; several toggles may share one."""
        return self.setting or self.path.strip("/")

    @property
    def path(self) -> str:
        """The path of the call, below `/zones/{zone_id}`."""
        return self.endpoint.path if self.endpoint else f"/settings/{self.setting}"

    @property
    def method(self) -> str:
        """The verb that changes it."""
        return self.endpoint.method if self.endpoint else "PATCH"

    def title_on(self, plan: ZonePlan) -> str:
        """What Cloudflare calls it on this plan."""
        return self.paid_title if self.paid_title and plan > ZonePlan.FREE else self.title

    @property
    def fields(self) -> tuple[str, ...]:
        """The members of the body that changes it."""
        return tuple(self.on) if self.endpoint and isinstance(self.on, dict) else ("value",)

    def body(self, value: JSON) -> JSON:
        """The request body that sets `value`."""
        return value if self.endpoint else {"value": value}

    def extract(self, result: Mapping[str, JSON]) -> JSON:
        """The part of Cloudflare's `result` that is this toggle's value; None when it is missing."""
        if self.endpoint is None:
            return result.get("value")
        fields = self.on if isinstance(self.on, dict) else {}
        picked: dict[str, JSON] = {name: result[name] for name in fields if name in result}
        return picked or None

    def value_name(self, value: JSON) -> str:
        """The word that tells a wire value from the others: "lossy", "1.2", or "on"."""
        probe = _essence(value)
        return probe if isinstance(probe, str) else repr(probe)

    def read(self, value: JSON) -> Reading:
        """What a wire value means; an unknown one counts as the side that has more known values."""
        probe = _essence(value)
        if probe == _essence(self.on):
            return _ON
        if probe == _essence(self.off):
            return _OFF
        text = self.value_name(value)
        if text in self.others:
            return Reading(self.others[text], text)
        offs = sum(1 for state in self.others.values() if state is State.OFF)
        side = State.ON if len(self.others) - offs > offs else State.OFF
        return Reading(side, text[:40], known=False)

    @property
    def depends_on_zone(self) -> bool:
        """Whether the zone's own answer decides which fields are sent."""
        return False

    def is_usable(self, value: JSON) -> bool:
        """Whether a wire value decides on or off, even if its word is unknown here."""
        return decides(self.on, value)

    def is_writable(self, value: JSON) -> bool:
        """Whether Cloudflare's API can change it on a zone that holds `value`."""
        return True

    def is_unsafe(self, value: JSON) -> bool:
        """Whether this very value harms a store."""
        return self.read(value).detail in self.unsafe_values

    def accepts(self, value: JSON) -> bool:
        """Whether `value` has the setting's own type and shape, so that it may be sent. `read` is more generous: it
        understands `false` for "off", which Cloudflare refuses to take."""
        return _conforms(value, self.on, self.off, self.others) and not _is_void(value)

    def wanted(self, state: State, last_on: JSON = None, last_off: JSON = None, held: JSON = None) -> JSON:
        """The absolute value to send for `state`: the finer one held before if it may be sent, else the plain one.

        `held` is the value that the zone has now, for settings whose fields depend on the zone."""
        remembered = last_on if state is State.ON else last_off
        if remembered is not None and not self.only_plain and self.accepts(remembered):
            reading = self.read(remembered)
            if reading.state is state and reading.detail not in self.never_restored:
                return remembered
        return self.on if state is State.ON else self.off

    def verdict(self, topology: Topology) -> Verdict:
        """What it does for shoppers with this topology."""
        if topology in (Topology.O2O, Topology.UNKNOWN):
            return self.behind_shopify
        if topology in (Topology.DNS_ONLY, Topology.NO_ZONE):
            return Verdict(Effect.NO_EFFECT, "", Evidence.MECHANISM, TOPOLOGY)
        effect = Effect.CAUTION if self.caution else Effect.WORKS
        return Verdict(effect, self.caution, Evidence.MECHANISM, TOPOLOGY)

    def asks(
        self,
        topology: Topology,
        wanted: State = State.ON,
        on: Container[ToggleId] | None = None,
        *,
        is_headless: bool = False,
    ) -> Confirmation | None:
        """What must be confirmed before it is turned on or off, or nothing; `on` are the toggles that are on, None
        where that isn't known."""
        asks = self.confirmation if wanted is State.ON else self.confirmation_off
        if asks is None:
            return None
        if asks.only_when_unsafe and self.verdict(topology).effect is not Effect.UNSAFE:
            return None
        if asks.only_when_headless and not is_headless:
            return None
        if asks.only_with is not None and on is not None and asks.only_with not in on:
            return None
        return asks


LARGEST_NUMBER = 2**31
"""Of a number within a value, such as the seconds that HSTS is remembered."""


def _conforms(value: JSON, on: JSON, off: JSON, others: Collection[str]) -> bool:
    """Whether a value is shaped as `on` and `off` are; of an object with several fields some may be missing."""
    if isinstance(on, dict) and isinstance(off, dict):
        if not isinstance(value, dict) or not value.keys() <= on.keys():
            return False
        needed = {"enabled"} if "enabled" in on else on.keys()
        return needed <= value.keys() and all(
            _conforms(part, on[name], off[name], others) for name, part in value.items()
        )
    if isinstance(on, bool):
        return isinstance(value, bool)
    if isinstance(on, int):
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_NUMBER
    return isinstance(value, str) and (value in (on, off) or value in others)


def _is_void(value: JSON) -> bool:
    """Whether a value is enabled for no time at all: `max_age` 0 tells browsers to forget HSTS."""
    while isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return isinstance(value, dict) and value.get("enabled") is True and value.get("max_age") == 0


def _essence(value: JSON) -> JSON:
    """The part of a wire value that decides on or off: comparing raw values would report drift that is none.

    `{"enabled": true, "max_age": 5}` is decided by `enabled`; `True`, "ON" and 2 are "on", "on" and "2".
    """
    if isinstance(value, str):  # nearly every value of a page
        return value.lower()
    while isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, dict) and "enabled" in value:
        value = value["enabled"] and not _is_void(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return f"{value:g}"
    return value.lower() if isinstance(value, str) else value
