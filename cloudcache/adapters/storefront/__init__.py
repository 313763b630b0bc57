"""The public pages of a store."""
