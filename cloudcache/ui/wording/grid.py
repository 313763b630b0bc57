"""The settings page: its sections, its search, and its lists without rows."""

from __future__ import annotations

from cloudcache.domain.catalog.model import Section

SECTION_TEXT: dict[Section, str] = {
    Section.PAGE_LOADING: "Control what browsers load, and when.",
    Section.IMAGES: "Deliver smaller images and fonts, and control who can use them.",
    Section.CONNECTIONS: "Control how browsers connect to your domain.",
    Section.CACHING: "Control what Cloudflare caches.",
    Section.SECURITY: "Block unwanted traffic.",
    Section.HTTPS: "Encrypt traffic between your customers, Cloudflare, and Shopify.",
    Section.BOTS: "Control what crawlers and AI assistants can access.",
    Section.NETWORK: "Network options for apps and diagnostics.",
}
SEARCH = "Search settings"
SEARCH_HINT = "Search 50 settings"
ALL = "All"
OF = "of"
ARE_ON = "on"
NEEDS_A_LOOK = "Needs attention"
SECTIONS = "Sections"
NOTHING_FOUND = "No settings match"
NOTHING_FOUND_WHY = "Try another word. Compression isn’t listed because Shopify manages it."
HERE = "here"
FOUND_IN = "Found in"
SEARCH_ALL = "Search all settings"
NOTHING_TO_LOOK_AT = (
    "Failed changes, changes made outside this app, outdated values, and risky settings appear here."
)
CLEAR_SEARCH = "Clear search"
SHOW_ALL = "Show all settings"
SEEN_ALL = "Mark all as reviewed"
DASHBOARD = "Emulated Cloudflare dashboard"
SHORTCUT = "Press / to search"
