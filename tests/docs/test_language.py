"""The documentation is in American English, and calls things what the page calls them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = {"benchmarks.md"}
"""Generated from measurements."""
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "docs/decisions/*.md")
    for path in ROOT.glob(pattern)
    if path.name not in WRITTEN
)
BANNED = (
    r"(?i)\bshoppers?\b|\bcatalogue|\bcolour|\bbehaviour|\bcentres?\b|\be-mail|\bcancelled\b|\blicence\b"
    r"|\b(?:author|optim|organ|recogn|synchron|normal)is(?:e|ed|es|ing|ation)\b"
    r"|\bpretend (?:Cloudflare|Shopify)\b|\bchange logs?\b|\btokens? for scripts\b|\bneeds? a look\b"
    r"|\bmade elsewhere\b"
)
CODE = r"(?s)```.*?```|`[^`\n]*`|\]\([^)]*\)"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page_is_in_american_english(page: Path):
    prose = re.sub(CODE, "", page.read_text())
    prose = "\n".join(line for line in prose.splitlines() if not line.startswith("#"))

    assert re.findall(BANNED, prose) == []
