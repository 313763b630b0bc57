"""The catalogue, held against Cloudflare's own API description and the table of toggles it was made from."""

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from cloudcache.domain.catalog import BY_ID, SECTIONS, TOGGLES, find, read_for, reads
from cloudcache.domain.catalog.model import (
    Effect,
    Evidence,
    State,
    Toggle,
    Topology,
    Verdict,
    ZonePlan,
    docs,
)
from cloudcache.domain.catalog.rules import RELATIONS, conflict
from cloudcache.domain.errors import NotFound

DATA = Path(__file__).parents[2] / "data"
API = json.loads((DATA / "openapi-subset.json").read_text())
TABLE = {row["id"]: row for row in json.loads((DATA / "toggles.json").read_text())}


NOT_DESCRIBED = {"strict_ssl": {"origin_pull"}}
"""Values that Cloudflare's own client library knows and its API description doesn't."""


def resolved(schema: dict) -> dict:
    while "$ref" in schema:
        schema = API["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def parts(schema: dict) -> list[dict]:
    """The schema and everything it is composed of, references followed."""
    schema = resolved(schema)
    below = [part for key in ("allOf", "oneOf", "anyOf") for part in schema.get(key, ())]
    return [schema] + [found for part in below for found in parts(part)]


def setting_schemas(setting: str) -> list[dict]:
    """Every schema in the description whose `id` can be this setting's."""
    found = []
    for schema in API["components"]["schemas"].values():
        together = parts(schema)
        ids = [resolved(part["properties"]["id"]) for part in together if "id" in part.get("properties", {})]
        if any(setting in one.get("enum", ()) for one in ids):
            found.append(schema)
    return found


def allowed_values(schema: dict) -> list[object]:
    """The enumerated wire values a setting's schema allows."""
    values: list[object] = []
    for part in parts(schema):
        value = part.get("properties", {}).get("value")
        for inner in parts(value) if value else ():
            values.extend(inner.get("enum", ()))
    return values


def test_there_are_50_toggles_in_sections_of_5_to_8():
    sizes = [len(rows) for rows in SECTIONS.values()]

    assert len(TOGGLES) == len(BY_ID) == 50
    assert sizes == [5, 5, 7, 6, 5, 8, 6, 8]
    assert set(BY_ID) == set(TABLE)


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_a_toggle_is_called_and_addressed_as_in_the_table(toggle: Toggle):
    row = TABLE[toggle.id]

    assert (toggle.title.replace("’", "'"), toggle.category) == (row["label"], row["category"])
    assert "/zones/{zone_id}" + toggle.path == row["path"]
    assert toggle.method == row["method"]
    assert toggle.on == row["on_value"] and toggle.off == row["off_value"]
    assert {value: state.value for value, state in toggle.others.items()} == row["other_values"]
    assert toggle.min_plan is ZonePlan.named(row["min_plan"])
    assert toggle.in_batch == row["in_bulk_get"]


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_cloudflare_describes_the_call_and_the_values_of_each_toggle(toggle: Toggle):
    path = "/zones/{zone_id}" + toggle.path
    described = API["paths"].get(path) or API["paths"]["/zones/{zone_id}/settings/{setting_id}"]

    assert toggle.method.lower() in described and "get" in described
    if toggle.setting and path not in API["paths"]:
        schemas = setting_schemas(toggle.setting)
        assert schemas, f"no schema names {toggle.setting}"
        allowed = [value for schema in schemas for value in allowed_values(schema)]
        if allowed and isinstance(toggle.on, str):
            assert {toggle.on, toggle.off, *toggle.others} - NOT_DESCRIBED.get(toggle.id, set()) <= set(
                allowed
            )


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_both_wire_values_read_back_as_what_was_meant(toggle: Toggle):
    for state in State:
        assert toggle.read(toggle.wanted(state)).state is state
        assert toggle.read(toggle.wanted(state)).known


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_a_finer_value_is_shown_and_restored(toggle: Toggle):
    for value, state in toggle.others.items():
        wire = {next(iter(toggle.on)): value} if isinstance(toggle.on, dict) else value
        reading = toggle.read(wire)
        restored = toggle.wanted(state, last_on=wire, last_off=wire)

        assert (reading.state, reading.detail, reading.known) == (state, value, True)
        assert restored == (toggle.wanted(state) if value in toggle.never_restored else wire)


def test_polish_goes_back_to_lossy_after_off_and_on():
    polish = find("polish")

    assert polish.read("lossy").detail == "lossy"
    assert polish.wanted(State.ON, last_on="lossy") == "lossy"


@pytest.mark.parametrize("value", ["eoff", "", 7, 2.5, [], {}, {"a": 1}, None, {"enabled": "x"}])
def test_an_unknown_value_is_kept_in_words_and_never_raises(value: object):
    for toggle in TOGGLES:
        reading = toggle.read(value)
        assert reading.state in State
        assert reading.known or reading.detail or value in ("",)


def test_spelling_of_a_value_is_no_difference():
    assert find("web_analytics").read("ON") == find("web_analytics").read("on")
    assert find("http2_to_origin").read(2) == find("http2_to_origin").read("2")
    assert find("nel").read({"enabled": True, "extra": 1}).state is State.ON


@pytest.mark.parametrize("written", ["rocket-loader", "rocket_loader"])
def test_an_id_may_be_written_with_either_stroke(written: str):
    assert find(written).id == "rocket_loader"


@pytest.mark.parametrize(
    "wrong", ["", "nope", "Rocket_Loader", "rocket_loader\n", "a" * 5000, None, 3, ["x"], b"x"]
)
def test_anything_else_is_not_found(wrong: object):
    with pytest.raises(NotFound):
        find(wrong)


def test_a_zone_is_read_with_16_calls_or_48_and_every_toggle_once():
    for batch, calls in ((True, 16), (False, 48)):
        plan = reads(batch)
        assert len(plan) == calls
        assert sorted(toggle.id for read in plan for toggle in read.toggles) == sorted(BY_ID)

    assert len(reads(batch=True)[0].toggles) == 33


def test_one_call_carries_the_three_bot_toggles():
    assert {toggle.id for toggle in read_for(find("ai_labyrinth")).toggles} == {
        "bot_fight_mode",
        "block_ai_bots",
        "ai_labyrinth",
    }


def test_every_verdict_has_a_reason_a_source_and_a_date():
    for toggle in TOGGLES:
        verdict = toggle.verdict(Topology.O2O)
        assert verdict.source.name and verdict.source.checked.year >= 2026
        assert verdict.reason
        assert verdict.check or verdict.evidence in (Evidence.VENDOR, Evidence.MECHANISM)


def test_a_toggle_without_a_verdict_is_not_possible():
    rocket = find("rocket_loader")
    given = {one.name: getattr(rocket, one.name) for one in fields(Toggle) if one.name != "behind_shopify"}

    with pytest.raises(TypeError, match="behind_shopify"):
        Toggle(**given)


@pytest.mark.parametrize(("evidence", "check"), [(Evidence.NONE, ""), (Evidence.VENDOR, "Look at it.")])
def test_verdict_says_how_to_check_it_only_where_no_vendor_says_it(evidence: Evidence, check: str):
    with pytest.raises(ValueError, match="how to check"):
        Verdict(Effect.WORKS, "A reason.", evidence, docs("A page"), check)


def test_verdicts_by_evidence_and_by_effect():
    evidence = Counter(toggle.behind_shopify.evidence.value for toggle in TOGGLES)
    effects = Counter(toggle.behind_shopify.effect.value for toggle in TOGGLES)

    assert evidence == {"vendor": 18, "probe": 15, "mechanism": 13, "none": 4}
    assert effects == {"works": 18, "no_effect": 15, "caution": 15, "unsafe": 2}


def test_the_verdicts_behind_shopify_are_those_of_the_vendors():
    effect = {toggle.id: toggle.verdict(Topology.O2O).effect for toggle in TOGGLES}

    assert {id_ for id_, one in effect.items() if one is Effect.NO_EFFECT} == {
        *("rocket_loader", "websockets", "always_online", "prefetch_preload", "http2_to_origin"),
        *("tiered_caching", "smart_tiered_cache", "replace_insecure_js", "leaked_credential_checks"),
        *("automatic_https_rewrites", "opportunistic_encryption", "tls_client_auth", "ip_geolocation"),
        *("pseudo_ipv4", "true_client_ip_header"),
    }
    assert {id_ for id_, one in effect.items() if one is Effect.UNSAFE} == {
        "always_use_https",
        "ignore_query_string",
    }


def test_nothing_takes_effect_while_the_domain_is_dns_only():
    assert {toggle.verdict(Topology.DNS_ONLY).effect for toggle in TOGGLES} == {Effect.NO_EFFECT}


def asking(state: State) -> set[str]:
    return {toggle.id for toggle in TOGGLES if toggle.asks(Topology.O2O, state, on=())}


def test_the_risky_ones_ask_before_they_turn_on():
    typed = {toggle.id for toggle in TOGGLES if toggle.confirmation and toggle.confirmation.type_shop}

    assert typed == {"always_use_https", "ignore_query_string"}
    assert asking(State.ON) == typed | {
        *("hsts", "under_attack", "strict_ssl", "bot_fight_mode", "hotlink_protection"),
        *("h2_prioritization", "sort_query_string_for_cache"),
    }
    assert find("always_use_https").asks(Topology.PROXIED) is None


def test_what_weakens_protection_asks_before_it_turns_off():
    assert asking(State.OFF) == {
        *("strict_ssl", "modern_tls_only", "tls_1_3", "http2", "ipv6", "ip_geolocation", "image_resizing"),
        *("hsts", "leaked_credential_checks", "page_shield"),
    }


@pytest.mark.parametrize(
    ("toggle", "other"), [("block_ai_bots", "markdown_for_agents"), ("markdown_for_agents", "block_ai_bots")]
)
def test_two_settings_that_contradict_each_other_ask_while_the_other_is_on(toggle, other):
    assert find(toggle).asks(Topology.O2O, State.ON, on={other})
    assert find(toggle).asks(Topology.O2O, State.ON, on={"ipv6"}) is None
    assert find(toggle).asks(Topology.O2O, State.OFF, on={other}) is None
    assert find(toggle).asks(Topology.O2O, State.ON), "asked where it isn't known what is on"


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_no_warning_rests_on_nothing(toggle: Toggle):
    verdict = toggle.behind_shopify

    if verdict.effect in (Effect.UNSAFE, Effect.CAUTION):
        assert verdict.evidence is Evidence.VENDOR or verdict.check, "a vendor's sentence, or how to look"


def test_email_obfuscation_asks_on_a_headless_store_only():
    obfuscation = find("email_obfuscation")

    assert obfuscation.asks(Topology.O2O, is_headless=True)
    assert obfuscation.asks(Topology.O2O) is None


def test_relations_name_toggles_that_exist_and_have_a_note():
    assert all(rule.toggle in BY_ID and rule.other in BY_ID and rule.note for rule in RELATIONS)


def test_the_last_tls_version_cannot_be_taken_away():
    why = conflict(find("tls_1_3"), State.OFF, "1.3")

    assert why
    assert conflict(find("tls_1_3"), State.OFF, "1.2") is None
    assert conflict(find("tls_1_3"), State.ON, "1.3") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("speed_brain", False),
        ("speed_brain", True),
        ("speed_brain", "OFF"),
        ("speed_brain", {"value": "off"}),
        ("http2_to_origin", 2),
        ("modern_tls_only", 1.2),
        ("nel", "off"),
        ("nel", {"enabled": "off"}),
        ("nel", {"enabled": False, "extra": 1}),
        ("hsts", {}),
        ("hsts", {"strict_transport_security": {}}),
        ("hsts", {"strict_transport_security": {"enabled": True, "max_age": "1"}}),
        ("hsts", {"strict_transport_security": {"enabled": True, "max_age": True}}),
        ("bot_fight_mode", {"fight_mode": "on"}),
        ("block_ai_bots", {"ai_bots_protection": "disabled", "fight_mode": False}),
        ("tiered_caching", "off"),
    ],
)
def test_value_of_another_type_or_shape_is_never_sent(name: str, value: object):
    toggle = find(name)

    sent = [toggle.wanted(state, value, value) for state in State]

    assert not toggle.accepts(value)
    assert sent == [toggle.on, toggle.off]


