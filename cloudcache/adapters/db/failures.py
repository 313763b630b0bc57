"""What the database's drivers raise, told in one plain sentence: no statement, no value, no address, no password.

The sentence follows the result code (SQLite's name of it, Postgres's SQLSTATE), not the text of a message, which is
translated, reworded, and full of other people's values; only SQLite's "no such table" has no code. A broken
constraint passes through: only the caller knows what it means. So does what no database said: that is a mistake of
ours and wants its traceback.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cloudcache.domain.errors import StoreUnavailable


class TransactionConflict(StoreUnavailable):
    """Postgres undid the transaction in favor of another one; the whole transaction may be repeated."""


UPGRADE = "run: alembic upgrade head"

_READ_ONLY = "the database can't be written to (read-only)"
_LOCKED = "the database is locked by another program"
_FULL = "the disk that holds the database is full"
_NOT_MIGRATED = f"the database isn't at this program's migration; {UPGRADE}"
_DAMAGED = "the database file is damaged or not a database"
_CONFLICT = "another transaction was in the way each time; nothing was changed"
_STARTING = "the database is starting or shutting down"
_CUT = "the connection to the database was cut"

_SQLITE = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": "the database file can't be opened: it or its folder is missing, or access is denied",
    "SQLITE_FULL": _FULL,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_IOERR": "the disk that holds the database fails",
}
"""By the first two words of the result code's name: `SQLITE_READONLY_DIRECTORY` is read-only as well."""

_POSTGRES = {
    "08": _CUT,
    "25006": _READ_ONLY,
    "28": "the database refuses the user or the password",
    "3D000": "the server has no database with that name",
    "40001": _CONFLICT,
    "40P01": _CONFLICT,
    "42P01": _NOT_MIGRATED,
    "42703": _NOT_MIGRATED,
    "53100": _FULL,
    "53300": "the database has no connection left",
    "55P03": "another transaction holds what was requested for too long",
    "57014": "the database took too long",
    "57P": _STARTING,
}
"""By the SQLSTATE, or the beginning of it that says enough."""

_REPEATABLE = frozenset({"40001", "40P01"})
"""A serialization failure and a deadlock."""


@contextmanager
def told_plainly() -> Iterator[None]:
    """Whatever the database fails with in this block becomes `StoreUnavailable`; broken constraints pass."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout, sqlite3.Error, OSError) as error:
        failure = TransactionConflict if _may_be_repeated(error) else StoreUnavailable
        raise failure(plain_words(error)) from None


def plain_words(error: Exception) -> str:
    """The sentence for one failure."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    if isinstance(cause, PoolTimeout | TimeoutError):
        return "the database doesn't answer in time"
    if isinstance(cause, OSError):
        return "the database can't be reached"
    return _of_postgres(cause)


def _may_be_repeated(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _REPEATABLE


def _of_sqlite(error: sqlite3.Error) -> str:
    code = str(getattr(error, "sqlite_errorname", ""))  # absent when the driver, not the database, said no
    if code == "SQLITE_ERROR" and str(error).startswith("no such"):
        return _NOT_MIGRATED
    family = "_".join(code.split("_")[:2])
    return _SQLITE.get(family, f"the database failed ({code or type(error).__name__})")


def _of_postgres(error: BaseException) -> str:
    code = str(getattr(error, "sqlstate", None) or "")
    for length in (5, 3, 2):
        if code[:length] in _POSTGRES:
            return _POSTGRES[code[:length]]
    return f"the database failed ({code})" if code else _CUT
