"""The demo's stores at the emulated Cloudflare."""

from __future__ import annotations

from cloudcache.emulator.tokens import token_id_of
from cloudcache.local import DEMO_SHOPS, pretend_cloudflare

HOUR_S = 3600


def test_token_that_is_nearly_out_of_calls_is_so_an_hour_later_too():
    world = pretend_cloudflare(None)
    (demo,) = [demo for demo in DEMO_SHOPS if demo.calls_left is not None]

    left, _ = world.bucket(f"token/{token_id_of(demo.token.reveal())}").meter(world.clock() + HOUR_S)

    world.close()
    assert left == demo.calls_left
