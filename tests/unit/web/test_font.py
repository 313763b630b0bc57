"""The font: small enough for a first visit, allowed by every page that uses it, and with its license beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloudcache.ui import theme
from cloudcache.web import documents, not_found, openapi, signin

ASSETS = Path(__file__).resolve().parents[3] / "assets"
FONT = ASSETS / theme.FONT.removeprefix("/")


def test_font_has_at_most_40_kb_and_its_license_beside_it():
    assert FONT.read_bytes()[:4] == b"wOF2"
    assert FONT.stat().st_size <= 40 * 1024
    assert "SIL Open Font License, Version 1.1" in (ASSETS / "inter-license.txt").read_text()


def test_style_sheet_loads_no_font_but_ours():
    style = "".join((ASSETS / name.removeprefix("/")).read_text() for name in theme.STYLESHEETS)

    faces = re.findall(r"@font-face \{[^}]*\}", style)
    assert set(re.findall(r'url\("([^"]*)"\)', "".join(faces))) == {theme.FONT}
    assert all("size-adjust" in face for face in faces if "url(" not in face)


@pytest.mark.parametrize("policy", [not_found.POLICY.decode(), signin.POLICY, openapi.POLICY])
def test_pages_without_a_script_may_load_fonts_of_ours_only(policy: str):
    assert re.findall(r"font-src ([^;]*)", policy) == ["'self'"]


def test_pages_may_load_fonts_of_ours_only():
    rules = documents.Documents("id", "/bridge.js", ["http://localhost"], lambda *_: None, is_local=True)

    policy = documents.DocumentMiddleware(lambda *_: None, rules).policy("'self'", "'none'")

    assert re.findall(r"font-src ([^;]*)", policy) == ["'self'"]
