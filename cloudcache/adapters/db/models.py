"""The tables. Times are Unix milliseconds in BIGINT columns; wire values are JSON text.

`customer_zones` is the work queue as well: one row a zone, so a zone cannot be queued twice. Its two partial indexes
hold the connected zones by urgency and due time, those on the platform's token apart from those with their own:
else a hundred thousand zones that wait for one token would stand before everybody else's.
`accounts` is the queue of the change feeds in the same way, and `feed_entries` their lines of the last day.
`customer_toggles` keeps the 50 rows of a customer side by side (on SQLite it has no rowid, so the primary key is
the table), which is why a page out of 5,000,000 rows is read in two milliseconds. On Postgres its pages are made
half full and no B-tree is on the time of the last look, so that a look that found nothing new moves no row.
`changes` is the journal: intents, outcomes, and what was seen to change elsewhere. Its id only rises, and it
refers to nothing, so that it outlives what it tells of. What is open is found by two partial indexes that stay
small however long the journal grows; they are used only where a query says `status = 'pending'` literally.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMES

# SQLite numbers rows by itself only where the key's type is exactly INTEGER.
RisingId = BigInteger().with_variant(Integer(), "sqlite")


class Credential(SQLModel, table=True):
    """A sealed token; the plain one is nowhere. Who renews it holds the lease."""

    __tablename__ = "credentials"
    __table_args__ = (Index("ix_credentials_token_id", "token_id"),)

    credential_id: str = Field(primary_key=True, max_length=64)
    token_id: str | None = Field(default=None, max_length=64)
    """A keyed hash of the token, the same in every record that holds it; learned when it is opened."""
    sealed: bytes = Field(sa_type=LargeBinary)
    kind: str = Field(max_length=16)
    status: str = Field(default="active", max_length=16)
    blocked_until: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: int | None = Field(default=None, sa_type=BigInteger)


class SealedKey(SQLModel, table=True):
    """A key of the program's own, sealed like a token, so that it outlives the secret keys."""

    __tablename__ = "sealed_keys"

    name: str = Field(primary_key=True, max_length=64)
    sealed: bytes = Field(sa_type=LargeBinary)


class Account(SQLModel, table=True):
    """A Cloudflare account, and how far its audit log was read. The times of that (`feed_since`, `feed_before`,
    `feed_verified_until`, `feed_deep_at`) are Cloudflare's, and `clock_offset_ms` is what our clock was ahead of them
    then. Each lease has a `lease_number` of its own."""

    __tablename__ = "accounts"

    account_id: str = Field(primary_key=True, max_length=64)
    name: str = Field(default="", max_length=255)
    __table_args__ = (Index("ix_accounts_feed_due_at", "feed_due_at"),)

    credential_id: str | None = Field(default=None, max_length=64)
    feed_cursor: str | None = None
    feed_verified_until: int | None = Field(default=None, sa_type=BigInteger)
    feed_status: str = Field(default="new", max_length=16)
    feed_version: str = Field(default="v2", max_length=4)
    feed_since: int | None = Field(default=None, sa_type=BigInteger)
    feed_before: int | None = Field(default=None, sa_type=BigInteger)
    feed_lateness_ms: int = Field(default=0, sa_type=BigInteger)
    feed_deep_at: int = Field(default=0, sa_type=BigInteger)
    feed_due_at: int = Field(default=0, sa_type=BigInteger)
    feed_lease_owner: str | None = Field(default=None, max_length=64)
    feed_lease_until: int | None = Field(default=None, sa_type=BigInteger)
    lease_number: int = Field(default=0, sa_type=BigInteger)
    clock_offset_ms: int = Field(default=0, sa_type=BigInteger)
    feed_failures: int = Field(default=0)
    feed_error: str = Field(default="", max_length=255)
    active_at: int | None = Field(default=None, sa_type=BigInteger)
    watched_until: int | None = Field(default=None, sa_type=BigInteger)


