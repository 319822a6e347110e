"""A caller's time in the queue: music, announcements, offers, the conversation.

Rules
  * Whatever a waiting caller hears or is asked, an offer for him interrupts it at once.
  * Who speaks when an announcement falls due is heard to the end.
  * Every offer has exactly one report: accepted, declined, timed out, unreachable; or none, when it was
    withdrawn or the caller left (then CallLeft says it).
  * An offer that fails takes the caller back to what was interrupted; his place is the engine's affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from acd.contract import (
    AgentUnreachable,
    CallEnded,
    CallLeft,
    CallQueued,
    Command,
    OfferAccepted,
    OfferCall,
    OfferDeclined,
    OfferTimedOut,
    Outcome,
    ReleaseCall,
    WithdrawOffer,
)
from ivr.agi.channel import CallerHungUp, Channel, DialResult
from ivr.agi.holding import Music, News
from ivr.agi.listening import LONGEST_SPEECH_S, Listener
from ivr.agi.live import LiveCall, LiveCalls, Ring
from ivr.agi.ports import House
from ivr.agi.racing import race, settled
from ivr.agi.speaking import Speaker
from ivr.dialog.contract import ConversationEnded, Digits, Enqueue, Hold, Input, QueueReleased, Waited

DIAL_OPTIONS = "g{music}U(acd-whisper)"
MIN_HOLD_MS = 200  # a dialogue that asks for less would spin
WAIT_STEP_MS = 2_000  # how often a waiting call looks whether the journal is reachable
STOP_RINGING_TIMEOUT_S = 2.0

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Waiting:
    """One caller and the queue."""

    def __init__(
        self,
        house: House,
        calls: LiveCalls,
        call: LiveCall,
        channel: Channel,
        speaker: Speaker,
        listener: Listener,
    ) -> None:
        self._house = house
        self._settings = house.settings
        self._calls = calls
        self._call = call
        self._channel = channel
        self._speaker = speaker
        self._listener = listener
        self._music = Music(house.settings.music)
        self._whisper = ""
        self._left = call.lapsed  # a place or a conversation under this id is over
        self._unreachable_since_ms = 0
        self._talking: OfferCall | None = None
        self._place: CallQueued | None = None  # that the conversation ended

    @property
    def queued(self) -> bool:
        """The caller holds a place."""
        return self._call.waiting is not None

    # ------------------------------------------------------------------------------- in and out of it
    async def enter(self, action: Enqueue, flow_version: str) -> None:
        """Takes a place, or changes what an already waiting caller waits for, keeping the place."""
        call, now_ms = self._call, self._house.clock_ms()
        before = call.waiting
        if before is None and self._left:  # the engine knows the old id as ended
            self._calls.renew(call)
        first_ms = action.first_queued_ms or (before.first_queued_ms if before else 0)
        fact = CallQueued(
            call.call_id,
            self._settings.node,
            action.queue,
            action.topic,
            action.language,
            action.priority,
            first_ms,
            self._house.desk.caller_ref(call.caller_number),
            action.min_level,
            flow_version,
        )
        call.queued_ms = call.queued_ms or now_ms
        call.topic, call.matter = action.topic, action.notes
        self._channel.forget_keys()
        sounds = await self._speaker.sounds(action.whisper)
        self._whisper = sounds[0] if len(sounds) == 1 else ""
        await self._stand(fact, first_ms or now_ms)

    async def _stand(self, fact: CallQueued, first_queued_ms: int) -> None:
        """Reports the place, and tells the dialplan, which would need it after a restart of ours."""
        self._left = False
        self._call.waiting = replace(fact, first_queued_ms=first_queued_ms)
        for name, value in (
            ("DOZVON_DONE", ""),
            ("DOZVON_CALL_ID", fact.call_id),
            ("DOZVON_FIRST_QUEUED_MS", str(first_queued_ms)),
            ("DOZVON_TOPIC", fact.topic),
        ):
            await self._channel.set(name, value)
        await self._house.distributor.report(fact)

    async def leave(self, outcome: Outcome, reason: str) -> None:
        """Gives the place up; nothing happens without one."""
        if not self.queued:
            return
        await self.close(outcome, reason)
        if not self._channel.session.lost:
            await self._channel.set("DOZVON_FIRST_QUEUED_MS", "")

    # -------------------------------------------------------------------------------------- waiting
    async def hold(self, action: Hold) -> Input:
        """News, then music until a key, the next announcement's time, a conversation or a release.

        Also until words, when they are wanted and one of the node's ears is free.
        """
        if not self.queued:
            return QueueReleased("not_queued")
        news = News(action.prompts, said=not action.prompts)
        every_ms = max(MIN_HOLD_MS, action.announce_every_ms)
        due_ms = self._house.clock_ms() + every_ms + self._speaker.duration_ms(action.prompts)
        return await self.with_offers(lambda: self._hold_until(due_ms, news, action.speech))

    async def _hold_until(self, due_ms: int, news: News, listening: bool) -> Input:
        possible = listening and bool(self._music) and self._listener.hears_over_music
        with self._calls.ears.claimed(possible) as heard:
            if heard and not self._channel.keys_ahead:
                event = await self._while_listening(due_ms, news)
                if event is not None:
                    return event
            if not news.said:
                await self._speaker.say(news.prompts)
                news.said = True
            while (left_ms := due_ms - self._house.clock_ms()) > 0:
                key = await self._channel.wait_for_key(self._step_ms(left_ms), self._settings.music_class)
                if key:
                    return Digits(key)
                if self._journal_down():
                    return await self._journal_is_away()
            return self._waited(heard and self._listener.hears_over_music)

    async def _while_listening(self, due_ms: int, news: News) -> Input | None:
        """What came of it; None when there is only music for the rest of the time."""
        words = asyncio.create_task(self._listener.over(self._music, news))
        try:
            while (left_ms := self._listening_ms(due_ms)) > 0:
                await asyncio.wait({words}, timeout=self._step_ms(left_ms) / 1000)
                if words.done():
                    return words.result()
                if self._journal_down():
                    break
        finally:
            words.cancel()
            await settled(words)
        await self._channel.stop()
        return await self._journal_is_away() if self._journal_down() else None

    def _listening_ms(self, due_ms: int) -> int:
        """How long from now; a sentence begun before ``due_ms`` may last."""
        more_ms = LONGEST_SPEECH_S * 1000 if self._listener.speaking else 0
        return due_ms + more_ms - self._house.clock_ms()

    def _step_ms(self, left_ms: int) -> int:
        return min(left_ms, WAIT_STEP_MS, self._settings.queue_down_ms)

    async def _journal_is_away(self) -> QueueReleased:
        await self.leave("overflowed", "queue_down")
        return QueueReleased("queue_down")

    def _waited(self, heard: bool = False) -> Waited:
        assert self._call.waiting is not None
        waited_ms = max(0, self._house.clock_ms() - self._call.waiting.first_queued_ms)
        view = self._house.distributor.wait_of(self._call.call_id)
        if view is None:
            return Waited(waited_ms, 0, 0, 0, heard)
        return Waited(waited_ms, view.place, view.low_ms, view.high_ms, heard)

    def _journal_down(self) -> bool:
        now_ms = self._house.clock_ms()
        if self._house.distributor.connected:
            self._unreachable_since_ms = 0
        elif not self._unreachable_since_ms:
            self._unreachable_since_ms = now_ms
        since_ms = self._unreachable_since_ms
        return bool(since_ms) and now_ms - since_ms >= self._settings.queue_down_ms

    async def with_offers(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | Input:
        """Does ``work``; while the caller holds a place, offers interrupt it and it begins anew after them.

        Comes back with ConversationEnded or QueueReleased, not the work's result, when the waiting ended.
        Only for work that Asterisk can stop: a recording it cannot.
        """
        while self.queued:
            result, order = await race(work(), self._call.inbox.get, self._call.inbox.put_back)
            if order is None:
                return result  # type: ignore[return-value]
            end = await self._obey(order)
            if end is not None:
                return end
        return await work()

    async def _obey(self, order: Command) -> Input | None:
        if isinstance(order, ReleaseCall):
            await self._channel.stop()
            await self.leave("overflowed", order.reason)
            return QueueReleased(order.reason)
        if isinstance(order, OfferCall) and not self._call.inbox.take_withdrawal(order.offer_id):
            await self._channel.stop()
            return await self._ring(order)
        return None  # the withdrawal of an offer that is over

    # --------------------------------------------------------------------------------------- an offer
    async def _ring(self, offer: OfferCall) -> ConversationEnded | None:
        """Rings the agent; None when he was not reached and the caller waits on."""
        ring = Ring(offer)
        self._calls.begin_ring(ring)
        try:
            if self._settings.connecting is not None:
                await self._speaker.say((self._settings.connecting,), barge_in=False)
            await self._channel.set("DOZVON_OFFER", offer.offer_id)
            await self._channel.set("DOZVON_AGI", self._settings.address)
            await self._channel.set("DOZVON_WHISPER", self._whisper)
            await self._channel.set("DOZVON_MET", "")
            if self._settings.record_conversations:
                await self._record_conversation()
            music = f"m({self._settings.music_class})"
            options = DIAL_OPTIONS.format(music=music)
            dialling = asyncio.create_task(self._channel.dial(offer.endpoint, offer.ring_ms / 1000, options))
            try:
                await self._watch(ring, dialling)
                result = await dialling
            finally:
                dialling.cancel()
            return await self._after(ring, result)
        finally:
            self._calls.end_ring(ring)

    async def _record_conversation(self) -> None:
        """Both sides into one file, from being connected to the conversation's end."""
        folder = self._settings.recordings
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        self._call.recording = str(folder / f"{self._call.call_id}.talk.wav")
        await self._channel.execute("StopMixMonitor")
        await self._channel.execute("MixMonitor", self._call.recording, "ab")

    async def _watch(self, ring: Ring, dialling: asyncio.Task[DialResult]) -> None:
        """Until Dial is over: reports the answer, hears withdrawals."""
        answered = asyncio.create_task(ring.answered.wait())
        ordered = asyncio.create_task(self._call.inbox.get())
        later: list[Command] = []
        try:
            while not dialling.done():
                waits: set[asyncio.Task[Any]] = {dialling, ordered}
                if self._talking is None:
                    waits.add(answered)
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if answered.done() and self._talking is None:
                    await self._accepted(ring.offer)
                if ordered.done():
                    await self._order_while_ringing(ring, ordered.result(), later)
                    ordered = asyncio.create_task(self._call.inbox.get())
        finally:
            answered.cancel()
            if not ordered.cancel():
                later.append(ordered.result())
            for order in reversed(later):
                self._call.inbox.put_back(order)

    async def _order_while_ringing(self, ring: Ring, order: Command, later: list[Command]) -> None:
        if self._talking is not None:  # too late for orders
            return
        if isinstance(order, WithdrawOffer):
            if order.offer_id == ring.offer.offer_id:
                await self._stop_ringing(ring)
            return
        if isinstance(order, OfferCall) and order.offer_id == ring.offer.offer_id:
            return  # said twice
        later.append(order)
        await self._stop_ringing(ring)  # a new offer, or a release: this one is void

    async def _stop_ringing(self, ring: Ring) -> None:
        """Also without the manager nothing bad comes of it: an agent who answers now is not connected."""
        ring.withdrawn = True
        if self._house.phones is None:
            return
        try:
            async with asyncio.timeout(STOP_RINGING_TIMEOUT_S):
                await self._house.phones.stop_ringing(ring.offer.endpoint, self._call.unique_id)
        except Exception as error:
            log.warning(
                "a phone rings on", action="stop_ringing_failed", offer_id=ring.offer.offer_id, why=str(error)
            )

    async def _accepted(self, offer: OfferCall) -> None:
        self._place, self._call.waiting = self._call.waiting, None
        self._talking = offer
        self._call.answered_ms = self._house.clock_ms()
        self._call.agent_id = offer.agent_id
        self._call.outcome = "answered"
        await self._house.distributor.report(OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id))

    async def _after(self, ring: Ring, result: DialResult) -> ConversationEnded | None:
        """Dial is over: what came of the offer."""
        offer, report = ring.offer, self._house.distributor.report
        names = (offer.offer_id, offer.call_id, offer.agent_id)
        log.info(
            "an offer was performed",
            action="offer_done",
            call_id=offer.call_id,
            offer_id=offer.offer_id,
            agent_id=offer.agent_id,
            status=result.status,
            dial_status=result.dial_status,
            cause=result.hangup_cause,
            withdrawn=ring.withdrawn,
        )
        if result.status == "answered" and not ring.withdrawn and self._talking is None:
            await self._accepted(offer)  # the agent's channel could not tell us
            self._call.answered_ms -= result.answered_s * 1000
        if self._talking is not None:
            if not self._channel.gone and await self._channel.get("DOZVON_MET") != "1":
                await self._never_met()
                return None
            return await self._talked()
        if self._channel.gone:
            raise CallerHungUp
        if not ring.withdrawn:
            if result.status == "declined":
                await report(OfferDeclined(*names))
            elif result.status == "unreachable":
                await report(AgentUnreachable(*names))
            else:
                await report(OfferTimedOut(*names))
        return None

    async def _talked(self) -> ConversationEnded:
        assert self._talking is not None
        agent_id = self._talking.agent_id
        talk_ms = max(0, self._house.clock_ms() - self._call.answered_ms)
        await self.close("answered", "")
        if self._call.recording and not self._channel.gone:
            await self._channel.execute("StopMixMonitor")
        await self._channel.set("DOZVON_DONE", "1")  # from here on a restart must not begin the call anew
        await self._channel.set("DOZVON_FIRST_QUEUED_MS", "")
        return ConversationEnded(agent_id, talk_ms)

    async def _never_met(self) -> None:
        """The agent answered and left before he was connected: back to the queue, in the old place."""
        assert self._talking is not None and self._place is not None
        log.warning("an agent left before the caller", action="never_met", agent_id=self._talking.agent_id)
        await self._house.distributor.report(CallEnded(self._call.call_id, self._talking.agent_id, "failed"))
        self._talking = None
        self._call.answered_ms, self._call.agent_id, self._call.outcome = 0, "", ""
        self._calls.renew(self._call)
        fact = replace(self._place, call_id=self._call.call_id)
        await self._stand(fact, fact.first_queued_ms)

    async def close(self, outcome: Outcome, reason: str) -> None:
        """Ends what the engine still believes of a caller who is gone; the dialplan keeps his place."""
        if self._talking is not None:
            talked, self._talking = self._talking, None
            self._left = True
            self._call.inbox.clear()
            await self._house.distributor.report(CallEnded(talked.call_id, talked.agent_id))
        elif self.queued:
            self._call.waiting, self._call.outcome = None, outcome
            self._left = True
            await self._house.distributor.report(CallLeft(self._call.call_id, outcome, reason))
            self._call.inbox.clear()
