"""Settings, files, headings and units that the README and docs/ name are there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import reflex as rx
from reflex_base.environment import EnvironmentVariables

from tests.support.documents import ROOT, anchors, commands, links, pages, paths, prose

PAGES = pages()
OURS = re.compile(r"\bCLOUDCACHE_[A-Z_]+\b\*?")
REFLEX = re.compile(r"\b(?:__)?REFLEX_[A-Z_]+\b")
UNITS = re.compile(r"\bcloudcache(?:-[a-z]+@|(?=\.target))")


def said(page: Path) -> str:
    """Sentences and commands."""
    return "\n".join([prose(page), *(one.text for one in commands(page))])


def test_each_setting_exists():
    sources = [ROOT / "rxconfig.py", *(ROOT / "cloudcache").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    known = set(OURS.findall("\n".join(one.read_text() for one in sources if one.parent.name != "docs")))
    strange = [
        (page.name, name)
        for page in PAGES
        for name in OURS.findall(said(page))
        if name.removesuffix("*") not in known and not _begins_some(name, known)
    ]

    assert known and strange == []


def _begins_some(name: str, known: set[str]) -> bool:
    """`CLOUDCACHE_STAFF_*` and the like."""
    return name.endswith("_*") and any(one.startswith(name[:-1]) for one in known)


def test_each_setting_of_reflex_exists():
    configured = {f"REFLEX_{field.name.upper()}" for field in fields(rx.Config)}
    known = configured | {name for name in dir(EnvironmentVariables) if name.startswith("REFLEX_")}
    strange = [
        (page.name, name)
        for page in PAGES
        for name in REFLEX.findall(said(page))
        if name.removeprefix("__") not in known
    ]

    assert strange == []


def test_each_link_leads_to_a_file_and_a_heading():
    lost = []
    for page in PAGES:
        for link in links(page):
            file, _, heading = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            if not target.exists() or (heading and heading not in anchors(target)):
                lost.append((page.name, link))

    assert lost == []


def test_each_path_exists():
    lost = [(page.name, one) for page in PAGES for one in paths(page) if not list(ROOT.glob(one.rstrip("/")))]

    assert lost == []


def test_each_unit_exists():
    there = {one.name.removesuffix(".service") for one in (ROOT / "docs/deployment/systemd").iterdir()}
    named = {name for page in PAGES for name in UNITS.findall(said(page))}

    assert named - {"cloudcache"} == {name for name in there if name.endswith("@")}


def test_every_page_can_be_found_from_the_readme():
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        folders = {one for target in targets if target.is_dir() for one in target.glob("*.md")}
        waiting += [one for one in (targets | folders) if one.suffix == ".md" and one not in reached]

    assert set(PAGES) - reached == set()
