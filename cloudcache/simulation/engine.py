"""The engine in virtual time: the real planner, queue rules, budget and feed reader against the model of Cloudflare.

One heap of moments to come; nothing waits for real. Two clocks: Cloudflare's, by which everything happens, and
ours, which may be ahead of it and which all rules are told.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from cloudcache.domain.budget import CallClass, Lane, Ledger, Limits, Ticket
from cloudcache.domain.catalog import Read
from cloudcache.domain.feed import BUSY_FOR_MS, LIVELY_FOR_MS, WHOLE
from cloudcache.domain.freshness import (
    ROOM_OWN,
    ROOM_PLATFORM,
    Pace,
    Urgency,
    next_look,
    retry_at,
)
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.simulation.calls import Answered, Call, Verdict
from cloudcache.simulation.cloudflare import Address, Bucket, Line
from cloudcache.simulation.feeds import Feeds
from cloudcache.simulation.figures import Hourly, Spread
from cloudcache.simulation.fleet import NUMBER, NUMBERS, Activity, Fleet, planned
from cloudcache.simulation.options import Options, Tokens
from cloudcache.simulation.planning import Counted, plan_of, usual

START_MS = 1_795_000_000_000
HOUR_MS = 3_600_000
TICK_MS = 1_000
AT_ONCE = 5
GIVE_UP_AFTER = 3
STALE_MS = HOUR_MS
WATCHED_FOR_EVER = 2**60
PLATFORM = CredentialId("platform")

Then = Callable[[], None]


class Look:
    """One zone being read."""

    __slots__ = (
        "began",
        "done",
        "failed",
        "generation",
        "lane",
        "lines",
        "plan",
        "truly_began",
        "under_way",
        "urgency",
        "whole",
    )

    def __init__(
        self, plan: tuple[Read, ...], lane: Lane, urgency: Urgency, generation: int, *, whole: bool
    ) -> None:
        self.plan, self.lane, self.urgency, self.generation, self.whole = (
            plan,
            lane,
            urgency,
            generation,
            whole,
        )
        self.began = self.truly_began = 0
        self.done = self.failed = self.under_way = 0
        self.lines: tuple[int, ...] = ()


class Engine:
    """Everything that goes on in one simulation."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.chance = random.Random(options.seed)  # noqa: S311  repeatable, not secret
        self.limits = Limits(
            calls_per_window=options.calls_per_window,
            address_calls_per_second=options.address_calls_per_second,
        )
        self.ledger = Ledger(self.limits)
        self.now = START_MS
        self.ahead_ms = 0
        """How far our clock is ahead of Cloudflare's."""
        self.batch = options.batch
        self._moments: list[tuple[int, int, Then]] = []
        self._number = count()
        self._waiting: dict[Ticket, Call] = {}
        self._rings_at: int | None = None
        self.per_customer = options.tokens is Tokens.PER_CUSTOMER
        self.activity = Activity(BUSY_FOR_MS, LIVELY_FOR_MS)
        self.plan = plan_of(options, self.limits, usual(options), batch=options.batch)
        self.pace: Pace = self.plan.pace
        self.fleet = Fleet(options.customers, START_MS, self.pace.sweep_ms, self.chance)
        accounts = options.customers if self.per_customer else 1
        spread = self.pace.feed_quiet_ms if self.per_customer else 0
        self.feeds = Feeds(self, accounts, START_MS, spread)
        self._room = ROOM_OWN if self.per_customer else ROOM_PLATFORM
        self._busy = dict.fromkeys(Urgency, 0)
        self._looks: dict[int, Look] = {}
        self.buckets: dict[CredentialId, Bucket] = {}
        self.address = Address()
        self.watched: list[int] = []
        self.revoked = self.feed_is_dead = self.batch_is_gone = False
        self.breaches = 0
        self.calls_after_parking = 0
        self.calls: dict[str, int] = {}
        self.delays, self.waits, self.watched_ages = Spread(0.5), Spread(0.01), Spread(0.5)
        self.hourly = Hourly()
        self.untruthful = 0

    # -- time ----------------------------------------------------------------------------------
    def clock(self) -> int:
        """Our clock."""
        return self.now + self.ahead_ms

    def at(self, moment: int, then: Then) -> None:
        """Do this at a moment of Cloudflare's clock."""
        heappush(self._moments, (moment, next(self._number), then))

    def every(self, step_ms: int, then: Then) -> None:
        """Do this again and again."""

        def again() -> None:
            then()
            self.at(self.now + step_ms, again)

        self.at(self.now + step_ms, again)

    def run(self, until: int, tell: Callable[[float], None] | None = None) -> None:
        """Go on to that moment."""
        began, told = self.now, self.now
        moments = self._moments
        while moments and moments[0][0] <= until:
            self.now, _, then = heappop(moments)
            then()
            if tell and self.now - told >= HOUR_MS // 4:
                told = self.now
                tell((told - began) / (until - began))
        self.now = until

    def jump(self, ahead_ms: int) -> None:
        """Our clock is so far ahead from now on."""
        back = self.ahead_ms - ahead_ms
        self.ahead_ms = ahead_ms
        if back > 0:
            self.fleet.set_back(back, self.clock())
            self.feeds.set_back(back, self.clock())

    # -- calls ---------------------------------------------------------------------------------
    def lane(self, zone_or_account: int, call_class: CallClass) -> Lane:
        """Whose budget, how urgent, for whom."""
        credential = CredentialId(f"c{zone_or_account}") if self.per_customer else PLATFORM
        return Lane(credential, call_class, CustomerId(zone_or_account))

    def ask(self, lane: Lane, name: str, then: Answered, about: int, read: Read | None = None) -> None:
        """Wait for the budget, call, and tell."""
        call = Call(lane.credential, name, then, about, read, self.now)
        self._waiting[self.ledger.ask(lane, self.clock())] = call
        self._serve()

    def _serve(self) -> None:
        clock = self.clock()
        for ticket in self.ledger.grant(clock):
            self._leave(self._waiting.pop(ticket))
        at = self.ledger.next_at(clock)
        if at is not None:
            rings = max(self.now + 1, at - self.ahead_ms)
            if self._rings_at is None or rings < self._rings_at:
                self._rings_at = rings
                self.at(rings, lambda: self._ring(rings))

    def _ring(self, rings: int) -> None:
        if self._rings_at == rings:
            self._rings_at = None
        self._serve()

    def _leave(self, call: Call) -> None:
        """The call reaches Cloudflare, which decides now and answers later."""
        now, name = self.now, call.name
        call.left_at = now
        self.calls[name] = self.calls.get(name, 0) + 1
        self.hourly.call(name, (now - START_MS) // HOUR_MS)
        if name == "write":
            self.waits.add((now - call.asked_at) / 1_000)
        bucket = self.buckets.get(call.credential)
        if bucket is None:
            bucket = self.buckets[call.credential] = Bucket(now)
        within = bucket.take(now) and self.address.count(now) <= 200
        call.verdict = self._judge(call) if within else Verdict.THROTTLED
        self.at(now + 150 + int(self.chance.random() * 200), lambda: self._answer(call, bucket))

    def _judge(self, call: Call) -> Verdict:
        if self.revoked:
            return Verdict.REFUSED
        if call.name == "feed" and self.feed_is_dead:
            return Verdict.FAILED
        if call.read is not None and call.read.batch and self.batch_is_gone:
            return Verdict.WITHDRAWN
        if self.options.failing and self.chance.random() < self.options.failing:
            return Verdict.FAILED
        return Verdict.DONE

    def _answer(self, call: Call, bucket: Bucket) -> None:
        clock, ledger, credential = self.clock(), self.ledger, call.credential
        left, resets_in_s = bucket.meter()
        ledger.report(credential, left, resets_in_s, clock)
        if call.verdict is Verdict.THROTTLED:
            self.breaches += 1
            self.hourly.breaches[(self.now - START_MS) // HOUR_MS] += 1
            ledger.block(credential, 300, clock)
        else:
            ledger.succeeded(credential, clock)
        call.then(call, clock)
        self._serve()

    # -- looking at zones ----------------------------------------------------------------------
    def tick(self) -> None:
        """What is due, as far as there is room; every second, and whenever a place becomes free."""
        clock = self.clock()
        self.feeds.fill(clock)
        for urgency in (Urgency.WATCHED, Urgency.NAMED, Urgency.SWEEP):
            while self._busy[urgency] < self._room.of(urgency):
                zone = self.fleet.take(urgency, clock)
                if zone is None:
                    break
                self._begin(zone, urgency)

    def _begin(self, zone: int, urgency: Urgency) -> None:
        place, lines = self.fleet.places[zone], self.fleet.named.get(zone, {})
        named = frozenset().union(*lines.values())
        whole = not lines or (urgency is Urgency.WATCHED and self._is_stale(zone))
        look = Look(
            planned(WHOLE if whole else named, self.batch),
            self.lane(zone, urgency.call_class),
            urgency,
            place.generation,
            whole=whole,
        )
        look.began, look.truly_began, look.lines = self.clock(), self.now, tuple(lines)
        self._looks[zone] = look
        self._busy[urgency] += 1
        self._next_wave(zone, look)

    def _is_stale(self, zone: int) -> bool:
        followed = self.feeds.is_followed(self._account(zone), self.clock())
        return next_look(self.fleet.interest(zone, followed), self.pace, self.clock())[0] <= self.clock()

    def _next_wave(self, zone: int, look: Look) -> None:
        wave = look.plan[look.done : look.done + (AT_ONCE if look.done else 1)]
        look.under_way = len(wave)
        for read in wave:
            self.ask(look.lane, look.urgency.name.lower(), self._told, zone, read)

    def _told(self, call: Call, clock: int) -> None:
        zone = call.about
        look = self._looks[zone]
        look.under_way -= 1
        look.done += 1
        if call.verdict is Verdict.DONE and call.read is not None:
            self._see(zone, call.read, call.left_at, clock)
        elif call.verdict is Verdict.WITHDRAWN:
            self.batch = False
            named = frozenset(toggle.id for read in look.plan for toggle in read.toggles)
            look.plan, look.done = planned(named, batch=False), 0
        elif call.verdict is Verdict.REFUSED:
            self._park_all()
            return
        else:
            look.failed += 1
        if look.under_way:
            return
        if look.done < len(look.plan) and look.failed < GIVE_UP_AFTER:
            self._next_wave(zone, look)
        else:
            self._end(zone, look, clock)

    def _see(self, zone: int, read: Read, looked_at: int, clock: int) -> None:
        fleet = self.fleet
        hidden = fleet.unseen.get(zone)
        for toggle in NUMBERS[read.path]:
            fleet.seen_at[zone, toggle] = looked_at + self.ahead_ms
            if hidden:
                for made_at in fleet.see(zone, toggle, looked_at):
                    self.delays.add((self.now - made_at) / 1_000)
                    self.hourly.delay((self.now - made_at) / 1_000, (self.now - START_MS) // HOUR_MS)
                    fleet.changed_at[zone] = clock

    def _end(self, zone: int, look: Look, clock: int) -> None:
        fleet = self.fleet
        place = fleet.places[zone]
        self._let_go(zone, look)
        if look.failed:
            due = retry_at(place.failures, clock, self.chance.random())
            fleet.put(zone, place.failed(look.generation, due))
        else:
            if look.whole:
                fleet.read_at[zone], fleet.truly_read_at[zone] = look.began, look.truly_began
                for toggle in NUMBER.values():
                    fleet.seen_at.pop((zone, toggle), None)
            lines = fleet.named.get(zone)
            if lines:
                for line in look.lines:
                    lines.pop(line, None)
                if not lines:
                    del fleet.named[zone]
            followed = self.feeds.is_followed(self._account(zone), clock)
            due, urgency = next_look(fleet.interest(zone, followed), self.pace, clock)
            fleet.put(zone, place.finished(look.generation, due, urgency))
        self.tick()

    def _let_go(self, zone: int, look: Look) -> None:
        del self._looks[zone]
        self.fleet.held[zone] = 0
        self._busy[look.urgency] -= 1

    def _park_all(self) -> None:
        """The one token is refused: nothing of its zones is read any more."""
        for zone in range(len(self.fleet)):
            self.fleet.parked[zone] = 1

    def catch_up(self, account: int, clock: int) -> None:
        """The feed had an outage: its zones are due as soon as the budget allows."""
        zones = (account,) if self.per_customer else range(len(self.fleet))
        for zone in zones:
            self.fleet.add(zone, clock, Urgency.SWEEP)

    def _account(self, zone: int) -> int:
        return zone if self.per_customer else 0

    # -- people --------------------------------------------------------------------------------
    def change_elsewhere(self, zone: int, toggle: int) -> None:
        """Somebody changes a setting in Cloudflare's dashboard."""
        self.fleet.change(zone, toggle, self.now)
        self._log(zone, toggle, own=False)

    def write(self, zone: int, toggle: int) -> None:
        """A merchant flips a switch here; where the token is refused, the page has paused them."""
        if self.fleet.parked[zone]:
            return
        lane = self.lane(zone, CallClass.WRITE)
        self.ask(lane, "write", lambda call, _: self._log(zone, toggle, own=True), zone)

    def _log(self, zone: int, toggle: int, *, own: bool) -> None:
        delay = self.options.feed_delay_s * (0.8 + 0.4 * self.chance.random())
        visible = self.now + int(delay * 1_000)
        line = Line(next(self._number), self.now, visible, zone, toggle, own)
        self.feeds.logs[self._account(zone)].add(line)

    def open_page(self, zone: int) -> None:
        """Somebody opens the page of a zone."""
        clock, fleet = self.clock(), self.fleet
        fleet.watched_until[zone] = WATCHED_FOR_EVER
        self.watched.append(zone)
        self.feeds.watch(self._account(zone), 1, clock)
        stale_since = fleet.read_at[zone] + STALE_MS
        if stale_since <= clock:
            fleet.add(zone, stale_since, Urgency.WATCHED)

    def close_page(self, zone: int) -> None:
        """Somebody closes it."""
        self.fleet.watched_until[zone] = self.clock()
        self.watched.remove(zone)
        self.feeds.watch(self._account(zone), -1, self.clock())

    # -- planning ------------------------------------------------------------------------------
    def replan(self) -> None:
        """The pace anew, from what there is now."""
        clock = self.clock()
        self.plan = plan_of(
            self.options,
            self.limits,
            Counted(
                busy=self.activity.busy.different(clock),
                lively=self.activity.lively.different(clock),
                touched=self.activity.touched.different(clock),
                changes_per_day=self.activity.changes_per_day(clock),
                watched=len(self.watched),
                is_followed=self.per_customer or self.feeds.is_followed(0, clock),
                backlog=sum(map(len, self.fleet.named.values())),
            ),
            batch=self.batch,
        )
        self.pace = self.plan.pace

    def most_calls_in_a_window(self) -> int:
        """Of any one token in any 300 seconds; Cloudflare allows 1,200."""
        return max((bucket.most_in_window for bucket in self.buckets.values()), default=0)
