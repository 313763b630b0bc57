"""The seven characters of a row, and the words that go with them."""

from dataclasses import replace
from itertools import permutations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog import TOGGLES, State, Toggle, Topology, find
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, ChangeStatus, Source
from cloudcache.domain.ids import ChangeId, CustomerId
from cloudcache.domain.toggle import STALE_AFTER_MS, Cell, ConfirmedBy
from cloudcache.ui import wording
from cloudcache.ui.states import rows

NOW = 1_795_000_000_000
ROCKET, POLISH, SSL = find("rocket_loader"), find("polish"), find("strict_ssl")
CHANGE = Change(
    id=ChangeId(1),
    customer=CustomerId(1),
    toggle=ROCKET.id,
    from_state=State.OFF,
    from_value="off",
    to_state=State.ON,
    to_value="on",
    actor=Actor(ActorKind.MERCHANT, "owner", CustomerId(1)),
    source=Source.PAGE,
    status=ChangeStatus.PENDING,
    request_id="r",
    requested_at=NOW - 2000,
)
OFF = Cell(ROCKET.id, State.OFF, "off", NOW - 9000)


ANN = Actor(ActorKind.OUTSIDE, "ann@shop.example")
OUTSIDE = {"status": ChangeStatus.OBSERVED, "actor": Actor(ActorKind.OUTSIDE, "")}


STRICT_TO_FULL = replace(
    CHANGE,
    toggle=SSL.id,
    from_state=State.ON,
    from_value="strict",
    to_state=State.OFF,
    to_value="full",
)


def with_change(**what: object) -> Cell:
    return replace(OFF, change=replace(CHANGE, **what))


def polish_with(**what: object) -> Cell:
    """Polish is on, and its newest change is between lossy and lossless."""
    finer = {"toggle": POLISH.id, "from_state": State.ON, "from_value": "lossy", "to_value": "lossless"}
    return Cell(POLISH.id, State.ON, "lossless", NOW - 9000, change=replace(CHANGE, **{**finer, **what}))


@given(st.integers(0, 36**6 - 1))
def test_a_second_survives_its_six_digits(second: int):
    text = rows.seconds(second * 1000)

    assert len(text) == 6 and int(text, 36) == second


@pytest.mark.parametrize("second", [36**6, 2_177_452_800, 4_102_444_800])
def test_second_after_2038_keeps_its_value_in_a_row(second: int):
    """The first second that six digits cannot hold, 2039-01-01 and 2100-01-01."""
    cell = replace(OFF, seen_at=second * 1000)

    row = rows.row_and_word(cell, second * 1000 + 9000)[0]

    assert (row[0], int(row[1:], 36)) == ("r", second)
    assert rows.right_until([row] * len(TOGGLES), {}) == second * 1000 + STALE_AFTER_MS


