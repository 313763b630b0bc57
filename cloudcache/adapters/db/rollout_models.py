"""The tables of the way here: which shops are served already, and what the predecessor said of whom."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel


class RolloutRow(SQLModel, table=True):
    """The rule of one environment; `revision` rises with every change of it or of its named shops."""

    __tablename__ = "rollouts"
    __table_args__ = (CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),)

    environment: str = Field(primary_key=True, max_length=16)
    percent: int
    revision: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)


class RolloutShop(SQLModel, table=True):
    """A shop that is served, or waits, whatever the percentage says."""

    __tablename__ = "rollout_shops"

    shop: str = Field(primary_key=True, max_length=100)
    environment: str = Field(primary_key=True, max_length=16)
    is_served: bool
    named_at: int = Field(sa_type=BigInteger)


class KvImport(SQLModel, table=True):
    """What the predecessor's key said of a customer (`told`), what Cloudflare held then (`found`), and the change
    that brought the one in place of the other, if somebody asked for that."""

    __tablename__ = "kv_imports"

    customer_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    origin: str = Field(max_length=100)
    told: str = Field(max_length=3)
    found: str = Field(max_length=3)
    change_id: int | None = Field(default=None, sa_type=BigInteger)
    imported_at: int = Field(sa_type=BigInteger)


metadata = SQLModel.metadata
rollouts = metadata.tables["rollouts"]
rollout_shops = metadata.tables["rollout_shops"]
kv_imports = metadata.tables["kv_imports"]