class FeedEntry(SQLModel, table=True):
    """A line of an account's audit log that names settings of a zone of ours. `toggles` are their ids with blanks
    between, `*` for all. It is open until they were read, and kept for a day: so it is known when it comes again.
    With `change_id` it tells of that change of ours, and names what else the change can have altered."""

    __tablename__ = "feed_entries"
    __table_args__ = (
        UniqueConstraint("account_id", "entry_id"),
        Index(
            "ix_feed_entries_open",
            "customer_id",
            sqlite_where=text("is_open"),
            postgresql_where=text("is_open"),
        ),
        Index("ix_feed_entries_first_seen_at", "first_seen_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=RisingId)
    account_id: str = Field(max_length=64)
    entry_id: str = Field(max_length=80)
    customer_id: int | None = Field(default=None, sa_type=BigInteger)
    change_id: int | None = Field(default=None, sa_type=BigInteger)
    toggles: str
    person: str = Field(max_length=255)
    at: int = Field(sa_type=BigInteger)
    first_seen_at: int = Field(sa_type=BigInteger)
    is_open: bool


class CustomerZone(SQLModel, table=True):
    """A customer with its zone; `revision` rises with every transaction that touches the customer, `generation`
    whenever the zone is added to the queue. `verdicts` is what each toggle did for the shop when the way its
    `hostname` takes was last looked at, `missing` the permissions that its token was found not to have. Each lease
    has a `lease_number` of its own. `unread_toggles` are those that the whole read begun at `unread_at` left unread,
    and `unread_due_at` is when they are tried again."""

    __tablename__ = "customer_zones"
    __table_args__ = (
        Index(
            "ix_customer_zones_due_platform",
            "priority",
            "sync_due_at",
            sqlite_where=text("status = 'active' AND credential_id IS NULL"),
            postgresql_where=text("status = 'active' AND credential_id IS NULL"),
        ),
        Index(
            "ix_customer_zones_due_own",
            "priority",
            "sync_due_at",
            sqlite_where=text("status = 'active' AND credential_id IS NOT NULL"),
            postgresql_where=text("status = 'active' AND credential_id IS NOT NULL"),
        ),
        Index("ix_customer_zones_zone_name", "zone_name"),
        Index("ix_customer_zones_account_id", "account_id", "customer_id"),
        Index("ix_customer_zones_credential_id", "credential_id", "customer_id"),
        Index(
            "ix_customer_zones_lease_owner",
            "lease_owner",
            sqlite_where=text("lease_owner IS NOT NULL"),
            postgresql_where=text("lease_owner IS NOT NULL"),
        ),
        Index(
            "ix_customer_zones_full_read_at",
            "full_read_at",
            "customer_id",
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        {"sqlite_autoincrement": True},  # an id is never given again, for the journal would name another shop
    )

    customer_id: int | None = Field(default=None, primary_key=True, sa_type=RisingId)
    shop: str = Field(unique=True, max_length=100)
    zone_id: str = Field(unique=True, max_length=32)
    zone_name: str = Field(max_length=255)
    account_id: str = Field(default="", max_length=64)
    plan: str = Field(max_length=16)
    topology: str = Field(max_length=16)
    hostname: str = Field(default="", max_length=255)
    topology_at: int | None = Field(default=None, sa_type=BigInteger)
    verdicts: str = Field(default="{}")
    missing: str = Field(default="", max_length=255)
    status: str = Field(default="active", max_length=16)
    credential_id: str | None = Field(default=None, foreign_key="credentials.credential_id", max_length=64)
    revision: int = Field(default=0, sa_type=BigInteger)
    full_read_at: int | None = Field(default=None, sa_type=BigInteger)
    silent_since: int | None = Field(default=None, sa_type=BigInteger)
    sync_due_at: int | None = Field(default=0, sa_type=BigInteger)
    priority: int = Field(default=0)
    generation: int = Field(default=0, sa_type=BigInteger)
    watched_until: int | None = Field(default=None, sa_type=BigInteger)
    changed_at: int | None = Field(default=None, sa_type=BigInteger)
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: int | None = Field(default=None, sa_type=BigInteger)
    lease_number: int = Field(default=0, sa_type=BigInteger)
    failures: int = Field(default=0)
    unread_toggles: str = Field(default="")
    unread_at: int | None = Field(default=None, sa_type=BigInteger)
    unread_due_at: int | None = Field(default=None, sa_type=BigInteger)
    storefront_tried_at: int | None = Field(default=None, sa_type=BigInteger)
    storefront: str = Field(default="", sa_column_kwargs={"server_default": ""})
    last_viewed_at: int | None = Field(default=None, sa_type=BigInteger)
    last_error: str = Field(default="", max_length=255)
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)


class SuspensionRow(SQLModel, table=True):
    """When a suspended zone or token is examined again. `subject` is its customer's id, or its credential's (the
    platform's token: `platform`)."""

    __tablename__ = "suspensions"
    __table_args__ = (Index("ix_suspensions_due_at", "due_at"),)

    kind: str = Field(primary_key=True, max_length=8)
    subject: str = Field(primary_key=True, max_length=64)
    since: int = Field(sa_type=BigInteger)
    attempts: int
    due_at: int = Field(sa_type=BigInteger)


class BatchRefusalRow(SQLModel, table=True):
    """A customer whose zone was refused the batch read, with the credential in use (or `platform`)."""

    __tablename__ = "batch_refusals"

    customer_id: int = Field(primary_key=True, sa_type=BigInteger)
    credential_id: str = Field(max_length=64)
    refused_at: int = Field(sa_type=BigInteger)


class CustomerToggle(SQLModel, table=True):
    """What was last seen of one toggle. Without a value yet, `state` is null.

    `revision` is the customer's revision of the row's last change of any kind, `value_revision` that at which
    its value was established, `updated_at` when it last became another value; `change_id` is its newest change.
    `cloudflare_at` is when the value was read at the earliest, by Cloudflare's clock.
    `absent_at` is when Cloudflare was last seen not to have the setting for this zone, `omitted_at` when an answer
    left its value out or held none that can be used; the next value that is read clears both.
    """

    __tablename__ = "customer_toggles"
    __table_args__ = (
        CheckConstraint("state IN ('on', 'off')", name="state"),
        Index("ix_customer_toggles_last_synced_at", "last_synced_at", postgresql_using="brin"),
        {"sqlite_with_rowid": False},
    )

    customer_id: int = Field(primary_key=True, sa_type=BigInteger)
    toggle_id: str = Field(primary_key=True, max_length=40)
    state: str | None = Field(default=None, max_length=3)
    value: str | None = None
    last_synced_at: int | None = Field(default=None, sa_type=BigInteger)
    cloudflare_at: int | None = Field(default=None, sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)
    confirmed_by: str = Field(default="read", max_length=8)
    editable: bool | None = None
    modified_on: str | None = Field(default=None, max_length=40)
    ends_at: int | None = Field(default=None, sa_type=BigInteger)
    absent_at: int | None = Field(default=None, sa_type=BigInteger)
    omitted_at: int | None = Field(default=None, sa_type=BigInteger)
    last_on: str | None = None
    last_off: str | None = None
    revision: int = Field(default=0, sa_type=BigInteger)
    value_revision: int = Field(default=0, sa_type=BigInteger)
    change_id: int | None = Field(default=None, sa_type=BigInteger)


class ChangeRow(SQLModel, table=True):
    """One line of the journal."""

    __tablename__ = "changes"
    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'applied', 'failed', 'superseded', 'observed')", name="status"
        ),
        UniqueConstraint("customer_id", "request_id"),
        Index("ix_changes_customer_id_id", "customer_id", "id"),
        Index("ix_changes_customer_id_toggle_id_id", "customer_id", "toggle_id", "id"),
        Index(
            "ix_changes_pending",
            "customer_id",
            "toggle_id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_changes_pending_lease_until",
            "lease_until",
            "id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_changes_observed",
            "requested_at",
            sqlite_where=text("status = 'observed'"),
            postgresql_where=text("status = 'observed'"),
        ),
        Index(
            "ix_changes_ray_id",
            "ray_id",
            sqlite_where=text("ray_id <> ''"),
            postgresql_where=text("ray_id <> ''"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=RisingId)
    customer_id: int = Field(sa_type=BigInteger)
    toggle_id: str = Field(max_length=40)
    from_state: str | None = Field(default=None, max_length=3)
    from_value: str | None = None
    to_state: str = Field(max_length=3)
    to_value: str
    actor_kind: str = Field(max_length=16)
    actor_id: str = Field(max_length=255)
    source: str = Field(max_length=16)
    status: str = Field(max_length=16)
    request_id: str = Field(max_length=80)
    requested_at: int = Field(sa_type=BigInteger)
    sent_at: int | None = Field(default=None, sa_type=BigInteger)
    eta_at: int | None = Field(default=None, sa_type=BigInteger)
    settled_at: int | None = Field(default=None, sa_type=BigInteger)
    seen_at: int | None = Field(default=None, sa_type=BigInteger)
    error: str = Field(default="", max_length=40)
    detail: str = Field(default="", max_length=255)
    ray_id: str = Field(default="", max_length=64)
    calls: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    ends_at: int | None = Field(default=None, sa_type=BigInteger)
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: int | None = Field(default=None, sa_type=BigInteger)


class CircuitBreakerRow(SQLModel, table=True):
    """How often a setting could lately not be changed with tokens of one kind, and whether it is tried at all.

    `zones` counts the zones it happened to, as far as two in a row differed; `last_zone` is a digest of the last."""

    __tablename__ = "circuit_breakers"

    token_kind: str = Field(primary_key=True, max_length=16)
    setting_id: str = Field(primary_key=True, max_length=60)
    failures: int
    zones: int
    last_zone: str = Field(max_length=16)
    failed_at: int = Field(sa_type=BigInteger)
    opened_at: int | None = Field(default=None, sa_type=BigInteger)
    next_try_at: int | None = Field(default=None, sa_type=BigInteger)


from cloudcache.adapters.db import access_models as access_models  # noqa: E402  named by the same convention
from cloudcache.adapters.db import rollout_models as rollout_models  # noqa: E402

metadata = SQLModel.metadata
zones = metadata.tables["customer_zones"]
toggles = metadata.tables["customer_toggles"]
changes = metadata.tables["changes"]
credentials = metadata.tables["credentials"]
accounts = metadata.tables["accounts"]
entries = metadata.tables["feed_entries"]
suspensions = metadata.tables["suspensions"]
batch_refusals = metadata.tables["batch_refusals"]
circuit_breakers = metadata.tables["circuit_breakers"]
sealed_keys = metadata.tables["sealed_keys"]
