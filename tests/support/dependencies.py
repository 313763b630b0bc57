"""Known holes in what is installed, asked of the public list; without a network that is said, and not a failure.

python -m tests.support.dependencies
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120


def main() -> int:
    """0 when nothing is known against our dependencies or nobody could be asked; 1 with a line for each hole."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "10"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        sys.stdout.write("dependencies: not checked, the list of known holes cannot be reached\n")
        return 0
    asked = [one for one in found if "skip_reason" not in one]
    if not asked:
        sys.stdout.write("dependencies: not checked, the list of known holes knows none of them here\n")
        return 0
    holes = [(one["name"], one["version"], hole["id"]) for one in asked for hole in one.get("vulns", [])]
    for name, version, hole in holes:
        sys.stdout.write(f"dependencies: {name} {version} has {hole}\n")
    if not holes:
        sys.stdout.write(f"dependencies: nothing known against {len(asked)} of {len(found)}\n")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
