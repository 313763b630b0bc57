"""Images and fonts: their size, and who can use them."""

from cloudcache.domain.catalog.model import REASONED, TABLE, Effect, Section, State, Toggle, Verdict, ZonePlan
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("polish"),
        title="Polish",
        description="Removes unneeded data from images and compresses them.",
        category="Images",
        section=Section.IMAGES,
        setting="polish",
        on="lossless",
        others={"lossy": State.ON},
        in_batch=True,
        min_plan=ZonePlan.PRO,
        caution="Only cached images are compressed.",
        behind_shopify=Verdict(
            Effect.CAUTION,
            "Only affects images in your zone’s cache, not those on cdn.shopify.com.",
            TABLE,
        ),
    ),
    Toggle(
        id=ToggleId("webp"),
        title="WebP images",
        description="Serves images as WebP when that’s smaller and the browser supports it.",
        category="Images",
        section=Section.IMAGES,
        setting="webp",
        in_batch=True,
        min_plan=ZonePlan.PRO,
    ),
    Toggle(
        id=ToggleId("image_resizing"),
        title="Image transformations",
        description="Lets images be resized and converted on demand through special image URLs.",
        category="Images",
        section=Section.IMAGES,
        setting="image_resizing",
        others={"open": State.ON},
        caution="Cloudflare bills usage beyond the free allowance.",
        behind_shopify=Verdict(Effect.WORKS, "", TABLE),
    ),
    Toggle(
        id=ToggleId("fonts"),
        title="Cloudflare Fonts",
        description="Serves Google Fonts from your own domain instead of Google’s servers.",
        category="Speed",
        section=Section.IMAGES,
        setting="fonts",
        caution="Changes the HTML of your pages. Works only with Google Fonts.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Changes the HTML of your theme. Works only with Google Fonts.", REASONED
        ),
    ),
    Toggle(
        id=ToggleId("hotlink_protection"),
        title="Hotlink protection",
        description="Stops other sites from showing images directly from your domain.",
        category="Bots & scraping",
        section=Section.IMAGES,
        setting="hotlink_protection",
        in_batch=True,
        caution="Also blocks shopping feeds and social previews that load your images.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Also blocks shopping feeds and social previews that load your images.", REASONED
        ),
    ),
)
