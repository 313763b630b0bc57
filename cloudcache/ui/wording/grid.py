"""The settings page: its sections, its search, and its lists without rows."""

from __future__ import annotations

from cloudcache.domain.catalog.model import Section

SECTION_TEXT: dict[Section, str] = {
    Section.PAGE_LOADING: "What the browser fetches, and when.",
    Section.IMAGES: "Smaller pictures, fonts, and who may use them.",
    Section.CONNECTIONS: "How browsers talk to your domain.",
    Section.CACHING: "What Cloudflare keeps, and for whom.",
    Section.SECURITY: "Who is turned away.",
    Section.HTTPS: "Encryption between shoppers, Cloudflare and Shopify.",
    Section.BOTS: "What crawlers and assistants may take.",
    Section.NETWORK: "Details for apps and diagnostics.",
}
SEARCH = "Search settings"
SEARCH_HINT = "Search 50 settings"
ALL = "All"
NEEDS_A_LOOK = "Needs a look"
SECTIONS = "Sections"
NOTHING_FOUND = "No setting matches"
NOTHING_FOUND_WHY = (
    "Only the 50 settings of this page are searched; Shopify looks after compression and HTTP itself."
)
NOTHING_TO_LOOK_AT = (
    "Nothing needs a look. Failed, outside, outdated and risky settings would be listed here."
)
CLEAR_SEARCH = "Clear search"
SHOW_ALL = "Show all settings"
SEEN_ALL = "Mark changes as seen"
DASHBOARD = "Cloudflare dashboard (emulated)"
SHORTCUT = "Press / to search"
