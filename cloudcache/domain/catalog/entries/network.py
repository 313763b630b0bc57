"""Network options for apps and diagnostics."""

from cloudcache.domain.catalog.model import TABLE, Effect, Section, State, Toggle, Verdict, ZonePlan
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("websockets"),
        title="WebSockets",
        description="Allows live two-way connections, such as chat.",
        category="Network",
        section=Section.NETWORK,
        setting="websockets",
        in_batch=True,
        behind_shopify=Verdict(
            Effect.NO_EFFECT, "Isn’t passed on to Shopify, so it has no effect for your customers.", TABLE
        ),
    ),
    Toggle(
        id=ToggleId("ip_geolocation"),
        title="Visitor country header",
        description="Adds the visitor’s country to each request sent to your server.",
        category="Network",
        section=Section.NETWORK,
        setting="ip_geolocation",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("opportunistic_onion"),
        title="Onion Routing",
        description="Serves Tor users over Cloudflare’s onion service instead of exit nodes.",
        category="Network",
        section=Section.NETWORK,
        setting="opportunistic_onion",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("pseudo_ipv4"),
        title="Pseudo IPv4",
        description="Gives older software a placeholder IPv4 address for IPv6 visitors.",
        category="Network",
        section=Section.NETWORK,
        setting="pseudo_ipv4",
        on="add_header",
        others={"overwrite_header": State.ON},
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("true_client_ip_header"),
        title="True-Client-IP header",
        description="Sends the visitor’s IP address in a True-Client-IP header.",
        category="Network",
        section=Section.NETWORK,
        setting="true_client_ip_header",
        in_batch=True,
        min_plan=ZonePlan.ENTERPRISE,
    ),
    Toggle(
        id=ToggleId("response_buffering"),
        title="Response buffering",
        description="Waits for your server’s complete response before sending it to the visitor.",
        category="Network",
        section=Section.NETWORK,
        setting="response_buffering",
        in_batch=True,
        min_plan=ZonePlan.ENTERPRISE,
        caution="Delays the first byte of large responses.",
    ),
    Toggle(
        id=ToggleId("origin_error_page_pass_thru"),
        title="Pass through origin error pages",
        description="Shows your own 502 and 504 error pages instead of Cloudflare’s.",
        category="Network",
        section=Section.NETWORK,
        setting="origin_error_page_pass_thru",
        in_batch=True,
        min_plan=ZonePlan.ENTERPRISE,
    ),
    Toggle(
        id=ToggleId("nel"),
        title="Network Error Logging",
        description="Asks browsers to report failed connections to your site.",
        category="Network",
        section=Section.NETWORK,
        setting="nel",
        on={"enabled": True},
        off={"enabled": False},
    ),
)
