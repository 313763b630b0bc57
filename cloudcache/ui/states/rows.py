"""How the grid travels: a variable per row, seven characters in each.

    letter     the row's standing; upper case = the switch is on, lower case = off
    6 digits   a Unix second in base 36: when it was seen, sent, or will be sent (7 from 2038-12-24 on)

    c confirmed by our write    r seen by a read       e on, and ends by itself at that second
    p on its way                q queued until then    f failed then
    o changed elsewhere, noticed then    x the same, only the finer value    s seen long ago    u never read
    h changed elsewhere then as the change log tells, and not read yet
    n not available on this zone, checked then           d ended by itself at that second, being checked
    m not reported by Cloudflare's last answer, seen then
    b a value that harms the store, seen then
    k not stored then: known to this tab only, so it is neither counted nor an attention item

So one flip sends seven characters, "3 of 5 on" is a count of upper-case letters, and ages tick in the browser.
Words that only some rows have (a reason, a name, a finer value) travel beside it, several of one row as lines:

    o x h    when the change was made, if that is known; who made it; the headline, if the letter does not say it
    f k      the reason; the headline, if the letter does not say it
    p q      after three empty lines the headline, if the letter does not say it: a row that is shown as pending
             before anything is stored keeps the words of the row it was
    e        when it was seen; the word for a value that our own write confirmed
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from cloudcache.domain.catalog import BY_ID, TOGGLES, Effect, State, Toggle, Topology
from cloudcache.domain.customers import Customer
from cloudcache.domain.events import Change
from cloudcache.domain.finer import finer_values
from cloudcache.domain.ids import ToggleId
from cloudcache.domain.toggle import OUTSIDE_SHOWN_MS, STALE_AFTER_MS, Cell, Lock, Standing, lock, standing
from cloudcache.ui import wording

NUMBER: dict[ToggleId, int] = {toggle.id: number for number, toggle in enumerate(TOGGLES)}
"""A setting's place on the page, and in everything that has one entry per setting."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LETTERS = {
    Standing.CONFIRMED: "c",
    Standing.CHECKED: "r",
    Standing.SENT: "p",
    Standing.QUEUED: "q",
    Standing.FAILED: "f",
    Standing.OUTSIDE: "o",
    Standing.REPORTED: "h",
    Standing.STALE: "s",
    Standing.UNREAD: "u",
    Standing.ABSENT: "n",
    Standing.ENDED: "d",
    Standing.OMITTED: "m",
}


_OF_A_CHANGE = (Standing.SENT, Standing.QUEUED, Standing.FAILED, Standing.OUTSIDE, Standing.REPORTED)
_CALM = (Standing.CONFIRMED, Standing.CHECKED)
_WITHOUT_WORD = (Standing.ABSENT, Standing.ENDED, Standing.OMITTED)

_AGES = {
    "b": STALE_AFTER_MS,
    "c": STALE_AFTER_MS,
    "r": STALE_AFTER_MS,
    "o": OUTSIDE_SHOWN_MS,
    "x": OUTSIDE_SHOWN_MS,
}
"""How long after its second a row turns into another one by itself."""

FOREVER = 2**63


