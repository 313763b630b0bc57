"""What a person types or pastes to name a customer: a shop, a domain, a zone ID, or an address that contains one.

https://my-shop.myshopify.com/admin         my-shop.myshopify.com
admin.shopify.com/store/my-shop/apps/x      my-shop.myshopify.com
HTTPS://www.Example.com:443/?q=1            example.com
dash.cloudflare.com/ACCOUNT/example.com     example.com
0123 4567 ... (32 hex digits)               the same without blanks
bücher.example                              also xn--bcher-kva.example, and the other way round
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from cloudcache.domain.token_text import quoteless

LONGEST_NAME = 2_000
MYSHOPIFY = ".myshopify.com"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/*|/+")
_REST = re.compile(r"[/?#\\]")
_STORE = re.compile(r"/+store/+([^/?#\s]+)")
_DASHBOARD = re.compile(r"/+[0-9a-f]{32}/+([^/?#\s]+\.[^/?#\s]+)")
_PORT = re.compile(r":\d*$")
_HEX_BLANKS = re.compile(r"[0-9a-f\s]{9,}")
_WHOLE_ADDRESS = {"admin.shopify.com": _STORE, "dash.cloudflare.com": _DASHBOARD}
_DOTS = str.maketrans("\u3002\uff61", "..")


def meanings(text: str) -> tuple[str, ...]:
    """What the text may mean, in lower case, the likeliest first: shops, domains, zone IDs, or the beginning of one.

    Nothing for a text that names none."""
    name = _name(text)
    forms = [name.removeprefix("www."), name]
    forms += [other for one in forms for other in (_in_ascii(one), _in_unicode(one))]
    return tuple(one for one in dict.fromkeys(forms) if one and one.isprintable() and " " not in one)


def exact_meanings(text: str) -> tuple[str, ...]:
    """What the text may mean as a complete name: a word without a dot is a shop's handle, unless it is a zone ID."""
    found = [one if "." in one or _is_zone_id(one) else one + MYSHOPIFY for one in meanings(text)]
    return tuple(dict.fromkeys(found))


def shop_of_text(text: str) -> str:
    """The shop's domain that the text means, if it means one; not checked any further."""
    name = _name(text).removeprefix("www.")
    return name if name.endswith(MYSHOPIFY) else name + MYSHOPIFY


def compact(text: str) -> str:
    """An ID as it is compared: without quotes, blanks and signs that are not seen, in lower case."""
    return "".join(quoteless(text[:LONGEST_NAME]).lower().split())


def _name(text: str) -> str:
    told = unicodedata.normalize("NFKC", quoteless(text[:LONGEST_NAME])).translate(_DOTS).lower().strip()
    if _HEX_BLANKS.fullmatch(told):
        return compact(told)
    told = unquote(told) if "%" in told else told
    scheme = _SCHEME.match(told)
    address = told[scheme.end() :] if scheme and not _PORT.search(scheme[0]) else told
    host = _PORT.sub("", _REST.split(address, 1)[0].rpartition("@")[2].strip()).strip(".,;").strip()
    inside = _WHOLE_ADDRESS.get(host)
    if inside is None:
        return host
    found = inside.match(address[len(host) :])
    if found is None:
        return ""
    return found[1] + MYSHOPIFY if inside is _STORE else found[1]


def _is_zone_id(text: str) -> bool:
    return len(text) == 32 and all(sign in "0123456789abcdef" for sign in text)


def _in_ascii(name: str) -> str:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def _in_unicode(name: str) -> str:
    if "xn--" not in name:
        return name
    try:
        return name.encode("ascii").decode("idna")
    except UnicodeError:
        return name
