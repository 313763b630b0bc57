"""A shop that was installed again stays connected, whatever an older webhook says when it arrives at last."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.blackbox.conftest import Target
from tests.support.waiting import http_client, until_true

pytestmark = pytest.mark.browser

FORMS = ("%Y-%m-%dT%H:%M:%S.%f000Z", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ")
SHOP = "red-lantern-books.myshopify.com"
"""No other test of this folder disconnects it."""
ALL = "/api/v1/optimizations"


async def uninstalled(api: httpx.AsyncClient, target: Target, seconds_ago: float, form: str) -> None:
    """Deliver an uninstallation that was triggered so long ago."""
    headers, body = target.shopify.webhook("app/uninstalled", SHOP)
    at = datetime.fromtimestamp(target.shopify.clock() - seconds_ago, UTC)
    headers["X-Shopify-Triggered-At"] = at.strftime(form)
    answer = await api.post("/webhooks/shopify", content=body, headers=headers)
    assert answer.status_code == 200


async def status(api: httpx.AsyncClient, target: Target) -> str:
    """How the shop's zone stands, asked with a fresh ID token, which is a visit."""
    answer = await api.get(ALL, headers={"Authorization": f"Bearer {target.token(SHOP)}"})
    return str(answer.json()["zone"]["status"])


async def ignored(api: httpx.AsyncClient) -> float:
    """How many deliveries the program has ignored so far."""
    name = 'cloudcache_webhooks_total{outcome="ignored"}'
    found = [line for line in (await api.get("/metrics")).text.splitlines() if line.startswith(name)]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


async def test_late_uninstallation_in_any_form_leaves_the_shop_connected(target: Target):
    async with http_client(base_url=target.url) as api:
        assert await status(api, target) == "active"
        before = await ignored(api)

        for form in FORMS:
            await uninstalled(api, target, 120, form)

        async def all_are_ignored() -> bool:
            return await ignored(api) == before + len(FORMS)

        await until_true(all_are_ignored)

        assert await status(api, target) == "active"
