"""What crawlers and assistants may take."""

from cloudcache.domain.catalog.model import (
    REASONED,
    Effect,
    Endpoint,
    Section,
    State,
    Toggle,
    Verdict,
    ZonePlan,
)
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("email_obfuscation"),
        title="Email address obfuscation",
        description="Hides e-mail addresses on your pages from harvesting bots.",
        category="Bots & scraping",
        section=Section.BOTS,
        setting="email_obfuscation",
        in_batch=True,
        caution="Adds a small script to your pages.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Changes the HTML of your theme and adds a small script.", REASONED
        ),
    ),
    Toggle(
        id=ToggleId("bot_fight_mode"),
        title="Bot Fight Mode",
        description="Challenges traffic that matches known bad bots.",
        category="Bots & scraping",
        section=Section.BOTS,
        endpoint=Endpoint("/bot_management", "PUT"),
        on={"fight_mode": True},
        off={"fight_mode": False},
        permission="Bot Management",
        caution="May catch apps and product feeds, and no rule can let them through.",
        behind_shopify=Verdict(
            Effect.CAUTION, "May catch apps and product feeds, and no rule can let them through.", REASONED
        ),
    ),
    Toggle(
        id=ToggleId("block_ai_bots"),
        title="Block AI bots",
        description="Blocks crawlers that collect your content to train AI models.",
        category="Bots & scraping",
        section=Section.BOTS,
        endpoint=Endpoint("/bot_management", "PUT"),
        on={"ai_bots_protection": "block"},
        off={"ai_bots_protection": "disabled"},
        others={"only_on_ad_pages": State.ON},
        permission="Bot Management",
    ),
    Toggle(
        id=ToggleId("ai_labyrinth"),
        title="AI Labyrinth",
        description="Leads AI crawlers that ignore your wishes into a maze of made-up links.",
        category="Bots & scraping",
        section=Section.BOTS,
        endpoint=Endpoint("/bot_management", "PUT"),
        on={"crawler_protection": "enabled"},
        off={"crawler_protection": "disabled"},
        permission="Bot Management",
        caution="Adds links to your pages that shoppers do not see.",
    ),
    Toggle(
        id=ToggleId("markdown_for_agents"),
        title="Markdown for AI agents",
        description="Gives AI agents that ask for it a plain Markdown version of your pages.",
        category="Content",
        section=Section.BOTS,
        setting="content_converter",
        min_plan=ZonePlan.PRO,
    ),
    Toggle(
        id=ToggleId("redirects_for_ai_training"),
        title="Canonical redirects for AI crawlers",
        description="Sends verified AI training crawlers to the canonical address of a page.",
        category="Content",
        section=Section.BOTS,
        setting="redirects_for_ai_training",
        min_plan=ZonePlan.PRO,
        caution="Wrong canonical tags give wrong redirects.",
    ),
)
