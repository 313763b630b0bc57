"""What the single-tenant predecessor left behind: a KV namespace per shop, and in it one key that says whether Rocket
Loader is meant to be on.

A file tells of many shops, as JSON (one list) or NDJSON (one record a line). A record names a zone, and either the
value itself or the namespace in which it stands; nothing else is taken, and what is not taken is told by its line:

    {"zone": "<32 hex digits>", "value": VALUE}
    {"zone": "<32 hex digits>", "account": "<32 hex digits>", "namespace": "<32 hex digits>"}

Both may name the `key`. VALUE is `"on"`, `"off"`, `true`, `false`, `{"value": "on"}` as Cloudflare answers a setting,
or `{"enabled": true}`; in KV, where every value is text, the same as JSON, or the bare words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cloudcache.domain.catalog.model import State
from cloudcache.domain.customers import zone_id
from cloudcache.domain.ids import JSON, ZoneId

KEY = "settings:rocket_loader"
TOGGLE = "rocket_loader"
LONGEST_VALUE = 2_000
_ID = re.compile(r"[0-9a-f]{32}")
_BLANK = re.compile(r"[ \t\r\n]*")
_WORDS: dict[object, State] = {"on": State.ON, "off": State.OFF}
_BESIDE_VALUE = {"value", "id", "editable", "modified_on"}
_BESIDE_ENABLED = {"enabled", "updated_at"}


@dataclass(frozen=True, slots=True)
class Namespace:
    """A KV namespace, which has a value for one shop."""

    account: str
    id: str


@dataclass(frozen=True, slots=True)
class Record:
    """One shop by its zone: the value, or where it stands. `line` is where the record begins in its file."""

    line: int
    zone: ZoneId
    told: State | Namespace


@dataclass(frozen=True, slots=True)
class Wrong:
    """A record that is not taken, and why."""

    line: int
    why: str


def state_of(value: JSON) -> State:
    """What a value says; ValueError when it says neither on nor off."""
    if isinstance(value, str):
        return _state_of_text(value)
    if isinstance(value, bool):
        return State.of(value)
    if isinstance(value, dict):
        return _state_of_object(value)
    raise ValueError(_shown("this value is neither on nor off", value))


def _state_of_text(text: str) -> State:
    """KV keeps text: a bare word, or JSON."""
    word = text.strip()
    if word in _WORDS:
        return _WORDS[word]
    if len(word) > LONGEST_VALUE:
        raise ValueError(f"a value of {len(word)} characters is neither on nor off")
    try:
        value: JSON = json.loads(word, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise ValueError(_shown("this value is neither on nor off", text)) from None
    if value in ("on", "off"):
        return _WORDS[value]
    if isinstance(value, str):  # no text in a text in a text
        raise ValueError(_shown("this value is neither on nor off", text))
    return state_of(value)


def _state_of_object(value: dict[str, JSON]) -> State:
    is_setting = value.get("id", TOGGLE) == TOGGLE
    word = value.get("value")
    if is_setting and isinstance(word, str) and word in _WORDS and value.keys() <= _BESIDE_VALUE:
        return _WORDS[word]
    enabled = value.get("enabled")
    if isinstance(enabled, bool) and value.keys() <= _BESIDE_ENABLED:
        return State.of(enabled)
    raise ValueError(_shown("this value is neither on nor off", value))


def namespace(account: JSON, id_: JSON) -> Namespace:
    """A namespace by its ids; ValueError says which is none."""
    for what, text in (("account", account), ("namespace", id_)):
        if not isinstance(text, str) or not _ID.fullmatch(text):
            raise ValueError(_shown(f"the {what} isn't an ID of 32 hex digits", text))
    return Namespace(str(account), str(id_))


def records(text: str) -> Iterator[Record | Wrong]:
    """The records of a file, in order, each zone once."""
    first_line_of: dict[ZoneId, int] = {}
    for line, value in _values(text):
        if isinstance(value, Wrong):
            yield value
            continue
        try:
            record = _record(line, value)
        except ValueError as error:
            yield Wrong(line, str(error))
            continue
        if record.zone in first_line_of:
            yield Wrong(line, f"the zone is in line {first_line_of[record.zone]} already")
            continue
        first_line_of[record.zone] = line
        yield record


def _record(line: int, value: JSON) -> Record:
    if not isinstance(value, dict):
        raise ValueError(_shown("a record must be an object", value))
    zone, key = value.get("zone"), value.get("key", KEY)
    if not isinstance(zone, str):
        raise ValueError("the record has no zone")
    if key != KEY:
        raise ValueError(_shown(f"the key isn't {KEY}", key))
    rest = value.keys() - {"zone", "key"}
    if rest == {"value"}:
        return Record(line, zone_id(zone), state_of(value["value"]))
    if rest == {"account", "namespace"}:
        return Record(line, zone_id(zone), namespace(value["account"], value["namespace"]))
    named = ", ".join(sorted(rest)) or "nothing"
    raise ValueError(f"beside the zone stands either value, or account and namespace; here {named[:80]}")


def _values(text: str) -> Iterator[tuple[int, JSON | Wrong]]:
    """The JSON values of a list, or of the lines, with the lines in which they begin."""
    body = text.removeprefix("\ufeff")
    if body.lstrip().startswith("["):
        yield from _of_list(body)
        return
    for line, one in enumerate(body.split("\n"), start=1):
        if one.strip():
            try:
                yield line, json.loads(one, object_pairs_hook=_once)
            except (ValueError, RecursionError) as error:
                yield line, Wrong(line, f"this isn't valid JSON ({error})"[:200])


def _of_list(body: str) -> Iterator[tuple[int, JSON | Wrong]]:
    """What follows a broken element cannot be told from it, so that one is the last."""
    decoder = json.JSONDecoder(object_pairs_hook=_once)
    line, counted = 1, 0
    at = _past_blank(body, body.index("[") + 1)
    if body[at : at + 1] == "]":
        return
    while True:
        line, counted = line + body.count("\n", counted, at), at
        try:
            value, at = decoder.raw_decode(body, at)
        except (ValueError, RecursionError) as error:
            yield line, Wrong(line, f"this isn't valid JSON ({error}); the list isn't read further"[:200])
            return
        yield line, value
        at = _past_blank(body, at)
        sign = body[at : at + 1]
        if sign == "]" and not body[at + 1 :].strip():
            return
        if sign != ",":
            line += body.count("\n", counted, at)
            yield line, Wrong(line, "a comma or the end of the list is expected; it isn't read further")
            return
        at = _past_blank(body, at + 1)


def _past_blank(body: str, at: int) -> int:
    found = _BLANK.match(body, at)
    return found.end() if found else at


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """An object, unless a name stands twice in it: then nobody knows which is meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name appears twice in one object")
    return made


def _shown(why: str, value: object) -> str:
    return f"{why}: {str(value)[:60]!r}"
