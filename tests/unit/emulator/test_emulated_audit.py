"""The two audit logs: who did what, when it shows, and how it is paged and filtered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from cloudcache.emulator.audit import ACTOR_TYPES, Actor
from cloudcache.emulator.tokens import token_id_of
from cloudcache.emulator.wire import JSON, moment
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import ACCOUNT, FOREIGN, FREE, OTHER_ACCOUNT, PRO, TOKEN, Caller

NEWER = f"/accounts/{ACCOUNT}/logs/audit"
OLDER = f"/accounts/{ACCOUNT}/audit_logs"


def newer(caller: Caller, clock: FakeClock, **query: str) -> list[dict[str, JSON]]:
    """The newer log of the last day, oldest first unless told otherwise."""
    asked = {
        "since": moment(clock.now_s() - 86_400),
        "before": moment(clock.now_s() + 1),
        "direction": "asc",
    } | query
    return caller.get(
        f"{NEWER}?{'&'.join(f'{name}={quote(value)}' for name, value in asked.items())}"
    ).results


def part(entry: dict[str, JSON], name: str) -> dict[str, JSON]:
    value = entry[name]
    assert isinstance(value, dict)
    return value


def test_a_write_is_recorded_with_the_id_that_its_answer_gave(caller: Caller, clock: FakeClock) -> None:
    reply = caller.set("polish", "lossy")

    (entry,) = newer(caller, clock)

    assert entry["id"] == reply.headers["cf-auditlog-id"]
    assert entry["account"] == {"id": ACCOUNT, "name": "First account"}
    assert entry["zone"] == {"id": PRO, "name": "pro.example"}
    assert part(entry, "action")["type"] == "update"
    assert part(entry, "action")["time"] == moment(clock.now_s())
    raw = part(entry, "raw")
    assert (raw["method"], raw["uri"], raw["status_code"]) == ("PATCH", f"/zones/{PRO}/settings/polish", 200)
    assert reply.headers["cf-ray"] == f"{raw['cf_ray_id']}-FRA"
    actor = part(entry, "actor")
    assert (actor["context"], actor["type"], actor["token_id"]) == (
        "api_token",
        "account",
        token_id_of(TOKEN),
    )


def test_a_dashboard_change_names_the_person(world: World, caller: Caller, clock: FakeClock) -> None:
    world.dashboard_change(PRO, "tiered_caching", "on", actor_email="mia@example.com")

    (entry,) = newer(caller, clock)

    actor = part(entry, "actor")
    assert (actor["context"], actor["email"]) == ("dash", "mia@example.com")
    assert "token_id" not in actor
    assert part(entry, "raw")["uri"] == f"/zones/{PRO}/argo/tiered_caching"


@pytest.mark.parametrize("kind", ACTOR_TYPES)
def test_action_of_each_actor_type_is_recorded(
    world: World, caller: Caller, clock: FakeClock, kind: str
) -> None:
    world.dashboard_change(PRO, "polish", "lossy", actor=Actor(kind, name="Site Builder"))

    (entry,) = newer(caller, clock, actor_type=kind)

    assert part(entry, "actor") == {"type": kind, "name": "Site Builder"}
    assert world.value(PRO, "polish") == "lossy"


def test_failed_action_is_recorded_and_changes_nothing(
    world: World, caller: Caller, clock: FakeClock
) -> None:
    before = world.value(PRO, "polish")
    world.dashboard_change(PRO, "polish", "lossy", actor_email="mia@example.com", result="failure")

    (entry,) = newer(caller, clock, action_result="failure")
    (old,) = caller.get(OLDER).results

    assert part(entry, "action")["result"] == "failure"
    assert part(old, "action")["result"] is False
    assert world.value(PRO, "polish") == before


def test_reads_and_refused_writes_are_not_recorded(caller: Caller, clock: FakeClock) -> None:
    caller.setting("ssl")
    caller.set("ssl", "perhaps")
    caller.set("http2", "off", FREE)

    assert newer(caller, clock) == []


def test_one_bulk_write_is_one_newer_entry_and_several_older_ones(caller: Caller, clock: FakeClock) -> None:
    items: JSON = [{"id": "polish", "value": "lossy"}, {"id": "ssl", "value": "strict"}]
    caller.send("PATCH", f"/zones/{PRO}/settings", {"items": items})

    assert [part(entry, "raw")["uri"] for entry in newer(caller, clock)] == [f"/zones/{PRO}/settings"]
    older = caller.get(OLDER).results
    assert [part(entry, "metadata")["name"] for entry in older] == ["polish", "ssl"]
    assert len({str(entry["id"]) for entry in older}) == 2


def test_a_post_is_recorded_as_a_creation(caller: Caller, clock: FakeClock) -> None:
    caller.send("POST", f"/zones/{PRO}/leaked-credential-checks", {"enabled": True})

    assert part(newer(caller, clock)[0], "action")["type"] == "create"


@pytest.mark.parametrize(
    "query",
    ["", "since=2027-01-01", "before=2027-01-01", "since=yesterday&before=2027-01-01", "since=&before="],
)
def test_both_ends_of_the_time_are_required_and_readable(caller: Caller, query: str) -> None:
    assert caller.get(f"{NEWER}?{query}").status == 400


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=many", "direction=up", "cursor=x", "cursor=e30=", "product_category=x"],
)
def test_parameters_out_of_bounds_are_refused(caller: Caller, query: str) -> None:
    assert caller.get(f"{NEWER}?since=2027-01-01&before=2027-02-01&{query}").status == 400


def test_since_is_included_and_before_is_not(caller: Caller, clock: FakeClock) -> None:
    caller.set("polish", "lossy")
    at = clock.now_s()

    assert len(newer(caller, clock, since=moment(at), before=moment(at + 1))) == 1
    assert len(newer(caller, clock, since=moment(at - 1), before=moment(at))) == 0


def test_times_may_be_dates_and_have_zones(caller: Caller, clock: FakeClock) -> None:
    caller.set("polish", "lossy")
    day = datetime.fromtimestamp(clock.now_s(), UTC).date().isoformat()
    with_zone = datetime.fromtimestamp(clock.now_s() + 1, UTC).isoformat()

    assert len(newer(caller, clock, since=day, before=with_zone)) == 1
    assert len(caller.get(f"{NEWER}?since={day}&before={with_zone}").results) == 1


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_the_cursor_leads_through_all_entries_once(caller: Caller, clock: FakeClock, direction: str) -> None:
    given = []
    for number in range(7):
        given.append(caller.set("browser_cache_ttl", number).headers["cf-auditlog-id"])
        clock.move_s(number % 2)  # some share a moment
    if direction == "desc":
        given.reverse()

    pages = list(walk(caller, clock, direction, limit=3))

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [entry["id"] for page in pages for entry in page] == given


def test_a_last_page_that_is_full_has_no_cursor(caller: Caller, clock: FakeClock) -> None:
    for number in range(6):
        caller.set("browser_cache_ttl", number)

    assert [len(page) for page in walk(caller, clock, "asc", limit=3)] == [3, 3]


def walk(caller: Caller, clock: FakeClock, direction: str, limit: int) -> Iterator[list[dict[str, JSON]]]:
    """Page after page until there is no cursor."""
    cursor = ""
    while True:
        times = f"since={moment(clock.now_s() - 3600)}&before={moment(clock.now_s() + 1)}"
        reply = caller.get(f"{NEWER}?{times}&direction={direction}&limit={limit}&cursor={cursor}")
        yield reply.results
        details = reply.body["result_info"]
        assert isinstance(details, dict) and details["count"] == str(len(reply.results))
        cursor = str(details["cursor"])
        if not cursor:
            return


def test_the_newest_come_first_unless_told_otherwise(caller: Caller, clock: FakeClock) -> None:
    first = caller.set("polish", "lossy").headers["cf-auditlog-id"]
    clock.move_s(1)
    second = caller.set("polish", "off").headers["cf-auditlog-id"]

    reply = caller.get(f"{NEWER}?since={moment(clock.now_s() - 60)}&before={moment(clock.now_s() + 1)}")

    assert [entry["id"] for entry in reply.results] == [second, first]


FILTERS = {
    "account_name": ("First account", "Second account"),
    "action_result": ("success", "failure"),
    "action_type": ("update", "create"),
    "actor_context": ("api_token", "dash"),
    "actor_ip_address": ("127.0.0.1", "192.0.2.9"),
    "actor_token_id": (token_id_of(TOKEN), "0" * 32),
    "actor_token_name": (f"token {token_id_of(TOKEN)[:6]}", "other"),
    "actor_type": ("account", "user"),
    "raw_method": ("PATCH", "PUT"),
    "raw_status_code": ("200", "201"),
    "raw_uri": (f"/zones/{PRO}/settings/polish", "/zones"),
    "resource_id": (PRO, FREE),
    "resource_product": ("zone_settings", "dns"),
    "resource_type": ("setting", "member"),
    "resource_scope": ("zones", "accounts"),
    "zone_id": (PRO, FREE),
    "zone_name": ("pro.example", "free.example"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_selects_and_its_twin_excludes(caller: Caller, clock: FakeClock, name: str) -> None:
    caller.set("polish", "lossy")
    same, other = FILTERS[name]

    counts = [
        len(newer(caller, clock, **{name: same})),
        len(newer(caller, clock, **{name: other})),
        len(newer(caller, clock, **{f"{name}.not": same})),
        len(newer(caller, clock, **{f"{name}.not": other})),
    ]

    assert counts == [1, 0, 0, 1]


def test_filters_on_a_person_and_on_ids(world: World, caller: Caller, clock: FakeClock) -> None:
    world.dashboard_change(PRO, "polish", "lossy", actor_email="mia@example.com")
    (entry,) = newer(caller, clock)
    actor, raw = part(entry, "actor"), part(entry, "raw")
    same = {
        "actor_email": "mia@example.com",
        "actor_id": str(actor["id"]),
        "id": str(entry["id"]),
        "audit_log_id": str(entry["id"]),
        "raw_cf_ray_id": str(raw["cf_ray_id"]),
    }

    for name, value in same.items():
        assert len(newer(caller, clock, **{name: value})) == 1
        assert len(newer(caller, clock, **{f"{name}.not": value})) == 0


def test_a_filter_may_be_given_several_times(world: World, caller: Caller, clock: FakeClock) -> None:
    caller.set("polish", "lossy")
    caller.set("fonts", "on", FREE)
    times = f"since={moment(clock.now_s() - 60)}&before={moment(clock.now_s() + 1)}"

    assert len(caller.get(f"{NEWER}?{times}&zone_id={PRO}&zone_id={FREE}").results) == 2
    assert len(caller.get(f"{NEWER}?{times}&zone_id.not={PRO}&zone_id.not={FREE}").results) == 0


def test_an_app_can_leave_out_its_own_writes(world: World, caller: Caller, clock: FakeClock) -> None:
    caller.set("polish", "lossy")
    world.dashboard_change(PRO, "ssl", "strict", actor_email="mia@example.com")

    seen = newer(caller, clock, **{"actor_token_id.not": token_id_of(TOKEN)})

    assert [part(entry, "raw")["uri"] for entry in seen] == [f"/zones/{PRO}/settings/ssl"]


def test_entries_show_up_after_their_delay(world: World, caller: Caller, clock: FakeClock) -> None:
    world.adopt(replace(world.options, audit_delay=30))
    caller.set("polish", "lossy")

    clock.move_s(29)
    assert newer(caller, clock) == []

    clock.move_s(1)
    assert len(newer(caller, clock)) == 1


def test_lost_entries_stay_lost_and_each_log_loses_others(
    world: World, caller: Caller, clock: FakeClock
) -> None:
    for number in range(200):
        caller.set("browser_cache_ttl", number)
    world.adopt(replace(world.options, audit_drop=0.25))

    first, again = newer(caller, clock, limit="1000"), newer(caller, clock, limit="1000")
    older = caller.get(f"{OLDER}?per_page=1000&direction=asc").results

    assert first == again
    assert 120 < len(first) < 180
    shown = {str(part(entry, "raw")["uri"]) for entry in first}
    assert shown == {f"/zones/{PRO}/settings/browser_cache_ttl"}
    assert 120 < len(older) < 180
    assert [entry["id"] for entry in first] != [str(entry["id"]).replace("-", "") for entry in older]


def test_everything_can_be_lost(world: World, caller: Caller, clock: FakeClock) -> None:
    world.adopt(replace(world.options, audit_drop=1))
    caller.set("polish", "lossy")

    assert newer(caller, clock) == []


def test_accounts_do_not_see_each_other(world: World, caller: Caller, clock: FakeClock) -> None:
    world.dashboard_change(FOREIGN, "polish", "lossy", actor_email="mia@example.com")

    assert newer(caller, clock) == []
    for path in ("logs/audit", "audit_logs"):
        reply = caller.get(f"/accounts/{OTHER_ACCOUNT}/{path}?since=2027-01-01&before=2027-02-01")
        assert (reply.status, reply.codes) == (403, [9109])
    assert caller.get(f"/accounts/{'9' * 32}/audit_logs").status == 404


def test_a_token_for_single_zones_cannot_read_the_logs(world: World) -> None:
    world.add_token("cfat_one_zone", kind="account", accounts=[ACCOUNT], zones=[PRO])

    reply = Caller(world, "cfat_one_zone").get(OLDER)

    assert (reply.status, reply.codes) == (403, [10000])


def test_the_older_log_has_the_value_before_and_after(caller: Caller, clock: FakeClock) -> None:
    caller.set("polish", "lossy")
    caller.set("nel", {"enabled": False})

    first, second = caller.get(f"{OLDER}?direction=asc").results

    assert (first["oldValue"], first["newValue"]) == ("off", "lossy")
    assert (second["oldValue"], second["newValue"]) == ('{"enabled": true}', '{"enabled": false}')
    assert part(first, "action") == {"result": True, "type": "change_setting"}
    assert part(first, "metadata")["zone_name"] == "pro.example"
    assert first["resource"] == {"id": PRO, "type": "zone"}
    assert first["when"] == moment(clock.now_s())


def test_the_older_log_has_pages_and_filters(world: World, caller: Caller, clock: FakeClock) -> None:
    for number in range(5):
        caller.set("browser_cache_ttl", number)
        clock.move_s(10)
    world.dashboard_change(FREE, "fonts", "on", actor_email="mia@example.com")

    def count(query: str) -> int:
        return len(caller.get(f"{OLDER}?{query}").results)

    assert [count(f"per_page=4&page={page}") for page in (1, 2, 3)] == [4, 2, 0]
    assert count("action.type=change_setting") == 6
    assert count("action.type=login") == 0
    assert count("zone.name=free.example") == 1
    assert count("actor.email=mia@example.com") == 1
    assert count("actor.ip=127.0.0.1") == 5
    assert count(f"since={moment(clock.now_s() - 20)}") == 3
    assert count(f"before={moment(clock.now_s() - 20)}") == 3
    assert count(f"id={caller.get(OLDER).results[0]['id']}") == 1


def test_an_automatic_change_is_recorded_only_when_told_so(
    world: World, caller: Caller, clock: FakeClock
) -> None:
    world.dashboard_change(PRO, "ssl", "flexible", actor_email="mia@example.com")
    world.automatic_ssl_scan(PRO)
    assert len(newer(caller, clock)) == 1

    world.automatic_ssl_scan(PRO, recorded=True)

    assert part(newer(caller, clock)[1], "actor") == {"type": "system"}
    assert part(caller.get(OLDER).results[0], "actor")["type"] == "Cloudflare"


def test_a_clock_that_is_set_back_does_not_break_the_order(caller: Caller, clock: FakeClock) -> None:
    caller.set("polish", "lossy")
    clock.move_s(-100)
    caller.set("polish", "off")
    clock.move_s(200)

    times = [str(part(entry, "action")["time"]) for entry in newer(caller, clock)]

    assert len(times) == 2
    assert times == sorted(times)
