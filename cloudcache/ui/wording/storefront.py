"""What a look at the store's own pages showed, beside the setting."""

from __future__ import annotations

SEEN = ("On in Cloudflare, and seen in your store", "Off in Cloudflare, but seen in your store")
"""Its effect was seen, by whether the setting is on."""
NOT_SEEN = ("On in Cloudflare, not seen in your store", "Off in Cloudflare, and not seen in your store")
UNCLEAR = "Your store’s pages don’t show whether it works"
NOT_YET = "Not checked in your store yet"
CHECK_STORE = "Check my store"
BANNERS = {
    "error_1014": (
        "Your domain shows Cloudflare error 1014",
        "Its DNS record points to a name in an account that doesn’t allow it, so customers can’t reach your store. "
        "In Cloudflare DNS, point the record to the target that Shopify names in your domain settings.",
    ),
    "certificate": (
        "Shopify’s certificate for your domain isn’t ready",
        "Until then, customers can’t reach your store through Cloudflare. Turn off the proxy (gray cloud) for your "
        "domain in Cloudflare DNS, wait until Shopify shows the domain as connected, then turn the proxy on again.",
    ),
    "certificate_ends": (
        "Your store’s certificate ends within two weeks",
        "It should have been renewed by now. Make sure that Always Use HTTPS is off: Shopify renews the certificate "
        "over http.",
    ),
    "headless": (
        "Your store has another kind of storefront",
        "Its pages aren’t made by a Shopify theme, so what’s said here about HTML, scripts, and email addresses can "
        "differ. Email address obfuscation and Rocket Loader can break it.",
    ),
}
"""What the whole page says, by how the check ended: a headline, and what to do."""
TOO_SOON = "Checked a moment ago. Wait a minute."
PROBLEMS = {
    "waiting": "Checking your store",
    "stopped": "Your store didn’t let us look: it answered with a challenge or an error",
    "limited": "Your store didn’t let us look: too many requests. Try again in an hour",
    "password": "We can’t look: your store asks visitors for a password",
    "closed": "We can’t look: Shopify has closed your store",
    "headless": "Your store has another kind of storefront (Hydrogen), so this can’t be seen there",
    "other_site": "We didn’t look: your domain leads to another website",
    "robots": "We didn’t look: your robots.txt doesn’t allow it",
    "not_public": "We didn’t look: your domain has no public address",
    "error_1014": "We can’t look: your domain shows Cloudflare error 1014",
    "certificate": "We can’t look: your domain’s certificate at Shopify isn’t ready",
    "unreachable": "Your store didn’t respond in time",
}
"""Why nothing was seen, by how the check ended."""
