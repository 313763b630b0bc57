"""What an answer of a store's own page proves, and what it doesn't."""

from dataclasses import replace

import pytest

from cloudcache.domain.storefront import (
    AFTER_429_MS,
    ASK_EVERY_MS,
    CHECK_EVERY_MS,
    PROVABLE,
    Answer,
    Outcome,
    Seen,
    file_in,
    is_due,
    may_look,
    outcome_of,
    problem_of,
    redirect_of,
    sightings,
)

URL = "https://www.shop.example/?1"
NAMES = ["www.shop.example", "shop.example"]
SHOPIFY = {"powered-by": "Shopify"}


def answer(status: int = 200, text: str = "", url: str = URL, **headers: str) -> Answer:
    return Answer(
        url, status, {**SHOPIFY, **{name.replace("_", "-"): of for name, of in headers.items()}}, text
    )


def seen(toggle: str, page: Answer | None = None, **others: object) -> Seen:
    given = {"robots": answer(), "prefetched": None, "files": [], **others}
    return sightings(given["robots"], page or answer(), given["prefetched"], given["files"])[toggle]


def test_every_setting_that_can_be_proven_gets_a_result():
    assert set(sightings(answer(), answer(), None, [])) == set(PROVABLE)


@pytest.mark.parametrize(
    ("toggle", "page", "expected"),
    [
        ("hsts", answer(strict_transport_security="max-age=15552000"), Seen.YES),
        ("hsts", answer(strict_transport_security="max-age=7889238"), Seen.NO),  # Shopify's own
        (
            "hsts",
            answer(strict_transport_security="max-age=7889238, max-age=15552000"),
            Seen.NO,
        ),  # the first counts
        ("hsts", answer(strict_transport_security="max-age=31536000"), Seen.UNCLEAR),
        ("hsts", answer(strict_transport_security="max-age=" + "9" * 5000), Seen.UNCLEAR),
        ("hsts", answer(), Seen.NO),
        ("http3", answer(alt_svc='h3=":443"; ma=86400'), Seen.YES),
        ("http3", answer(alt_svc="clear"), Seen.NO),
        ("nel", answer(nel='{"success_fraction":0.01}'), Seen.UNCLEAR),  # Shopify sends one as well
        ("nel", answer(), Seen.NO),
        ("page_shield", answer(), Seen.UNCLEAR),  # sent on a sample of pages
        (
            "page_shield",
            answer(content_security_policy_report_only="report-uri https://csp-reporting.cloudflare.com/x"),
            Seen.YES,
        ),
        (
            "web_analytics",
            answer(text='<script src="https://static.cloudflareinsights.com/beacon.min.js">'),
            Seen.YES,
        ),
        ("email_obfuscation", answer(text='<a href="/cdn-cgi/l/email-protection#1">'), Seen.YES),
        ("email_obfuscation", answer(text='<a href="mailto:a@b.example">'), Seen.NO),
        ("email_obfuscation", answer(text="no address"), Seen.UNCLEAR),
        ("rocket_loader", answer(text='<script src="/cdn-cgi/scripts/rocket-loader.min.js">'), Seen.YES),
        ("fonts", answer(text='<link href="https://fonts.googleapis.com/css">'), Seen.NO),
        ("fonts", answer(text=""), Seen.UNCLEAR),
    ],
)
def test_page_proves_a_setting_by_its_own_mark_only(toggle: str, page: Answer, expected: Seen):
    assert seen(toggle, page) is expected


@pytest.mark.parametrize(
    ("prefetched", "expected"),
    [
        (answer(503, cf_speculation_refused="1"), Seen.YES),
        (answer(503), Seen.UNCLEAR),
        (answer(200), Seen.NO),
        (None, Seen.UNCLEAR),
    ],
)
def test_speed_brain_is_known_by_the_refusal_it_marks(prefetched: Answer | None, expected: Seen):
    assert seen("speed_brain", prefetched=prefetched) is expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["MISS", "HIT"], Seen.NO),
        (["BYPASS", "BYPASS"], Seen.YES),
        (["MISS", "MISS"], Seen.UNCLEAR),
        ([], Seen.UNCLEAR),
    ],
)
def test_development_mode_keeps_no_files(states: list[str], expected: Seen):
    assert seen("development_mode", files=[answer(cf_cache_status=one) for one in states]) is expected


