"""The tables of who may do what, and of what was done: shops, staff, tokens for scripts, the audit chain.

`shops` is the installation of the app, which comes before a zone does and outlives none of its erasure.
`audit_log` is append-only (triggers) and chained by hash, one chain per customer and chain 0 for what belongs to
nobody. What could name a person is in `personal`, of which the hash covers only a salted digest: an erasure order
empties it and the chain still proves that nothing else was touched.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

SHA256_HEX = 64


class ShopRow(SQLModel, table=True):
    """One installation. The Shopify tokens are sealed; `lease_until` is the lock under which they are refreshed.

    `last_seen_at` is the newest proof, by Shopify's clock, that the app is in use. Older installations have none:
    there `installed_at` counts."""

    __tablename__ = "shops"
    __table_args__ = (
        Index(
            "ix_shops_erase_at",
            "erase_at",
            sqlite_where=text("erase_at IS NOT NULL"),
            postgresql_where=text("erase_at IS NOT NULL"),
        ),
    )

    shop: str = Field(primary_key=True, max_length=100)
    number: int | None = Field(default=None, sa_type=BigInteger)
    status: str = Field(max_length=16)
    installed_at: int = Field(sa_type=BigInteger)
    uninstalled_at: int | None = Field(default=None, sa_type=BigInteger)
    erase_at: int | None = Field(default=None, sa_type=BigInteger)
    access_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    refresh_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    access_until: int | None = Field(default=None, sa_type=BigInteger)
    refresh_until: int | None = Field(default=None, sa_type=BigInteger)
    scopes: str = Field(default="", max_length=255)
    domains: str = Field(default="[]")
    domains_at: int | None = Field(default=None, sa_type=BigInteger)
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: int | None = Field(default=None, sa_type=BigInteger)
    last_seen_at: int | None = Field(default=None, sa_type=BigInteger)


class WebhookReceipt(SQLModel, table=True):
    """A delivery that was answered: known again for 30 days, and work to do until `done_at`. `triggered_at` is when
    Shopify says that it happened, if that could be read."""

    __tablename__ = "webhook_receipts"
    __table_args__ = (
        Index(
            "ix_webhook_receipts_open",
            "received_at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        Index("ix_webhook_receipts_received_at", "received_at"),
    )

    delivery: str = Field(primary_key=True, max_length=100)
    topic: str = Field(max_length=40)
    shop: str = Field(max_length=100)
    received_at: int = Field(sa_type=BigInteger)
    done_at: int | None = Field(default=None, sa_type=BigInteger)
    triggered_at: int | None = Field(default=None, sa_type=BigInteger)


class AuditRow(SQLModel, table=True):
    """One link of a chain."""

    __tablename__ = "audit_log"

    chain: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    actor_kind: str = Field(max_length=16)
    action: str = Field(max_length=40)
    outcome: str = Field(max_length=40)
    toggle_id: str = Field(default="", max_length=40)
    change_id: int | None = Field(default=None, sa_type=BigInteger)
    personal: str | None = None
    personal_digest: str = Field(max_length=SHA256_HEX)
    previous: str = Field(max_length=SHA256_HEX)
    hash: str = Field(max_length=SHA256_HEX)


class AuditHead(SQLModel, table=True):
    """The last link of each chain; taking the next number is the chain's lock."""

    __tablename__ = "audit_heads"

    chain: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    hash: str = Field(max_length=SHA256_HEX)


class ApiTokenRow(SQLModel, table=True):
    """A shop's token for scripts; only its digest is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_customer_id", "customer_id"),)

    token_id: str = Field(primary_key=True, max_length=32)
    customer_id: int = Field(sa_type=BigInteger)
    name: str = Field(max_length=60)
    scope: str = Field(max_length=8)
    digest: str = Field(unique=True, max_length=SHA256_HEX)
    last_four: str = Field(max_length=4)
    created_by: str = Field(max_length=255)
    created_at: int = Field(sa_type=BigInteger)
    last_used_at: int | None = Field(default=None, sa_type=BigInteger)
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)


class AnswerRow(SQLModel, table=True):
    """What an `Idempotency-Key` was answered with; without an answer yet it is being worked on."""

    __tablename__ = "api_answers"
    __table_args__ = (Index("ix_api_answers_created_at", "created_at"),)

    customer_id: int = Field(primary_key=True, sa_type=BigInteger)
    key: str = Field(primary_key=True, max_length=80)
    digest: str = Field(max_length=SHA256_HEX)
    status: int | None = None
    answer: str | None = None
    created_at: int = Field(sa_type=BigInteger)


class StaffRow(SQLModel, table=True):
    """A person of the support staff; no row and no setting means no access."""

    __tablename__ = "staff"

    staff_id: str = Field(primary_key=True, max_length=255)
    role: str = Field(max_length=16)
    created_at: int = Field(sa_type=BigInteger)


class StaffView(SQLModel, table=True):
    """A look at a customer by staff: why, and until when."""

    __tablename__ = "staff_views"
    __table_args__ = (Index("ix_staff_views_customer_id", "customer_id"),)

    view_id: str = Field(primary_key=True, max_length=32)
    staff_id: str = Field(max_length=255)
    customer_id: int = Field(sa_type=BigInteger)
    reason: str = Field(max_length=200)
    started_at: int = Field(sa_type=BigInteger)
    ends_at: int = Field(sa_type=BigInteger)
    ended_at: int | None = Field(default=None, sa_type=BigInteger)


class Erasure(SQLModel, table=True):
    """An order to erase what happened with a customer `until` then, and the anonymous receipt that it was done."""

    __tablename__ = "erasures"

    customer_id: int = Field(primary_key=True, sa_type=BigInteger)
    ordered_by: str = Field(max_length=40)
    at: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)
    rows: int = Field(default=0, sa_type=BigInteger)


metadata = SQLModel.metadata
shops = metadata.tables["shops"]
receipts = metadata.tables["webhook_receipts"]
audit_log = metadata.tables["audit_log"]
audit_heads = metadata.tables["audit_heads"]
api_tokens = metadata.tables["api_tokens"]
answers = metadata.tables["api_answers"]
staff = metadata.tables["staff"]
staff_views = metadata.tables["staff_views"]
erasures = metadata.tables["erasures"]
