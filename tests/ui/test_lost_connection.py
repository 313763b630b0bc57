"""Every page with something to press says when its connection is lost."""

from collections.abc import Callable

import pytest

from cloudcache.ui.components.banners import lost
from cloudcache.ui.pages.connect import _page as connect
from cloudcache.ui.pages.history import _page as history
from cloudcache.ui.pages.staff import _search


@pytest.mark.parametrize(
    "page",
    [lambda: history(None), lambda: connect(None), _search],
    ids=["history", "connect", "staff search"],
)
def test_page_says_when_its_connection_is_lost(page: Callable):
    banner = str(lost().render())

    assert banner in str(page().render())
