"""How the store's own pages are fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cloudcache.domain.storefront import Answer


class NotPublic(Exception):
    """The name has no address, or one that is not of the public internet."""


class Unreachable(Exception):
    """There was no answer in time, or no valid certificate."""


class Storefront(Protocol):
    """Fetches pages of a store, without cookies and without following anything."""

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """GET an https address; the text is cut after 1 MB. `NotPublic` before anything is sent, or `Unreachable`."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...
