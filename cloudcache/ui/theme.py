"""How the pages are dressed: one style sheet and one script of our own, and the light or dark of the system.

The style sheet follows the system's choice unless `data-theme` pins one.
"""

from __future__ import annotations

STYLESHEETS = ["/tokens.css", "/cloudcache.css"]
FONT = "/inter.woff2"
SCRIPT = "/cloudcache.js"
STORAGE = "/storage.js"
SOCKET = "/socket.js"
RELEASE = "/release.js"
ICON = "/favicon.svg"
PICTURE = "/favicon.png"
