"""The page of the 50 settings is the catalog's."""

from __future__ import annotations

from datetime import timedelta

from cloudcache.domain.catalog import TOGGLES
from tests.support.toggle_page import OLD_DAYS, PAGE, old, text


def test_the_page_is_what_the_catalog_says():
    assert PAGE.read_text() == text(), "run `python -m tests.support.toggle_page`"


def test_old_verdicts_are_named():
    newest = max(toggle.behind_shopify.source.checked for toggle in TOGGLES)

    assert old(newest) == []
    assert len(old(newest + timedelta(days=OLD_DAYS + 1))) == len(TOGGLES)
