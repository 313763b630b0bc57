"""What Cloudflare keeps, and for whom."""

from cloudcache.domain.catalog.model import (
    REASONED,
    TABLE,
    Confirmation,
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
        id=ToggleId("always_online"),
        title="Always Online",
        description="Shows an archived copy of pages while your site cannot be reached.",
        category="Caching",
        section=Section.CACHING,
        setting="always_online",
        in_batch=True,
        caution="Archived pages may show old prices.",
        behind_shopify=Verdict(
            Effect.NO_EFFECT, "Not available behind Shopify, so this changes nothing for shoppers.", TABLE
        ),
    ),
    Toggle(
        id=ToggleId("development_mode"),
        title="Development mode",
        description="Bypasses the cache for a while so that you see your changes at once.",
        category="Caching",
        section=Section.CACHING,
        setting="development_mode",
        in_batch=True,
        caution="Slows the shop while it is on; ends by itself after 3 hours.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Slows the shop while it is on; ends by itself after 3 hours.", REASONED
        ),
        confirmation=Confirmation(
            "Cloudflare stops answering from its cache, so every visitor is served from the origin and pages load more slowly.",
            "It ends by itself after 3 hours, or turn it off here at any time.",
        ),
    ),
    Toggle(
        id=ToggleId("ignore_query_string"),
        title="Ignore query strings in the cache",
        description="Treats addresses that differ only after the question mark as the same cached file.",
        category="Caching",
        section=Section.CACHING,
        setting="cache_level",
        on="simplified",
        off="aggressive",
        others={"basic": State.OFF},
        in_batch=True,
        caution="Can show the wrong variant or search result where the query matters.",
        behind_shopify=Verdict(
            Effect.UNSAFE,
            "Shopify marks new versions of files with ?v=, so shoppers may get old ones.",
            REASONED,
        ),
        confirmation=Confirmation(
            "Shopify marks each new version of a file with ?v=. With this setting on, Cloudflare treats all versions as one, so shoppers may see old styles, wrong variants or wrong search results.",
            "You can turn it off here at any time. Files already kept may stay for up to 4 hours.",
            only_when_unsafe=True,
            type_shop=True,
        ),
    ),
    Toggle(
        id=ToggleId("sort_query_string_for_cache"),
        title="Sort query strings",
        description="Treats addresses whose query parameters come in another order as the same cached file.",
        category="Caching",
        section=Section.CACHING,
        setting="sort_query_string_for_cache",
        in_batch=True,
        min_plan=ZonePlan.ENTERPRISE,
    ),
    Toggle(
        id=ToggleId("tiered_caching"),
        title="Tiered Cache",
        description="Lets Cloudflare data centres ask each other for a file before they ask your server.",
        category="Caching",
        section=Section.CACHING,
        endpoint=Endpoint("/argo/tiered_caching", "PATCH"),
        on={"value": "on"},
        off={"value": "off"},
    ),
    Toggle(
        id=ToggleId("smart_tiered_cache"),
        title="Smart Tiered Cache",
        description="Picks the one data centre closest to your server as the upper cache tier.",
        category="Caching",
        section=Section.CACHING,
        endpoint=Endpoint("/cache/tiered_cache_smart_topology_enable", "PATCH"),
        on={"value": "on"},
        off={"value": "off"},
    ),
)
