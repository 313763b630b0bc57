"""The card with the store's API tokens."""

from __future__ import annotations

SCRIPTS = "Tokens for scripts"
SCRIPTS_TEXT = "For programs that read or change your settings through the REST API."
SCRIPT_MADE = "Copy it now; it is not shown again."
NO_SCRIPTS = "No token yet."
MAKE = "Make a token"
REVOKE = "Revoke"
