"""Callbacks: a caller who hangs up and keeps his place.

Rules of this module
  * A callback is a call of its own id, ranked by the place of the call it came from; it holds no line.
  * The customer is called only when an agent is reserved for him (command PlaceCallback).
  * One callback a caller. Who dials again meanwhile gets his place with the live call; the callback ends.
    Who asks for another one has this one instead, at the better place, or at the time that he chose now.
  * At a time that he chose his place is that time: an agent is reserved for him soon after it.
  * Not before and not after the times of its request; a few attempts; then CallbackGivenUp, once.
"""

from __future__ import annotations

from acd.contract import CallbackFailed, CallbackGivenUp, CallbackRequested, KeptPlace, Outcome
from acd.core import estimate
from acd.core.call_events import OLDEST_PLACE_MS, CallEvents
from acd.core.machine import MAX_CALLS
from acd.core.model import Call

LATEST_DUE_MS = 60 * 86_400_000  # a time in the wrong unit is none


class CallbackEvents(CallEvents):
    def on_callback(self, event: CallbackRequested) -> None:
        if event.callback_id in self.calls or event.callback_id in self.ended:
            self.count("callback_again")
            return
        if len(self.calls) >= MAX_CALLS:
            self.count("calls_refused")
            return
        now = self.now_ms
        waiting = self.calls.get(event.call_id) if event.call_id else None
        if waiting is not None and waiting.state == "connected":
            self.count("callback_connected")  # he talks already: there is nothing to call back for
            return
        if event.due_ms:
            place = max(now, min(event.due_ms, now + LATEST_DUE_MS))
        elif waiting is not None:
            place = waiting.place_ms
        elif event.first_queued_ms:  # the state was lost meanwhile, his place is not
            place = max(now - OLDEST_PLACE_MS, min(event.first_queued_ms, now))
        else:
            place = max(now, event.not_before_ms)
        freed = self.free_from_offer(waiting) if waiting is not None else None
        if waiting is not None:
            self.end(waiting, "called_back", event.callback_id)
            if not waiting.returned:
                self.todays[waiting.channel].left("called_back", now - waiting.place_ms)
        kept, reserved = self.replace_callback(event.caller_ref, event.queue, "asked_again")
        self._keep(event, min(place, kept) if kept and not event.due_ms else place)
        if freed is not None and self.set_state(freed, "ready"):
            self.seek_call(freed)
        if reserved is not None and reserved.ready:
            self.seek_call(reserved)

    def _keep(self, event: CallbackRequested, place: int) -> None:
        call = Call(
            event.callback_id,
            event.node,
            event.queue,
            event.topic,
            event.language,
            0,
            place,
            event.caller_ref,
            max(1, min(3, event.min_level)),
            "",
        )
        call.callback = True
        call.not_after_ms = event.not_after_ms
        self.calls[call.call_id] = call
        if call.caller_ref:
            self.index_callback(call)
            self.recall_agent(call)
        if call.not_after_ms:
            self.remind(max(self.now_ms, call.not_after_ms), "too_late", call.call_id)
        self.park(call, max(event.not_before_ms, min(event.due_ms, call.place_ms)))

    def park(self, call: Call, until_ms: int) -> None:
        """Out of all lines until his time comes; at once in line when it has."""
        call.state = "queued"
        call.offer_id = call.agent_id = ""
        if until_ms > self.now_ms:
            call.parked = True
            self.remind(until_ms, "unpark", call.call_id)
            return
        call.parked = False
        self.requeue(call)

    def unpark(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.parked:
            self.park(call, 0)

    def on_callback_failed(self, event: CallbackFailed) -> None:
        """The agent was there, the customer was not."""
        offer = self.offers.get(event.offer_id)
        call = self.calls.get(offer.call_id) if offer else None
        if call is None or not call.callback:
            self.count("offer_unknown")
            return
        agent = self.free_from_offer(call)
        call.tries += 1
        if call.tries >= self.rules.callback_attempts:
            self._give_up(call, "unanswered")
        elif self._is_over(call):
            self._give_up(call, "too_late")
        else:
            self.park(call, self.now_ms + self.rules.callback_retry_ms)
        if agent is not None and self.set_state(agent, "ready"):
            self.seek_call(agent)

    def too_late(self, call_id: str) -> None:
        """The end of the time in which he may be called. He whose telephone rings just then may answer."""
        call = self.calls.get(call_id)
        if call is not None and call.state == "queued" and self._is_over(call):
            self._give_up(call, "too_late")

    def _is_over(self, call: Call) -> bool:
        return 0 < call.not_after_ms <= self.now_ms

    def requeue(self, call: Call) -> None:
        """Not for a callback whose time is over: nobody would be called for it."""
        if call.callback and self._is_over(call):
            self._give_up(call, "too_late")
        else:
            super().requeue(call)

    def kept_place(self, caller_ref: str, now_ms: int) -> KeptPlace | None:
        """What a caller who is on no line would come back to; changes nothing."""
        waiting = self.callbacks.get(caller_ref, {})
        call = self.calls.get(next(reversed(waiting.values()), ""))
        if call is not None and call.state in ("queued", "offered"):
            wait = estimate.wait_of(self, call.call_id)
            place = wait.place if wait is not None else int(call.state == "offered")
            due_ms = call.place_ms if call.parked and call.place_ms > now_ms else 0
            return KeptPlace(call.place_ms, call.call_id, call.topic, place, due_ms, call.queue)
        kept = self.places.get(caller_ref)
        if kept is None or now_ms - kept[1] > self.rules.keep_place_ms:
            return None
        return KeptPlace(kept[0])

    def _give_up(self, call: Call, reason: str) -> None:
        outcome: Outcome = "failed"
        self.end(call, outcome, f"callback_{reason}")
        self.out.append(CallbackGivenUp(call.call_id, call.node, reason, self.token))
