"""Callbacks: the customer is called when an agent is reserved for him, and led to that agent.

Rules
  * Only Russian numbers are called, and no services that cost extra (``callable_number``); the dialplan's
    context ``outgoing`` is a second fence around the same numbers.
  * A customer who has answered is an ordinary call under the callback's id: what is still ordered for the
    callback (another agent, an end) reaches him as it reaches any waiting caller.
  * Every order PlaceCallback has exactly one end: the customer's session begins, or CallbackFailed, or the
    offer was withdrawn.
  * Wishes, tickets and other times: ``ivr.agi.callback_book``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from acd.contract import (
    CallbackFailed,
    CallbackGivenUp,
    CallLeft,
    Command,
    Distributor,
    KeptPlace,
    OfferCall,
    PlaceCallback,
    ReleaseCall,
    WithdrawOffer,
)
from desk.contract import CallbackDesk, Desk
from ivr.agi.callback_book import (
    CallbackBook,
    CallbackSettings,
    Local,
    OutcomeOf,
    Window,
    base_of,
    callable_number,
    values_of,
)
from ivr.agi.live import LiveCall
from ivr.dialog.contract import Value

CONTEXT, EXTENSION = "callback", "start"  # where a customer who answered enters the dialplan
ARRIVAL_TIMEOUT_S = 5.0  # from the answer to the customer's session
STOP_TIMEOUT_S = 2.0
MAX_ATTEMPTS = 200  # customers being rung by this node at once: each has an agent reserved

log = structlog.get_logger(__name__)


class CalledOut(Protocol):
    @property
    def outcome(self) -> str: ...


class SeenChannel(Protocol):
    @property
    def channel(self) -> str: ...


class Dialler(Protocol):
    """What is needed of ``acd.switch.switch.Switch``; every method may raise."""

    async def originate(
        self,
        destination: str,
        context: str,
        extension: str,
        *,
        ring_s: float,
        caller_number: str,
        variables: Mapping[str, str] | None,
    ) -> CalledOut: ...

    async def channels(self) -> Sequence[SeenChannel]: ...

    async def hang_up(self, channel: str, cause: int = 16) -> None: ...


@dataclass(slots=True, eq=False)
class Attempt:
    """A customer's telephone rings, or has just been answered."""

    order: PlaceCallback
    number: str = ""
    withdrawn: bool = False
    matter: Mapping[str, Value] = field(default_factory=dict)  # what he told us when he asked for it
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


def as_offer(order: PlaceCallback) -> OfferCall:
    """For a customer who is on the line: his agent is to be rung."""
    return OfferCall(
        order.offer_id,
        order.call_id,
        order.node,
        order.agent_id,
        order.endpoint,
        order.ring_ms,
        order.reasons,
        order.token,
    )


