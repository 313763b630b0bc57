"""A list of customers to take in, as a CSV file: read row by row, each judged before anything is stored.

    shop        my-shop or my-shop.myshopify.com                        needed
    zone_id     the zone's id at Cloudflare, 32 hex digits              needed
    zone_name   its domain
    plan        free, pro, business or enterprise, or Cloudflare's words for them: Pro Website
    account_id  the Cloudflare account it is in, 32 hex digits
    topology    o2o (the default), dns_only, proxied, no_zone, unknown
    token       the customer's own Cloudflare token; without one the platform's is used

The first line names the columns, in any order; a spreadsheet's `sep=,` may stand before it. The file is UTF-8, with
or without a byte order mark; commas, semicolons or tabs stand between the fields, and empty ones at the end of a line
are ignored. A reason names what is wrong and never repeats what was there: a
slipped column may hold a token.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cloudcache.domain.catalog.model import Topology, ZonePlan
from cloudcache.domain.customers import shop_name, zone_id
from cloudcache.domain.ids import ZoneId
from cloudcache.domain.secret import Token
from cloudcache.domain.token_text import UnreadableToken, read_token

COLUMNS = ("shop", "zone_id", "zone_name", "plan", "account_id", "topology", "token")
NEEDED = ("shop", "zone_id")
MOST_ROWS = 1_000_000
LONGEST_LINE = 65_536
_SEPARATOR = re.compile(r"\"?sep=([,;\t])\"?,*;*", re.IGNORECASE)
_ACCOUNT = re.compile(r"[0-9a-f]{32}")
_LABELS = re.compile(r"(?=.{3,253}$)[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)+", re.UNICODE)


class Unreadable(ValueError):
    """The file as a whole is no such list; nothing of it is taken."""


@dataclass(frozen=True, slots=True)
class Row:
    """A customer to take in. `plan` None: the file does not say."""

    line: int
    shop: str
    zone: ZoneId
    zone_name: str = ""
    plan: ZonePlan | None = None
    account: str = ""
    topology: Topology = Topology.O2O
    token: Token | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the file says of the zone what Cloudflare would; else the engine asks at its first look."""
        return bool(self.zone_name and self.account) and self.plan is not None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, in which field."""

    line: int
    field: str
    reason: str


Judged = Row | Sequence[Problem]
"""A row, or why it is none."""


def read_rows(lines: Iterable[bytes]) -> Iterator[Judged]:
    """The rows of a file, in order; `Unreadable` as soon as the rest cannot be understood."""
    texts = _Counted(_decoded(lines))
    first, named = _first_line(texts), ""
    if sign := _SEPARATOR.fullmatch(first.rstrip("\r\n")):
        named, first = sign[1], _first_line(texts)
    delimiter = named or next((one for one in ",;\t" if one in first), ",")
    columns = _columns(next(csv.reader([first], delimiter=delimiter, strict=False)))
    seen = Seen()
    for line, fields in _records(texts, delimiter):
        yield seen.judged(line, columns, fields)


def _first_line(texts: _Counted) -> str:
    first = next((one for one in texts if one.strip()), None)
    if first is None:
        raise Unreadable("the file is empty; its first line must name the columns")
    return first


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, raw in enumerate(lines, 1):
        if len(raw) > LONGEST_LINE:
            raise Unreadable(f"line {number} is longer than {LONGEST_LINE:,} characters")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise Unreadable(f"line {number} isn't UTF-8; save the file as CSV in UTF-8") from None


def _columns(names: Sequence[str]) -> list[str]:
    found = _without_empty_end([name.strip().lower() for name in names], 0)
    for name in NEEDED:
        if name not in found:
            raise Unreadable(f"the first line must name the columns; {name} is missing")
    for number, name in enumerate(found, 1):
        if name not in COLUMNS:
            raise Unreadable(f"column {number} isn't known; the columns are {', '.join(COLUMNS)}")
        if name in found[: number - 1]:
            raise Unreadable(f"the column {name} appears twice")
    return found


def _without_empty_end(fields: list[str], least: int) -> list[str]:
    """The fields without the empty ones that a spreadsheet adds at the end of a line."""
    while len(fields) > least and not fields[-1].strip():
        fields = fields[:-1]
    return fields


def _records(texts: _Counted, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records after the heading, each with the number of its first line."""
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    count = 0
    while True:
        line = texts.lines + 1
        try:
            fields = next(reader, None)
        except csv.Error:
            raise Unreadable(
                f"line {line} can't be parsed: a quotation mark isn't closed, or stands alone"
            ) from None
        if fields is None:
            return
        if not any(one.strip() for one in fields):
            continue
        count += 1
        if count > MOST_ROWS:
            raise Unreadable(f"the file has more than {MOST_ROWS:,} rows; split it")
        yield line, fields