@pytest.mark.parametrize(
    ("cell", "letter", "second", "word"),
    [
        (Cell(ROCKET.id), "u", 0, ""),
        (OFF, "r", NOW - 9000, ""),
        (replace(OFF, state=State.ON, value="on", confirmed_by=ConfirmedBy.WRITE), "C", NOW - 9000, ""),
        (with_change(), "P", NOW - 2000, ""),
        (with_change(eta_at=NOW + 8000), "Q", NOW + 8000, ""),
        (
            with_change(
                status=ChangeStatus.FAILED, settled_at=NOW - 1000, error="permission", detail="Zone WAF"
            ),
            "f",
            NOW - 1000,
            "Your token can’t edit WAF settings",
        ),
        (with_change(**OUTSIDE), "o", NOW - 2000, ""),
        (
            with_change(**OUTSIDE, requested_at=NOW - 7_200_000, settled_at=NOW - 2000),
            "o",
            NOW - 2000,
            rows.seconds(NOW - 7_200_000),
        ),
        (with_change(**{**OUTSIDE, "actor": ANN}), "o", NOW - 2000, f"\n{ANN.id}"),
        (polish_with(**OUTSIDE), "X", NOW - 2000, "\nOutside this app\nChanged from lossy to lossless"),
        (
            replace(polish_with(**OUTSIDE), confirmed_by=ConfirmedBy.REPORTED),
            "H",
            NOW - 9000,
            "\nOutside this app\nChanged to lossless, per audit log",
        ),
        (
            polish_with(from_value="lossless", to_value="lossy"),
            "P",
            NOW - 2000,
            "\n\n\nChanging back to lossy",
        ),
        (
            polish_with(from_value="lossless", to_value="lossy", eta_at=NOW + 8000),
            "Q",
            NOW + 8000,
            "\n\n\nWaiting to go back to lossy",
        ),
        (
            polish_with(
                from_value="lossless",
                to_value="lossy",
                status=ChangeStatus.FAILED,
                settled_at=NOW,
                error="not_kept",
            ),
            "F",
            NOW,
            "Cloudflare kept the old value\nCouldn’t change back to lossy",
        ),
        (Cell(SSL.id, State.OFF, "full", NOW), "r", NOW, "full"),
        (Cell(SSL.id, State.OFF, "off", NOW), "r", NOW, "no encryption"),
        (Cell(SSL.id, State.ON, "strict", NOW), "R", NOW, ""),
        (replace(OFF, seen_at=NOW - 10 * 86_400_000), "s", NOW - 10 * 86_400_000, ""),
        (Cell(POLISH.id, State.ON, "lossy", NOW), "R", NOW, "lossy"),
        (Cell(POLISH.id, State.ON, "lossy", NOW, absent_at=NOW - 5000), "n", NOW - 5000, ""),
        (Cell(POLISH.id, seen_at=NOW - 5000, absent_at=NOW - 5000), "n", NOW - 5000, ""),
        (Cell(POLISH.id, State.ON, "lossy", NOW - 5000, omitted_at=NOW), "M", NOW - 5000, ""),
        (Cell(POLISH.id, omitted_at=NOW), "m", 0, "Cloudflare didn’t report it"),
        (
            Cell(find("development_mode").id, State.ON, "on", NOW - 9000, ends_at=NOW - 1000),
            "D",
            NOW - 1000,
            "",
        ),
        (
            Cell(find("development_mode").id, State.ON, "on", NOW, ends_at=NOW + 60_000),
            "E",
            NOW + 60_000,
            rows.seconds(NOW),
        ),
        (
            Cell(
                find("development_mode").id,
                State.ON,
                "on",
                NOW,
                ConfirmedBy.WRITE,
                ends_at=NOW + 60_000,
            ),
            "E",
            NOW + 60_000,
            f"{rows.seconds(NOW)}\nConfirmed",
        ),
        (
            Cell(SSL.id, State.OFF, "full", NOW, change=replace(STRICT_TO_FULL, **OUTSIDE)),
            "o",
            NOW - 2000,
            "\nOutside this app\nChanged from full (strict) to full",
        ),
    ],
)
def test_a_row_says_its_standing_position_time_and_word(cell: Cell, letter: str, second: int, word: str):
    row, said = rows.row_and_word(cell, NOW)

    assert row == letter + rows.seconds(second)
    assert rows.is_on(row) == letter.isupper()
    assert said == word


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda one: one.id)
def test_every_value_of_a_setting_has_a_name_that_fits_the_slot(toggle: Toggle):
    known = [toggle.value_name(toggle.on), toggle.value_name(toggle.off), *toggle.others]
    names = [wording.values.name(toggle.id, value) for value in [*known, "x" * 300, "{'a': 1}", ""]]
    finer = [
        pair for pair in permutations(known, 2) if toggle.read(pair[0]).state is toggle.read(pair[1]).state
    ]

    assert len(set(names)) == len(known) + 2
    for before, after in finer:
        assert len(wording.values.changed(toggle.id, before, after)) <= wording.values.LONGEST_HEADLINE
        if after not in toggle.never_restored:
            assert len(wording.values.not_changed_back(toggle.id, after)) <= wording.values.LONGEST_HEADLINE


def test_every_reason_has_words_that_fit_the_slot():
    details = ["", "Zone WAF", "Bot Management", "Page Shield", "Zone Settings", "x" * 500]
    said = [wording.reasons.reason(reason.value, detail) for reason in Reason for detail in details]

    assert all(0 < len(words) <= wording.reasons.LONGEST_REASON for words in said)
    assert len(wording.reasons.reason("a code of another version")) > 0


