"""What a look at the store's own pages shows of the settings: which requests are made, and what their answers mean.

    1  GET /robots.txt         what crawlers are told, and whether this check may look at all
    2  GET /                   headers and the start of the page
    3  GET /, as a prefetch    whether Speed Brain refuses early requests
    4, 5  GET one file of the store, twice     whether the zone keeps files

At most six requests, one at a time; the sixth is for one redirect between the store's own names. An answer counts
only if it is the storefront's own: a challenge, a password page or another site proves nothing. What is sampled or
sent by Shopify's zone as well can be seen, but never be missed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from cloudcache.domain.ids import ToggleId

MOST_REQUESTS = 6
USER_AGENT = "cloudcache-storefront-check"
CHECK_EVERY_MS = 24 * 3600 * 1000
"""By itself at most once a day."""
ASK_EVERY_MS = 60_000
"""When a person asks: Shopify limits unsigned bots since 2026-05-30."""
AFTER_429_MS = 3600 * 1000
RENEWED_BEFORE_MS = 14 * 24 * 3600 * 1000
"""Of a certificate that ends sooner, the renewal has failed for two weeks."""
OUR_HSTS_SECONDS = 15_552_000
SHOPIFY_HSTS_SECONDS = 7_889_238


class Seen(StrEnum):
    """What the pages show of a setting."""

    YES = "y"
    NO = "n"
    UNCLEAR = "u"


class Outcome(StrEnum):
    """How a check ended; only `OK` and `CERTIFICATE_ENDS` say anything of the settings."""

    OK = "ok"
    STOPPED = "stopped"  # a challenge, a refusal or an error page
    LIMITED = "limited"  # 429
    PASSWORD = "password"  # noqa: S105  the store isn't open to the public
    CLOSED = "closed"  # 402: Shopify has closed the store
    HEADLESS = "headless"  # a storefront of another kind, such as Hydrogen
    OTHER_SITE = "other_site"  # it leads to a name that isn't the store's, or isn't Shopify's answer
    ROBOTS = "robots"  # robots.txt doesn't allow it
    NOT_PUBLIC = "not_public"  # the name has no public address
    ERROR_1014 = "error_1014"  # the domain's record points to a name in an account that doesn't allow it
    CERTIFICATE = "certificate"  # Shopify has no valid certificate for the name: 525 or 526, or none is shown
    CERTIFICATE_ENDS = (
        "certificate_ends"  # all is well now, and the certificate that is shown was not renewed
    )
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, its headers in lower case with the values of each joined, and the start of its text."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str = ""
    certificate_ends_at: int | None = None
    """When the certificate that was shown ends, in Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class StorefrontCheck:
    """The last look: when, how it ended, and what was seen of which setting."""

    at: int
    outcome: Outcome
    seen: Mapping[ToggleId, Seen]
    hostname: str = ""

    def of(self, toggle: ToggleId) -> Seen | None:
        """What was seen of this setting; None where nothing was looked for."""
        return self.seen.get(toggle)


PROVABLE: tuple[ToggleId, ...] = tuple(
    map(
        ToggleId,
        (
            "rocket_loader",
            "speed_brain",
            "web_analytics",
            "fonts",
            "http3",
            "development_mode",
            "page_shield",
            "hsts",
            "email_obfuscation",
            "block_ai_bots",
            "nel",
        ),
    )
)
"""The settings that the pages can show."""

_FILE = re.compile(r"""["'](/cdn/shop/[^"'\s<>]+?\.(?:js|css)(?:\?[^"'\s<>]*)?)["']""")
_ERROR_1014 = re.compile(r"\berror(?: code)?:? ?1014\b", re.IGNORECASE)
_MAX_AGE = re.compile(r"max-age=(\d{1,12})")
_MARKS_OF_CLOUDFLARE = ("begin cloudflare managed", "ai-train=no")


def may_look(robots: Answer) -> bool:
    """Whether robots.txt lets this check look at the start page. An answer without rules forbids nothing."""
    if robots.status != 200:
        return True
    rules = RobotFileParser()
    rules.parse(robots.text.splitlines())
    return rules.can_fetch(USER_AGENT, "/")


def problem_of(answer: Answer) -> Outcome | None:
    """Why an answer is not the storefront's own page; None when it is."""
    if answer.status == 429:
        return Outcome.LIMITED
    if answer.status == 402:
        return Outcome.CLOSED
    if _ERROR_1014.search(answer.text):
        return Outcome.ERROR_1014
    if answer.status in (525, 526):
        return Outcome.CERTIFICATE
    if answer.headers.get("cf-mitigated") or answer.status in (403, 503) or answer.status >= 500:
        return Outcome.STOPPED
    if urlsplit(answer.url).path.rstrip("/") == "/password":
        return Outcome.PASSWORD
    powered = answer.headers.get("powered-by", "").lower()
    if "hydrogen" in powered or "oxygen" in powered:
        return Outcome.HEADLESS
    if answer.status != 200 or "shopify" not in powered:
        return Outcome.OTHER_SITE
    return None


