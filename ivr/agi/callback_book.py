"""The book of callbacks: wishes become a ticket and a fact in the journal, and come to one end together.

Rules
  * The journal knows a callback by its id; the number lies encrypted at the desk, in the ticket of that id.
  * The ticket always tells the truth: ``waiting`` while we are to call, ``closed`` when he was reached or
    does not want it any more, ``new`` when a person has to take it up.
  * A time that was missed or is closed by now is moved to the next that is allowed, ``MAX_MOVES`` times;
    every move has an id of its own (``ID.1``), and stands in the ticket.
  * What the journal has lost is asked for again from the ticket: a restart of everything loses no callback.
  * Who asks for a callback while he has one has one: with the place of the old, whose ticket is closed.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from acd.contract import CallbackRequested, CallLeft, Distributor, KeptPlace
from desk.contract import CallbackDesk, Desk, Interaction, KeptCallback, TicketStatus
from ivr.agi.live import LiveCall
from ivr.dialog.contract import KeptBefore, RequestCallback, Value
from ivr.dialog.identifiers import calling_number, phone_number
from ivr.dialog.ports import Appointment

MARK = "-cb-"  # in the id of every callback
DESK_TIMEOUT_S = 3.0
ASK_TIMEOUT_S = 0.3  # the caller hears nothing meanwhile
REVIEW_S = 20.0
MAX_NUMBERS = 2_000
MAX_MOVES = 5
MAX_RESTORED = 3
CANCELLED = "cancelled"
AWAY = object()  # what a desk says that does not answer
RESTORED_WITHIN_MS = 86_400_000  # after his time: later a person decides
# Geographic (3xx, 4xx, 81x to 87x) and mobile (9xx) codes. Not 80x (free and premium services), not 6xx
# and 7xx (Kazakhstan), and with that nothing that begins like the international prefix 8-10.
_CALLABLE = re.compile(r"7(?:[349]\d\d|8[1-7]\d)\d{7}", re.ASCII)

log = structlog.get_logger(__name__)

Window = Callable[[str, int, int], tuple[int, int] | None]
OutcomeOf = Callable[[str], tuple[str, str] | None]
Local = Callable[[str, int, int], Appointment]


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """``address`` is where Asterisk reaches this daemon's FastAGI port, ``shown`` what the customer sees."""

    node: str
    address: str
    shown: str


def callable_number(number: str) -> str:
    """The number as 7XXXXXXXXXX, "" when we do not call it."""
    digits = phone_number(calling_number(number))
    return digits if _CALLABLE.fullmatch(digits) else ""


def is_callback(call_id: str) -> bool:
    return MARK in call_id


def base_of(call_id: str) -> str:
    """The ticket's id of a callback: without the number of its move, and of its calls to the queue."""
    head, mark, tail = call_id.partition(MARK)
    return head + mark + re.split(r"[.~]", tail, maxsplit=1)[0]


def moved_id(base: str, moves: int) -> str:
    return f"{base}.{moves}" if moves else base