def test_search_needs_every_word_and_finds_by_title_text_and_section():
    assert rows.matching("rocket", TOGGLES) == ["rocket_loader"]
    assert "early_hints" in rows.matching("page LOADING", TOGGLES)
    assert rows.matching("rocket polish", TOGGLES) == []
    assert rows.matching("I'm under", TOGGLES) == rows.matching("I’m under", TOGGLES) == ["under_attack"]
    assert (
        rows.matching("ro\u200bcket\ufeff", TOGGLES)
        == rows.matching("ｒｏｃｋｅｔ", TOGGLES)
        == ["rocket_loader"]
    )
    for odd in ("rocket*", "%", "https://rocket.example/loader", "<b>rocket</b>"):
        assert rows.matching(odd, TOGGLES) == []
    assert rows.matching("", TOGGLES) == [toggle.id for toggle in TOGGLES]


def attention(shown: list[str], topology: Topology) -> list[str]:
    return [
        one.id for one, row in zip(TOGGLES, shown, strict=True) if rows.needs_attention(one, row, topology)
    ]


def test_what_needs_a_look_is_failed_outside_stale_and_what_is_on_for_nothing():
    shown = [rows.UNREAD] * len(TOGGLES)
    for toggle, letter in {
        "early_hints": "f",
        "polish": "O",
        "webp": "s",
        "rocket_loader": "R",
        "websockets": "r",
        "always_use_https": "C",
    }.items():
        shown[rows.NUMBER[find(toggle).id]] = letter + rows.seconds(NOW)

    assert set(attention(shown, Topology.O2O)) == {
        "early_hints",
        "polish",
        "webp",
        "rocket_loader",
        "always_use_https",
    }
    assert rows.tally(shown, Topology.O2O) == [1, 1, 1, 1, 1]
    assert set(attention(shown, Topology.DNS_ONLY)) == {"early_hints", "polish", "webp"}


def test_change_that_was_not_stored_is_no_attention_item():
    """Another tab and a reload do not know it, so it must not be in any count."""
    shown = [rows.UNREAD] * len(TOGGLES)
    shown[0] = rows.not_stored(True, NOW)

    assert rows.tally(shown, Topology.PROXIED) == [0, 0, 0, 0, 0]
    assert attention(shown, Topology.PROXIED) == []
    assert rows.is_on(shown[0]) and rows.is_not_stored(shown[0])


@pytest.mark.parametrize(
    ("row", "reviewable"),
    [("F", True), ("o", True), ("X", True), ("s", False), ("h", False), ("k", False), ("", False)],
)
def test_only_failed_and_outside_changes_can_be_reviewed(row: str, reviewable: bool):
    assert rows.is_reviewable(row and row + rows.seconds(NOW)) is reviewable


@given(
    seen=st.integers(NOW - 100_000_000, NOW),
    ends=st.none() | st.integers(NOW - 1000, NOW + 200_000_000),
    change=st.none() | st.sampled_from([ChangeStatus.OBSERVED, ChangeStatus.FAILED, ChangeStatus.PENDING]),
    asked=st.integers(NOW - 90_000_000, NOW),
    written=st.booleans(),
    state=st.sampled_from([State.ON, State.OFF]),
    waited=st.floats(0, 1, exclude_max=True),
)
def test_a_row_says_until_when_it_stays_as_it_is(seen, ends, change, asked, written, state, waited):
    by = ConfirmedBy.WRITE if written else ConfirmedBy.READ
    newest = replace(CHANGE, status=change, requested_at=asked) if change else None
    cell = replace(OFF, state=state, seen_at=seen, ends_at=ends, confirmed_by=by, change=newest)
    row, said = rows.row_and_word(cell, NOW)

    shown = [row, "", *[rows.UNREAD] * (len(TOGGLES) - 2)]
    until = rows.right_until(shown, {ROCKET.id: said})

    if until > NOW:
        later = NOW + int((min(until, NOW + 300_000_000) - 1 - NOW) * waited)
        assert rows.row_and_word(cell, later)[0] == row
    else:  # the row has whole seconds only
        assert until > NOW - 1000
