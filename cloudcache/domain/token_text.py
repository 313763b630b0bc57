"""Read a Cloudflare API token out of what a person pasted: on the page, on a terminal, in a file or a variable.

What a copy brings along is removed: byte order marks, zero-width and bidirectional signs, blanks and line ends,
quotes, `Bearer` and `Authorization:`, a trailing comma. From a curl command, an assignment or JSON the token is taken
if there is exactly one. Everything else is an `UnreadableToken`, whose sentence never repeats what was pasted.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum

from cloudcache.domain.secret import Token

LONGEST_TOKEN = 200
LONGEST_TEXT = 16_384

SHORTEST_EMBEDDED = 8
"""A shorter word in the midst of a text is a word of it."""

_BLANK_LOOKING = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z~]")
"""Colors, and what a terminal puts around a paste when the program does not ask it to."""

_QUOTES = (
    "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033"
    "\u00ab\u00bb\u2039\u203a\u300c\u300d\uff02\uff07"
)
_ENDS = _QUOTES + "<>()[]{}\\,;"
_PREFIX = re.compile(r"(?:proxy-)?authorization\s*[:=]|bearer(?=[\s:=]|$)\s*[:=]?", re.IGNORECASE)
_WORD = r"[A-Za-z0-9._~+/-]+"
_END = r"(?=[\s\"'`\\,;)}\]]|$)"
_TOKEN = re.compile(_WORD)
_AFTER_BEARER = re.compile(rf"(?:bearer[\s:\\]+)+[\"'\\]*({_WORD}){_END}", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    r"(?:(?:export|set|setx|declare|env|const|let|var|-[ex]|\$env:)\s*)*"
    r"[\"']?(?P<name>[A-Za-z_][\w.-]*)[\"']?\s*(?P<sign>:=|=>|=|:)\s*(?P<value>.*)",
    re.IGNORECASE | re.DOTALL,
)
_NAMED = re.compile(r"(?:token|secret|bearer|authorization|api_?key|value)$", re.IGNORECASE)
_NEW_FORM = re.compile(rf"(?<![\w-])cf[a-z]{{1,4}}_[A-Za-z0-9_-]{{16,}}{_END}")
_OLD_FORM = re.compile(rf"(?<![\w/.=-])(?![0-9a-f]{{40}})[A-Za-z0-9_-]{{40}}{_END}")
_SECRET = re.compile(r"(?i:\bcf[a-z]{1,4}_|bearer\s+)[\w-]+|[\w-]{37,}")
_GLOBAL_KEY = re.compile(r"x-auth-key", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{?\w|%\w+%|\{\{")
_COMMAND = re.compile(r"\b(?:curl|wget|https?|invoke-\w+)\s", re.IGNORECASE)


class TokenProblem(StrEnum):
    """What keeps a text from being read as a token."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    UTF_16 = "utf_16"
    NOT_UTF_8 = "not_utf_8"
    CONTROL_CHARACTERS = "control_characters"
    NOT_ASCII = "not_ascii"
    SEVERAL = "several"
    BLANKS = "blanks"
    VARIABLE = "variable"
    GLOBAL_KEY = "global_key"
    COMMAND = "command"
    JSON = "json"
    OTHER_SIGNS = "other_signs"


_SENTENCES: dict[TokenProblem, str] = {
    TokenProblem.EMPTY: "no API token was given",
    TokenProblem.TOO_LONG: f"this is too long; a Cloudflare API token has at most {LONGEST_TOKEN} characters",
    TokenProblem.UTF_16: "this is UTF-16 text; send the token as UTF-8 or plain ASCII",
    TokenProblem.NOT_UTF_8: "this isn't UTF-8 text; send the token as UTF-8 or plain ASCII",
    TokenProblem.CONTROL_CHARACTERS: "the token contains control characters; copy it again from Cloudflare",
    TokenProblem.NOT_ASCII: "the token contains characters that aren't ASCII; copy it again from Cloudflare",
    TokenProblem.SEVERAL: "this contains more than one token; give only one",
    TokenProblem.BLANKS: "this contains several words; a Cloudflare API token is one word",
    TokenProblem.VARIABLE: "this contains a variable name instead of the token; give the token itself",
    TokenProblem.GLOBAL_KEY: "this is the Global API Key; create an API token in Cloudflare and give that instead",
    TokenProblem.COMMAND: "this is a command without an API token; give the token itself",
    TokenProblem.JSON: "this is JSON without an API token; give the token itself",
    TokenProblem.OTHER_SIGNS: "the token contains characters that aren't allowed in a Cloudflare API token; "
    "copy it again from Cloudflare",
}


class UnreadableToken(ValueError):
    """A text that no token can be read from; the message says what is in the way and repeats nothing of it."""

    def __init__(self, problem: TokenProblem) -> None:
        super().__init__(_SENTENCES[problem])
        self.problem = problem