@pytest.mark.parametrize(
    ("robots", "expected"),
    [
        (answer(text="# BEGIN Cloudflare Managed content\n"), Seen.YES),
        (answer(text="Content-Signal: search=yes,ai-train=no"), Seen.YES),
        (answer(text="User-agent: *"), Seen.NO),
        (answer(404, text="# BEGIN Cloudflare Managed content"), Seen.NO),
    ],
)
def test_ai_preference_is_read_in_robots_txt(robots: Answer, expected: Seen):
    assert seen("block_ai_bots", robots=robots) is expected


@pytest.mark.parametrize(
    ("page", "outcome"),
    [
        (answer(), None),
        (answer(403), Outcome.STOPPED),
        (answer(503), Outcome.STOPPED),
        (answer(200, cf_mitigated="challenge"), Outcome.STOPPED),
        (answer(429), Outcome.LIMITED),
        (answer(402), Outcome.CLOSED),
        (answer(404), Outcome.OTHER_SITE),
        (answer(url="https://www.shop.example/password"), Outcome.PASSWORD),
        (Answer(URL, 200, {"server": "nginx"}), Outcome.OTHER_SITE),
        (Answer(URL, 200, {"powered-by": "Shopify, Oxygen, Hydrogen"}), Outcome.HEADLESS),
    ],
)
def test_only_the_storefronts_own_page_counts(page: Answer, outcome: Outcome | None):
    assert problem_of(page) is outcome


@pytest.mark.parametrize(
    ("location", "leads"),
    [
        ("/en", "https://www.shop.example/en"),
        ("https://shop.example/", "https://shop.example/"),
        ("/password", Outcome.PASSWORD),
        ("http://shop.example/", Outcome.OTHER_SITE),
        ("https://elsewhere.example/", Outcome.OTHER_SITE),
        ("http://127.0.0.1/", Outcome.OTHER_SITE),
        ("https://shop.example:8443/", Outcome.OTHER_SITE),
        ("https://shop.example:x/", Outcome.OTHER_SITE),
        ("https://shop.example@127.0.0.1/", Outcome.OTHER_SITE),
        ("//127.0.0.1/", Outcome.OTHER_SITE),
        ("file:///etc/passwd", Outcome.OTHER_SITE),
        ("", None),
    ],
)
def test_redirects_lead_only_to_the_stores_own_names(location: str, leads: object):
    assert redirect_of(answer(302, location=location), NAMES) == leads


@pytest.mark.parametrize(
    ("days", "outcome"),
    [(None, Outcome.OK), (60, Outcome.OK), (13, Outcome.CERTIFICATE_ENDS), (-1, Outcome.CERTIFICATE_ENDS)],
)
def test_certificate_that_was_not_renewed_is_told(days: int | None, outcome: Outcome):
    ends_at = None if days is None else 10**12 + days * 86_400_000

    assert outcome_of(replace(answer(), certificate_ends_at=ends_at), 10**12) is outcome


def test_robots_txt_is_obeyed():
    assert may_look(answer(text="User-agent: *\nDisallow: /cart"))
    assert may_look(answer(404))
    assert not may_look(answer(text="User-agent: *\nDisallow: /"))
    assert not may_look(answer(text="User-agent: cloudcache-storefront-check\nDisallow: /"))


def test_file_is_one_of_the_stores_own_name():
    page = answer(
        text='<script src="https://cdn.shopify.com/x.js"></script><link href="/cdn/shop/t/1/a.css?v=2">'
    )

    assert file_in(page) == "/cdn/shop/t/1/a.css?v=2"
    assert file_in(answer(text='<link href="//evil.example/cdn/shop/a.css">')) is None


@pytest.mark.parametrize(
    ("asked", "outcome", "pause"),
    [
        (False, None, CHECK_EVERY_MS),
        (True, None, ASK_EVERY_MS),
        (True, Outcome.LIMITED, AFTER_429_MS),
        (False, Outcome.LIMITED, CHECK_EVERY_MS),
    ],
)
def test_store_is_left_alone_for_a_while(asked: bool, outcome: Outcome | None, pause: int):
    assert is_due(None, 0, asked=asked, outcome=outcome)
    assert not is_due(1_000, 1_000 + pause - 1, asked=asked, outcome=outcome)
    assert is_due(1_000, 1_000 + pause, asked=asked, outcome=outcome)
