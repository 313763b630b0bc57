"""How browsers connect to the domain."""

from cloudcache.domain.catalog.model import TABLE, Effect, Section, State, Toggle, Verdict, ZonePlan
from cloudcache.domain.ids import ToggleId

TOGGLES = (
    Toggle(
        id=ToggleId("h2_prioritization"),
        title="Enhanced HTTP/2 Prioritization",
        description="Sends the most important files for the visible page first.",
        category="Speed",
        section=Section.CONNECTIONS,
        setting="h2_prioritization",
        others={"custom": State.ON},
        min_plan=ZonePlan.PRO,
        behind_shopify=Verdict(Effect.WORKS, "", TABLE),
    ),
    Toggle(
        id=ToggleId("http2"),
        title="HTTP/2",
        description="Lets visitors load many files at once over a single connection.",
        category="Speed",
        section=Section.CONNECTIONS,
        setting="http2",
        in_batch=True,
        min_plan=ZonePlan.PRO,
    ),
    Toggle(
        id=ToggleId("http3"),
        title="HTTP/3 (QUIC)",
        description="Lets visitors connect over QUIC, which works better on poor mobile connections.",
        category="Speed",
        section=Section.CONNECTIONS,
        setting="http3",
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("0rtt"),
        title="0-RTT connection resumption",
        description="Lets returning visitors send their first request without waiting for a new handshake.",
        category="Speed",
        section=Section.CONNECTIONS,
        setting="0rtt",
        in_batch=True,
        caution="An early request can be copied and replayed. Only reads are sent early.",
    ),
    Toggle(
        id=ToggleId("tls_1_3"),
        title="TLS 1.3",
        description="Allows the newest and fastest version of TLS.",
        category="TLS/SSL",
        section=Section.CONNECTIONS,
        setting="tls_1_3",
        others={"zrt": State.ON},
        never_restored=frozenset({"zrt"}),  # it would turn on 0-RTT, which is a switch of its own
        in_batch=True,
    ),
    Toggle(
        id=ToggleId("http2_to_origin"),
        title="HTTP/2 to origin",
        description="Uses HTTP/2 between Cloudflare and your server.",
        category="Network",
        section=Section.CONNECTIONS,
        setting="origin_max_http_version",
        on="2",
        off="1",
    ),
    Toggle(
        id=ToggleId("ipv6"),
        title="IPv6",
        description="Lets visitors reach the site over IPv6.",
        category="Network",
        section=Section.CONNECTIONS,
        setting="ipv6",
        in_batch=True,
        min_plan=ZonePlan.PRO,
    ),
)
