"""A pasted token is read whatever the copy brought along, or refused with one sentence that repeats nothing of it."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cloudcache.domain.token_text import (
    LONGEST_TEXT,
    LONGEST_TOKEN,
    TokenProblem,
    UnreadableToken,
    read_token,
    read_token_bytes,
)

TOKEN = "cfat_" + "Ab3_" * 9 + "x-Z0"
OTHER = "cfut_" + "Cd4_" * 9 + "y-W1"
OLD = "Ab3_" * 9 + "x-Z0"
ZONE = "0123456789abcdef" * 2
API = f"https://api.cloudflare.com/client/v4/zones/{ZONE}/settings"

CLEANED = {
    "as it is": TOKEN,
    "old form": OLD,
    "line end": f"{TOKEN}\n",
    "CRLF": f"{TOKEN}\r\n",
    "blanks": f"  {TOKEN}\t",
    "no-break blanks": f"\u00a0{TOKEN}\u202f",
    "byte order mark": f"\ufeff{TOKEN}",
    "zero-width signs": f"\u200b{TOKEN[:9]}\u200d{TOKEN[9:]}\u2060",
    "bidirectional signs": f"\u202d{TOKEN}\u202c\u200e",
    "soft hyphen": f"{TOKEN[:9]}\u00ad{TOKEN[9:]}",
    "blank-looking letters": f"\u3164{TOKEN}\u2800",
    "straight quotes": f'"{TOKEN}"',
    "single quotes": f"'{TOKEN}'",
    "curly quotes": f"\u201c{TOKEN}\u201d",
    "curly single quotes": f"\u2018{TOKEN}\u2019",
    "low quotes": f"\u201e{TOKEN}\u201c",
    "backticks": f"`{TOKEN}`",
    "three backticks": f"```\n{TOKEN}\n```",
    "guillemets": f"\u00ab{TOKEN}\u00bb",
    "guillemets with blanks": f"\u00ab\u00a0{TOKEN}\u00a0\u00bb",
    "quotes in quotes": f"\"'{TOKEN}'\"",
    "escaped quotes": f'\\"{TOKEN}\\"',
    "one quote": f'"{TOKEN}',
    "angle brackets": f"<{TOKEN}>",
    "comma": f"{TOKEN},",
    "quotes and comma": f'"{TOKEN}",',
    "semicolons": f"{TOKEN};;",
    "Bearer": f"Bearer {TOKEN}",
    "BEARER and tab": f"BEARER\t{TOKEN}",
    "bearer twice": f"bearer Bearer {TOKEN}",
    "Bearer in quotes": f'"Bearer {TOKEN}"',
    "quotes after Bearer": f'Bearer "{TOKEN}"',
    "mark before Bearer": f"\ufeffBearer\u00a0{TOKEN}\r\n",
    "header": f"Authorization: Bearer {TOKEN}",
    "header without blank": f"authorization:bearer {TOKEN}",
    "header twice": f"Authorization: Authorization: Bearer {TOKEN}",
    "header as an option": f"-H 'Authorization: Bearer {TOKEN}'",
    "header in JSON": f'{{"Authorization": "Bearer {TOKEN}"}}',
    "export": f"export CLOUDFLARE_API_TOKEN={TOKEN}",
    "export with quotes": f'export CLOUDFLARE_API_TOKEN="{TOKEN}";',
    "assignment": f"X={TOKEN}",
    "assignment of a header": f"X='Bearer {TOKEN}'",
    "PowerShell": f'$env:CLOUDFLARE_API_TOKEN = "{TOKEN}"',
    "set": f"set CF_TOKEN={TOKEN}",
    "YAML": f"api_token: {TOKEN}",
    "JSON": f'{{"token": "{TOKEN}"}}',
    "JSON with more": f'{{"id": "{ZONE}", "name": "x", "api_token": "{TOKEN}"}}',
    "JSON text": f'"{TOKEN}"',
    "answer that made it": f'{{"result": {{"id": "{ZONE}", "value": "{TOKEN}", "status": "active"}}}}',
    "curl": f'curl "{API}" -H "Authorization: Bearer {TOKEN}"',
    "curl on several lines": f"curl '{API}' \\\n  -H 'Authorization: Bearer {TOKEN}' \\\n  -H 'Accept: x'",
    "curl with an old token": f'curl "{API}" --header "authorization: bearer {OLD}"',
    "the same token twice": f"{TOKEN}\n{TOKEN}\n",
    "comment": f"{TOKEN}  # of the shop",
    "label": f"Your API token: {TOKEN}",
    "a file of assignments": f"CLOUDFLARE_EMAIL=a@example.com\nCLOUDFLARE_API_TOKEN={TOKEN}\n",
    "pasted into a terminal": f"\x1b[200~{TOKEN}\x1b[201~",
    "colors": f"\x1b[32m{TOKEN}\x1b[0m",
}

REFUSED = {
    "nothing": ("", TokenProblem.EMPTY),
    "blanks only": (" \u00a0\n", TokenProblem.EMPTY),
    "a mark only": ("\ufeff", TokenProblem.EMPTY),
    "quotes only": ('""', TokenProblem.EMPTY),
    "Bearer only": ("Bearer ", TokenProblem.EMPTY),
    "assignment of nothing": ("CLOUDFLARE_API_TOKEN=", TokenProblem.EMPTY),
    "header only": ("Authorization: Bearer", TokenProblem.EMPTY),
    "two tokens": (f"{TOKEN}\n{OTHER}", TokenProblem.SEVERAL),
    "two headers": (f"Bearer {TOKEN}\nBearer {OTHER}", TokenProblem.SEVERAL),
    "two in JSON": (f'{{"a_token": "{TOKEN}", "b_token": "{OTHER}"}}', TokenProblem.SEVERAL),
    "words": ("my token please", TokenProblem.BLANKS),
    "broken in two": (f"{TOKEN[:20]} {TOKEN[20:]}", TokenProblem.BLANKS),
    "accent": (f"{TOKEN[:20]}\u00e9{TOKEN[20:]}", TokenProblem.NOT_ASCII),
    "accent after Bearer": (f"Bearer {TOKEN[:20]}\u00e9{TOKEN[20:]}", TokenProblem.NOT_ASCII),
    "long dash": (TOKEN.replace("-", "\u2013"), TokenProblem.NOT_ASCII),
    "full width": ("".join(chr(ord(c) + 0xFEE0) for c in TOKEN), TokenProblem.NOT_ASCII),
    "emoji": (f"{TOKEN}\U0001f511", TokenProblem.NOT_ASCII),
    "mail address": ("me@example.com", TokenProblem.OTHER_SIGNS),
    "stars": ("*" * 40, TokenProblem.OTHER_SIGNS),
    "control character": (f"{TOKEN[:20]}\x08{TOKEN[20:]}", TokenProblem.CONTROL_CHARACTERS),
    "UTF-16 read as UTF-8": ("\0".join(TOKEN), TokenProblem.UTF_16),
    "bytes that are no text": (f"\udcff{TOKEN}", TokenProblem.NOT_UTF_8),
    "replacement character": (f"\ufffd{TOKEN}", TokenProblem.NOT_UTF_8),
    "UTF-16 mark": ("\udcff\udcfec", TokenProblem.UTF_16),
    "variable": ("$CLOUDFLARE_API_TOKEN", TokenProblem.VARIABLE),
    "curl with a variable": (f'curl "{API}" -H "Authorization: Bearer $TOKEN"', TokenProblem.VARIABLE),
    "curl without one": (f"curl {API}", TokenProblem.COMMAND),
    "JSON without one": (f'{{"id": "{ZONE}", "value": "on"}}', TokenProblem.JSON),
    "global key": ("cfk_" + "a1" * 20, TokenProblem.GLOBAL_KEY),
    "global key as Bearer": ("Bearer cfk_" + "a1" * 20, TokenProblem.GLOBAL_KEY),
    "global key in curl": (
        f'curl {API} -H "X-Auth-Email: a@b.c" -H "X-Auth-Key: {"a1" * 18}"',
        TokenProblem.GLOBAL_KEY,
    ),
    "too long a word": ("a" * (LONGEST_TOKEN + 1), TokenProblem.TOO_LONG),
    "too long a text": (f"{TOKEN}{' ' * LONGEST_TEXT}", TokenProblem.TOO_LONG),
}


@pytest.mark.parametrize("text", CLEANED.values(), ids=CLEANED.keys())
def test_token_is_read_whatever_the_copy_brought_along(text: str):
    assert read_token(text).reveal() in (TOKEN, OLD)


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_text_without_one_token_is_refused_for_its_own_reason(text: str, problem: TokenProblem):
    with pytest.raises(UnreadableToken) as caught:
        read_token(text)

    assert caught.value.problem is problem
    assert TOKEN[5:20] not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_bytes_are_named_as_such(encoding: str):
    with pytest.raises(UnreadableToken) as caught:
        read_token_bytes(TOKEN.encode(encoding))

    assert caught.value.problem is TokenProblem.UTF_16


def test_bytes_that_are_not_utf_8_are_named_as_such():
    with pytest.raises(UnreadableToken) as caught:
        read_token_bytes(TOKEN.encode() + "\u00e9".encode("latin-1"))

    assert caught.value.problem is TokenProblem.NOT_UTF_8


def test_utf_8_with_a_byte_order_mark_is_read():
    assert read_token_bytes(b"\xef\xbb\xbfBearer " + TOKEN.encode() + b"\r\n").reveal() == TOKEN


QUOTES = ['"', "'", "`", "\u201c", "\u201d", "\u00ab", "\u00bb"]
BLANKS = ["\ufeff", "\u200b", "\u202e", "\u00a0", " ", "\r\n"]
BEFORE = st.lists(st.sampled_from([*QUOTES, *BLANKS, "Bearer ", "bearer\t"]), max_size=6).map("".join)
AFTER = st.lists(st.sampled_from([*QUOTES, *BLANKS, ",", ";"]), max_size=6).map("".join)


@given(BEFORE, st.from_regex(r"cf[au]t_[A-Za-z0-9]{40}", fullmatch=True), AFTER)
def test_nothing_around_a_token_becomes_part_of_it(before: str, token: str, after: str):
    assert read_token(before + token + after).reveal() == token


@given(st.one_of(st.text(), st.text(alphabet="beare r:\"'{}[]=,$\n\0cfat_")))
def test_any_text_is_one_word_or_one_sentence(text: str):
    try:
        word = read_token(text).reveal()
    except UnreadableToken as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert word.isascii() and not any(sign.isspace() for sign in word)


@given(st.binary())
def test_any_bytes_are_one_word_or_one_sentence(raw: bytes):
    try:
        assert read_token_bytes(raw).reveal()
    except UnreadableToken as error:
        assert str(error)


@pytest.mark.parametrize("unit", ["a=", "bearer ", "{", '["', "\\", "cf", "export "])
def test_long_repetitions_are_read_in_one_pass_or_refused(unit: str):
    with pytest.raises(UnreadableToken):
        read_token(unit * (LONGEST_TEXT // len(unit)) + "!")
