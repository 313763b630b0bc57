"""A fresh database for each test, once on SQLite and once on a real Postgres, and two customers in it, or a house."""

from __future__ import annotations

from tests.support.databases import database_url, store
from tests.support.house import house
from tests.support.tenants import mine, other

__all__ = ["database_url", "house", "mine", "other", "store"]
