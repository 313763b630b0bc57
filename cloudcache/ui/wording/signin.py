"""The local sign-in page, which does not exist in production."""

from __future__ import annotations

PRETEND_ADMIN = "Emulated Shopify admin: install the app in a new store"
SIGNIN_TITLE = "Choose a demo store"
SIGNIN_TEXT = "Sign in locally with the emulators. This page doesn’t exist in other environments."
ANOTHER_SHOP = "Another store"
ANOTHER_SHOP_HINT = "Store name"
NO_SHOPS = "No stores yet. Add one with: python -m cloudcache customers add SHOP --zone ZONE_ID"
SHOPS = "Stores"
SUPPORT_ROLE = "Support, {role}"
ON_COUNT = "of 50 on"
SIGNIN_UNAVAILABLE = "We can’t load the demo stores right now. We’ll keep trying."
ROLES = {
    "viewer": "Can view every store",
    "operator": "Can view every store and refresh its settings",
    "admin": "Sees the same pages as an operator",
}
"""The roles of the support staff, and what each can do."""
