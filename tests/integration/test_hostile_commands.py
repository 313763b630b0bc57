"""Every command with hostile arguments and input: it ends by itself, with one of its exit codes, and never with a
traceback or a secret. The commands are those that the program has, so a new one is tried without being listed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pytest
import typer

from cloudcache import cli
from cloudcache.cli import app
from cloudcache.local import NEW_TOKEN
from tests.support.commands import Commands, Ended

ROOT = Path(__file__).resolve().parents[2]
TOKEN = NEW_TOKEN.reveal()
SECRET = "cfat_" + "Ab3_" * 9 + "x-Z0"
ZONE = blake2b(b"kite", digest_size=16).hexdigest()
SECONDS = 120
"""A safety net only."""


@dataclass(frozen=True)
class Command:
    """A command of the program: the words that call it, and its parameters."""

    words: tuple[str, ...]
    parameters: tuple

    def call(self, **given: str) -> list[str]:
        """The words of a call with these values; what is needed beside them gets a value that is in order."""
        positional, options = [], []
        for one in self.parameters:
            value = given.get(one.name)
            if value is None and one.required:
                value = _in_order(one)
            if value is not None and one.param_type_name == "argument":
                positional.append(value)
            elif value is not None:
                options += [max(one.opts, key=len), value]
        return [*self.words, *options, "--", *positional] if positional else [*self.words, *options]


def _in_order(parameter) -> str:
    """A value of the parameter's type that is in order."""
    kind = parameter.type_descriptor.annotation
    if kind in (int, float):
        return "1"
    return str(ROOT / "README.md") if kind is Path else "kite"


def _commands(group, words: tuple[str, ...] = ()) -> Iterator[Command]:
    for name, one in sorted(group.commands.items()):
        if hasattr(one, "commands"):
            yield from _commands(one, (*words, name))
        else:
            yield Command((*words, name), tuple(one.params))


EVERY = list(_commands(typer.main.get_command(app)))
TAKING_VALUES = [
    (command, one.name)
    for command in EVERY
    for one in command.parameters
    if not getattr(one, "is_flag", False)
]
ARGUMENTS = {
    "empty": "",
    "blank": " \u00a0\t",
    "byte order mark": "\ufeff",
    "CR": "a\rb",
    "CRLF": "a\r\nb\r\n",
    "line separator": "a\u2028b",
    "NUL": "a\0b",
    "UTF-16 read as Latin-1": "\xff\xfea\0b\0",
    "lone surrogate": "a\udcffb",
    "100 kB": "a" * 100_000,
    "8 kB": "a" * 8_000,
    "escape codes": "\x1b[2J\x1b]0;x\x07",
    "right to left": "\u202egnp.exe",
    "markup": "[/red][bold]x",
    "format": "%s{0}$HOME`id`;'\"",
    "negative": "-1",
    "huge number": "9" * 400,
    "infinity": "inf",
    "no number": "nan",
    "exponent": "1e400",
    "superscript": "\u00b2",
    "option": "--help-me",
    "folder": str(ROOT),
    "missing file": "no/such/file",
    "device": "/dev/full",
    "secret": SECRET,
    "secret in a header": f"Authorization: Bearer {SECRET}",
}
INPUT = {
    "nothing": b"",
    "every byte": bytes(range(256)) * 40,
    "UTF-16": f"{SECRET}\n".encode("utf-16"),
    "UTF-16 JSON": '[{"zone": "x"}]'.encode("utf-16-le"),
    "CR only": b"\xef\xbb\xbf\r\r\r",
    "NUL": b"\0" * 1_000,
    "brackets": b"[" * 100_000,
    "long line": b"a" * 1_000_000,
    "secrets": f"{SECRET}\n{TOKEN}\n".encode(),
}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    run = Commands(tmp_path_factory.mktemp("hostile"))
    assert run("customers", "add", "kite", "--zone", ZONE, "--own-token", stdin=TOKEN.encode()).code == 0
    return run


@pytest.fixture(autouse=True)
def ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs until it is stopped, and what takes long at full size, is begun and ended; files go to a folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "serve", lambda world, *what, **more: world.close())
    monkeypatch.setattr(cli, "main", lambda: 0)
    monkeypatch.setattr(cli.simulate, "_play", _refused_before)
    monkeypatch.setattr(cli.sync, "_sync_many", _nothing)


def _refused_before(*_: object) -> None:
    raise SystemExit(0)


