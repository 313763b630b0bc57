"""A customer is found by whatever is at hand: a handle, an address from the browser, a domain, a zone ID."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cloudcache.domain.customers import shop_name, zone_id
from cloudcache.domain.typed_names import exact_meanings, meanings

SHOP = "my-shop.myshopify.com"
ZONE = "0123456789abcdef" * 2
ADDRESSES = [
    SHOP,
    "MY-SHOP.MyShopify.com",
    "https://my-shop.myshopify.com",
    "https://my-shop.myshopify.com/",
    "http://my-shop.myshopify.com/admin",
    "HTTPS://MY-SHOP.MYSHOPIFY.COM/ADMIN",
    "https://my-shop.myshopify.com/admin/apps/cloudcache?host=YWRtaW4&shop=other.myshopify.com",
    "//my-shop.myshopify.com/",
    "my-shop.myshopify.com/admin",
    "my-shop.myshopify.com:443",
    "https://my-shop.myshopify.com:443/admin#top",
    "my-shop.myshopify.com?x=1",
    "my-shop.myshopify.com.",
    "www.my-shop.myshopify.com",
    "https://admin.shopify.com/store/my-shop",
    "https://admin.shopify.com/store/my-shop/",
    "admin.shopify.com/store/my-shop/apps/cloudcache",
    "https://admin.shopify.com/store/My-Shop?ui_locales=en",
    "https%3A%2F%2Fmy-shop.myshopify.com%2Fadmin",
    "\u200bmy-shop.myshopify.com\u200b",
    "\ufeffhttps://my-shop.myshopify.com/\u202c",
    " \u00a0my-shop.myshopify.com\n",
    '"my-shop.myshopify.com"',
    "<https://my-shop.myshopify.com/>",
    "\u201cmy-shop.myshopify.com\u201d,",
    "me@my-shop.myshopify.com",
    "my-shop\uff0emyshopify\uff0ecom",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_shop_is_read_from_any_address_of_it(text: str):
    assert meanings(text)[0] == SHOP
    assert exact_meanings(text)[0] == SHOP
    assert shop_name(text) == SHOP


@pytest.mark.parametrize(
    "text", ["my-shop", "My-Shop", " my-shop ", "\u200bmy-shop", "'my-shop'", "my-shop/"]
)
def test_bare_handle_is_a_shop_when_it_is_complete(text: str):
    assert meanings(text)[0] == "my-shop"
    assert exact_meanings(text)[0] == SHOP
    assert shop_name(text) == SHOP


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("example.com", "example.com"),
        ("www.example.com", "example.com"),
        ("https://www.Example.com:8443/collections/all?x=1#y", "example.com"),
        ("www.my", "my"),
        ("https://exam", "exam"),
        ("example.com.", "example.com"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("B\u00dcCHER.example", "b\u00fccher.example"),
        ("xn--bcher-kva.example", "b\u00fccher.example"),
        ("https://dash.cloudflare.com/" + ZONE + "/example.com/dns", "example.com"),
        (ZONE, ZONE),
        (ZONE.upper(), ZONE),
        (" ".join(ZONE[at : at + 4] for at in range(0, 32, 4)), ZONE),
        (f"\u200b{ZONE}\u00a0", ZONE),
        ("0123 4567 8", "012345678"),
    ],
)
def test_domain_or_zone_id_is_among_the_meanings(text: str, among: str):
    assert among in meanings(text)


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "https://", "/", "admin.shopify.com", "https://admin.shopify.com/store/"]
)
def test_text_that_names_nothing_means_nothing(text: str):
    assert meanings(text) == () == exact_meanings(text)


def test_zone_id_is_no_shop():
    assert exact_meanings(ZONE) == (ZONE,)


@pytest.mark.parametrize(
    "text", [f" {ZONE}", f"{ZONE[:16]} {ZONE[16:]}", f"\ufeff{ZONE}", f"`{ZONE.upper()}`"]
)
def test_zone_id_is_read_without_what_a_copy_brings_along(text: str):
    assert zone_id(text) == ZONE


@pytest.mark.parametrize("text", ["cfat_" + "Ab3_" * 9, "a" * 40, "Bearer abcdef"])
def test_what_may_be_a_token_is_not_repeated(text: str):
    with pytest.raises(ValueError, match="not a zone ID") as caught:
        zone_id(text)

    assert text not in str(caught.value) and "abcdef" not in str(caught.value)


HANDLES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
BEFORE = st.sampled_from(["", "https://", "HTTP://", "//", "www.", "https://www.", "\ufeff", " ", "\u202d"])
AFTER = st.sampled_from(
    ["", "/", "/admin", ":443/x", "?shop=x.myshopify.com", "#a", ".", "\u200b", "\r\n", ","]
)


@given(HANDLES, BEFORE, AFTER)
def test_nothing_around_a_shop_changes_which_one_is_meant(handle: str, before: str, after: str):
    assert exact_meanings(f"{before}{handle}.myshopify.com{after}")[0] == f"{handle}.myshopify.com"


@given(st.one_of(st.text(), st.text(alphabet="htps:/w.%2Fxn-b\u00fc@?# ")))
def test_any_text_means_plain_words_and_those_mean_themselves(text: str):
    for one in meanings(text):
        assert one.isprintable() and not any(sign.isspace() or sign in "/?#" for sign in one)
    assert len(meanings(text)) <= 6