class _Counted:
    """Counts the lines that were handed on."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self.lines = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        text = next(self._texts)
        self.lines += 1
        return text


@dataclass
class Seen:
    """What the lines so far have named: a shop has one zone, a zone one shop."""

    shops: dict[str, int] = field(default_factory=dict)
    zones: dict[str, int] = field(default_factory=dict)

    def judged(self, line: int, columns: Sequence[str], fields: Sequence[str]) -> Judged:
        """The row, or everything that is wrong with it."""
        fields = _without_empty_end(list(fields), len(columns))
        if len(fields) != len(columns):
            return [Problem(line, "", f"{len(fields)} fields, but the first line names {len(columns)}")]
        told = {name: text.strip() for name, text in zip(columns, fields, strict=True)}
        problems: list[Problem] = []
        values: dict[str, object] = {}
        for name, text in told.items():
            if text or name in NEEDED:
                try:
                    values[name] = _READERS[name](text)
                except UnreadableToken as error:
                    problems.append(Problem(line, name, f"{_REASONS[name]}: {error}"))
                except ValueError:
                    problems.append(Problem(line, name, _REASONS[name] if text else "it's empty"))
        problems += self._repeats(line, values)
        return problems or _row(line, values)

    def _repeats(self, line: int, values: Mapping[str, object]) -> Iterator[Problem]:
        for name, earlier in (("shop", self.shops), ("zone_id", self.zones)):
            if name in values:
                first = earlier.setdefault(str(values[name]), line)
                if first != line:
                    yield Problem(line, name, f"it's in line {first} already")


def _row(line: int, values: Mapping[str, object]) -> Row:
    plan, topology, token = values.get("plan"), values.get("topology"), values.get("token")
    return Row(
        line,
        str(values["shop"]),
        ZoneId(str(values["zone_id"])),
        str(values.get("zone_name", "")),
        plan if isinstance(plan, ZonePlan) else None,
        str(values.get("account_id", "")),
        topology if isinstance(topology, Topology) else Topology.O2O,
        token if isinstance(token, Token) else None,
    )


def _domain(text: str) -> str:
    if not _LABELS.fullmatch(text):
        raise ValueError
    return text.lower()


def _plan(text: str) -> ZonePlan:
    """A plan by our word or by Cloudflare's: pro, Pro Website, Pro Plan."""
    word = re.sub(r"\s+(website|plan)$", "", text.lower())
    if word.upper() not in ZonePlan.__members__:
        raise ValueError
    return ZonePlan.named(word)


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text.lower()):
        raise ValueError
    return text.lower()


_READERS: Mapping[str, Callable[[str], object]] = {
    "shop": shop_name,
    "zone_id": zone_id,
    "zone_name": _domain,
    "plan": _plan,
    "account_id": _account,
    "topology": lambda text: Topology(text.lower()),
    "token": read_token,
}
_REASONS = {
    "shop": "not a store name (expected something like my-shop.myshopify.com)",
    "zone_id": "not a zone ID (32 hex digits, on the zone's overview page)",
    "zone_name": "not a domain",
    "plan": f"not a plan ({', '.join(plan.name.lower() for plan in ZonePlan)})",
    "account_id": "not an account ID (32 hex digits)",
    "topology": f"not one of {', '.join(Topology)}",
    "token": "not a Cloudflare API token",
}
