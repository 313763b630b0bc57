"""What the other open tabs notice when a tenth of them hangs."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.bench.report import Section


async def sections() -> list[Section]:
    """The same events before and after twenty of two hundred tabs begin to hang, on one embedded server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.hanging", stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    found = json.loads(printed)
    section = Section(
        f"{found['tabs']} tabs of which {found['hanging']} hang",
        "`python -m tests.load.hanging`: five tabs whose handler never returns, so that their state is locked, five "
        "that take nothing from their socket, and ten that wait on Connect for a token that Cloudflare has blocked. "
        "Events of the other tabs (searches, sections, histories, flips) before and meanwhile, in one run; the ratio "
        "is of these two. Then a tab that waits for the blocked token is loaded anew.",
        ["", "none hangs", f"{found['hanging']} hang", "ratio"],
    )
    section.add("events of the others, p50", f"{found['p50_before_ms']} ms", f"{found['p50_ms']} ms", "")
    section.add(
        "events of the others, p99",
        f"{found['p99_before_ms']} ms",
        f"{found['p99_ms']} ms",
        f"{found['p99_ratio']}",
    )
    section.add("events that were never answered", "", f"{found['lost']}", "")
    section.add("reload of a hanging tab", "", f"{found['reload_ms']} ms", "")
    return [section]
