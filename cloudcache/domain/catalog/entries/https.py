"""Encryption between customers, Cloudflare, and the origin."""

from cloudcache.domain.catalog.model import (
    GUIDE,
    REASONED,
    Confirmation,
    Effect,
    Section,
    State,
    Toggle,
    Verdict,
)
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("always_use_https"),
        title="Always Use HTTPS",
        description="Redirects visitors from HTTP to HTTPS.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="always_use_https",
        in_batch=True,
        behind_shopify=Verdict(
            Effect.UNSAFE,
            "Can stop Shopify from renewing your certificate. A redirect rule can do the same safely.",
            GUIDE,
        ),
        confirmation=Confirmation(
            "Every HTTP request is redirected, including those under /.well-known/ that Shopify uses to renew your store’s certificate. If the renewal fails, your customers see a warning instead of your store.",
            "You can turn it off here at any time. Shopify then tries the renewal again automatically.",
            only_when_unsafe=True,
            type_shop=True,
        ),
    ),
    Toggle(
        id=ToggleId("automatic_https_rewrites"),
        title="Automatic HTTPS Rewrites",
        description="Changes HTTP links on your pages to HTTPS where the target supports it.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="automatic_https_rewrites",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("opportunistic_encryption"),
        title="Opportunistic Encryption",
        description="Lets browsers use encryption even for plain HTTP links.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="opportunistic_encryption",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("modern_tls_only"),
        title="Require TLS 1.2 or newer",
        description="Blocks visitors whose browsers support only outdated TLS versions.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="min_tls_version",
        on="1.2",
        off="1.0",
        others={"1.1": State.OFF, "1.3": State.ON},
        in_batch=True,
        caution="Very old browsers can’t open your store anymore.",
        behind_shopify=Verdict(Effect.CAUTION, "Very old devices can’t open your store anymore.", REASONED),
        confirmation=Confirmation(
            "Browsers and devices that support only TLS 1.0 or 1.1 can’t open your store anymore, and older apps can’t connect to it.",
            "You can turn it off here at any time. Your store works for them again within seconds.",
        ),
    ),
    Toggle(
        id=ToggleId("strict_ssl"),
        title="Full (strict) SSL",
        description="Connects to your server only over HTTPS with a valid certificate.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="ssl",
        on="strict",
        off="full",
        others={"off": State.OFF, "flexible": State.OFF},
        never_restored=frozenset({"off", "flexible"}),
        in_batch=True,
        caution="Your customers see an error when your server’s certificate isn’t valid.",
        behind_shopify=Verdict(
            Effect.CAUTION,
            "Keep the SSL mode at Full or Full (strict). Anything lower causes redirect loops with Shopify.",
            REASONED,
        ),
    ),
    Toggle(
        id=ToggleId("ssl_automatic_mode"),
        title="Automatic SSL/TLS",
        description="Lets Cloudflare raise the SSL mode automatically when your server supports it.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="ssl_automatic_mode",
        on="auto",
        off="custom",
        caution="Cloudflare can then change Full (strict) SSL automatically.",
    ),
    Toggle(
        id=ToggleId("hsts"),
        title="HSTS",
        description="Tells browsers to use only HTTPS for your domain for the next six months.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="security_header",
        on={
            "strict_transport_security": {
                "enabled": True,
                "max_age": 15552000,
                "include_subdomains": False,
                "preload": False,
                "nosniff": True,
            }
        },
        off={
            "strict_transport_security": {
                "enabled": False,
                "max_age": 0,
                "include_subdomains": False,
                "preload": False,
                "nosniff": False,
            }
        },
        in_batch=True,
        caution="Hard to undo. Browsers remember it for six months.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Hard to undo. Browsers remember it for six months.", REASONED
        ),
        confirmation=Confirmation(
            "Browsers that visit your store will refuse plain HTTP for your domain for the next six months. If HTTPS stops working, those customers can’t open your store.",
            "Turning it off here reaches only browsers that come back. Others remember it until the six months are over.",
            type_shop=True,
        ),
    ),
    Toggle(
        id=ToggleId("tls_client_auth"),
        title="Authenticated Origin Pulls",
        description="Presents a Cloudflare certificate to your server so that it can refuse all other traffic.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="tls_client_auth",
        in_batch=True,
        caution="Only useful if your server checks the certificate.",
        behind_shopify=Verdict(
            Effect.CAUTION,
            "Only useful if the server checks the certificate. You can’t change Shopify’s servers.",
            REASONED,
        ),
    ),
)