def redirect_of(answer: Answer, names: Sequence[str]) -> str | Outcome | None:
    """Where an answer leads: an address of the store's own names, `OTHER_SITE` for any other, None for nowhere."""
    location = answer.headers.get("location", "")
    if not 300 <= answer.status < 400 or not location:
        return None
    target = urljoin(answer.url, location)
    parts = urlsplit(target)
    try:
        port = parts.port
    except ValueError:
        return Outcome.OTHER_SITE
    is_own = parts.scheme == "https" and port in (None, 443) and (parts.hostname or "").lower() in names
    if not is_own or parts.username is not None:
        return Outcome.OTHER_SITE
    if parts.path.rstrip("/") == "/password":
        return Outcome.PASSWORD
    return target


def outcome_of(page: Answer, now: int) -> Outcome:
    """How a check of the storefront's own page ends: certificates are renewed a month before their end."""
    ends_at = page.certificate_ends_at
    is_late = ends_at is not None and ends_at < now + RENEWED_BEFORE_MS
    return Outcome.CERTIFICATE_ENDS if is_late else Outcome.OK


def file_in(page: Answer) -> str | None:
    """The path of a script or style that the page loads from the store's own name, with its query."""
    found = _FILE.search(page.text)
    return found[1] if found else None


def sightings(
    robots: Answer, page: Answer, prefetched: Answer | None, files: Sequence[Answer]
) -> dict[ToggleId, Seen]:
    """What the answers show of each setting in `PROVABLE`. Source: the vendors' documentation and captured stores."""
    headers, html = page.headers, page.text.lower()
    found = {
        "rocket_loader": _either("rocket-loader.min.js" in html),
        "speed_brain": _speed_brain(prefetched),
        "web_analytics": _either("static.cloudflareinsights.com/beacon" in html),
        "fonts": _marks(html, yes=("/cf-fonts/",), no=("fonts.googleapis.com",)),
        "http3": _either('h3=":443"' in headers.get("alt-svc", "")),
        "development_mode": _cache(files),
        "page_shield": _if(
            "csp-reporting.cloudflare.com" in headers.get("content-security-policy-report-only", "")
        ),
        "hsts": _hsts(headers.get("strict-transport-security", "")),
        "email_obfuscation": _marks(
            html, yes=("/cdn-cgi/l/email-protection", "email-decode.min.js"), no=('href="mailto:',)
        ),
        "block_ai_bots": _either(
            robots.status == 200 and any(mark in robots.text.lower() for mark in _MARKS_OF_CLOUDFLARE)
        ),
        "nel": Seen.UNCLEAR if "nel" in headers else Seen.NO,
    }
    return {ToggleId(toggle): seen for toggle, seen in found.items()}


def _either(is_seen: bool) -> Seen:
    return Seen.YES if is_seen else Seen.NO


def _if(is_seen: bool) -> Seen:
    """For what is sent on a part of the pages only: not seeing it proves nothing."""
    return Seen.YES if is_seen else Seen.UNCLEAR


def _marks(html: str, *, yes: Sequence[str], no: Sequence[str]) -> Seen:
    if any(mark in html for mark in yes):
        return Seen.YES
    return Seen.NO if any(mark in html for mark in no) else Seen.UNCLEAR


def _speed_brain(prefetched: Answer | None) -> Seen:
    if prefetched is None:
        return Seen.UNCLEAR
    if prefetched.status == 503 and "cf-speculation-refused" in prefetched.headers:
        return Seen.YES
    return Seen.NO if prefetched.status == 200 else Seen.UNCLEAR


def _hsts(header: str) -> Seen:
    """Shopify sends a header of its own: only the number tells whose it is, and of two browsers use the first."""
    ages = _MAX_AGE.findall(header.lower())
    if not ages:
        return Seen.NO
    if int(ages[0]) == SHOPIFY_HSTS_SECONDS:
        return Seen.NO
    return Seen.YES if int(ages[0]) == OUR_HSTS_SECONDS else Seen.UNCLEAR


def _cache(files: Sequence[Answer]) -> Seen:
    """Development mode keeps no files: a hit proves that it is off."""
    states = [one.headers.get("cf-cache-status", "").upper() for one in files if one.status == 200]
    if "HIT" in states:
        return Seen.NO
    return Seen.YES if len(states) == 2 and set(states) <= {"BYPASS", "DYNAMIC"} else Seen.UNCLEAR


def is_due(tried_at: int | None, now: int, *, asked: bool, outcome: Outcome | None = None) -> bool:
    """Whether the store may be looked at again, by itself or because a person `asked`."""
    if tried_at is None:
        return True
    pause = ASK_EVERY_MS if asked else CHECK_EVERY_MS
    if outcome is Outcome.LIMITED:
        pause = max(pause, AFTER_429_MS)
    return now >= tried_at + pause
