"""Orders for one node, each once, in order, and none of an engine that no longer leads.

Rules
  * An order repeated (the same order, caused by the same entry) is dropped; so is one whose token is
    older than the newest seen, and an offer that has lain longer than it may ring.
  * An offer for a call that this node does not know is held back while the node is young (a caller whom a
    restarted daemon takes back may come a moment after the offer); later the call is reported as gone, so
    that no agent is kept for nobody.
  * Orders about chats are passed over: nothing rings for them, the state says it all.
  * The inbox is bounded. When nobody takes orders the oldest go: they are the ones that ran out.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog

from acd.contract import Command, OfferCall, PlaceCallback, WithdrawOffer
from acd.journal.codec import Undecodable, decode_command
from acd.journal.link import Backoff, JournalError
from acd.journal.stream import Entry, Journal

INBOX: Final = 1_000
REMEMBERED: Final = 4_096
LOOK_BACK_MS: Final = 20_000  # a daemon that restarts finds offers made while it was away
YOUNG_MS: Final = 5_000

log = structlog.get_logger(__name__)


class Orders:
    """Reads ``commands:NODE``. ``knows`` and ``is_gone`` speak of calls at this node; None: do not ask."""

    def __init__(
        self,
        journal: Journal,
        node: str,
        *,
        now_ms: Callable[[], int],
        knows: Callable[[str], bool] | None = None,
        is_gone: Callable[[str], bool] | None = None,
        on_unknown: Callable[[OfferCall], None] | None = None,
    ) -> None:
        self._journal = journal
        self._node = node
        self._now_ms = now_ms
        self._knows = knows
        self._is_gone = is_gone or (lambda call_id: False)
        self._on_unknown = on_unknown
        self._inbox: deque[Command] = deque(maxlen=INBOX)
        self._filled = asyncio.Event()
        self._held: dict[str, tuple[OfferCall, int]] = {}
        self._seen: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._newest_token = 0
        self._born_ms = now_ms()
        self.counts: Counter[str] = Counter()

    def __aiter__(self) -> AsyncIterator[Command]:
        return self

    async def __anext__(self) -> Command:
        """The next order. Not a generator: whoever stops waiting for one may go on later."""
        while not self._inbox:
            self._filled.clear()
            await self._filled.wait()
        return self._inbox.popleft()

    async def run(self, synced: asyncio.Event) -> None:
        """Reads for ever; begins when the service first knows Redis' clock."""
        await synced.wait()
        after = f"{self._now_ms() - LOOK_BACK_MS}-0"
        backoff = Backoff()
        while True:
            try:
                entries = await self._journal.read_commands(self._node, after)
                backoff.reset()
            except JournalError:
                await asyncio.sleep(backoff.pause_s())
                after = min(after, f"{self._now_ms() - LOOK_BACK_MS}-0")  # ids may have begun anew
                continue
            for entry in entries:
                self.take(entry)
                after = entry.id
            self._review()

    # ---------------------------------------------------------------------------------------------------
    def take(self, entry: Entry) -> None:
        """One record of the stream: into the inbox, held back, or dropped and counted."""
        try:
            command = decode_command(entry.data)
        except Undecodable as error:
            self._drop(f"undecodable_{error.reason}", entry.id)
            return
        key = (entry.source, type(command).__name__, _subject(command))
        if key in self._seen:
            self._drop("repeated", entry.id)
            return
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        token = getattr(command, "token", 0)
        if token < self._newest_token:
            self._drop("stale_token", entry.id)
            return
        self._newest_token = token
        self._admit(command, entry.time_ms)

    def _admit(self, command: Command, made_ms: int) -> None:
        if getattr(command, "channel", "voice") == "chat":
            return
        if isinstance(command, OfferCall):
            if self._now_ms() - made_ms > command.ring_ms:
                self._drop("ran_out", command.offer_id)
                return
            if self._knows is not None and not self._knows(command.call_id):
                self._stranger(command, made_ms)
                return
        elif isinstance(command, PlaceCallback):
            if self._now_ms() - made_ms > command.customer_ring_ms + command.ring_ms:
                self._drop("ran_out", command.offer_id)  # nobody is reserved for him any more
                return
        elif isinstance(command, WithdrawOffer):
            held = self._held.get(command.call_id)
            if held is not None and held[0].offer_id == command.offer_id:
                del self._held[command.call_id]
                return
        if len(self._inbox) == INBOX:
            self._drop("inbox_full", "")
        self._inbox.append(command)
        self._filled.set()

    def _stranger(self, offer: OfferCall, made_ms: int) -> None:
        if self._is_gone(offer.call_id):
            self._drop("call_gone", offer.offer_id)
        elif self._now_ms() - self._born_ms < YOUNG_MS:
            self._held[offer.call_id] = (offer, made_ms)
        elif self._on_unknown is not None:
            self._drop("call_unknown", offer.offer_id)
            self._on_unknown(offer)

    def call_known(self, call_id: str) -> None:
        """The call has been reported here: an offer held for it goes on."""
        held = self._held.pop(call_id, None)
        if held is not None:
            self._admit(*held)

    def _review(self) -> None:
        if self._held and self._now_ms() - self._born_ms >= YOUNG_MS:
            held, self._held = self._held, {}
            for offer, made_ms in held.values():
                self._admit(offer, made_ms)

    def _drop(self, why: str, what: str) -> None:
        self.counts[why] += 1
        log.info("order dropped", action="order_drop", why=why, node=self._node, what=what)


def _subject(command: Command) -> str:
    """What tells orders of one kind apart that one entry has caused: a Tick may wake many callbacks."""
    return str(getattr(command, "offer_id", "") or getattr(command, "call_id", ""))
