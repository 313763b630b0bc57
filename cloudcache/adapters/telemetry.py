"""Every metric and every log event worth an alert, in one list. Tests hold it against a running process, the table
in `docs/operations/metrics.md`, the dashboard, the alert rules and the source.

    python -m cloudcache metrics > docs/operations/metrics.md        writes the table

No label ever names a customer, a credential, a shop or an address: each label has a handful of values.

Fleet metrics are counted in the database, so every process tells the same: take the `max` of them. The others are
of the one process that tells them: take the `sum`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

PREFIX = "cloudcache_"


class Kind(StrEnum):
    """What Prometheus calls it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is exposed; `unit` is what its values are."""

    name: str
    kind: Kind
    help: str
    unit: str = ""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=(), repr=False)
    is_fleet: bool = False

    @property
    def key(self) -> str:
        """The name in our own source."""
        return self.name.removeprefix(PREFIX).removesuffix("_total")


def _counter(key: str, text: str, *labels: str) -> Metric:
    return Metric(f"{PREFIX}{key}_total", Kind.COUNTER, text, labels=labels)


def _gauge(key: str, text: str, *labels: str, unit: str = "") -> Metric:
    return Metric(PREFIX + key, Kind.GAUGE, text, unit, labels)


def _fleet(key: str, text: str, *labels: str, unit: str = "") -> Metric:
    return Metric(PREFIX + key, Kind.GAUGE, text, unit, labels, is_fleet=True)


def _time(key: str, text: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(f"{PREFIX}{key}_seconds", Kind.HISTOGRAM, text, "seconds", labels, buckets)


QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0)
"""For what a person must not notice."""
NETWORK = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
"""For what waits for somebody else's answer."""
PATIENT = (0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""For a wish, which may wait an hour."""

METRICS: tuple[Metric, ...] = (
    # is it up
    _gauge("build_info", "Always 1; the labels say what runs.", "environment", "migration", "python"),
    _gauge("ready", "1 while this process is ready, as /readyz says."),
    _time("loop_delay", "How late the event loop came to a timer of one second.", QUICK),
    _counter("job_failures", "Jobs and background works that failed.", "work"),
    # are merchants' wishes settled
    _counter("intents", "Wishes stored, by the door they came through.", "source"),
    _counter(
        "intents_settled", "Wishes that ended; why, for those that failed.", "outcome", "reason", "source"
    ),
    _time("write", "From the click to the outcome.", PATIENT, "outcome"),
    _fleet("journal_pending", "Wishes without an outcome."),
    _fleet("journal_oldest_pending_seconds", "Age of the oldest of them.", unit="seconds"),
    _fleet(
        "circuit_breakers_open",
        "1 for each setting that can't be changed with tokens of this kind for now; absent while all can.",
        "token_kind",
        "setting",
    ),
    # how fresh
    _fleet("plan_supply_calls_per_second", "Calls a second that the credentials allow.", "pool"),
    _fleet("plan_calls_per_second", "Calls a second as planned, by class.", "pool", "class"),
    _fleet(
        "plan_age_worst_seconds",
        "How old a value gets at worst, as planned.",
        "pool",
        "zones",
        unit="seconds",
    ),
    _fleet(
        "plan_age_mean_seconds", "How old a value is on average, as planned.", "pool", "zones", unit="seconds"
    ),
    _fleet("plan_binding", "1 for the limit that keeps values from being fresher.", "pool", "limit"),
    _fleet("queue_due_zones", "Zones that are due now.", "urgency"),
    _fleet("queue_behind_seconds", "How late the longest due zone is.", unit="seconds"),
    _fleet("queue_leased_zones", "Zones being read."),
    _fleet("queue_parked_zones", "Zones that somebody must mend."),
    _fleet("zones_read_within", "Zones read whole within so many seconds.", "seconds"),
    _fleet("zones_never_read", "Zones never read whole."),
    _gauge("fleet_counted", "1 while the fleet can be counted; without it the fleet's metrics are absent."),
    _counter("looks", "Zones read by this process.", "urgency"),
    _counter("read_calls", "Calls that read them.", "urgency"),
    _counter("look_failures", "Looks that failed."),
    _counter("outside_changes", "Changes made outside this app that were seen."),
    # budget and Cloudflare
    _counter("budget_calls", "Calls that the budget let go, by class.", "class"),
    _time("budget_wait", "How long they waited for it.", PATIENT, "class"),
    _gauge("budget_waiting", "Calls that wait for the budget now.", "class"),
    _gauge(
        "budget_blocked_credentials", "Credentials that Cloudflare blocks now, as far as this process knows."
    ),
    _gauge(
        "cloudflare_calls_left", "The fewest calls left to any credential, as Cloudflare's last replies said."
    ),
    _counter(
        "cloudflare_calls",
        "Calls by what they do, what came of them, and the status.",
        "does",
        "outcome",
        "status",
    ),
    _time("cloudflare_call", "How long they took, the wait for a connection included.", NETWORK, "does"),
    # feeds
    _fleet("feeds", "Accounts by whether their change feed can be read.", "status"),
    _fleet("feed_open_entries", "Lines of feeds whose settings weren't read yet."),
    _counter("feed_looks", "Feeds read by this process."),
    _counter("feed_lines", "New lines of feeds that concerned us."),
    # pages
    _gauge("sockets_open", "Open sockets."),
    _gauge("pages_open", "Tabs that show a store."),
    _time("page_event", "From an event of a page to the end of its handler.", QUICK, "handler"),
    _time(
        "page_push",
        "From a change in the database to the page that shows it, on its way to the browser.",
        QUICK,
    ),
    _counter("hints", "Hints that a customer changed, coalesced."),
    # who comes in
    _counter(
        "http_requests",
        "Requests by route and status; everything else is a page.",
        "route",
        "status",
    ),
    _time("http_request", "How long they took.", NETWORK, "route"),
    _counter("refused_signins", "Sign-ins and requests that were refused as not genuine.", "reason"),
    _counter("webhooks", "Deliveries of Shopify by what came of them.", "outcome"),
    # database
    _time("database_statement", "How long a statement took.", QUICK, "verb"),
    _time("database_wait", "How long somebody waited for a connection or for a turn to write.", QUICK, "use"),
    _counter("database_failures", "Uses of the database that failed."),
    _counter("database_conflicts", "Transactions undone by a deadlock or a conflict, and repeated."),
    _gauge("database_connections_used", "Connections in use."),
    _gauge("database_connections_most", "Connections there can be."),
    # what processes share
    _gauge("redis_up", "1 while Redis can be reached, and where none is used."),
    # who is served
    _fleet("rollout_customers", "Stores, by whether the rollout serves them.", "cohort"),
    _fleet(
        "rollout_wishes", "Wishes of the last day by cohort and what became of them.", "cohort", "outcome"
    ),
)
"""In the order of an operator's questions."""

BY_KEY = {metric.key: metric for metric in METRICS}

STANDARD = (
    *("process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes"),
    *("process_start_time_seconds", "process_open_fds", "process_max_fds"),
)
"""What the client library adds: the process itself."""

AUDIT = (
    Metric(
        f"{PREFIX}audit_problems",
        Kind.GAUGE,
        "Lines of the audit log that were tampered with.",
        is_fleet=True,
    ),
    Metric(
        f"{PREFIX}audit_verified_timestamp_seconds",
        Kind.GAUGE,
        "When the audit log was last verified.",
        "seconds",
        is_fleet=True,
    ),
)
"""Written by `audit verify --metrics FILE` for the node exporter's textfile collector: a command is over before it
could be scraped."""


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the log to be looked for: the value of its field `event`."""

    name: str
    level: str
    help: str


EVENTS: tuple[Event, ...] = (
    Event("not_ready", "ERROR", "The database can't be used at the start; it's tried again."),
    Event("job_failed", "ERROR", "A job failed; it runs again when it's next due."),
    Event("task_failed", "ERROR", "A background work failed; its lease runs out and it's taken up again."),
    Event("write_waits", "ERROR", "A wish waits because the database is away."),
    Event(
        "pages_not_refreshed",
        "ERROR",
        "Open pages of a customer couldn't be refreshed; the next tick does it.",
    ),
    Event(
        "history_lost",
        "WARNING",
        "Open pages show what the database doesn't know: a failover or restore lost commits. They are read anew.",
    ),
    Event("webhook_not_kept", "ERROR", "A delivery couldn't be stored; Shopify sends it again."),
    Event(
        "call_failed",
        "INFO",
        "A call to Cloudflare failed; `ray` is its id. A WARNING if nobody expected it.",
    ),
    Event("token_refused", "WARNING", "Cloudflare refuses a token; its zones are suspended."),
    Event("token_resumed", "WARNING", "Cloudflare accepts a token again; its zones are due."),
    Event("zone_suspended", "WARNING", "Cloudflare refuses a zone twice; it's checked again automatically."),
    Event("zone_resumed", "WARNING", "Cloudflare answers for a suspended zone again; it's due."),
    Event(
        "batch_withdrawn",
        "WARNING",
        "Zones of several tokens are refused the call that reads 33 settings; reading takes 48 calls a zone now.",
    ),
    Event("batch_restored", "WARNING", "The call that reads 33 settings is used again."),
    Event(
        "circuit_open",
        "WARNING",
        "A setting can't be changed with tokens of one kind; one change is tried every ten minutes.",
    ),
    Event("answer_held", "WARNING", "An answer would change too much at once; it's read again first."),
    Event("value_omitted", "WARNING", "An answer lacks values it should hold; they count as not read."),
    Event("feed_lost", "WARNING", "The audit log of an account can't be read; its zones are polled."),
    Event("clock_set_back", "WARNING", "The clock of a machine was set back."),
    Event("webhook_refused", "WARNING", "A delivery wasn't genuine."),
    Event(
        "webhook_ignored", "WARNING", "A delivery was older than the store's newest visit, or a repetition."
    ),
)


def table() -> str:
    """`docs/operations/metrics.md`."""
    lines = [
        "# Metrics and log events",
        "",
        "Written by `python -m cloudcache metrics` from the one list in `cloudcache/adapters/telemetry.py`.",
        "",
        "*Fleet* metrics are counted in the database, so every process tells the same: take the `max`. The others",
        "are of the process that tells them: take the `sum`. No label names a customer, a credential, or a store.",
        "",
        "| metric | kind | labels | whose | meaning |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(metric) for metric in (*METRICS, *AUDIT)]
    lines += [f"| `{name}` | | | process | of the process itself |" for name in STANDARD]
    lines += ["", "## Log events", "", "| `event` | level | meaning |", "|---|---|---|"]
    lines += [f"| `{one.name}` | {one.level} | {one.help} |" for one in EVENTS]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    whose = "fleet" if metric.is_fleet else "process"
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {whose} | {metric.help} |"
