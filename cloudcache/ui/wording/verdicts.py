"""Why a row says what it says about a setting behind Shopify: the reason, what it rests on, and how to check it."""

from __future__ import annotations

from datetime import date

from cloudcache.domain.catalog.model import Evidence, Verdict

WHY = "Why?"
_BASIS = {
    Evidence.VENDOR: "The source is {source}, last checked on {date}.",
    Evidence.PROBE: "Neither Cloudflare nor Shopify says this clearly. We based it on {source}, "
    "last checked on {date}.",
    Evidence.MECHANISM: "This follows from how your zone and Shopify’s work together. Neither Cloudflare nor Shopify "
    "says it. We based it on {source}, last checked on {date}.",
    Evidence.NONE: "No one has published what this does for a Shopify store. We looked at {source} on {date}.",
}
TO_CHECK = "To check it yourself:"


def basis(verdict: Verdict) -> str:
    """What a verdict rests on, in sentences."""
    return _BASIS[verdict.evidence].format(
        source=verdict.source.name, date=written_out(verdict.source.checked)
    )


def how_to_check(verdict: Verdict) -> str:
    """How to find out; "" where a vendor says it, or nothing shows it."""
    return f"{TO_CHECK} {verdict.check[:1].lower()}{verdict.check[1:]}" if verdict.check else ""


def written_out(day: date) -> str:
    """A date as American English writes it, such as November 25, 2026."""
    return f"{day:%B} {day.day}, {day.year}"
