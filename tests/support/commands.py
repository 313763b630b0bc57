"""Run commands in this process as an operator types them, on a database of their own and the built-in emulator."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import typer
from typer.testing import CliRunner

from cloudcache.cli import app

COMMAND = typer.main.get_command(app)
"""Made once: Typer's own runner makes it anew for each call, which takes as long as the call."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, what it wrote, and the exception that escaped it, if one did."""

    code: int
    out: str
    err: str
    escaped: BaseException | None


@dataclass(frozen=True)
class Commands:
    """Commands that share a data folder and run in a working folder of their own."""

    data: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, stdin: bytes = b"") -> Ended:
        """Run one command to its end."""
        clean = {name: None for name in os.environ if name.startswith("CLOUDCACHE_")}
        env = {**clean, "CLOUDCACHE_DATA_DIR": str(self.data), **self.env}
        with _logging_as_it_was(), patch("typer.testing._get_command", lambda app: COMMAND):
            result = CliRunner().invoke(app, list(words), input=stdin, env=env)
        escaped = None if isinstance(result.exception, SystemExit) else result.exception
        return Ended(result.exit_code, result.stdout, result.stderr, escaped)


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """A command configures the log of its process, which here is the tests' own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in ("cloudcache", "httpx"):
            logging.getLogger(name).setLevel(logging.NOTSET)
