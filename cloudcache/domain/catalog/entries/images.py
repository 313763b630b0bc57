"""Pictures and fonts: their size, and who may use them."""

from cloudcache.domain.catalog.model import REASONED, TABLE, Effect, Section, State, Toggle, Verdict, ZonePlan
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("polish"),
        title="Polish",
        description="Strips needless data from pictures and compresses them.",
        category="Images",
        section=Section.IMAGES,
        setting="polish",
        on="lossless",
        others={"lossy": State.ON},
        in_batch=True,
        min_plan=ZonePlan.PRO,
        caution="Only pictures that are cached are compressed.",
        behind_shopify=Verdict(
            Effect.CAUTION,
            "Only helps pictures kept in your own zone’s cache, not those on cdn.shopify.com.",
            TABLE,
        ),
    ),
    Toggle(
        id=ToggleId("webp"),
        title="WebP images",
        description="Hands out a WebP copy of a picture when that is smaller and the browser can show it.",
        category="Images",
        section=Section.IMAGES,
        setting="webp",
        in_batch=True,
        min_plan=ZonePlan.PRO,
    ),
    Toggle(
        id=ToggleId("image_resizing"),
        title="Image transformations",
        description="Allows pictures to be resized and converted on demand through special image links.",
        category="Images",
        section=Section.IMAGES,
        setting="image_resizing",
        others={"open": State.ON},
        caution="Use beyond the free allowance is billed by Cloudflare.",
        behind_shopify=Verdict(Effect.WORKS, "", TABLE),
    ),
    Toggle(
        id=ToggleId("fonts"),
        title="Cloudflare Fonts",
        description="Serves Google fonts from your own domain instead of Google's servers.",
        category="Speed",
        section=Section.IMAGES,
        setting="fonts",
        caution="Changes the HTML of your pages; works for Google Fonts only.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Changes the HTML of your theme; works for Google Fonts only.", REASONED
        ),
    ),
    Toggle(
        id=ToggleId("hotlink_protection"),
        title="Hotlink protection",
        description="Stops other sites from showing your pictures straight from your domain.",
        category="Bots & scraping",
        section=Section.IMAGES,
        setting="hotlink_protection",
        in_batch=True,
        caution="Also stops shopping feeds and social previews that load your pictures.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Also stops shopping feeds and social previews that load your pictures.", REASONED
        ),
    ),
)
