"""The local sign-in: a list of the first shops, and a field for any other."""

from __future__ import annotations

from cloudcache.ui import wording
from cloudcache.ui.pages.grid import Local, _sign_out
from cloudcache.ui.pages.signin import signin


def test_where_there_are_more_shops_than_are_listed_one_may_be_named():
    page = str(signin(Local("")).render())

    assert wording.signin.ANOTHER_SHOP in page and wording.signin.ANOTHER_SHOP_HINT in page
    assert "has_more" in page


def test_sign_out_in_the_admin_leaves_the_frame_that_the_sign_in_refuses():
    assert '"_top"' in str(_sign_out(Local("")).render())
