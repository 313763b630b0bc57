"""What the browser fetches, and when."""

from cloudcache.domain.catalog.model import TABLE, Effect, Section, State, Toggle, Verdict, ZonePlan
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("rocket_loader"),
        title="Rocket Loader",
        description="Holds back JavaScript until the page has been drawn, so shoppers see content sooner.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="rocket_loader",
        in_batch=True,
        caution="Can upset themes and apps that expect their scripts to run at once.",
        behind_shopify=Verdict(
            Effect.NO_EFFECT,
            "Shopify’s own Cloudflare zone answers your shoppers, so this changes nothing for them.",
            TABLE,
        ),
    ),
    Toggle(
        id=ToggleId("early_hints"),
        title="Early Hints",
        description="Tells the browser which files it will need while the page itself is still being prepared.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="early_hints",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("speed_brain"),
        title="Speed Brain",
        description="Lets Chromium browsers fetch the page a shopper is likely to open next.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="speed_brain",
        caution="Only pages that are cached are fetched ahead.",
    ),
    Toggle(
        id=ToggleId("prefetch_preload"),
        title="URL prefetching",
        description="Fetches into the cache the links that your responses list for prefetching.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="prefetch_preload",
        in_batch=True,
        min_plan=ZonePlan.ENTERPRISE,
        caution="Raises the traffic to your server.",
    ),
    Toggle(
        id=ToggleId("web_analytics"),
        title="Web analytics (RUM)",
        description="Measures real page speed in your shoppers' browsers.",
        category="Content",
        section=Section.PAGE_LOADING,
        setting="rum",
        others={"manual": State.ON},
        never_restored=frozenset({"manual"}),  # Cloudflare shows it but takes only on and off
        caution="Adds a script to your pages.",
    ),
)
