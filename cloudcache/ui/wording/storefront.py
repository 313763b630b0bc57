"""What a look at the store's own pages showed, beside the setting."""

from __future__ import annotations

SEEN = ("On at Cloudflare, and seen in your store", "Off at Cloudflare, but seen in your store")
"""Its effect was seen, by whether the setting is on."""
NOT_SEEN = ("On at Cloudflare, not seen in your store", "Off at Cloudflare, and not seen in your store")
UNCLEAR = "Your store’s pages don’t show whether it works"
NOT_YET = "Not checked in your store yet"
CHECK = "Check my store"
PROBLEMS = {
    "waiting": "Checking your store",
    "too_soon": "Your store was checked a moment ago. Wait a minute, then check again",
    "stopped": "Your store didn’t let us look: it answered with a challenge or an error",
    "limited": "Your store didn’t let us look: too many requests. Try again in an hour",
    "password": "We can’t look: your store asks visitors for a password",
    "closed": "We can’t look: Shopify has closed your store",
    "headless": "Your store has another kind of storefront (Hydrogen), so this can’t be seen there",
    "other_site": "We didn’t look: your domain leads to another website",
    "robots": "We didn’t look: your robots.txt doesn’t allow it",
    "not_public": "We didn’t look: your domain has no public address",
    "unreachable": "Your store didn’t respond in time",
}
"""Why nothing was seen, by how the check ended."""
