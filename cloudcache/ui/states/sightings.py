"""What a look at the store's own pages showed, as the rows say it: one character per setting that can be seen there.

y seen    n not seen    u unclear    empty when the store was not looked at
"""

from __future__ import annotations

from cloudcache.domain.ids import ToggleId
from cloudcache.domain.storefront import PROVABLE, Outcome, StorefrontCheck
from cloudcache.ui.states import rows
from cloudcache.ui.states.filtering import Filtering

PLACE: dict[ToggleId, int] = {toggle: place for place, toggle in enumerate(PROVABLE)}
WAITING, TOO_SOON = "waiting", "too_soon"


class Sightings(Filtering):
    """Shows the last check of the storefront in one tab; a part of the grid's state without handlers."""

    sighted: str
    sight_problem: str

    def _show_sightings(self, check: StorefrontCheck | None) -> None:
        sighted = rows.seconds(check.at) if check else ""
        if self.sight_problem in (WAITING, TOO_SOON) and sighted == self.sighted:
            return  # what this tab asked for has not come yet
        self._set("sighted", sighted)
        self._set(
            "sight_problem", "" if check is None or check.outcome is Outcome.OK else check.outcome.value
        )
        seen = "".join((check.of(one) or "u") for one in PROVABLE) if check and check.seen else ""
        self._set("sightings", seen)

    def _is_headless(self) -> bool:
        return self.sight_problem == Outcome.HEADLESS

    def _show_looking(self, is_begun: bool) -> None:
        """Say in this tab that the store is being looked at, or was a moment ago."""
        self._set("sight_problem", WAITING if is_begun else TOO_SOON)