def seconds(at_ms: int | None) -> str:
    """Format the second of a Unix millisecond in base 36: six digits, or as many as it needs from 2038-12-24 on."""
    return _base_36(max(0, (at_ms or 0) // 1000))


@lru_cache(1024)
def _base_36(left: int) -> str:
    """The values of a page were read together, so that their rows hold the same second."""
    text = ""
    while left or len(text) < 6:
        left, digit = divmod(left, 36)
        text = _DIGITS[digit] + text
    return text


def followed(customer: Customer) -> str:
    """When the change log was last read, `-` when the token may not read it, nothing when it was not tried yet."""
    if customer.is_followed is False:
        return "-"
    return seconds(customer.followed_at) if customer.followed_at is not None else ""


def row_and_word(cell: Cell, now: int) -> tuple[str, str]:
    """The seven characters of one row, and what it says beyond its letter, or nothing."""
    stands = standing(cell, now)
    return _row(cell, stands, now), _word(cell, stands, now)


def _row(cell: Cell, stands: Standing, now: int) -> str:
    change = cell.change
    letter, at = _LETTERS[stands], cell.seen_at
    if change and stands is Standing.QUEUED:
        at = change.eta_at
    elif change and stands is Standing.SENT:
        at = change.requested_at
    elif change and stands is Standing.FAILED:
        at = change.settled_at
    elif change and stands is Standing.OUTSIDE:
        at = change.noticed_at
        letter = "x" if change.from_state is change.to_state else "o"
    elif stands is Standing.ABSENT:
        at = cell.absent_at
    elif stands is Standing.ENDED:
        at = cell.ends_at
    elif _ends_by_itself(cell, stands, now):
        letter, at = "e", cell.ends_at
    elif stands in _CALM and cell.is_unsafe(BY_ID[cell.toggle]):
        letter = "b"
    on = cell.shown_state() is State.ON and stands is not Standing.ABSENT
    return (letter.upper() if on else letter) + seconds(at)


def _word(cell: Cell, stands: Standing, now: int) -> str:
    change = cell.change
    if change and stands in _OF_A_CHANGE:
        return "\n".join(_words_of(change, stands)).rstrip("\n")
    if _ends_by_itself(cell, stands, now):
        confirmed = f"\n{wording.rows.CONFIRMED}" if stands is Standing.CONFIRMED else ""
        return seconds(cell.seen_at) + confirmed
    if stands is Standing.OMITTED and cell.seen_at is None:
        return wording.rows.NOT_REPORTED
    if stands in _WITHOUT_WORD:
        return ""
    toggle, value = BY_ID[cell.toggle], cell.value
    if cell.seen_at is None or cell.absent_at is not None:
        return ""
    return wording.values.finer(toggle, toggle.read(value), toggle.value_name(value))


def _words_of(change: Change, stands: Standing) -> list[str]:
    values = finer_values(change)
    before, after = values or ("", "")
    if stands is Standing.SENT:
        return ["", "", "", wording.values.changing_back(change.toggle, after)] if values else []
    if stands is Standing.QUEUED:
        return ["", "", "", wording.values.waiting(change.toggle, after)] if values else []
    if stands is Standing.FAILED:
        why = wording.reasons.reason(change.error, change.detail)
        return [why, wording.values.not_changed_back(change.toggle, after) if values else ""]
    made = seconds(change.requested_at) if change.has_known_time and stands is Standing.OUTSIDE else ""
    who = wording.rows.outside_person(change.actor.id)
    toggle = BY_ID[change.toggle]
    if not values and (wording.values.is_always_named(change.toggle) or toggle.is_unsafe(change.to_value)):
        before, after = toggle.value_name(change.from_value), toggle.value_name(change.to_value)
    if not after:
        return [made, who]
    who = who or wording.rows.OUTSIDE_BY
    if stands is Standing.REPORTED:
        return [made, who, wording.values.reported(change.toggle, after)]
    return [made, who, wording.values.changed(change.toggle, before, after)]


def _ends_by_itself(cell: Cell, stands: Standing, now: int) -> bool:
    return stands in _CALM and cell.state is State.ON and cell.ends_at is not None and cell.ends_at > now


def right_until(shown: Sequence[str], words: Mapping[ToggleId, str]) -> int:
    """Until when (Unix milliseconds) the rows say what is so, if nothing changes but the time."""
    return min(_ages_at(row, words.get(toggle.id, "")) for toggle, row in zip(TOGGLES, shown, strict=True))


def _ages_at(row: str, said: str) -> int:
    if row[:1] in ("e", "E"):  # when it was seen is in its word then
        return min(_milliseconds(row[1:]), _milliseconds(said.partition("\n")[0]) + STALE_AFTER_MS)
    after = _AGES.get(row[:1].lower())
    return FOREVER if after is None else _milliseconds(row[1:]) + after


def _milliseconds(digits: str) -> int:
    return int(digits, 36) * 1000 if digits else 0


UNREAD = "u" + seconds(0)
"""The row of a setting that was never read."""


def is_on(row: str) -> bool:
    """The position that a row shows."""
    return row[:1].isupper()


def pending(on: bool, now: int) -> str:
    """The row of a switch that was clicked just now."""
    return ("P" if on else "p") + seconds(now)


def not_stored(on: bool, now: int) -> str:
    """The row of a switch that stayed where it was because its change was not stored."""
    return ("K" if on else "k") + seconds(now)


def is_finer(row: str) -> bool:
    """Whether somebody else changed only the finer value."""
    return row[:1] in ("x", "X")


def is_known(row: str) -> bool:
    """Whether this row shows a value that was read from Cloudflare once."""
    return row[:1] not in ("", "u")


def is_queued(row: str) -> bool:
    """Whether a change of this row waits to be sent."""
    return row[:1] in ("q", "Q")


def is_not_stored(row: str) -> bool:
    """Whether only this tab knows what failed here."""
    return row[:1] in ("k", "K")


def is_reviewable(row: str) -> bool:
    """Whether this row shows a failed or an outside change that a person can mark as reviewed."""
    return row != "" and row[0] in "fFoOxX"


def locks(customer: Customer, cells: Mapping[ToggleId, Cell]) -> str:
    """One character per toggle: `-` free, `p b e` the plan it needs, `x` not editable, `a` no permission,
    `n` not available on this zone, `d` not by Cloudflare's API."""
    return "".join(_lock(toggle, cells.get(toggle.id), customer) for toggle in TOGGLES)


def _lock(toggle: Toggle, cell: Cell | None, customer: Customer) -> str:
    why = lock(toggle, cell, customer.plan, customer.missing)
    if why is Lock.PERMISSION:
        return "a"
    if why is Lock.ABSENT:
        return "n"
    if why is Lock.DASHBOARD:
        return "d"
    if why is Lock.PLAN:
        return toggle.min_plan.name[0].lower()
    return "x" if why is Lock.NOT_EDITABLE else "-"


def needs_attention(toggle: Toggle, row: str, topology: Topology) -> bool:
    """Whether this row failed, was changed elsewhere, is stale, or is risky or without effect and on."""
    return row != "" and (row[0] in "fFoOxXhHsSmMbB" or _is_pointless(toggle, row, topology))


def tally(shown: Sequence[str], topology: Topology) -> list[int]:
    """How many failed, were changed elsewhere, are stale, and of the others that are on, how many have no effect
    and how many are unsafe; together, what needs a look. DNS only is said once for the page, not 50 times."""
    letters = [row[:1].lower() for row in shown]
    odd = [
        toggle.verdict(topology).effect
        for toggle, row in zip(TOGGLES, shown, strict=True)
        if row[:1].lower() not in ("f", "o", "x", "h", "s", "m", "b") and _is_pointless(toggle, row, topology)
    ]
    elsewhere, pointless = sum(map(letters.count, "oxh")), odd.count(Effect.NO_EFFECT)
    unsafe = odd.count(Effect.UNSAFE) + letters.count("b")
    return [letters.count("f"), elsewhere, sum(map(letters.count, "sm")), pointless, unsafe]


def _is_pointless(toggle: Toggle, row: str, topology: Topology) -> bool:
    """Whether it has no effect or is risky, and is on at Cloudflare; a change that is open has not altered that."""
    odd = toggle.verdict(topology).effect in (Effect.NO_EFFECT, Effect.UNSAFE)
    is_on_there = is_on(row) != (row[:1] in ("p", "P", "q", "Q"))
    return odd and is_on_there and topology not in (Topology.DNS_ONLY, Topology.NO_ZONE)


def matching(query: str, among: Iterable[Toggle]) -> list[ToggleId]:
    """The toggles in whose title or texts every word of the query occurs."""
    words = _typed(_seen(query)).split()
    return [one.id for one in among if all(part in _searched(one) for part in words)]


def _searched(toggle: Toggle) -> str:
    texts = (
        toggle.title,
        toggle.description,
        toggle.caution,
        toggle.behind_shopify.reason,
        toggle.section.value,
        toggle.category,
        toggle.id.replace("_", " "),
    )
    return _typed(" ".join(texts))


def _seen(text: str) -> str:
    """Return text as it looks: pasted text may hold characters that are not seen, or wide forms of letters."""
    usual = unicodedata.normalize("NFKC", text)
    return "".join(one for one in usual if unicodedata.category(one) != "Cf")


def _typed(text: str) -> str:
    """Return text as a keyboard has it: in lower case, and with a straight apostrophe."""
    return text.lower().replace("’", "'")


def mask(shown: Iterable[ToggleId]) -> str:
    """One character per toggle, `1` for those shown; empty when all are."""
    chosen = set(shown)
    return "" if len(chosen) == len(TOGGLES) else "".join("01"[one.id in chosen] for one in TOGGLES)
