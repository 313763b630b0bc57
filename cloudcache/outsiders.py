"""Who is outside, as the settings name them: Shopify, Cloudflare's sign-in, whoever vouches for our staff."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette

from cloudcache import local
from cloudcache.adapters.cloudflare.oauth import OAuthClient
from cloudcache.adapters.identity.oidc import OidcSignIn, Provider
from cloudcache.adapters.identity.staff import AccessStaff, LocalStaff, NoStaff, StaffSessions
from cloudcache.adapters.shopify.client import ShopifyClient
from cloudcache.adapters.storefront.client import StorefrontClient
from cloudcache.config import Settings
from cloudcache.emulator.storefront import StorefrontTransport, own_address
from cloudcache.emulator.world import World
from cloudcache.ports import Clock, StaffCookie, StaffIdentity, StaffSignIn
from cloudcache.shopify_emulator.world import ShopifyWorld


def shopify_client(settings: Settings, clock: Clock, pretend: Starlette | None) -> ShopifyClient:
    if pretend is None:
        return ShopifyClient(settings.shopify_client_id, settings.shopify_secrets, clock)
    return ShopifyClient(
        settings.shopify_client_id,
        settings.shopify_secrets,
        clock,
        base=lambda shop: f"http://shopify/shops/{shop}",
        transport=httpx.ASGITransport(pretend),
    )


def pretend_shopify(settings: Settings) -> ShopifyWorld | None:
    if not settings.plays_shopify:
        return None
    world = ShopifyWorld(settings.shopify_client_id, settings.shopify_secrets[0])
    for shop, domains in local.SHOPIFY_SHOPS.items():
        world.add_shop(shop, domains)
    return world


def storefront_client(settings: Settings, world: World | None) -> StorefrontClient:
    """Fetches the stores' own pages; the emulated Cloudflare has emulated stores behind it."""
    if world is not None:
        return StorefrontClient(own_address, StorefrontTransport(world))
    return StorefrontClient(contact=settings.public_url or "")


def oauth_client(settings: Settings, clock: Clock) -> OAuthClient | None:
    if settings.oauth_client_id is None or settings.oauth_client_secret is None:
        return None
    back = f"{settings.public_url or 'http://localhost:3000'}/connect/cloudflare/back"
    return OAuthClient(
        settings.oauth_url, settings.oauth_client_id, settings.oauth_client_secret, back, clock
    )


def staff_identity(
    settings: Settings, clock: Clock
) -> tuple[StaffIdentity, StaffCookie | None, StaffSignIn | None]:
    """How staff sign in: Cloudflare Access, an OpenID Connect provider, locally by choosing, or not at all."""
    if settings.staff_access_team and settings.staff_access_audience:
        return AccessStaff(settings.staff_access_team, settings.staff_access_audience, clock), None, None
    if settings.staff_oidc_issuer and settings.staff_oidc_client_id and settings.staff_oidc_client_secret:
        secure = (settings.public_url or "").startswith("https://")
        sessions = StaffSessions(settings.secret_keys, clock, secure=secure)
        provider = Provider(
            settings.staff_oidc_issuer,
            settings.staff_oidc_client_id,
            settings.staff_oidc_client_secret,
            f"{settings.public_url}/auth/staff/callback",
            settings.staff_oidc_domain,
        )
        return sessions, sessions, OidcSignIn(provider, list(settings.secret_keys), clock)
    if settings.is_local:
        pretend = LocalStaff(settings.environment, settings.secret_keys, clock)
        return pretend, pretend, None
    return NoStaff(), None, None