def test_stricter_hsts_of_before_is_never_promised_again():
    held = {"strict_transport_security": {"enabled": True, "max_age": 31536000, "preload": True}}
    hsts = find("hsts")

    assert hsts.read(held).state is State.ON
    assert hsts.wanted(State.ON, last_on=held) == hsts.on


def test_hsts_that_browsers_are_told_to_forget_is_off_and_never_sent_as_on():
    """`enabled` with a `max_age` of 0 clears HSTS in every browser that comes by."""
    held = {"strict_transport_security": {"enabled": True, "max_age": 0}}
    hsts = find("hsts")

    assert hsts.read(held).state is State.OFF
    assert not hsts.accepts(held)
    assert hsts.wanted(State.ON, last_on=held) == hsts.on


def test_mode_that_only_enterprise_has_is_stricter_than_strict():
    ssl = find("strict_ssl")

    assert (ssl.read("origin_pull").state, ssl.wanted(State.ON, last_on="origin_pull")) == (
        State.ON,
        "origin_pull",
    )


@pytest.mark.parametrize(
    ("name", "unsafe"), [("pseudo_ipv4", "overwrite_header"), ("image_resizing", "open")]
)
def test_unsafe_finer_value_is_not_brought_back_by_a_click(name: str, unsafe: str):
    assert find(name).wanted(State.ON, last_on=unsafe) == find(name).on


def test_every_plain_value_may_be_sent():
    assert all(toggle.accepts(value) for toggle in TOGGLES for value in (toggle.on, toggle.off))


def test_turning_tls_1_3_on_does_not_bring_0_rtt_back():
    assert find("tls_1_3").wanted(State.ON, last_on="zrt") == "on"


def test_value_that_cloudflare_only_shows_is_not_sent():
    assert find("web_analytics").wanted(State.ON, last_on="manual") == "on"
