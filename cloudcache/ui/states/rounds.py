"""Everybody once in a while, a few at a time.

A burst of ten thousand looks every half minute would make each click in it wait for a second; the same looks in
thirty slices, one a second, are felt by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Round(Generic[T]):
    """Deals everybody out over so many turns; who comes meanwhile is dealt in the next round."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self._turn = 0
        self._left: list[T] = []

    @property
    def is_over(self) -> bool:
        """Whether the next turn begins a new round."""
        return self._turn == 0

    def turn(self, everybody: Collection[T]) -> Sequence[T]:
        """Whose turn it is now."""
        if self.is_over:
            self._left = list(everybody)
        share = -(-len(self._left) // (self._turns - self._turn))
        taken, self._left = self._left[:share], self._left[share:]
        self._turn = (self._turn + 1) % self._turns
        return taken
