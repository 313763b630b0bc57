"""What is not known is not stated: notes and counts of rows that were never read."""

import pytest

from cloudcache.domain.catalog import SECTIONS, find
from cloudcache.domain.catalog.rules import relations_of
from cloudcache.ui.components.row import _relation
from cloudcache.ui.pages.grid import _on_count
from tests.support.showing_tab import ShowingTab


def test_dependency_on_an_unread_setting_says_neither_on_nor_off():
    rendered = str(_relation(relations_of(find("early_hints").id)[0]).render())

    loading, unread, rest = rendered.partition('"u"?.valueOf')

    assert '=== ""?.valueOf' in loading and unread
    assert rest.index('" (on)"') < rest.index('" (off)"') < rest.index('""')


def test_count_of_a_section_is_a_dash_while_a_row_is_unread():
    counted = str(_on_count(next(iter(SECTIONS.values()))))

    assert ".some((row) => !row || row[0] === 'u') ? \"\\u2013\" :" in counted


@pytest.mark.parametrize(
    ("row", "paused"), [("u000000", True), ("", True), ("r000000", False), ("S000000", False)]
)
def test_press_on_a_row_that_was_never_read_is_refused(row: str, paused: bool):
    tab, hints = ShowingTab(), find("early_hints")
    tab._show(hints, row)

    assert tab._paused(hints) is paused