def read_token_bytes(raw: bytes) -> Token:
    """Read a token from bytes, as standard input delivers them; `UnreadableToken` says why there is none."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw:
        raise UnreadableToken(TokenProblem.UTF_16)
    try:
        return read_token(raw.decode())
    except UnicodeDecodeError:
        raise UnreadableToken(TokenProblem.NOT_UTF_8) from None


def read_token(text: str) -> Token:
    """Read a token from what a person pasted; `UnreadableToken` says why there is none."""
    _check_encoding(text)
    visible = _visible(text)
    if not visible:
        raise UnreadableToken(TokenProblem.EMPTY)
    word = _bare(visible)
    if not _TOKEN.fullmatch(word):
        word = _only(_candidates(visible)) or _refuse(visible, word)
    if word.startswith("cfk_"):
        raise UnreadableToken(TokenProblem.GLOBAL_KEY)
    if len(word) > LONGEST_TOKEN:
        raise UnreadableToken(TokenProblem.TOO_LONG)
    return Token(word)


def _check_encoding(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise UnreadableToken(TokenProblem.TOO_LONG)
    if "\0" in text or text.startswith(("\ufffe", "\udcff\udcfe", "\udcfe\udcff")):
        raise UnreadableToken(TokenProblem.UTF_16)
    if any("\ud800" <= sign <= "\udfff" or sign == "\ufffd" for sign in text):
        raise UnreadableToken(TokenProblem.NOT_UTF_8)


def visible_text(text: str) -> str:
    """The text without signs that are not seen: byte order marks, zero-width and bidirectional ones."""
    kept = (sign for sign in text if not _is_invisible(sign))
    return "".join(kept).strip()


def quoteless(text: str) -> str:
    """The text without signs that are not seen, and without quotes or commas around it."""
    return visible_text(text).strip(_QUOTES + "<>,; ").strip()


def shown(text: str, most: int = 60) -> str:
    """The text as a message may repeat it: short, quoted, and without words that may be a token."""
    return ascii(_SECRET.sub("****", text[: 2 * most])[:most])


def may_hold_token(text: str) -> bool:
    """Whether a word in the text has the form of Cloudflare's tokens since 2026."""
    return _NEW_FORM.search(text) is not None


def _visible(text: str) -> str:
    return visible_text(_TERMINAL_CODES.sub("", text))


def _is_invisible(sign: str) -> bool:
    is_variation = "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"
    return is_variation or sign in _BLANK_LOOKING or unicodedata.category(sign) == "Cf"


def _bare(text: str) -> str:
    """The text without what stands around a token: quotes, brackets, `Bearer`, commas, an assignment's name."""
    before = None
    while text != before:
        before = text
        text = text.strip().strip(_ENDS).strip()
        prefix = _PREFIX.match(text)
        if prefix:
            text = text[prefix.end() :]
        elif not _TOKEN.fullmatch(text):
            text = _assigned(text)
    return text


def _assigned(text: str) -> str:
    """The value of `NAME=value`, or of `name: value` if the name says that it is a token; else the text."""
    found = _ASSIGNMENT.fullmatch(text)
    if found is None or (found["sign"] == ":" and not _NAMED.search(found["name"])):
        return text
    return found["value"]


def _candidates(text: str) -> Iterator[str]:
    """Everything in the text that may be meant as the token."""
    yield from _AFTER_BEARER.findall(text)
    yield from _NEW_FORM.findall(text)
    yield from _OLD_FORM.findall(text)
    try:
        yield from _of_json(json.loads(text))
    except (ValueError, RecursionError):
        for line in re.split(r"[\n;]|&&", text):
            found = _ASSIGNMENT.fullmatch(line.strip())
            if found and _NAMED.search(found["name"]):
                yield _bare(found["value"])


def _of_json(value: object, name: str = "") -> Iterator[str]:
    """The texts in a JSON value whose name says that they are a token."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _of_json(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _of_json(inner, name)
    elif isinstance(value, str) and _NAMED.search(name):
        yield _bare(value)


def _only(candidates: Iterator[str]) -> str | None:
    different = {one for one in candidates if len(one) >= SHORTEST_EMBEDDED and _TOKEN.fullmatch(one)}
    if len(different) > 1:
        raise UnreadableToken(TokenProblem.SEVERAL)
    return different.pop() if different else None


def _refuse(text: str, word: str) -> str:
    """Raise what is in the way; the most telling comes first."""
    raise UnreadableToken(_problem(text, word))


def _problem(text: str, word: str) -> TokenProblem:
    if not word:
        return TokenProblem.EMPTY
    if any(unicodedata.category(sign) == "Cc" and not sign.isspace() for sign in text):
        return TokenProblem.CONTROL_CHARACTERS
    if _GLOBAL_KEY.search(text):
        return TokenProblem.GLOBAL_KEY
    if _VARIABLE.search(text):
        return TokenProblem.VARIABLE
    if _COMMAND.search(text):
        return TokenProblem.COMMAND
    if text[0] in "{[":
        return TokenProblem.JSON
    if not word.isascii():
        return TokenProblem.NOT_ASCII
    return TokenProblem.BLANKS if len(word.split()) > 1 else TokenProblem.OTHER_SIGNS