async def _nothing(*_: object) -> None:
    return None


def judge(ended: Ended, what: object) -> None:
    """Raise unless the command ended as a command may."""
    said = ended.out + ended.err
    assert ended.escaped is None, (what, repr(ended.escaped))
    assert ended.code in (0, 1, 2), (what, ended)
    assert "Traceback" not in said, (what, said)
    assert SECRET[5:25] not in said and "\x1b]0" not in said, (what, said)
    assert ended.code == 0 or ended.err.strip() or ended.out.strip(), what


@pytest.mark.parametrize(
    ("command", "parameter"),
    TAKING_VALUES,
    ids=[f"{' '.join(one.words)} {name}" for one, name in TAKING_VALUES],
)
def test_hostile_argument_is_taken_or_refused_plainly(commands: Commands, command: Command, parameter: str):
    for name, value in ARGUMENTS.items():
        judge(commands(*command.call(**{parameter: value})), (command.words, parameter, name))


@pytest.mark.parametrize("command", EVERY, ids=[" ".join(one.words) for one in EVERY])
def test_hostile_words_after_a_command_are_refused_plainly(commands: Commands, command: Command):
    for name, value in ARGUMENTS.items():
        ended = commands(*command.words, "--no-such-option", value)
        judge(ended, (command.words, name))
        assert ended.code == 2


READING = [
    ("credentials", "add", "kite"),
    ("customers", "add", "other", "--zone", ZONE, "--own-token"),
    ("kv-import", "-"),
    ("kv-import", "--zone", ZONE, "--account", ZONE, "--namespace", ZONE, "--token-stdin"),
    ("customers", "import", "/dev/stdin"),
]


@pytest.mark.parametrize("words", READING, ids=[" ".join(words[:3]) for words in READING])
def test_hostile_standard_input_is_refused_plainly(commands: Commands, words: tuple[str, ...]):
    for name, raw in INPUT.items():
        judge(commands(*words, stdin=raw), (words, name))


@pytest.mark.parametrize("words", [("customers", "import"), ("kv-import",)], ids=" ".join)
def test_hostile_file_is_refused_plainly(commands: Commands, words: tuple[str, ...], tmp_path: Path):
    for name, raw in INPUT.items():
        file = tmp_path / "shops.csv"
        file.write_bytes(raw)
        judge(commands(*words, str(file)), (words, name))


def test_endless_line_is_refused_without_reading_it_all(commands: Commands):
    ended = commands("customers", "import", "/dev/zero", "--errors", "errors.csv")

    assert ended.code == 1 and "line 1 is longer than" in ended.err


def test_errors_never_replace_the_file_that_is_imported(commands: Commands, tmp_path: Path):
    file = tmp_path / "shops.csv"
    file.write_text(f"shop,zone_id\nnew,{'a' * 32}\n")

    ended = commands("customers", "import", str(file), "--errors", str(file))

    assert ended.code == 2 and file.read_text().startswith("shop,zone_id")


PROCESSES = [("worker",), ("doctor",), ("emulator", "--port", "0"), ("credentials", "add", "kite")]


@pytest.mark.parametrize("words", PROCESSES, ids=[words[0] for words in PROCESSES])
@pytest.mark.parametrize("stdin", ["closed", "garbage"])
def test_process_with_no_usable_input_or_settings_ends_plainly(
    tmp_path: Path, words: tuple[str, ...], stdin: str
):
    """As real processes: a state folder that is a file stops each of them, whatever standard input is."""
    (tmp_path / "data").write_text("a file")
    (tmp_path / ".env").write_bytes(b"\xff\xfeC\0")
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDCACHE_")}
    env |= {"PYTHONPATH": str(ROOT), "CLOUDCACHE_DATA_DIR": str(tmp_path / "data")}
    state = ["--state", str(tmp_path)] if words[0] == "emulator" else []
    command = [sys.executable, "-m", "cloudcache", *words, *state]

    done = subprocess.run(
        command if stdin == "garbage" else ["/bin/sh", "-c", 'exec "$0" "$@" <&-', *command],
        cwd=tmp_path,
        env=env,
        input=bytes(range(256)) if stdin == "garbage" else None,
        capture_output=True,
        timeout=SECONDS,
    )

    assert done.returncode in (1, 2) and b"Traceback" not in done.stderr, done.stderr
    assert done.stderr.strip()
