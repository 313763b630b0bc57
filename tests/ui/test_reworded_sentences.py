"""Sentences that merchants, support and programs stumbled over, each with what is said instead.

A part of a sentence stands for it where a number, a name or a time is put in.
"""

import re
from functools import cache
from pathlib import Path

import pytest

import cloudcache
from tests.ui.test_sentences import sentences

PROGRAM = Path(cloudcache.__file__).parent
SPOKEN = ["ui", "domain/catalog", "web", "services/scripts.py", "local.py"]

TABLE = [
    ("on without effect for this shop", "settings are on but have no effect."),
    ("on and risky", "risky setting is on."),
    ("not changed", "change failed."),
    ("changed elsewhere", "changed outside this app."),
    ("Needs a look", "Needs attention"),
    ("Show these", "Review"),
    ("Nothing needs a look", "Everything looks good"),
    (
        "would be listed here",
        "Failed changes, changes made outside this app, outdated values, and risky settings appear here.",
    ),
    ("Mark changes as seen", "Mark all as reviewed"),
    ("Check all now", "Refresh all"),
    ("Check now", "Refresh"),
    ("full check", "All settings checked"),
    ("change log read", "Cloudflare activity checked"),
    ("changes elsewhere show within a minute", "Outside changes can take a minute to appear"),
    ("never checked in full", "Not fully checked yet"),
    ("Reading your settings from Cloudflare", "Loading settings from Cloudflare"),
    ("Not read yet", "Loading"),
    ("Cloudflare has not been asked", "Waiting for Cloudflare"),
    ("behind Shopify (O2O)", "Proxied through Shopify (O2O)"),
    ("Still off · not changed", "Couldn’t turn on"),
    ("Still on · not changed", "Couldn’t turn off"),
    ("Token may not edit WAF settings", "Your token can’t edit WAF settings"),
    ("Turned off, says the change log", "Turned off, per Cloudflare’s audit log"),
    ("Turned off by someone else", "Turned off outside this app"),
    ("ends by itself", "On until"),
    ("Queued to turn on", "Waiting to turn on"),
    ("On · may be out of date", "On, might be outdated"),
    ("Last seen", "Last checked"),
    ("It was not confirmed", "You didn’t confirm this change"),
    ("Taken back", "Canceled"),
    ("Cloudflare does not allow it here", "Cloudflare doesn’t allow this"),
    ("Not stored; please try again", "Couldn’t save. Try again."),
    ("Too many changes at once; wait a minute", "Too many changes. Wait a minute."),
    ("Your sign-in ended; please try again", "Your session expired. Reload the page."),
    ("Cloudflare no longer accepts this shop’s token", "Your Cloudflare token stopped working"),
    ("nothing was lost", "These are the last known values. Replace the token to make changes again."),
    ("Cloudflare no longer knows this zone", "We can’t find your zone in Cloudflare"),
    ("Cloudflare has not answered since", "Cloudflare hasn’t responded since"),
    ("are kept and sent when it answers", "Changes you make now will be sent when Cloudflare responds."),
    ("Connection lost", "You’re offline"),
    ("reconnects by itself", "We’ll reconnect automatically."),
    ("Your settings cannot be shown or changed right now", "We can’t load your settings right now"),
    ("Nothing was lost. This page tries again", "Your settings are safe. We’ll keep trying."),
    ("Your Cloudflare settings stay as they are", "Coming soon to your store"),
    ("This page is opened to shops step by step", "We’re rolling this out gradually."),
    ("Our support is there for you, now as before", "Contact support"),
    ("Please open this page from your shop’s admin", "Open this app from your Shopify admin"),
    ("This session has ended or was never started", "Your session has ended."),
    (
        "shoppers do not pass through it",
        "Your domain isn’t proxied by Cloudflare, so these settings don’t affect your store. "
        "Turn on the proxy (orange cloud) for your domain in Cloudflare DNS.",
    ),
    ("Needs HTTP/2", "Requires HTTP/2"),
    (", which is on.", " (on)"),
    ("Only of use with IPv6", "Only useful with IPv6"),
    ("Asks before it turns on.", "You’ll be asked to confirm."),
    (
        "Shopify looks after compression",
        "Try another word. Compression isn’t listed because Shopify manages it.",
    ),
    ("Who is turned away.", "Block unwanted traffic."),
    ("What Cloudflare keeps, and for whom.", "Control what Cloudflare caches."),
    (
        "Hands out a WebP copy",
        "Serves images as WebP when that’s smaller and the browser supports it.",
    ),
    ("Can upset themes", "Can break themes or apps that rely on scripts running immediately."),
    ("a maze of made-up links", "Traps AI crawlers that ignore your rules in a maze of generated links."),
    ("The token is sealed on our server", "Your token is encrypted and never shown again."),
    (
        "That is no Cloudflare token",
        "That doesn’t look like a Cloudflare API token. Copy the whole token and try again.",
    ),
    ("Paste your Cloudflare API token first.", "Enter an API token."),
    ("The token reaches", "This token has access to"),
    ("Works", "Granted"),
    ("Not tried yet", "Not checked"),
    ("Asking Cloudflare", "Checking"),
    (
        "nothing is read or changed any more",
        "We’ll delete the token and stop reading or changing your settings.",
    ),
    ("Tokens for scripts", "API tokens"),
    ("Make a token", "Create token"),
    ("Reads", "Read only"),
    ("Reads and writes", "Read and write"),
    ("give the token a name of 1 to 60 characters", "Enter a name (up to 60 characters)."),
    ("replaced by a later wish", "Replaced by a newer change"),
    ("owner of ", "Store owner"),
    ("Why do you look at this shop?", "Why do you need access?"),
    ("Look at the settings", "View settings"),
    ("You look as support; nothing can be changed", "Viewing as support (read only)"),
    ("Stop looking", "End session"),
    ("No customer begins with that.", "No customers found."),
    (
        "Type the beginning of a shop’s name",
        "Search by store name, domain, or zone ID (at least 2 characters).",
    ),
    ("The body is no JSON", "The request body isn’t valid JSON."),
    ("A Bearer token that is valid now is needed", "Missing or invalid bearer token"),
]


@cache
def spoken() -> list[str]:
    """Every text of the page, the catalog and the API."""
    paths = [PROGRAM / name for name in SPOKEN]
    files = [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]
    return [text for file in files for text in sentences(file.read_text())]


@pytest.mark.parametrize(("before", "now"), TABLE, ids=[now[:40] for _, now in TABLE])
def test_sentence_was_replaced(before: str, now: str):
    texts = spoken()
    whole = re.compile(rf"(?<![\w’]){re.escape(before)}(?![\w’])")

    assert any(now in text for text in texts)
    assert [text for text in texts if before != text.strip() and " " in before and whole.search(text)] == []
    assert [text for text in texts if before == text.strip()] == []
