"""The ids of the domain, as distinct types: a zone's id cannot be passed where a customer's is meant."""

from __future__ import annotations

from typing import NewType, TypeAlias

CustomerId = NewType("CustomerId", int)
CredentialId = NewType("CredentialId", str)
ZoneId = NewType("ZoneId", str)
ToggleId = NewType("ToggleId", str)
ChangeId = NewType("ChangeId", int)

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
"""A value as it travels to and from Cloudflare."""
