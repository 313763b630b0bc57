"""What the README and the pages under docs/ say: their blocks of commands, headings, links, and names of things.

A block that begins with ```sh run is run by the tests, from top to bottom of its page, in a scratch copy of the local
environment; a line that ends in `# exit 1` must end so. All other blocks are for real machines: what they name is
looked for, not run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = "run"
_FENCE = re.compile(r"^```(\S*)[ ]*(.*)$")
_EXIT = re.compile(r"\s+# exit (\d+)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_OURS = re.compile(r"(\S*python|make) [\w-]")
_PATH = re.compile(r"[\w.@*-]+(?:/[\w.@*-]+)*/?")


@dataclass(frozen=True, slots=True)
class Command:
    """One line of shell, where it stands, and how it should end."""

    page: Path
    line: int
    text: str
    exit: int = 0
    is_run: bool = False

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}: {self.text}"


def pages() -> list[Path]:
    """The README, its neighbours, and everything below docs/, save the parts that `make bench` puts together."""
    below = sorted((ROOT / "docs").rglob("*.md"))
    return [*sorted(ROOT.glob("*.md")), *(one for one in below if one.parent.name != "benchmarks")]


def commands(page: Path) -> list[Command]:
    """All commands of the page's sh and console blocks, and what looks like one in a block of no language."""
    return [one for block in _blocks(page) for one in _commands(page, *block)]


def prose(page: Path) -> str:
    """The page without its blocks."""
    kept, inside = [], False
    for line in page.read_text().splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def spans(page: Path) -> list[str]:
    """What stands in backticks in the page's sentences."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def links(page: Path) -> list[str]:
    """Where its links to files of ours and to headings lead."""
    return [
        link for link in _LINK.findall(prose(page)) if "://" not in link and not link.startswith("mailto:")
    ]


def anchors(page: Path) -> set[str]:
    """Its headings, as a link names them."""
    titles = re.findall(r"^#{1,6} (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def paths(page: Path) -> list[str]:
    """What is written like a path of this repository: its first part is at the top of it."""
    tops = {one.name for one in ROOT.iterdir() if not one.name.startswith(".")}
    words = [word for text in (*spans(page), *(one.text for one in commands(page))) for word in text.split()]
    found = [word.strip("\"'(),;").split("::")[0].removeprefix("./") for word in words]
    return [one for one in found if "/" in one and _PATH.fullmatch(one) and one.split("/")[0] in tops]


def words(text: str) -> list[list[str]]:
    """The simple commands of a line of shell: split at pipes and the like, settings before them left out."""
    parts: list[list[str]] = [[]]
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split, lexer.commenters = True, "#"
    for word in lexer:
        if set(word) <= set("|&;()"):
            parts.append([])
        elif parts[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
            parts[-1].append(word)
    return [part for part in parts if part]


def _blocks(page: Path) -> Iterator[tuple[str, str, list[tuple[int, str]]]]:
    language, order, lines = "", "", list[tuple[int, str]]()
    inside = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and not inside:
            inside, (language, order), lines = True, fence.groups(), []
        elif fence:
            inside = False
            if language in ("sh", "console"):
                yield language, order, lines
            elif language == "":
                yield language, order, [(at, text) for at, text in lines if _OURS.match(text)]
        elif inside:
            lines.append((number, line))


def _commands(page: Path, language: str, order: str, lines: list[tuple[int, str]]) -> Iterator[Command]:
    pending, begins = "", 0
    for number, line in lines:
        if language == "console" and not pending:
            if not line.startswith("$ "):
                continue
            line = line[2:]
        begins = begins if pending else number
        pending = f"{pending} {line.strip()}".strip()
        if pending.endswith("\\"):
            pending = pending[:-1].strip()
            continue
        ends = _EXIT.search(pending)
        text = _EXIT.sub("", pending)
        if text and not text.startswith("#"):
            yield Command(page, begins, text, int(ends.group(1)) if ends else 0, RUN in order.split())
        pending = ""
