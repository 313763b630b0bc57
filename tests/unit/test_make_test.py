"""`make test` runs both of its parts and fails when one of them does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.server import ROOT
from tests.support.waiting import SAFETY_NET_S

PYTHON = """#!/bin/sh
case "$*" in
    *pytest*--ignore*) echo second >> ran; exit $SECOND_ENDS ;;
    *pytest*) echo first >> ran; exit $FIRST_ENDS ;;
esac
"""


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_failed_part_hides_no_other_and_fails_the_whole(tmp_path: Path, first: int, second: int):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-tracing.txt"):
        (tmp_path / name).touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    for name in ("runtime", "tests"):
        (tmp_path / ".venv" / name).touch()

    without_make = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make", "test"],
        cwd=tmp_path,
        env={**without_make, "FIRST_ENDS": str(first), "SECOND_ENDS": str(second)},
        capture_output=True,
        text=True,
        timeout=SAFETY_NET_S,
    )

    assert (tmp_path / "ran").read_text().split() == ["first", "second"]
    assert (done.returncode == 0) is (first == second == 0)
    assert ("the first part failed" in done.stderr, "the second part failed" in done.stderr) == (
        first == 1,
        second == 1,
    )
