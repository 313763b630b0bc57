"""How a snapshot of a customer becomes what one tab shows: only what differs is assigned, for that is what travels.

A part of the grid's state without handlers; `grid.py` has the variables, and what a click does.
"""

from __future__ import annotations

from cloudcache.domain.catalog import TOGGLES, Toggle, Topology, ZonePlan, find
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.toggle import Cell
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states import rows
from cloudcache.ui.states.filtering import LOOK
from cloudcache.ui.states.sightings import Sightings

_STATUS = {
    ZoneStatus.ACTIVE: "l",
    ZoneStatus.TOKEN_REFUSED: "r",
    ZoneStatus.GONE: "g",
    ZoneStatus.DISCONNECTED: "n",
}


def _may_unlock(cell: Cell) -> bool:
    """Whether what was read of a row can lock or unlock its switch."""
    return cell.editable is not None or find(cell.toggle).depends_on_zone


class Showing(Sightings):
    """Shows snapshots, outcomes and failures in the rows and at the head of the page."""

    def _apply(self, page: Page, now: int, progress: tuple[int, int] | None) -> None:
        """Show a snapshot; one older than what is shown is dropped, and a part of another history, which could leave
        rows of the former one. Also called by the live updates."""
        if page.customer.id != self._customer or self._has_other_history(page.customer):
            return
        if page.customer.zone_id != self._zone:
            self._show_another_zone(page.customer)
        first = not self._revision
        counted = first or page.cells or page.customer.topology.value != self.topology
        words = {} if first else dict(self.words)
        shown = [rows.UNREAD] * len(TOGGLES) if first else self._rows()
        for toggle, cell in page.cells.items():
            row, text = rows.row_and_word(cell, now)
            self._announce(toggle, row, text)
            shown[rows.NUMBER[toggle]] = row
            words.pop(toggle, None)
            if text:
                words[toggle] = text
        for number in range(len(TOGGLES)) if first else [rows.NUMBER[toggle] for toggle in page.cells]:
            self._set(f"r{number}", shown[number])
        self._revision, self._epoch = page.customer.revision, page.customer.epoch
        self._set("words", words)
        if first:
            self._set("clock", rows.seconds(now))
        if first or any(_may_unlock(cell) for cell in page.cells.values()):
            self._set("locks", self._locks(page, first))
        self._set_customer(page.customer, progress)
        if counted:
            self._count(shown)

    def _has_other_history(self, head: Customer) -> bool:
        """Whether the database this was read from is behind what is shown, or another one."""
        is_other = self._revision > 0 and head.epoch != self._epoch
        return is_other or head.revision < self._revision

    def _show_another_zone(self, customer: Customer) -> None:
        """Nothing that was shown of the former zone is true of this one, nor what was clicked there."""
        self._zone, self._revision, self._clicked = customer.zone_id, 0, []
        self._set("asking", "")

    def _take(self, page: Page, now: int, progress: tuple[int, int] | None, *, waits: bool) -> None:
        """The feed hands over a snapshot, and whether the rollout lets the shop wait; staff look all the same."""
        if page.customer.id != self._customer:
            return
        if waits and not self.reads_only:
            self._hold_back()
            return
        self._set("waits", waits)
        self._apply(page, now, progress)

    def _show_unavailable(self) -> None:
        """The database does not answer: nothing on the page can be trusted to be current, or changed."""
        if self.status in ("", "l", "w", "r", "g", "n"):
            self._set("status", "d")

    def _hold_back(self) -> None:
        """The rollout does not serve this shop: nothing of it is shown, and all is read anew when it is."""
        if self.status == "h":
            return
        self._revision = 0
        self._set_rows([""] * len(TOGGLES))
        self._set("words", {})
        self._set("asking", "")
        self._set("support", current().support_address or "")
        self._set("status", "h")

    def _set_customer(self, customer: Customer, progress: tuple[int, int] | None) -> None:
        """The head of the page, the status and the counts; only what differs is sent."""
        status = _STATUS[customer.status]
        if status == "l" and customer.silent_since is not None:
            status = "w"
        self._set("shop", customer.shop)
        self._set("domain", customer.zone_name)
        self._set("plan", customer.plan.title)
        self._set("topology", customer.topology.value)
        self._set("status", status)
        limited_until = current().attention.limited_until(customer) if status == "l" else None
        self._limited_until = limited_until or rows.FOREVER
        self._set("limited", rows.seconds(limited_until) if limited_until else "")
        self._set("silent", rows.seconds(customer.silent_since) if customer.silent_since else "")
        checked = rows.seconds(customer.full_read_at) if customer.full_read_at else ""
        if checked != self.checked:
            self._set("check_again", "")
        self._set("checked", checked)
        self._set("unread", rows.seconds(customer.unread_at) if customer.unread_at else "")
        self._set("followed", rows.followed(customer))
        self._show_sightings(customer.storefront)
        self._set_progress(customer, progress)

    def _set_progress(self, customer: Customer, progress: tuple[int, int] | None) -> None:
        """Shown for a first read and for one that was asked for; the read every minute stays quiet."""
        wanted = self._asked or customer.full_read_at is None
        self._set("progress", list(progress) if progress and wanted else [])
        self._asked = self._asked and (progress is not None or not self.progress)

    def _count(self, shown: list[str]) -> None:
        self._set("tally", rows.tally(shown, Topology(self.topology)))
        self._set("reviewable", any(rows.is_reviewable(row) for row in shown))
        if self.chip == LOOK:
            self._filter(self.chip, self.query)

    def _locks(self, page: Page, first: bool) -> str:
        """Cloudflare's word on what may be edited changes rarely; unseen toggles keep what they had."""
        new = rows.locks(page.customer, page.cells)
        if first:
            return new
        pairs = zip(TOGGLES, self.locks, new, strict=True)
        return "".join(now if toggle.id in page.cells else before for toggle, before, now in pairs)

    def _announce(self, toggle_id: str, row: str, word: str) -> None:
        """Say the outcome of a change made in this tab, once, to screen readers."""
        if toggle_id not in self._clicked or row[0] in "pPqQ":
            return
        self._clicked = [one for one in self._clicked if one != toggle_id]
        title = find(toggle_id).title_on(ZonePlan.named(self.plan))
        if row[0] in "fF":
            self.said = wording.rows.not_changed(title, word.split("\n")[0])
        elif row[0] in "cCrR":
            self.said = wording.rows.settled(title, rows.is_on(row), word)

    def _fail(self, toggle: Toggle, before: str, why: str, headline: str = "") -> None:
        """Say in the row what could not be done, and why; the headline is for what is no plain flip."""
        self._show(toggle, rows.not_stored(rows.is_on(before), current().clock.now_ms()))
        self.words = {**self.words, toggle.id: f"{why}\n{headline}" if headline else why}
        self._forget_press(toggle)
        self.said = wording.rows.not_changed(toggle.title_on(ZonePlan.named(self.plan)), why)
        self._count(self._rows())

    def _note_press(self, toggle: Toggle) -> None:
        """Remember that the next outcome in this row is of a press in this tab."""
        self._clicked = [*self._clicked[-20:], toggle.id]

    def _forget_press(self, toggle: Toggle) -> None:
        """Nothing more comes of the press in this row."""
        self._clicked = [one for one in self._clicked if one != toggle.id]

    def _note_attempt(self, toggle: Toggle, what: str) -> None:
        """Remember what was asked of this row last: should it not be stored, a retry does it again."""
        self._attempts = {**self._attempts, toggle.id: what}

    def _repeated(self, toggle: Toggle) -> str:
        """Return what a retry does: what this tab could not store, else the stored change once more."""
        is_not_stored = rows.is_not_stored(self._row(toggle))
        return self._attempts.get(toggle.id, "flip") if is_not_stored else "retry"

    def _show(self, toggle: Toggle, row: str) -> None:
        self._set(f"r{rows.NUMBER[toggle.id]}", row)

    def _right_until(self) -> int:
        """When something shown ages by itself, in Unix milliseconds."""
        return min(rows.right_until(self._rows(), dict(self.words)), self._limited_until)
