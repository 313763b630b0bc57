"""The tables. Times are Unix milliseconds in BIGINT columns; wire values are JSON text.

`customer_zones` is the work queue as well: one row a zone, so a zone cannot be queued twice.
`customer_toggles` keeps the 50 rows of a customer side by side (on SQLite it has no rowid, so the primary key is
the table), which is why a page out of 5,000,000 rows is read in two milliseconds.
`changes` is the journal: intents, outcomes, and what was seen to change elsewhere. Its id only rises, and it
refers to nothing, so that it outlives what it tells of. What is open is found by two partial indexes that stay
small however long the journal grows; they are used only where a query says `status = 'pending'` literally.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite numbers rows by itself only where the key's type is exactly INTEGER.
RisingId = BigInteger().with_variant(Integer(), "sqlite")


class Credential(SQLModel, table=True):
    """A sealed token; the plain one is nowhere."""

    __tablename__ = "credentials"

    credential_id: str = Field(primary_key=True, max_length=64)
    sealed: bytes = Field(sa_type=LargeBinary)
    kind: str = Field(max_length=16)
    status: str = Field(default="active", max_length=16)
    blocked_until: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)


class Account(SQLModel, table=True):
    """A Cloudflare account, and how far its change feed was read."""

    __tablename__ = "accounts"

    account_id: str = Field(primary_key=True, max_length=64)
    name: str = Field(default="", max_length=255)
    feed_cursor: str | None = Field(default=None, max_length=512)
    feed_verified_until: int | None = Field(default=None, sa_type=BigInteger)


class CustomerZone(SQLModel, table=True):
    """A customer with its zone; `revision` rises with every transaction that touches the customer."""

    __tablename__ = "customer_zones"
    __table_args__ = (
        Index("ix_customer_zones_sync_due_at", "sync_due_at"),
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
    status: str = Field(default="active", max_length=16)
    credential_id: str | None = Field(default=None, foreign_key="credentials.credential_id", max_length=64)
    revision: int = Field(default=0, sa_type=BigInteger)
    full_read_at: int | None = Field(default=None, sa_type=BigInteger)
    silent_since: int | None = Field(default=None, sa_type=BigInteger)
    sync_due_at: int | None = Field(default=None, sa_type=BigInteger)
    priority: int = Field(default=0)
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: int | None = Field(default=None, sa_type=BigInteger)
    failures: int = Field(default=0)
    last_viewed_at: int | None = Field(default=None, sa_type=BigInteger)
    last_error: str = Field(default="", max_length=255)
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)


class CustomerToggle(SQLModel, table=True):
    """What was last seen of one toggle. Without a value yet, `state` is null.

    `revision` is the customer's revision of the row's last change of any kind, `value_revision` that at which
    its value was established, `updated_at` when it last became another value; `change_id` is its newest change.
    """

    __tablename__ = "customer_toggles"
    __table_args__ = (
        CheckConstraint("state IN ('on', 'off')", name="state"),
        Index("ix_customer_toggles_last_synced_at", "last_synced_at"),
        {"sqlite_with_rowid": False},
    )

    customer_id: int = Field(primary_key=True, sa_type=BigInteger)
    toggle_id: str = Field(primary_key=True, max_length=40)
    state: str | None = Field(default=None, max_length=3)
    value: str | None = None
    last_synced_at: int | None = Field(default=None, sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)
    confirmed_by: str = Field(default="read", max_length=8)
    editable: bool | None = None
    modified_on: str | None = Field(default=None, max_length=40)
    ends_at: int | None = Field(default=None, sa_type=BigInteger)
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
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: int | None = Field(default=None, sa_type=BigInteger)


metadata = SQLModel.metadata
zones = metadata.tables["customer_zones"]
toggles = metadata.tables["customer_toggles"]
changes = metadata.tables["changes"]
credentials = metadata.tables["credentials"]
accounts = metadata.tables["accounts"]
