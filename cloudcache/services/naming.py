"""Find the one customer that an operator or support names: by shop, address, domain or zone ID, always complete."""

from __future__ import annotations

from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import NotFound
from cloudcache.domain.typed_names import MYSHOPIFY, exact_meanings
from cloudcache.ports import People, Store

MOST_TRIED = 20


async def customer_named(store: Store, people: People, text: str) -> Customer:
    """Find the customer with exactly this shop, domain or zone ID; `NotFound` if there is none, or more than one."""
    for name in exact_meanings(text):
        found = await _of_name(store, people, name)
        if len(found) > 1:
            raise NotFound("more than one customer has this domain; specify the store")
        if found:
            return found[0]
    raise NotFound("no such customer")


async def _of_name(store: Store, people: People, name: str) -> list[Customer]:
    if name.endswith(MYSHOPIFY):
        try:
            return [await store.customer_of_shop(name)]
        except NotFound:
            return []
    found = await people.across_tenants_find(name, MOST_TRIED)
    return [one for one in found if name in (one.zone_name, one.zone_id)]
