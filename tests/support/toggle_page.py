"""`docs/toggles.md`, made from the catalog: `python -m tests.support.toggle_page` writes it.

python -m tests.support.toggle_page --age     names the verdicts that were last checked long ago
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date
from pathlib import Path

from cloudcache.domain.catalog import SECTIONS, TOGGLES, Evidence, State, Toggle, Topology

PAGE = Path(__file__).parents[2] / "docs" / "toggles.md"
OLD_DAYS = 180
HEAD = """# The 50 settings behind Shopify

What each setting does for the customers of a Shopify store whose domain is proxied by its own Cloudflare zone
(O2O), and what that rests on. The catalog (`cloudcache/domain/catalog/entries`) is the source of this page;
`python -m tests.support.toggle_page` writes it.

- **vendor**: a sentence in the documentation of Cloudflare or Shopify carries it.
- **probe**: the vendors are silent or only half clear. A request to the store shows it.
- **mechanism**: it follows from how the two zones work together, and can't be seen from outside.
- **none**: no one has published it.

*Asks*: a person has to confirm before the setting is turned on or off; *typed*: by typing the store's name.

"""


def text() -> str:
    """The whole page."""
    verdicts = [toggle.behind_shopify for toggle in TOGGLES]
    evidence = Counter(verdict.evidence for verdict in verdicts)
    effects = Counter(verdict.effect.value.replace("_", " ") for verdict in verdicts)
    counts = [
        "| evidence | settings |\n| --- | --- |\n",
        *(f"| {one.value} | {evidence[one]} |\n" for one in Evidence),
        "\n| verdict | settings |\n| --- | --- |\n",
        *(f"| {name} | {count} |\n" for name, count in effects.most_common()),
    ]
    tables = [
        f"\n## {section.value}\n\n| id | plan | verdict | asks | reason | risks | evidence | source | checked |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n" + "".join(map(_line, toggles))
        for section, toggles in SECTIONS.items()
    ]
    return HEAD + "".join(counts) + "".join(tables)


def _line(toggle: Toggle) -> str:
    verdict = toggle.behind_shopify
    found = [(state.value, toggle.asks(Topology.O2O, state)) for state in State]
    asked = ", ".join(f"{name} (typed)" if asks.type_shop else name for name, asks in found if asks)
    words = f"{verdict.reason} {verdict.check}".strip().replace("|", "\\|")
    cells = (
        f"`{toggle.id}`",
        toggle.min_plan.title,
        verdict.effect.value.replace("_", " "),
        asked,
        words,
        " ".join(f"{name.capitalize()}: {asks.breaks}" for name, asks in found if asks).replace("|", "\\|"),
        verdict.evidence.value,
        verdict.source.name,
        verdict.source.checked.isoformat(),
    )
    return f"| {' | '.join(cells)} |\n"


def old(today: date) -> list[str]:
    """The ids of the settings whose verdict was last checked more than half a year ago."""
    return [toggle.id for toggle in TOGGLES if (today - toggle.behind_shopify.source.checked).days > OLD_DAYS]


def main() -> None:
    """Write the page, or warn."""
    if "--age" not in sys.argv:
        PAGE.write_text(text())
    elif found := old(date.today()):
        sys.stderr.write(f"warning: verdicts last checked over {OLD_DAYS} days ago: {', '.join(found)}\n")


if __name__ == "__main__":
    main()
