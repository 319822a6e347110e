"""A morning at the hotline, played by the production engine: arrivals, answers, missed rings, breaks.

Seeded, so that it is the same morning each time; afterwards it goes on in real time. The browser tests and
the picture in the README look at it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentStatusDeclared,
    CallEnded,
    CallLeft,
    CallQueued,
    Command,
    Event,
    OfferAccepted,
    OfferCall,
    OfferDeclined,
    OfferTimedOut,
    RulesLoaded,
    Snapshot,
    Tick,
    WaitView,
)
from acd.core.engine import Engine
from web.schemas import About

OPENS = datetime(2026, 11, 23, 8, 0, tzinfo=ZoneInfo("Europe/Moscow"))
TOPICS = {
    "account": {"ru": "Учётная запись", "en": "Account"},
    "access": {"ru": "Вход и пароль", "en": "Sign-in"},
    "personal-data": {"ru": "Личные данные", "en": "Personal data"},
    "documents": {"ru": "Документы", "en": "Documents"},
    "status": {"ru": "Ход заявления", "en": "Application status"},
    "consultation": {"ru": "Консультация", "en": "Advice"},
    "portal-error": {"ru": "Сбой портала", "en": "Portal fault"},
    "mobile-app": {"ru": "Приложение", "en": "Mobile app"},
}
NAMES = (
    "Анна Ветрова",
    "Марат Гайнуллин",
    "Ольга Кравец",
    "Павел Сомов",
    "Дина Хасанова",
    "Игорь Лужин",
    "Вера Полянская",
    "Тимур Ахметов",
    "Юлия Зорина",
    "Антон Бережной",
    "Лилия Сафина",
    "Егор Панин",
    "Нина Рощина",
    "Камиль Валеев",
)
ABOUT = About(
    name="Центр поддержки", number="88005553535", timezone="Europe/Moscow", target_s=120, topics=TOPICS
)


class Rehearsal:
    """A distributor (acd.contract.Distributor) with the real engine and made-up people."""

    def __init__(self, *, seed: int = 7, calls_per_minute: float = 3.0, agents: int = 14) -> None:
        self.connected = True
        self.known_ms = 0
        self.engine = Engine()
        self._random = random.Random(seed)
        self._to_come: list[tuple[int, int, Event]] = []
        self._serial = count()
        self._rate = calls_per_minute
        self.now_ms = int(OPENS.timestamp() * 1000)
        self._real_start_s: float | None = None
        self._define(agents)

    # --------------------------------------------------------------------------------- the Distributor
    async def report(self, event: Event) -> None:
        self.catch_up()
        self._step(event)

    def snapshot(self) -> Snapshot:
        self.catch_up()
        state = self.engine.snapshot(self.now_ms)
        if self.connected:
            self.known_ms = self.now_ms
        return replace(state, connected=self.connected, known_ms=self.known_ms)

    def why(self, call_id: str) -> tuple[str, ...]:
        return self.engine.why(call_id)

    def wait_of(self, call_id: str) -> WaitView | None:
        return self.engine.wait_of(call_id, self.now_ms)

    def estimate(self, topic: str, language: str, queue: str) -> WaitView:
        return self.engine.estimate(topic, language, queue)

    async def commands(self, node: str) -> AsyncIterator[Command]:
        await asyncio.Event().wait()
        yield Command()

    # --------------------------------------------------------------------------------------- the morning
    def play(self, minutes: float) -> None:
        """Let so much time pass, with arrivals."""
        end_ms = self.now_ms + int(minutes * 60_000)
        at_ms = float(self.now_ms)
        while (at_ms := at_ms + self._random.expovariate(self._rate) * 60_000) < end_ms:
            self._arrive(int(at_ms))
        self.run_to(end_ms)

    def go_on(self) -> None:
        """From now on time passes as it does on the wall."""
        self._real_start_s = time.monotonic() - self.now_ms / 1000

    def catch_up(self) -> None:
        if self._real_start_s is not None:
            self.run_to(int((time.monotonic() - self._real_start_s) * 1000))

    def run_to(self, end_ms: int) -> None:
        while True:
            deadline_ms = self.engine.next_deadline_ms()
            next_ms = self._to_come[0][0] if self._to_come else end_ms + 1
            if deadline_ms is not None and deadline_ms <= min(next_ms, end_ms):
                self.now_ms = max(self.now_ms, deadline_ms)
                self._step(Tick())
            elif next_ms <= end_ms:
                self.now_ms, _, event = heapq.heappop(self._to_come)
                self._step(event)
            else:
                break
        self.now_ms = max(self.now_ms, end_ms)

    def _step(self, event: Event) -> None:
        if isinstance(event, CallLeft):
            call = self.engine.calls.get(event.call_id)
            if call is None or call.state != "queued":
                return  # he was answered: his patience no longer matters
        for command in self.engine.step(event, self.now_ms):
            if isinstance(command, OfferCall):
                self._answer(command)
        if isinstance(event, OfferAccepted):
            talk_s = self._random.lognormvariate(5.1, 0.55)
            self._later(talk_s, CallEnded(event.call_id, event.agent_id))

    def _answer(self, offer: OfferCall) -> None:
        luck = self._random.random()
        ids = (offer.offer_id, offer.call_id, offer.agent_id)
        if luck < 0.93:
            self._later(self._random.uniform(2, 8), OfferAccepted(*ids))
        elif luck < 0.97:
            self._later(offer.ring_ms / 1000, OfferTimedOut(*ids))
        else:
            self._later(2, OfferDeclined(*ids))

    def _arrive(self, at_ms: int) -> None:
        number = next(self._serial)
        topic = self._random.choice(list(TOPICS))
        language = "en" if self._random.random() < 0.08 else "ru"
        call = CallQueued(f"call-{number}", "node-1", "hotline", topic, language, caller_ref=f"ref-{number}")
        self._at(at_ms, call)
        patience_s = self._random.expovariate(1 / 420)
        self._at(at_ms + int(patience_s * 1000), CallLeft(call.call_id, "abandoned"))

    def _define(self, agents: int) -> None:
        topics = list(TOPICS)
        self._step(RulesLoaded("rehearsal", {}))
        for index, name in enumerate(NAMES[:agents]):
            agent_id = str(2001 + index)
            skills = {
                topic: 1 + (index + place) % 3 for place, topic in enumerate(topics) if (index + place) % 4
            }
            languages = ("ru", "en") if index % 3 == 0 else ("ru",)
            self._step(AgentDefined(agent_id, name, f"PJSIP/{agent_id}", skills, languages))
            self._step(AgentReachabilityChanged(agent_id, True))
            self._step(AgentStatusDeclared(agent_id, "available"))

    def _later(self, seconds: float, event: Event) -> None:
        self._at(self.now_ms + int(seconds * 1000), event)

    def _at(self, at_ms: int, event: Event) -> None:
        heapq.heappush(self._to_come, (at_ms, next(self._serial), event))


def busy_morning() -> Rehearsal:
    """Quarter to twelve on a Monday: some wait, one of them for long; a break, a lost phone."""
    floor = Rehearsal(calls_per_minute=3.1)
    floor.play(180)
    floor.now_ms += 1
    floor._step(AgentStatusDeclared("2008", "on_break", "обед"))
    floor._step(AgentStatusDeclared("2013", "logged_out"))
    floor._step(AgentStatusDeclared("2014", "logged_out"))
    floor.play(40)
    floor._step(AgentReachabilityChanged("2011", False))
    floor._rate = 4.2
    floor.play(5)
    return floor
