"""Encryption between shoppers, Cloudflare and the origin."""

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
        description="Sends visitors from http addresses to the https ones.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="always_use_https",
        in_batch=True,
        behind_shopify=Verdict(
            Effect.UNSAFE,
            "Can stop Shopify from renewing your certificate. A redirect rule can do the same job safely.",
            GUIDE,
        ),
        confirmation=Confirmation(
            "Every http address is redirected, also the one under /.well-known/ that Shopify uses to renew your shop’s certificate. When that renewal fails, shoppers see a warning instead of your shop.",
            "You can turn it off here at any time; Shopify then tries the renewal again by itself.",
            only_when_unsafe=True,
            type_shop=True,
        ),
    ),
    Toggle(
        id=ToggleId("automatic_https_rewrites"),
        title="Automatic HTTPS Rewrites",
        description="Turns http links inside your pages into https ones where the target supports it.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="automatic_https_rewrites",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("opportunistic_encryption"),
        title="Opportunistic Encryption",
        description="Lets browsers use encryption even for plain http links.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="opportunistic_encryption",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("modern_tls_only"),
        title="Require TLS 1.2 or newer",
        description="Refuses visitors whose browsers can only speak outdated TLS versions.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="min_tls_version",
        on="1.2",
        off="1.0",
        others={"1.1": State.OFF, "1.3": State.ON},
        in_batch=True,
        caution="Very old browsers can no longer open the shop.",
        behind_shopify=Verdict(Effect.CAUTION, "Very old devices can no longer open the shop.", REASONED),
        confirmation=Confirmation(
            "Browsers and devices that only know TLS 1.0 or 1.1 can no longer open your shop, nor can old apps that talk to it.",
            "You can turn it off here at any time; it works again within seconds.",
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
        caution="Shoppers see an error when your server’s certificate is not valid.",
        behind_shopify=Verdict(
            Effect.CAUTION,
            "Keep the SSL mode at Full or Full (strict): anything lower loops behind Shopify.",
            REASONED,
        ),
    ),
    Toggle(
        id=ToggleId("ssl_automatic_mode"),
        title="Automatic SSL/TLS",
        description="Lets Cloudflare raise the SSL mode by itself when your server allows it.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="ssl_automatic_mode",
        on="auto",
        off="custom",
        caution="Cloudflare may then change Full (strict) SSL by itself.",
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
        caution="Hard to undo: browsers remember it for six months.",
        behind_shopify=Verdict(
            Effect.CAUTION, "Hard to undo: browsers remember it for six months.", REASONED
        ),
        confirmation=Confirmation(
            "Browsers that visit your shop will refuse plain HTTP for your domain for the next six months. If HTTPS ever stops working, those shoppers cannot get in.",
            "Turning it off here tells only browsers that come back; the others remember it until the six months have passed.",
            type_shop=True,
        ),
    ),
    Toggle(
        id=ToggleId("tls_client_auth"),
        title="Authenticated Origin Pulls",
        description="Shows your server a Cloudflare certificate so that it can refuse everyone else.",
        category="TLS/SSL",
        section=Section.HTTPS,
        setting="tls_client_auth",
        in_batch=True,
        caution="Only useful when your server checks the certificate.",
        behind_shopify=Verdict(
            Effect.CAUTION,
            "Only useful when the server checks the certificate; Shopify’s is not yours to set.",
            REASONED,
        ),
    ),
)
