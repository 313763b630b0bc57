"""The DNS records of a zone, page by page."""

from __future__ import annotations

from cloudcache.emulator.dns import TYPES, dns_result
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.parameters import one_of, single, whole
from cloudcache.emulator.wire import JSON, Outcome, page_numbers


def list_records(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """One page of the records, in the order they were given; a name must be the whole one."""
    query = exchange.call.parameters()
    page, per_page = whole(query, "page", 1, 1, 1_000_000), whole(query, "per_page", 100, 1, 5000)
    name, type_ = single(query, "name"), one_of(query, "type", "", sorted(TYPES))
    records, since = exchange.world.dns(zone.id)
    found = [record for record in records if name in (None, record.name) and type_ in ("", record.type)]
    shown: list[JSON] = [
        dns_result(zone, record, since) for record in found[(page - 1) * per_page : page * per_page]
    ]
    return Outcome(shown, page_numbers(page, per_page, len(shown), len(found)))
