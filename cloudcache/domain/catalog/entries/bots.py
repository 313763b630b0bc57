"""What crawlers and assistants can access."""

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
        description="Hides email addresses on your pages from harvesting bots.",
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
        caution="Can block apps and product feeds, and you can’t add exceptions.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Can block apps and product feeds, and you can’t add exceptions.", REASONED
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
        description="Traps AI crawlers that ignore your rules in a maze of generated links.",
        category="Bots & scraping",
        section=Section.BOTS,
        endpoint=Endpoint("/bot_management", "PUT"),
        on={"crawler_protection": "enabled"},
        off={"crawler_protection": "disabled"},
        permission="Bot Management",
        caution="Adds links to your pages that your customers don’t see.",
    ),
    Toggle(
        id=ToggleId("markdown_for_agents"),
        title="Markdown for AI agents",
        description="Serves a Markdown version of your pages to AI agents that request it.",
        category="Content",
        section=Section.BOTS,
        setting="content_converter",
        min_plan=ZonePlan.PRO,
    ),
    Toggle(
        id=ToggleId("redirects_for_ai_training"),
        title="Canonical redirects for AI crawlers",
        description="Redirects verified AI training crawlers to a page’s canonical URL.",
        category="Content",
        section=Section.BOTS,
        setting="redirects_for_ai_training",
        min_plan=ZonePlan.PRO,
        caution="Incorrect canonical tags cause incorrect redirects.",
    ),
)
