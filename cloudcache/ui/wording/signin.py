"""The local sign-in page, which does not exist in production."""

from __future__ import annotations

PRETEND_ADMIN = "Shopify admin (emulated): install the app in a new shop"
SIGNIN_TITLE = "Choose a demo shop"
SIGNIN_TEXT = "Local sign-in against the emulator. This page does not exist in other environments."
ANOTHER_SHOP = "Another shop"
ANOTHER_SHOP_HINT = "shop name"
NO_SHOPS = "No shop yet. Add one with: python -m cloudcache customers add SHOP --zone ZONE_ID"
