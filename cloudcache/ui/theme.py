"""How the pages are dressed: one style sheet and one script of our own, and the light or dark of the system.

Embedded in Shopify's admin the pages are pinned to light, since Shopify refuses a dark one; locally and for staff
the system decides.
"""

from __future__ import annotations

STYLESHEETS = ["/cloudcache.css"]
SCRIPT = "/cloudcache.js"
EMBEDDED_THEME = "light"
