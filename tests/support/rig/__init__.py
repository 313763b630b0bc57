"""The names that `tests/support/harness.py` had before; tests that are touched use the new ones."""

from __future__ import annotations

from tests.support.fake_clock import FakeClock as AutoClock
from tests.support.harness import (
    SHOP,
    TOKEN,
    ZONE,
    Around,
    Crash,
    CrashingTasks,
    Interposed,
    Process,
    crash_after,
    crash_before,
    lost_reply,
    lost_request,
    meanwhile,
    merchant,
)
from tests.support.harness import Harness as Rig
from tests.support.harness import build_harness as build_rig

__all__ = [
    "SHOP",
    "TOKEN",
    "ZONE",
    "Around",
    "AutoClock",
    "Crash",
    "CrashingTasks",
    "Interposed",
    "Process",
    "Rig",
    "build_rig",
    "crash_after",
    "crash_before",
    "lost_reply",
    "lost_request",
    "meanwhile",
    "merchant",
]
