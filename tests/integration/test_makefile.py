"""`make` uses the Python it is asked for, and leaves an environment alone that is good."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import SAFETY_NET_S

ROOT = Path(__file__).resolve().parents[2]

PYTHON = """#!/bin/sh
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *print*) {print} ;;
  *) touch ran ;;
esac
"""
"""Answers what make asks a Python: its version, unless it is too old, and for an environment."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with an environment of Python 3.12.1, in which something was installed."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python(tmp_path / ".venv/bin/python", "3.12.1")
    (tmp_path / ".venv/installed").touch()
    return tmp_path


def python(file: Path, version: str) -> Path:
    """An executable that says it is a Python of this version; without one it is too old."""
    file.write_text(PYTHON.replace("{print}", f"echo {version}" if version else ":"))
    file.chmod(0o755)
    return file


def make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=SAFETY_NET_S,
    )


def is_kept(folder: Path) -> bool:
    return (folder / ".venv/installed").exists()


def version_of(folder: Path) -> str:
    asked = [folder / ".venv/bin/python", "-c", "print"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=SAFETY_NET_S).stdout.strip()


@pytest.mark.parametrize("is_given", ["word", "environment"])
def test_environment_of_another_python_is_made_anew(folder: Path, is_given: str):
    wanted = {"PYTHON": str(python(folder / "python3.13", "3.13.0"))}

    if is_given == "word":
        done = make(folder, ".venv/bin/python", f"PYTHON={wanted['PYTHON']}")
    else:
        done = make(folder, ".venv/bin/python", **wanted)

    assert done.returncode == 0, done.stderr
    assert version_of(folder) == "3.13.0" and not is_kept(folder)


def test_environment_of_the_same_python_is_kept(folder: Path):
    same = python(folder / "python3.12", "3.12.1")

    assert make(folder, ".venv/bin/python", f"PYTHON={same}").returncode == 0

    assert is_kept(folder)


def test_environment_is_kept_when_no_python_is_asked_for(folder: Path):
    assert make(folder, ".venv/bin/python").returncode == 0

    assert is_kept(folder)


@pytest.mark.parametrize("trouble", ["absent", "too old"])
def test_python_that_cannot_be_used_is_an_error_and_nothing_is_lost(folder: Path, trouble: str):
    wanted = folder / "python3.9"
    if trouble == "too old":
        python(wanted, "")

    done = make(folder, ".venv/bin/python", f"PYTHON={wanted}")

    assert done.returncode != 0 and "is no Python 3.11 or later" in done.stderr
    assert is_kept(folder)


def test_dry_run_of_the_tests_runs_nothing(folder: Path):
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-tracing.txt"):
        (folder / name).touch()

    done = make(folder, "-n", "test")

    assert done.returncode == 0, done.stderr
    assert "-m pytest" in done.stdout and not (folder / "ran").exists()


@pytest.mark.parametrize("words", [("help",), ("-n", ".venv/bin/python")], ids=["help", "dry run"])
def test_looking_at_what_make_would_do_removes_nothing(folder: Path, words: tuple[str, ...]):
    other = python(folder / "python3.13", "3.13.0")

    assert make(folder, *words, f"PYTHON={other}").returncode == 0

    assert is_kept(folder)
