"""What browsers load, and when."""

from cloudcache.domain.catalog.model import TABLE, Effect, Section, State, Toggle, Verdict, ZonePlan
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("rocket_loader"),
        title="Rocket Loader",
        description="Delays JavaScript until the page is rendered, so your customers see content sooner.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="rocket_loader",
        in_batch=True,
        caution="Can break themes or apps that rely on scripts running immediately.",
        behind_shopify=Verdict(
            Effect.NO_EFFECT,
            "Shopify’s own Cloudflare zone serves your customers, so this has no effect for them.",
            TABLE,
        ),
    ),
    Toggle(
        id=ToggleId("early_hints"),
        title="Early Hints",
        description="Tells the browser which files it’ll need while the page is still being prepared.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="early_hints",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("speed_brain"),
        title="Speed Brain",
        description="Lets Chromium browsers prefetch the page that a customer is likely to open next.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="speed_brain",
        caution="Only cached pages are prefetched.",
    ),
    Toggle(
        id=ToggleId("prefetch_preload"),
        title="URL prefetching",
        description="Prefetches the URLs listed in your responses into the cache.",
        category="Speed",
        section=Section.PAGE_LOADING,
        setting="prefetch_preload",
        in_batch=True,
        min_plan=ZonePlan.ENTERPRISE,
        caution="Increases traffic to your server.",
    ),
    Toggle(
        id=ToggleId("web_analytics"),
        title="Web analytics (RUM)",
        description="Measures real page speed in your customers’ browsers.",
        category="Content",
        section=Section.PAGE_LOADING,
        setting="rum",
        others={"manual": State.ON},
        never_restored=frozenset({"manual"}),  # Cloudflare shows it but takes only on and off
        caution="Adds a script to your pages.",
    ),
)
