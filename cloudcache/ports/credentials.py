"""Sealed tokens: kept, sealed anew, renewed by one process at a time, and found by the token that they hold."""

from __future__ import annotations

from typing import Protocol

from cloudcache.domain.ids import CredentialId, CustomerId


class SealedTokens(Protocol):
    """The part of the store that keeps credentials. A token in the clear never reaches it."""

    async def replace_sealed(self, credential: CredentialId, before: bytes, after: bytes) -> bool:
        """Seal anew; False when it was replaced meanwhile."""
        ...

    async def lock_credential(self, credential: CredentialId, *, owner: str, now: int, until: int) -> bool:
        """Whether this process may renew it now; nobody else may until it is kept, unlocked, or the time is over."""
        ...

    async def keep_renewed(self, credential: CredentialId, sealed: bytes, *, owner: str) -> bool:
        """Keep what renewing gave and end the lock; False when the lock was lost or the credential deleted. What was
        sealed anew meanwhile is replaced all the same: its tokens are spent."""
        ...

    async def unlock_credential(self, credential: CredentialId, *, owner: str) -> None:
        """End the lock without anything new."""
        ...

    async def across_tenants_sealed(self, limit: int, after: str = "") -> list[tuple[CredentialId, bytes]]:
        """Sealed tokens in rising order of their ids."""
        ...

    async def use_credential(
        self,
        customer: CustomerId,
        credential: CredentialId,
        *,
        now: int,
        sealed: bytes | None = None,
        token_id: CredentialId | None = None,
    ) -> None:
        """This customer's calls are made with that token from now on; its zone is connected and due at once. A token
        that is not kept yet comes `sealed`, and is kept only together with this."""
        ...

    async def add_credential(
        self,
        credential: CredentialId,
        sealed: bytes,
        kind: str,
        *,
        now: int,
        token_id: CredentialId | None = None,
    ) -> None:
        """Keep a sealed token; its id, if it is not known yet, is learned when the token is opened."""
        ...

    async def first_key(self, name: str, sealed: bytes) -> bytes:
        """Keep a sealed key of the program unless there is one of this name; returns the one that is kept."""
        ...

    async def replace_key(self, name: str, before: bytes, after: bytes) -> bool:
        """Replace a sealed key; False when it was replaced meanwhile."""
        ...

    async def record_of(self, subject: str) -> CredentialId:
        """The record with this id, or one that holds the token with this id; `NotFound` if there is none."""
        ...

    async def keep_token_id(self, credential: CredentialId, token_id: CredentialId) -> None:
        """Keep the id of a record's token: what concerns the token concerns every record with the same."""
        ...

    async def forget_waiting(self, before: int) -> int:
        """Delete sealed tokens that waited since before then for a click that never came; returns how many."""
        ...

    async def sealed_token(self, credential: CredentialId) -> bytes:
        """The sealed token; `NotFound` if there is none."""
        ...
