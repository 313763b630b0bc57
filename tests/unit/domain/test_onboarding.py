"""A list of customers, line by line: what is taken, what is refused and why, and what is no list at all."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.domain.catalog.model import Topology, ZonePlan
from cloudcache.domain.onboarding import COLUMNS, LONGEST_LINE, Problem, Row, Unreadable, read_rows
from cloudcache.domain.secret import Token

ZONE, OTHER = "a" * 32, "b" * 32
SECRET = "cfut_very_secret_0123456789"


def judged(text: str | bytes) -> list:
    raw = text.encode() if isinstance(text, str) else text
    return list(read_rows(io.BytesIO(raw)))


def problem(text: str | bytes) -> Problem:
    """The one thing that is wrong."""
    (found,) = [one for row in judged(text) if not isinstance(row, Row) for one in row]
    return found


def test_a_full_row_is_taken_in_its_normal_form():
    text = (
        "shop,zone_id,zone_name,plan,account_id,topology,token\n"
        f"My-Shop,{ZONE.upper()},Shop.Example,Pro,{OTHER.upper()},dns_only,{SECRET}\n"
    )

    assert judged(text) == [
        Row(
            2,
            "my-shop.myshopify.com",
            ZONE,
            "shop.example",
            ZonePlan.PRO,
            OTHER,
            Topology.DNS_ONLY,
            Token(SECRET),
        )
    ]


def test_two_columns_are_enough_in_any_order_and_the_rest_is_asked_for_later():
    (row,) = judged(f"zone_id,shop\n{ZONE},my-shop\n")

    assert (row.shop, row.zone, row.plan, row.is_complete) == ("my-shop.myshopify.com", ZONE, None, False)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"\ufeffshop,zone_id\na,{ZONE}\n", id="byte order mark"),
        pytest.param(f"shop,zone_id\r\na,{ZONE}\r\n", id="CRLF"),
        pytest.param(f'"shop","zone_id"\n"a","{ZONE}"\n', id="quotes"),
        pytest.param(f"shop;zone_id\na;{ZONE}\n", id="semicolons"),
        pytest.param(f"shop\tzone_id\na\t{ZONE}\n", id="tabs"),
        pytest.param(f" Shop , ZONE_ID \n a , {ZONE} \n", id="blanks"),
        pytest.param(f"\n\nshop,zone_id\n\na,{ZONE}\n,\n\n", id="empty lines"),
        pytest.param(f"shop,zone_id\na,{ZONE}", id="no end of line"),
        pytest.param(f"sep=,\nshop,zone_id\na,{ZONE}\n", id="separator line"),
        pytest.param(f"\ufeffsep=;\r\nshop;zone_id\r\na;{ZONE}\r\n", id="separator line with a mark"),
        pytest.param(f'"sep=,"\nshop,zone_id\na,{ZONE}\n', id="separator line in quotes"),
        pytest.param(f"SEP=\t\nshop\tzone_id\na\t{ZONE}\n", id="separator line for tabs"),
        pytest.param(f"shop,zone_id,,\na,{ZONE},,\n", id="commas at the end of all lines"),
        pytest.param(f"shop,zone_id\na,{ZONE},,,\n", id="commas at the end of a row"),
        pytest.param(f"shop;zone_id; ;\na;{ZONE}; ;\n", id="blank fields at the end"),
        pytest.param(f"shop,zone_id,plan,token\na,{ZONE},,\n", id="empty fields"),
    ],
)
def test_what_spreadsheets_write_is_understood(text: str):
    (row,) = judged(text)

    assert (row.shop, row.zone) == ("a.myshopify.com", ZONE)


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        (f"my shop,{ZONE},,,,,", "shop", "not a store name"),
        (f",{ZONE},,,,,", "shop", "empty"),
        ("a,xyz,,,,,", "zone_id", "not a zone ID"),
        ("a,,,,,,", "zone_id", "empty"),
        (f"a,{ZONE},no domain,,,,", "zone_name", "not a domain"),
        (f"a,{ZONE},{'x' * 300}.example,,,,", "zone_name", "not a domain"),
        (f"a,{ZONE},,gold,,,", "plan", "free, pro, business, enterprise"),
        (f"a,{ZONE},,,acc,,", "account_id", "not an account ID"),
        (f"a,{ZONE},,,,orange,", "topology", "o2o"),
        (f"a,{ZONE},,,,,two words", "token", "not a Cloudflare API token"),
        (f"a,{ZONE},,,,,{'x' * 300}", "token", "not a Cloudflare API token"),
        (f"a,{ZONE},,,,", "", "6 fields, but the first line names 7"),
        (f"a,{ZONE},,,,,,x", "", "8 fields"),
        (f"{'a' * 5_000},{ZONE},,,,,", "shop", "not a store name"),
        (f"a\0,{ZONE},,,,,", "shop", "not a store name"),
    ],
)
def test_a_wrong_field_is_told_with_its_line(line: str, field: str, said: str):
    found = problem(",".join(COLUMNS) + f"\nfine,{OTHER},,,,,\n{line}\n")

    assert (found.line, found.field) == (3, field)
    assert said in found.reason


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        ("Free Website", ZonePlan.FREE),
        ("Pro Website", ZonePlan.PRO),
        ("PRO WEBSITE", ZonePlan.PRO),
        ("Business Website", ZonePlan.BUSINESS),
        ("Enterprise Website", ZonePlan.ENTERPRISE),
        ("Enterprise Plan", ZonePlan.ENTERPRISE),
        ("business", ZonePlan.BUSINESS),
    ],
)
def test_plan_is_read_in_the_words_of_cloudflare(words: str, plan: ZonePlan):
    (row,) = judged(f"shop,zone_id,plan\na,{ZONE},{words}\n")

    assert row.plan is plan


def test_line_after_a_separator_line_keeps_its_number():
    found = problem(f"sep=,\n\nshop,zone_id\na,{ZONE}\nb,xyz\n")

    assert (found.line, found.field) == (5, "zone_id")


def test_everything_that_is_wrong_with_a_line_is_told_at_once():
    (problems,) = judged("shop,zone_id,plan\n!,?,gold\n")

    assert [one.field for one in problems] == ["shop", "zone_id", "plan"]


@pytest.mark.parametrize(("second", "field"), [(f"A,{OTHER}", "shop"), (f"b,{ZONE}", "zone_id")])
def test_a_shop_and_a_zone_are_named_once(second: str, field: str):
    found = problem(f"shop,zone_id\na,{ZONE}\n{second}\n")

    assert found == Problem(3, field, "it's in line 2 already")


def test_a_quoted_line_break_does_not_shift_the_lines_told():
    found = problem(f'shop,zone_id\n"a\n",{ZONE}\nb,xyz\n')

    assert found.line == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"a,b\n", "shop is missing"),
        (b"shop\n", "zone_id is missing"),
        (b"shop,zone_id,colour\n", "column 3"),
        (b"shop,zone_id,shop\n", "appears twice"),
        ("shop,zone_id\nbäcker,x\n".encode("latin-1"), "line 2 isn't UTF-8"),
        ("shop,zone_id\n".encode("utf-16"), "line 1 isn't UTF-8"),
        (b'shop,zone_id\n"a,b\nc,d\n', "line 2 can't be parsed"),
        (b'shop,zone_id\na,"b"c\n', "line 2 can't be parsed"),
        (b"shop,zone_id\n" + b"a" * (LONGEST_LINE + 1), "line 2 is longer"),
    ],
)
def test_what_is_no_such_list_is_refused_as_a_whole(text: bytes, said: str):
    with pytest.raises(Unreadable, match=said):
        judged(text)


@pytest.mark.parametrize("slipped", range(6))
def test_a_token_in_the_wrong_column_is_in_no_reason(slipped: int):
    fields = ["a", ZONE, "", "", "", "", ""]
    fields[slipped] = SECRET

    found = judged(",".join(COLUMNS) + "\n" + ",".join(fields) + "\n")

    assert SECRET not in repr(found)


def test_a_token_in_place_of_the_first_line_is_not_told():
    with pytest.raises(Unreadable) as refused:
        judged(f"shop,zone_id,{SECRET}\n")

    assert SECRET not in str(refused.value)


NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
ZONES = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(st.dictionaries(NAMES, ZONES, max_size=8), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_what_a_csv_writer_writes_is_read(rows: dict[str, str], delimiter: str, quoted: bool):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerow(["shop", "zone_id"])
    writer.writerows(rows.items())

    read = [row for row in judged(stream.getvalue()) if isinstance(row, Row)]

    assert {row.zone for row in read} == set(rows.values())
    assert all(row.zone == rows[row.shop.removesuffix(".myshopify.com")] for row in read)


@given(st.binary(max_size=300))
def test_whatever_the_file_holds_it_is_judged_or_refused_whole(noise: bytes):
    try:
        found = judged(b"shop,zone_id\n" + noise)
    except Unreadable:
        return

    assert all(isinstance(one, Row) or one for one in found)
