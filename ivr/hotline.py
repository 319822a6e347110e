"""The hotline as a call's runner sees it: flows, hours, incidents and understanding behind two functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence

from ivr import callback_hours
from ivr.callback_hours import Waking
from ivr.dialog import machine
from ivr.dialog.contract import Action, CallStarted, HungUp, Input
from ivr.dialog.model import Flow
from ivr.dialog.ports import (
    Appointment,
    Expects,
    Hearing,
    HoursState,
    KnownIncident,
    Meaning,
    Understanding,
    Wait,
)
from ivr.dialog.session import Session
from ivr.flow_store import FlowStore
from ivr.hours_file import MAIN
from ivr.schedule import Schedule, state_at

WaitOf = Callable[[str, str, str], Wait]  # topic, language, queue
IncidentsOf = Callable[[str, int], tuple[KnownIncident, ...]]  # topic, now_ms


def wait_unknown(_topic: str, _language: str, _queue: str) -> Wait:
    return Wait()


def no_incidents(_topic: str, _now_ms: int) -> tuple[KnownIncident, ...]:
    return ()


class Hotline:
    """Implements ``ivr.agi.ports.Hotline``. Nothing here waits or does I/O.

    ``schedules`` may be replaced while calls run (a reload of config/hours.yaml); so may ``understanding``.
    """

    def __init__(
        self,
        store: FlowStore,
        schedules: Mapping[str, Schedule],
        *,
        understanding: Understanding | None = None,
        wait: WaitOf = wait_unknown,
        incidents: IncidentsOf = no_incidents,
        speech: bool = False,
        waking: Waking | None = None,
        promised: Callable[[], Mapping[int, int]] = dict,
    ) -> None:
        self.store = store
        self.schedules = schedules
        self.understanding = understanding
        self.speech = speech
        self._waking = waking  # None: nobody is called back by the hotline itself
        self._promised = promised  # how many callbacks for which time, Unix ms
        self._wait = wait
        self._incidents = incidents

    # ------------------------------------------------------------------ for the runner
    def new_session(self, started: CallStarted) -> Session:
        """The session of a new call, on the version now in force; ``advance`` it with ``started`` first."""
        self.store.follow()
        flow = self.store.current
        self.store.call_began(flow.version)
        return machine.start(flow, started, speech=self.speech)

    def advance(self, session: Session, event: Input, now_ms: int) -> tuple[Session, tuple[Action, ...]]:
        flow = self.store.get(session.flow_version)
        if flow.version != session.flow_version:
            session, event = _moved(session, flow, event, now_ms)
            self.store.call_began(flow.version)
        after, actions = machine.advance(flow, session, event, now_ms, self)
        if after.ended and not session.ended:
            self.store.call_ended(after.flow_version)
        return after, actions

    # ------------------------------------------------------------------ ivr.dialog.ports.World
    def hours(self, now_ms: int, centre: str = MAIN) -> HoursState:
        return state_at(self.schedules.get(centre) or self.schedules[MAIN], now_ms)

    def wait(self, topic: str, language: str, queue: str) -> Wait:
        return self._wait(topic, language, queue)

    def incidents(self, topic: str, now_ms: int) -> tuple[KnownIncident, ...]:
        return self._incidents(topic, now_ms)

    def understand(self, text: str, language: str, expects: Expects) -> Meaning:
        if self.understanding is None:
            return Meaning()
        return self.understanding.understand(text, language, expects)

    def snils(self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()) -> str:
        return "" if self.understanding is None else self.understanding.snils(heard, language, denied)

    def callback_times(self, number: str, now_ms: int) -> tuple[Appointment, ...]:
        if self._waking is None:
            return ()
        return callback_hours.times(self.hours, self._waking, number, now_ms, self._promised())


def _moved(session: Session, flow: Flow, event: Input, now_ms: int) -> tuple[Session, Input]:
    """A call whose version is no longer to be had goes on as it would after a restart: in the queue."""
    session = dataclasses.replace(
        session, flow_version=flow.version, node=flow.resume, queue_node=flow.resume, step="hold", menus=()
    )
    if session.queued or isinstance(event, HungUp):
        return session, event
    since_ms = session.first_queued_ms or now_ms
    return session, CallStarted(
        session.call_id, session.caller_number, session.dialled, first_queued_ms=since_ms
    )
