"""The commands in the README and in docs/: those marked are run, of all others everything they name is there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import typer

from cloudcache.cli import app
from tests.support.documents import ROOT, Command, commands, pages, spans, words
from tests.support.waiting import SAFETY_NET_S

SOURCES = ("alembic", "assets", "cloudcache", "docs", "Makefile", "pyproject.toml", "rxconfig.py")
PLACEHOLDER = re.compile(r"[\[\]]|\.\.\.")

sys.meta_path[:] = [one for one in sys.meta_path if hasattr(one, "find_spec")]
"""Without the importer of an old kind that pygal leaves behind: every later import would warn of it."""

CLI: Any = typer.main.get_command(app)
PAGES = pages()
WITH_RUNS = [page for page in PAGES if any(one.is_run for one in commands(page))]


# -- those that are run ------------------------------------------------------------------------


def test_what_is_marked_runs_as_it_says(tmp_path: Path):
    """All pages at once, each in an environment of its own, with its commands in order."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        done = list(pool.map(lambda page: run(page, tmp_path / page.stem), WITH_RUNS))

    assert WITH_RUNS
    for page, process in zip(WITH_RUNS, done, strict=True):
        assert process.returncode == 0, f"{page.name}\n{process.stdout}\n{process.stderr}"


def run(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """In one shell, so that what a command exports is there for the next."""
    folder.mkdir()
    for name in SOURCES:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    ours = ("CLOUDCACHE_", "REFLEX_", "GRANIAN_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    script = "\n".join(_checked(one) for one in commands(page) if one.is_run)
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=3 * SAFETY_NET_S
    )


def _checked(one: Command) -> str:
    """The command, told before it is run; another end than it says ends the page."""
    told = f"echo {shlex.quote(str(one))} >&2"
    if one.exit == 0 and re.match(r"(export|cd) |\w+=", one.text):  # for the shell itself
        return f"{told}\n{one.text} || exit 1"
    return f"{told}\nended=0; {{ {one.text}; }} || ended=$?; [ $ended -eq {one.exit} ] || exit 1"


# -- all of them -------------------------------------------------------------------------------


def ours() -> Iterator[tuple[str, list[str]]]:
    """Every call of our own program, in blocks and in sentences: where, and its words."""
    for page in PAGES:
        lines = [(str(one), one.text) for one in commands(page)]
        lines += [(f"{page.name}: {text}", text) for text in spans(page) if "-m cloudcache" in text]
        for where, text in lines:
            for part in words(text):
                if part[1:3] == ["-m", "cloudcache"] and "python" in part[0]:
                    yield where, _without_redirection(part[3:])


def _without_redirection(part: list[str]) -> list[str]:
    end = next((at for at, word in enumerate(part) if set(word) <= set("<>")), len(part))
    return part[:end]


@pytest.mark.parametrize(("where", "given"), list(ours()))
def test_each_command_and_option_exists(where: str, given: list[str]):
    assert wrong_with(given) is None, where


@pytest.mark.parametrize(
    "given",
    [["conquer"], ["customers", "eat"], ["doctor", "--gently"], ["customers", "show"], ["worker", "fast"]],
)
def test_one_that_does_not_exist_is_found_out(given: list[str]):
    assert wrong_with(given) is not None


def wrong_with(given: list[str]) -> str | None:
    """Why our program would not take these words; None when it would. Values are not looked at."""
    command, left = CLI, [PLACEHOLDER.sub("", word) for word in given if PLACEHOLDER.sub("", word)]
    while hasattr(command, "commands") and left and not left[0].startswith("-"):
        if left[0] not in command.commands:
            return f"there is no {left[0]}"
        command, left = command.commands[left[0]], left[1:]
    if left in ([], ["--help"]) and hasattr(command, "commands"):
        return None
    context = command.make_context("cloudcache", [], resilient_parsing=True)
    context.resilient_parsing = False
    try:
        values, more, _ = command.make_parser(context).parse_args(args=list(left))
    except Exception as error:  # the library's own errors have no public name
        return str(error)
    if more:
        return f"nothing takes {more}"
    missing = [one.name for one in command.params if one.required and values.get(one.name) is None]
    return f"{missing} must be given" if missing else None


def test_each_module_that_is_run_exists():
    texts = [one.text for page in PAGES for one in commands(page)] + [
        one for page in PAGES for one in spans(page)
    ]
    named = {name for text in texts for name in re.findall(r"python -m ((?:tests|cloudcache)[\w.]*)", text)}

    assert named and [one for one in named if not list(ROOT.glob(one.replace(".", "/") + "*"))] == []


def made() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        texts = [(str(one), one.text) for one in commands(page)]
        texts += [(f"{page.name}: {text}", text) for text in spans(page) if text.startswith("make ")]
        for where, text in texts:
            for part in words(text):
                if part[0] == "make":
                    yield from ((where, word) for word in part[1:] if re.fullmatch(r"[a-z-]+", word))


def test_each_target_of_make_exists():
    rules = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", rules, re.MULTILINE))

    assert [(where, name) for where, name in made() if name not in targets] == []
    assert targets <= {name for _, name in made()}, "a target that no page names"


def test_the_readme_has_every_command_and_no_other():
    rows = re.findall(
        r"^\| (`[a-z].*?) \| ", (ROOT / "README.md").read_text().split("## Commands")[1], re.MULTILINE
    )
    told = {path for row in rows for path in _told(row)}

    assert told == set(_leaves(CLI, ()))


def _told(cell: str) -> Iterator[tuple[str, ...]]:
    """`customers add \\| list` names two; the second span of a cell goes on with the first one's group."""
    names = re.findall(r"(?<![\w.-])[a-z][a-z-]*", cell.replace("`", " "))
    group = CLI.commands.get(names[0])
    if group is None or not hasattr(group, "commands"):
        yield from ((name,) for name in names)
    else:
        yield from ((names[0], name) for name in names[1:])


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not hasattr(command, "commands"):
        yield path
        return
    for name, child in command.commands.items():
        yield from _leaves(child, (*path, name))
