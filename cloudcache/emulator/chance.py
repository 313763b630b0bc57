"""Chance that can be repeated: a number between 0 and 1 that follows from a seed and a text."""

from __future__ import annotations

from hashlib import blake2b


def share(seed: int, text: str) -> float:
    """The same number for the same seed and text, evenly spread over [0, 1)."""
    digest = blake2b(f"{seed}/{text}".encode(), digest_size=8).digest()
    # The upper 53 bits are what a float holds exactly; all 64 could round up to 1.
    return (int.from_bytes(digest, "big") >> 11) / 2**53
