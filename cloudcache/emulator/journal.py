"""The request log: what arrived, what was answered, which fault struck. It never holds a token."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One line. A connection that was refused has status 0; the token is named by its id."""

    at: float
    method: str
    path: str
    query: str
    token_id: str | None
    status: int
    body_size: int
    answer_size: int
    address: str
    fault: str | None
