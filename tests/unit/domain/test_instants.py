"""Instants in the forms that Shopify and others use, and text that is none."""

from __future__ import annotations

import pytest

from cloudcache.domain.instants import instant_ms

NOON = 1_795_435_199_000  # 2026-11-23T11:59:59Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T11:59:59Z", NOON),
        ("2026-11-23T11:59:59.5Z", NOON + 500),
        ("2026-11-23T11:59:59.123Z", NOON + 123),
        ("2026-11-23T11:59:59.123456Z", NOON + 123),
        ("2026-11-23T11:59:59.123999999Z", NOON + 123),
        ("2026-11-23t11:59:59z", NOON),
        ("2026-11-23T11:59:59+00:00", NOON),
        ("2026-11-23T06:59:59.000000-05:00", NOON),
        ("2026-11-23T17:29:59+0530", NOON),
        ("1969-12-31T23:59:59.250Z", -750),
    ],
)
def test_every_rfc_3339_form_is_read_to_the_millisecond(text: str, expected: int):
    assert instant_ms(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "now", "1795435199", "2026-11-23", "2026-11-23T11:59:59", "2026-11-23T11:59Z"),
        *("2026-13-23T11:59:59Z", "2026-02-30T11:59:59Z", "2026-11-23T25:00:00Z", "2026-11-23T11:59:60Z"),
        *("2026-11-23T11:59:59.Z", "2026-11-23T11:59:59.1234567890Z", "2026-11-23T11:59:59+24:00"),
        *(
            "2026-11-23T11:59:59+01:60",
            "2026-11-23T11:59:59Z\n",
            " 2026-11-23T11:59:59Z",
            "٢٠٢٦-11-23T11:59:59Z",
        ),
        *("Mon, 23 Nov 2026 11:59:59 GMT", "9" * 5_000, "\x00"),
        *(None, 1_795_435_199, 1.5, b"2026-11-23T11:59:59Z", ["2026-11-23T11:59:59Z"]),
    ],
    ids=lambda text: repr(text)[:60],
)
def test_text_without_a_date_a_time_and_an_offset_is_no_instant(text: object):
    assert instant_ms(text) is None