class Callbacks(CallbackBook):
    """This node's callbacks.

    window      number, wanted time (0: any), now -> from when until when he may be called, in Unix ms; None:
                there is no such time
    outcome_of  how the distributor says that a call ended: outcome and reason; None: not known
    local       number, time, now -> the time as that customer's clock shows it; None: it is not told
    """

    def __init__(
        self,
        settings: CallbackSettings,
        distributor: Distributor,
        desk: Desk,
        tickets: CallbackDesk,
        dialler: Dialler,
        window: Window,
        outcome_of: OutcomeOf,
        clock_ms: Callable[[], int],
        local: Local | None = None,
    ) -> None:
        super().__init__(settings, distributor, desk, tickets, window, outcome_of, clock_ms, local)
        self._dialler = dialler
        self._attempts: dict[str, Attempt] = {}  # by callback
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------------------------ orders
    def take(self, order: Command, call: LiveCall | None) -> Command | None:
        """An order from the distributor: what of it is for ``call``, the live call of that id; or nothing."""
        if isinstance(order, PlaceCallback):
            if call is not None:
                return as_offer(order)
            self._place(order)
            return None
        if isinstance(order, CallbackGivenUp):
            if call is not None:
                return ReleaseCall(order.call_id, order.node, "waited_too_long", order.token)
            self._spawn(self._given_up(order))
            return None
        attempt = self._attempts.get(order.call_id) if isinstance(order, WithdrawOffer) else None
        if attempt is not None and call is None:
            if isinstance(order, WithdrawOffer) and attempt.order.offer_id == order.offer_id:
                attempt.withdrawn = True
                self._spawn(self._stop(attempt))
            return None
        return order

    def _place(self, order: PlaceCallback) -> None:
        attempt = self._attempts.get(order.call_id)
        if attempt is not None:  # the telephone that rings was for an agent who is no longer reserved
            attempt.order, attempt.withdrawn = order, False
        elif len(self._attempts) >= MAX_ATTEMPTS:
            self._spawn(self._failed(order, "too_many"))
        else:
            attempt = self._attempts[order.call_id] = Attempt(order)
            self._spawn(self._perform(attempt))

    def expects(self, call_id: str) -> bool:
        """Whether a customer of this id has just been rung."""
        return call_id in self._attempts

    def arrived(self, call: LiveCall) -> None:
        """The customer has answered, his session begins: his agent is rung after the first words."""
        attempt = self._attempts.get(call.call_id)
        if attempt is None:
            return
        attempt.arrived.set()
        if not attempt.withdrawn:
            call.inbox.put(as_offer(attempt.order))

    def matter_of(self, call_id: str) -> Mapping[str, Value]:
        """What a customer who has just answered told us when he asked to be called."""
        attempt = self._attempts.get(call_id)
        return attempt.matter if attempt is not None else {}

    def taken(self, kept: KeptPlace | None, queue: str) -> bool:
        """Its customer has called himself and has the place now, if it is in the queue that he came to."""
        if kept is None or kept.queue != queue:
            return False
        self._spawn(self._settle(kept.callback_id, "closed", "called_again"))
        return True

    def being_made(self) -> set[str]:
        return {base_of(call_id) for call_id in self._attempts}

    async def withdraw(self, callback_id: str) -> None:
        attempt = self._attempts.get(callback_id)
        if attempt is not None:
            attempt.withdrawn = True
            await self._stop(attempt)

    async def _given_up(self, order: CallbackGivenUp) -> None:
        if order.reason != "too_late" or not await self.move(order.call_id, order.reason):
            await self._settle(order.call_id, "new", order.reason)

    # ------------------------------------------------------------------------------------ calling out
    async def _perform(self, attempt: Attempt) -> None:
        call_id = attempt.order.call_id
        try:
            while True:
                order = attempt.order
                reason = await self._reach(attempt)
                if not reason:
                    return
                if attempt.order is order:
                    break
            if reason == "closed" and await self.move(call_id, reason, end=True):
                return
            if not attempt.withdrawn:
                await self._failed(order, reason)
        finally:
            self._attempts.pop(call_id, None)

    async def _reach(self, attempt: Attempt) -> str:
        """Rings the customer; "" when he is on the line, otherwise why not."""
        order = attempt.order
        kept = await self._kept(order.call_id)
        number = callable_number(kept.number) if kept is not None else ""
        if kept is None or not number:
            return "no_number"
        if not kept.wanted:
            attempt.withdrawn = True  # a person has taken it up
            await self._distributor.report(CallLeft(order.call_id, "called_back", "taken_up"))
            return "taken_up"
        now_ms = self._clock_ms()
        window = self._window(number, 0, now_ms)
        if window is None or window[0] > now_ms:  # closed meanwhile, without notice
            return "closed"
        attempt.number, attempt.matter = number, values_of(kept.matter)
        if attempt.withdrawn:
            return "withdrawn"
        try:
            out = await self._dialler.originate(
                f"Local/{number}@outgoing/n",
                CONTEXT,
                EXTENSION,
                ring_s=(order.customer_ring_ms or order.ring_ms) / 1000,
                caller_number=self._settings.shown,
                variables={
                    "DOZVON_NODE_1": self._settings.address,
                    "DOZVON_DIALLED": self._settings.shown,
                    "DOZVON_CUSTOMER": number,
                    "DOZVON_LANGUAGE": kept.language or "ru",
                    "DOZVON_CALL_ID": order.call_id,
                    "DOZVON_FIRST_QUEUED_MS": str(kept.first_queued_ms or now_ms),
                    "DOZVON_TOPIC": kept.topic,
                },
            )
        except Exception as error:
            log.warning("a call out failed", action="callback_failed", call_id=order.call_id, why=repr(error))
            return "failed"
        if out.outcome != "answered":
            return out.outcome
        try:
            async with asyncio.timeout(ARRIVAL_TIMEOUT_S):
                await attempt.arrived.wait()
        except TimeoutError:
            return "hung_up"
        return ""

    async def _failed(self, order: PlaceCallback, reason: str) -> None:
        log.info(
            "a customer was not reached",
            action="callback_missed",
            call_id=order.call_id,
            attempt=order.attempt,
            reason=reason,
        )
        await self._distributor.report(CallbackFailed(order.offer_id, order.call_id, order.agent_id, reason))

    async def _stop(self, attempt: Attempt) -> None:
        """The agent is no longer reserved: the customer's telephone must not ring on for nobody."""
        if not attempt.number or attempt.arrived.is_set():
            return
        beginning = f"Local/{attempt.number}@outgoing-"
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                for seen in await self._dialler.channels():
                    if seen.channel.startswith(beginning) and seen.channel.endswith(";1"):
                        await self._dialler.hang_up(seen.channel)
        except Exception as error:
            log.warning("a telephone rings on", action="callback_rings_on", why=repr(error))

    async def stop(self) -> None:
        while self._tasks:  # once is not enough: a cancellation can be swallowed, see acd.tasks
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=0.2)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
