"""What a press in a row does: stores a change, undoes one, tries again, cancels, asks first.

A part of the grid's state without handlers; `grid.py` has the handlers and `showing.py` what a row then shows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from secrets import token_hex

from cloudcache.domain.access import Actor
from cloudcache.domain.catalog import Confirmation, State, Toggle, Topology
from cloudcache.domain.customers import Page
from cloudcache.domain.errors import (
    CloudcacheError,
    NeedsConfirmation,
    NotAllowed,
    NotFound,
    NotRolledOut,
    Refused,
    StoreUnavailable,
)
from cloudcache.domain.events import Change
from cloudcache.domain.ids import CustomerId
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states import rows
from cloudcache.ui.states.arguments import own_customer
from cloudcache.ui.states.questions import asked
from cloudcache.ui.states.session import may_write
from cloudcache.ui.states.showing import Showing

log = logging.getLogger("cloudcache.ui")

Act = Callable[[], Awaitable[object]]
_REQUEST = re.compile(r"[0-9a-f]{32}")


class RowActions(Showing):
    """Carries out the presses of one tab, and shows in the row what went wrong."""

    async def _may_write(self, toggle: Toggle, token: str) -> bool:
        """Each write brings a token of its own, and there are only so many a minute."""
        if not may_write(self, token):
            self._fail(toggle, self._row(toggle), wording.problems.SIGNED_OUT_SLOT)
            return False
        if (await current().limits.hit("write", str(self._customer))).is_exceeded:
            self._fail(toggle, self._row(toggle), wording.rows.TOO_MANY)
            return False
        return True

    def _flipping(
        self,
        actor: Actor,
        toggle: Toggle,
        on: bool,
        request: str,
        *,
        confirmed: bool = False,
        for_an_hour: bool = False,
    ) -> Act:
        return lambda: current().toggles.flip(
            actor,
            own_customer(actor),
            toggle.id,
            on,
            request_id=request,
            confirmed=confirmed,
            for_an_hour=for_an_hour,
        )

    def _taking_back(self, actor: Actor, toggle: Toggle, on: bool, request: str) -> Act:
        """Turn back what waits to be sent: usually nothing is left to do then."""

        async def work() -> Change | None:
            if await current().toggles.take_back(actor, own_customer(actor), toggle.id, on):
                return None
            flip = self._flipping(actor, toggle, on, request)
            change = await flip()
            return change if isinstance(change, Change) else None

        return work

    def _reverting(
        self, actor: Actor, toggle: Toggle, on: bool, request: str, *, confirmed: bool = False
    ) -> Act:
        """Undo a change made elsewhere; the journal knows which way, so `on` is not used."""
        return lambda: current().toggles.revert(
            actor, own_customer(actor), toggle.id, request_id=request, confirmed=confirmed
        )

    def _question(self, toggle: Toggle, on: bool) -> Confirmation | None:
        """What is asked before this press, as the page knows the store."""
        topology, turned_on = Topology(self.topology), self._turned_on()
        return toggle.asks(topology, State.of(on), turned_on, is_headless=self._is_headless())

    def _ask(self, toggle: Toggle, *, on: bool, reverts: bool = False) -> None:
        """Open the dialog, which remembers what is to be confirmed."""
        self.asking, self.wrong, self._confirms_revert = asked(toggle, on), False, reverts

    async def _store(self, actor: Actor, toggle: Toggle, before: str, work: Act) -> None:
        """Store the change; what goes wrong is shown in the row, with the switch back where it was before."""
        self._note_press(toggle)
        try:
            change = await work()
        except NeedsConfirmation as needed:
            self._forget_press(toggle)
            self._ask(toggle, on=needed.on, reverts=self._confirms_revert)
            self._show(toggle, before)
        except Refused as refusal:
            self._fail(toggle, before, wording.reasons.reason(refusal.reason.value, refusal.detail))
            return
        except NotRolledOut:
            self._hold_back()
            return
        except (StoreUnavailable, NotFound, NotAllowed) as error:
            log.error("a flip of %s was not stored: %s", toggle.id, error)
            self._fail(toggle, before, wording.rows.NOT_KEPT_HERE)
            return
        else:
            if isinstance(change, Change) and not change.is_open:
                self._revision = (
                    0  # a press sent again: its change is over, and no row is newer than what is shown
                )
        await self._read(actor)

    async def _act(self, actor: Actor, customer: CustomerId, what: str, toggle: Toggle, request: str) -> None:
        toggles = current().toggles
        acts: dict[str, Act] = {
            "retry": lambda: toggles.retry(actor, customer, toggle.id, request_id=request),
            "revert": self._reverting(actor, toggle, True, request),
            "cancel": lambda: toggles.cancel(actor, customer, toggle.id),
            "check": lambda: toggles.check(actor, customer, toggle.id),
            "storefront": lambda: self._check_storefront(actor, customer),
            "flip": self._flipping(actor, toggle, not rows.is_on(self._row(toggle)), request),
        }
        if what not in acts:
            return
        self._note_press(toggle)
        try:
            await acts[what]()
        except NeedsConfirmation as needed:
            self._forget_press(toggle)
            self._ask(toggle, on=needed.on, reverts=what == "revert")
        except Refused as refusal:
            why = wording.reasons.reason(refusal.reason.value, refusal.detail)
            self._fail(toggle, self._row(toggle), why, self._failed(toggle, what))
        except NotRolledOut:
            self._hold_back()
        except CloudcacheError as error:
            log.info("%s of %s: %s", what, toggle.id, error)
            self._show_failed_action(toggle, what, error)

    async def _attend(self, actor: Actor, customer: CustomerId, page: Page | None) -> None:
        """The page opened: have old values read, and the merchant's own storefront looked at."""
        await current().attention.opened(actor, customer, page)
        if not self.reads_only:
            await current().storefront.opened(actor, customer)

    async def _check_storefront(self, actor: Actor, customer: CustomerId) -> None:
        self._show_looking(await current().storefront.check(actor, customer))

    def _show_failed_action(self, toggle: Toggle, what: str, error: CloudcacheError) -> None:
        """Say in the row what could not be done; a row that has changed meanwhile is shown anew instead."""
        if isinstance(error, NotFound) and what != "check":
            self._forget_press(toggle)
            self._revision = 0
            return
        why = wording.rows.NOT_CHECKED if what == "check" else wording.rows.NOT_KEPT_HERE
        self._fail(toggle, self._row(toggle), why, self._failed(toggle, what))

    def _failed(self, toggle: Toggle, what: str) -> str:
        """The headline of an action that failed; nothing where it was to turn the switch."""
        row = self._row(toggle)
        if what == "check":
            return wording.rows.ON if rows.is_on(row) else wording.rows.OFF
        if what == "cancel":
            return wording.rows.NOT_CANCELED
        return wording.rows.NOT_CHANGED_BACK if what == "revert" and rows.is_finer(row) else ""

    def _acknowledge(self, request: object) -> str:
        """Tell the browser that this press has arrived; its request ID, or a new one where it brought none."""
        if not isinstance(request, str) or not _REQUEST.fullmatch(request):
            return token_hex(16)
        self.acknowledged = request
        return request

    def _paused(self, toggle: Toggle) -> bool:
        """Whether the switch was shown as one that cannot be turned: nobody can want the opposite of what is not
        known."""
        locked = self.locks[rows.NUMBER[toggle.id]] != "-"
        is_known = rows.is_known(self._row(toggle))
        return (
            not self._customer or self.reads_only or self.status not in ("l", "w") or locked or not is_known
        )

    def _is_shop(self, typed: object) -> bool:
        name = typed.strip().lower() if isinstance(typed, str) else ""
        return name in (self.shop, self.shop.removesuffix(".myshopify.com"))