class CallbackBook:
    """This node's wishes, tickets and reviews; see ``ivr.agi.callbacks`` for the arguments."""

    def __init__(
        self,
        settings: CallbackSettings,
        distributor: Distributor,
        desk: Desk,
        tickets: CallbackDesk,
        window: Window,
        outcome_of: OutcomeOf,
        clock_ms: Callable[[], int],
        local: Local | None = None,
    ) -> None:
        self._settings = settings
        self._distributor = distributor
        self._desk = desk
        self._tickets = tickets
        self._window = window
        self._outcome_of = outcome_of
        self._clock_ms = clock_ms
        self._local = local
        self._numbers: OrderedDict[str, KeptCallback] = OrderedDict()  # for a desk that is away just then
        self._missing: set[str] = set()
        self._restored: Counter[str] = Counter()

    # -------------------------------------------------------------------------------------- the wish
    def plan(self, call: LiveCall, action: RequestCallback) -> CallbackRequested | None:
        """What to report when this caller wants to be called; None: no number or time for it."""
        waiting = call.waiting
        wish = self.wish(
            f"{self._settings.node}{MARK}{secrets.token_hex(8)}",
            action.number,
            action.at_ms,
            queue=waiting.queue if waiting else action.queue,
            topic=(waiting.topic if waiting else action.topic) or call.topic,
            language=(waiting.language if waiting else action.language) or call.language,
            # By the number that he calls from: it is he who may call again.
            caller_ref=self._desk.caller_ref(call.caller_number),
        )
        if wish is None:
            return None
        if waiting is not None:
            wish = replace(
                wish,
                call_id=call.call_id,
                caller_ref=waiting.caller_ref or wish.caller_ref,
                min_level=waiting.min_level,
                first_queued_ms=waiting.first_queued_ms,
                # At his turn he keeps his place, also when the centre opens only later.
                due_ms=wish.due_ms if action.at_ms else 0,
            )
        before = call.kept if call.kept is not None and call.kept.queue == wish.queue else None
        kept = self._another_of(wish) or before
        return wish if kept is None else self._in_place_of(kept, wish, bool(action.at_ms))

    def _in_place_of(self, kept: KeptPlace, wish: CallbackRequested, chosen: bool) -> CallbackRequested:
        """The better of both places, if he has not ``chosen`` a time: nobody gains one by asking twice."""
        wish = replace(wish, topic=wish.topic or kept.topic)
        place_ms = min(kept.first_queued_ms, wish.due_ms or wish.first_queued_ms)
        if chosen:
            return wish
        later = place_ms > self._clock_ms()
        return replace(wish, due_ms=place_ms) if later else replace(wish, due_ms=0, first_queued_ms=place_ms)

    def _another_of(self, wish: CallbackRequested | KeptCallback) -> KeptPlace | None:
        """Another callback that the distributor has for this customer, to the same queue."""
        kept = self._distributor.kept_place(wish.caller_ref) if wish.caller_ref else None
        if kept is None or not kept.callback_id or kept.queue != wish.queue:
            return None
        return kept if base_of(kept.callback_id) != base_of(wish.callback_id) else None

    async def matter_so_far(self, wish: CallbackRequested) -> dict[str, Value]:
        """What he told us when he asked for the callback that this one replaces, of the same topic."""
        old = self._another_of(wish)
        kept = await self._kept(old.callback_id) if old is not None else None
        return values_of(kept.matter) if kept is not None and kept.topic == wish.topic else {}

    def wish(
        self,
        callback_id: str,
        number: str,
        at_ms: int,
        *,
        queue: str,
        topic: str,
        language: str,
        caller_ref: str,
    ) -> CallbackRequested | None:
        """A callback of somebody who does not wait, at his turn or from ``at_ms`` on; None: not possible."""
        number, now_ms = callable_number(number), self._clock_ms()
        window = self._window(number, at_ms, now_ms) if number else None
        if window is None:
            return None
        begin_ms, end_ms = window
        later_ms = begin_ms if begin_ms > now_ms else 0
        return CallbackRequested(
            callback_id=callback_id,
            call_id="",
            node=self._settings.node,
            queue=queue,
            topic=topic,
            language=language,
            caller_ref=caller_ref or self._desk.caller_ref(number),
            not_before_ms=later_ms,
            not_after_ms=end_ms,
            first_queued_ms=now_ms,
            due_ms=later_ms,
        )

    async def agree(
        self, wish: CallbackRequested, number: str, matter: dict[str, Value] | None = None
    ) -> None:
        """The ticket of this callback is written: we shall call."""
        base = base_of(wish.callback_id)
        self._numbers[base] = KeptCallback(
            base,
            callable_number(number),
            wish.topic,
            wish.language,
            wish.first_queued_ms,
            due_ms=wish.due_ms,
            queue=wish.queue,
            min_level=wish.min_level,
            caller_ref=wish.caller_ref,
            matter=dict(matter or {}),
        )
        if len(self._numbers) > MAX_NUMBERS:
            self._numbers.popitem(last=False)
        old = self._another_of(wish)  # ends in the engine by the same report
        await self._distributor.report(wish)
        log.info("a caller will be called back", action="callback_planned", call_id=wish.callback_id)
        await self._settle(base, "waiting", "planned")
        if old is not None:
            await self._settle(old.callback_id, "closed", "asked_again")

    async def cancel(self, callback_id: str) -> bool:
        """He does not want it any more; False when there was none, or a person has taken it up.

        Also False when the desk is away: he is not called all the same, and the review closes his ticket. It
        is then cancelled under the id given, unless it is known here.
        """
        base = base_of(callback_id)
        found = await self._ask("found", self._tickets.find(base), AWAY)
        kept = found if isinstance(found, KeptCallback) else self._numbers.get(base)
        nothing_to_cancel = found is not AWAY if kept is None else not kept.wanted
        if nothing_to_cancel:
            return False
        current = moved_id(base, kept.moves) if kept is not None else callback_id
        await self._distributor.report(CallLeft(current, "abandoned", CANCELLED))
        await self.withdraw(current)
        return bool(await self._settle(base, "closed", CANCELLED))

    async def withdraw(self, callback_id: str) -> None:
        """Nobody is to be rung for this callback any more."""

    # ------------------------------------------------------------------------------- who calls again
    async def remembered(self, caller_number: str) -> tuple[KeptBefore | None, KeptPlace | None]:
        """What is kept for a caller who calls again, and the callback, if it is one."""
        kept = self._distributor.kept_place(self._desk.caller_ref(caller_number)) if caller_number else None
        if kept is None:
            return None, None
        if not kept.callback_id:
            return KeptBefore("dropped"), None
        found: KeptCallback | None = self._numbers.get(base_of(kept.callback_id))
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                found = await self._tickets.find(base_of(kept.callback_id)) or found
        except Exception as error:
            log.warning("a callback is not known now", action="callback_desk_failed", why=repr(error))
        due = kept.due_ms and self._local and self._local(caller_number, kept.due_ms, self._clock_ms())
        matter = values_of(found.matter) if found is not None else {}
        before = KeptBefore("callback", kept.topic, kept.place, due or None, matter)
        return before, kept

    async def once_more(self, kept: KeptPlace, caller_number: str) -> RequestCallback:
        """What a customer wants whose callback ended because he called himself, and who gave up waiting."""
        found = await self._kept(kept.callback_id)
        return RequestCallback(
            found.number if found is not None else caller_number,
            kept.due_ms,
            queue=kept.queue,
            topic=kept.topic,
            language=found.language if found is not None else "",
            min_level=found.min_level if found is not None else 1,
            notes=values_of(found.matter) if found is not None else {},
        )

    # ------------------------------------------------------------------------------ another time
    async def move(self, callback_id: str, why: str, *, end: bool = False) -> bool:
        """To the next time that is allowed; False: a person has to take it up. ``end``: it still waits."""
        base, now_ms = base_of(callback_id), self._clock_ms()
        kept = await self._kept(base)
        if kept is None or not kept.wanted or kept.moves >= MAX_MOVES:
            return False
        wish = self._again(replace(kept, moves=kept.moves + 1), now_ms)
        if wish is None:
            return False
        self._numbers[base] = replace(kept, moves=kept.moves + 1)
        begin_ms = wish.not_before_ms or now_ms
        await self._ask("moved", self._tickets.move(base, kept.moves + 1, begin_ms, why))
        if end:
            await self._distributor.report(CallLeft(callback_id, "failed", "moved"))
        await self._distributor.report(wish)
        log.info("a callback is moved", action="callback_moved", call_id=wish.callback_id, why=why)
        return True

    def _again(self, kept: KeptCallback, now_ms: int) -> CallbackRequested | None:
        """The fact that asks for a kept callback once more, from its own time or the next that is allowed."""
        wish = self.wish(
            moved_id(kept.callback_id, kept.moves),
            kept.number,
            kept.due_ms,
            queue=kept.queue,
            topic=kept.topic,
            language=kept.language,
            caller_ref=kept.caller_ref,
        )
        if wish is None or wish.due_ms:
            return wish
        place_ms = min(now_ms, kept.due_ms or kept.first_queued_ms or now_ms)
        return replace(wish, min_level=kept.min_level, first_queued_ms=place_ms)

    # ------------------------------------------------------------------------------------ tickets
    async def finished(self, summary: Interaction) -> None:
        """A call is over: a callback's ticket learns how."""
        if not is_callback(summary.call_id):
            return
        if not summary.queued_ms:  # gone at the first words: his agent must not wait for him
            await self._distributor.report(CallLeft(summary.call_id, "abandoned", "hung_up"))
        reached = summary.answered_ms > 0 or summary.outcome in ("called_back", "transferred")
        await self._settle(base_of(summary.call_id), "closed" if reached else "new", summary.outcome)

    async def _kept(self, callback_id: str) -> KeptCallback | None:
        base = base_of(callback_id)
        found = await self._ask("found", self._tickets.find(base))
        return found or self._numbers.get(base)

    async def _settle(self, callback_id: str, status: TicketStatus, result: str) -> Any:
        base = base_of(callback_id)
        if status != "waiting":
            self._numbers.pop(base, None)
        return await self._ask("settled", self._tickets.settle(base, status, result))

    async def _ask(self, what: str, work: Awaitable[Any], otherwise: Any = None) -> Any:
        """The desk's answer, ``otherwise`` when it has none now."""
        try:
            async with asyncio.timeout(DESK_TIMEOUT_S):
                return await work
        except Exception as error:
            log.warning("a callback was not " + what, action="callback_desk_failed", why=repr(error))
            return otherwise

    async def review(self) -> None:
        """Until cancelled: tickets of callbacks that the distributor no longer has learn what became of them.

        Such are those whose customer called himself, and those that were lost with journal and daemon.
        """
        while True:
            await asyncio.sleep(REVIEW_S)
            await self.review_once()

    async def review_once(self) -> None:
        """A callback is looked at the second time that it is missing: the journal may be on its way."""
        if not self._distributor.connected:
            return
        pending = await self._ask("listed", self._tickets.pending()) or ()
        held = {base_of(call.call_id) for call in self._distributor.snapshot().calls}
        held |= self.being_made()
        missing = {each for each in pending if each not in held}
        for callback_id in missing & self._missing:
            await self._found_missing(callback_id)
        self._missing = missing

    def being_made(self) -> set[str]:
        """Callbacks whose customers are being rung."""
        return set()

    async def _found_missing(self, base: str) -> None:
        kept = await self._kept(base)
        current = moved_id(base, kept.moves if kept is not None else 0)
        ended = self._outcome_of(current)
        if ended is None and kept is not None and self._another_of(kept) is not None:
            ended = ("transferred", "asked_again")  # it was lost, and he has asked again
        if ended is None and kept is not None and await self._restore(kept):
            return
        if (
            ended is not None
            and ended[1] in ("moved", "callback_too_late")
            and await self.move(current, "missed")
        ):
            return
        outcome, reason = ended or ("", "lost")
        over = reason == CANCELLED or outcome in ("answered", "transferred", "called_back")
        await self._settle(base, "closed" if over else "new", reason or outcome)

    async def _restore(self, kept: KeptCallback) -> bool:
        """Asks again for a callback that the journal has lost."""
        now_ms = self._clock_ms()
        since_ms = max(kept.due_ms, kept.first_queued_ms)
        self._restored[kept.callback_id] += 1
        wish = self._again(kept, now_ms) if kept.wanted else None
        too_often = self._restored[kept.callback_id] > MAX_RESTORED
        if wish is None or too_often or now_ms - since_ms > RESTORED_WITHIN_MS:
            del self._restored[kept.callback_id]
            return False
        log.warning(
            "a lost callback is asked for again", action="callback_restored", call_id=wish.callback_id
        )
        await self._distributor.report(wish)
        return True


def values_of(matter: Any) -> dict[str, Value]:
    """What a dialogue can keep of a ticket's fields."""
    return {str(name): value for name, value in matter.items() if isinstance(value, str | int | bool)}
