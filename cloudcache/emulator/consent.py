"""The page on which a person lets an app into one account, or does not. Everything that is shown is escaped."""

from __future__ import annotations

from html import escape

from cloudcache.emulator.dashboard_style import ICON, STYLE
from cloudcache.emulator.generated import Account
from cloudcache.emulator.oauth import Wish
from cloudcache.emulator.world import World

MOST_ACCOUNTS = 50

_OWN_STYLE = """
form section { padding-bottom: .5rem; }
section ul { margin: .5rem 0; }
.account { display: block; padding: .4rem 1rem; overflow-wrap: anywhere; }
.account input { width: auto; min-height: 0; margin-right: .6rem; }
.account code { display: block; margin-left: 1.7rem; }
.deny { background: transparent; color: var(--accent); }
"""


def consent_page(world: World, wish: Wish, trouble: str = "") -> str:
    """The question, with the accounts to choose from; the form goes to `auth`, relative to itself."""
    hidden = "".join(
        f"<input type='hidden' name='{name}' value='{escape(text)}'>"
        for name, text in wish.parameters().items()
    )
    permissions = "".join(f"<li>{escape(name)}</li>" for name in sorted(wish.permissions()))
    accounts = world.directory.accounts(MOST_ACCOUNTS)
    offered = "".join(_choice(account, is_first=account == accounts[0]) for account in accounts)
    return _page(
        f"{_notice(trouble)}<form method='post' action='auth'>{hidden}"
        f"<h2>{escape(wish.client_id)} wants access to your account</h2>"
        f"<section><h3>The app will be able to use</h3><ul>{permissions}</ul></section>"
        f"<section><h3>Account</h3>{offered or '<p class=account>You don’t have an account.</p>'}</section>"
        "<button name='decision' value='allow'>Allow</button> "
        "<button class='deny' name='decision' value='deny'>Deny</button></form>"
    )


def refusal_page(trouble: str) -> str:
    """What a person sees who cannot be sent back to the app."""
    return _page(_notice(trouble))


def _choice(account: Account, *, is_first: bool) -> str:
    mark = " checked" if is_first else ""
    account_id = escape(account.id)
    return (
        f"<label class='account'><input type='radio' name='account' value='{account_id}' required{mark}>"
        f"{escape(account.name)}<code>{account_id}</code></label>"
    )


def _notice(trouble: str) -> str:
    return f"<p class='notice bad' role='alert'>{escape(trouble)}</p>" if trouble else ""


def _page(body: str) -> str:
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<title>Authorize an app · Emulated Cloudflare</title>"
        f"<link rel='icon' href=\"{ICON}\">"
        f"<style>{STYLE}{_OWN_STYLE}</style></head><body>"
        "<header><h1>Cloudflare <small>emulated</small></h1></header>"
        f"<main>{body}</main></body></html>"
    )
