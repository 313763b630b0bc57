"""What the commands share: building the parts, one line for an expected failure, input, JSON for scripts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from getpass import getpass
from math import isfinite
from typing import Annotated, Any, NoReturn, TypeVar
from unicodedata import category

import typer
from rich.console import Console
from typer.core import TyperGroup

from cloudcache import logs
from cloudcache.config import ConfigError, load
from cloudcache.domain.errors import CloudcacheError, explain
from cloudcache.domain.ids import JSON
from cloudcache.domain.secret import Token
from cloudcache.domain.token_text import (
    LONGEST_TEXT,
    UnreadableToken,
    may_hold_token,
    read_token,
    read_token_bytes,
)
from cloudcache.wiring import Wiring, build

out = Console(markup=False, emoji=False)
err = Console(stderr=True, markup=False, emoji=False)

LONGEST_ARGUMENT, LONGEST_MESSAGE = 8_192, 1_000

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def run(work: Callable[[Wiring], Awaitable[Result]]) -> Result:
    """Build the parts, run, close; `Commands` turns an expected failure into one line and exit code 1."""
    logs.configure("WARNING")

    async def main() -> Result:
        settings = load()
        logs.configure("WARNING", settings.log_format, "command")
        logs.begin(request=logs.request_id(), actor="command")
        wiring = build(settings)
        async with wiring.connected():
            return await work(wiring)

    return asyncio.run(main())


class Commands(TyperGroup):
    """The commands as a whole: what can be expected to go wrong in any of them is one line and never a traceback."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **named: Any) -> Any:
        """Run the command that the arguments name; an expected failure is one line and exit code 1, bad usage 2."""
        given = list(sys.argv[1:] if args is None else args)
        for number, text in enumerate(given, 1):
            if problem := _problem(text):
                _end(f"argument {number} {problem}", 2)
        try:
            return super().main(given, *more, **named)
        except CloudcacheError as error:
            _end(explain(error))
        except OSError as error:
            _end(
                ": ".join(
                    str(part) for part in (error.filename2 or error.filename, error.strerror or error) if part
                )
            )
        except (ConfigError, ValueError) as error:
            _end(str(error))


def _problem(argument: str) -> str:
    """What keeps an argument from reaching any command, or nothing. Messages may then repeat arguments."""
    if len(argument) > LONGEST_ARGUMENT:
        return f"is longer than {LONGEST_ARGUMENT:,} characters"
    if any("\ud800" <= sign <= "\udfff" for sign in argument):
        return "isn't UTF-8 text"
    if any(category(sign) == "Cc" and sign not in "\t\r\n" for sign in argument):
        return "contains control characters"
    if may_hold_token(argument):
        return (
            "looks like a Cloudflare API token. Tokens are read from standard input, never from an argument"
        )
    return ""


def finite(value: float | None) -> float | None:
    """Refuse infinity and `nan`, which every comparison with a limit lets pass."""
    if value is not None and not isfinite(value):
        raise typer.BadParameter("must be a number, not infinity or nan")
    return value


def _end(message: str, code: int = 1) -> NoReturn:
    """Exit with one line on standard error."""
    words = " ".join(logs.redacted(message).split())
    line = "".join(sign if sign.isprintable() else "?" for sign in words[:LONGEST_MESSAGE])
    if sys.stderr is not None:
        sys.stderr.write(f"cloudcache: {line}\n")
    sys.exit(code)


def token_from_stdin() -> Token:
    """Read a token from standard input; on a terminal ask for it without an echo."""
    if sys.stdin is not None and sys.stdin.isatty():
        return read_token(getpass("Cloudflare API token: ", stream=sys.stderr))
    try:
        return read_token_bytes(bytes_from_stdin(LONGEST_TEXT + 1))
    except UnreadableToken as error:
        raise ValueError(f"standard input: {error}") from None


def bytes_from_stdin(most: int) -> bytes:
    """Read at most so many bytes of standard input; nothing when it is closed."""
    return b"" if sys.stdin is None else sys.stdin.buffer.read(most)


def print_json(value: JSON) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(value) + "\n")


def duration(seconds: float) -> str:
    """A span of time as people say it: 12 s, 4 min, 3.5 h, 9 days."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"
