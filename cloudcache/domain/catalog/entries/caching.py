"""What Cloudflare caches."""

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
        description="Shows an archived copy of your pages while your site can’t be reached.",
        category="Caching",
        section=Section.CACHING,
        setting="always_online",
        in_batch=True,
        caution="Archived pages can show old prices.",
        behind_shopify=Verdict(
            Effect.NO_EFFECT,
            "Isn’t available for stores proxied through Shopify, so it has no effect for your customers.",
            TABLE,
        ),
    ),
    Toggle(
        id=ToggleId("development_mode"),
        title="Development mode",
        description="Bypasses the cache temporarily so that you see your changes right away.",
        category="Caching",
        section=Section.CACHING,
        setting="development_mode",
        in_batch=True,
        caution="Slows your store while it’s on. Turns off automatically after 3 hours.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Slows your store while it’s on. Turns off automatically after 3 hours.", REASONED
        ),
        confirmation=Confirmation(
            "Cloudflare stops serving from its cache, so every request goes to the origin and pages load more slowly.",
            "It turns off automatically after 3 hours. You can also turn it off here at any time.",
        ),
    ),
    Toggle(
        id=ToggleId("ignore_query_string"),
        title="Ignore query strings in the cache",
        description="Treats URLs that differ only in their query string as the same cached file.",
        category="Caching",
        section=Section.CACHING,
        setting="cache_level",
        on="simplified",
        off="aggressive",
        others={"basic": State.OFF},
        in_batch=True,
        caution="Can show the wrong variant or search result when the query string matters.",
        behind_shopify=Verdict(
            Effect.UNSAFE,
            "Shopify marks new versions of files with ?v=, so your customers might get old ones.",
            REASONED,
        ),
        confirmation=Confirmation(
            "Shopify marks each new version of a file with ?v=. With this setting on, Cloudflare treats all versions as one, so your customers might see old styles, the wrong variants, or the wrong search results.",
            "You can turn it off here at any time. Files that are already cached can stay for up to 4 hours.",
            only_when_unsafe=True,
            type_shop=True,
        ),
    ),
    Toggle(
        id=ToggleId("sort_query_string_for_cache"),
        title="Sort query strings",
        description="Treats URLs with the same query parameters in a different order as the same cached file.",
        category="Caching",
        section=Section.CACHING,
        setting="sort_query_string_for_cache",
        in_batch=True,
        min_plan=ZonePlan.ENTERPRISE,
    ),
    Toggle(
        id=ToggleId("tiered_caching"),
        title="Tiered Cache",
        description="Lets Cloudflare data centers check with each other for a file before they request it from your server.",
        category="Caching",
        section=Section.CACHING,
        endpoint=Endpoint("/argo/tiered_caching", "PATCH"),
        on={"value": "on"},
        off={"value": "off"},
    ),
    Toggle(
        id=ToggleId("smart_tiered_cache"),
        title="Smart Tiered Cache",
        description="Uses the data center closest to your server as the upper cache tier.",
        category="Caching",
        section=Section.CACHING,
        endpoint=Endpoint("/cache/tiered_cache_smart_topology_enable", "PATCH"),
        on={"value": "on"},
        off={"value": "off"},
    ),
)
