"""The card with the store's API tokens."""

from __future__ import annotations

API_TOKENS_UNAVAILABLE = "We can’t load your API tokens right now. We’ll keep trying."
SCRIPTS = "API tokens"
SCRIPTS_TEXT = "Use these tokens to read or change your settings through the REST API."
SCRIPT_MADE = "Copy this token now. You won’t be able to see it again."
NO_SCRIPTS = "No API tokens yet."
MAKE = "Create token"
REVOKE = "Revoke"
NAME = "Name"
PERMISSION = "Permission"
SCOPES = {"read": "Read only", "write": "Read and write"}
ENDS_IN = "Ends in"
CREATED = "created"
USED = "last used"
NEVER_USED = "never used"
DOCS = "View API docs"
