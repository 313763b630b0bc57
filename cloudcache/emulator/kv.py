"""The KV namespaces of the accounts. Nothing of them outlives the process: no call of ours writes any."""

from __future__ import annotations

from collections.abc import Mapping


class KvBook:
    """Namespaces by account and id, each with its keys."""

    def __init__(self) -> None:
        self._namespaces: dict[tuple[str, str], dict[str, bytes]] = {}

    def put(self, account_id: str, namespace_id: str, values: Mapping[str, str]) -> None:
        """Gives a namespace these values, beside those that it has; one that is not there yet is made."""
        held = self._namespaces.setdefault((account_id, namespace_id), {})
        held |= {key: value.encode() for key, value in values.items()}

    def namespace(self, account_id: str, namespace_id: str) -> Mapping[str, bytes] | None:
        """What a namespace holds; None when the account has none of that id."""
        return self._namespaces.get((account_id, namespace_id))
