"""What a command must not load before it needs it: each start would pay for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

RARELY_NEEDED = ["alembic", "redis", "pygal", "reflex", "granian"]


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The packages that are loaded once the commands can be called."""
    said = "import json, sys, cloudcache.cli; print(json.dumps(sorted({*map(str, sys.modules)})))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize("package", RARELY_NEEDED)
def test_package_that_few_commands_need_is_not_loaded_at_the_start(loaded: set[str], package: str):
    assert package not in loaded
