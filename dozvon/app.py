"""The daemon's composition: every part made once, given what it needs, started and stopped in order.

Nothing is decided here. A part that cannot start says so in one line and the daemon ends; a part that
fails later (Redis away, database locked, Asterisk restarted) is that part's own business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import structlog
from prometheus_client import CollectorRegistry, Gauge, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from acd import tasks
from acd.contract import AgentDefined, AgentRemoved, CallEnded, Event, OfferAccepted, WrapUpFinished
from acd.service import roster
from acd.service.service import DistributorService
from acd.switch.switch import Switch
from desk.callbacks import SqlCallbacks
from desk.clock import wall_clock_ms
from desk.states import TicketStates
from dozvon import hotline as reference
from dozvon import retention
from dozvon.archive import DeskShelf
from dozvon.callback_office import CallbackOffice
from dozvon.changes import Changes
from dozvon.chat_office import ChatOffice
from dozvon.ears import Ears
from dozvon.lookups import LookUps
from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG
from dozvon.parts import make_desk, make_tokens
from dozvon.selfservice import FlowOffice, IncidentOffice
from dozvon.settings import Settings
from ivr import spool, unkept
from ivr.agi.callback_book import CallbackSettings
from ivr.agi.callbacks import Callbacks
from ivr.agi.holding import tracks
from ivr.agi.listening import make_silence
from ivr.agi.live import LiveCalls
from ivr.agi.ports import CallSettings, House
from ivr.agi.ringing import ManagedPhones
from ivr.agi.runner import CallRunner
from ivr.agi.server import CALL_PATH, AgiServer, Limits, Metrics
from ivr.callback_hours import appointment, window
from ivr.dialog.model import Queue
from ivr.dialog.ports import Wait
from ivr.hotline import Hotline
from web.app import WebServer, make_app

DRAIN_S = 2.0  # for what is nearly over; callers who wait are taken back by the next daemon
SPOOL_EVERY_S = 5.0

log = structlog.get_logger()


class DistributorCounts(Collector):
    """What the distributor counts of itself: ``dozvon_distributor{count="…"}``."""

    def __init__(self, distributor: DistributorService) -> None:
        self._distributor = distributor

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "dozvon_distributor", "Counts of the distributor since the start", labels=["count"]
        )
        for name, count in sorted(self._distributor.counts().items()):
            family.add_metric([name], count)
        yield family


class Daemon:
    """One node: answers calls, follows the journal, may lead, serves the web."""

    def __init__(self, settings: Settings, *, leads: bool = True) -> None:
        """Reads the configuration; raises what the loaders raise, each text with file and line."""
        self._settings = settings
        self._tasks: list[asyncio.Task[None]] = []
        self._registry = CollectorRegistry()
        known = secrets.ensure(settings.secrets, CONFIG)
        self.desk = make_desk(settings)
        self.distributor = DistributorService(
            settings.redis_url,
            node=settings.node,
            leads=leads,
            roster=roster.load(settings.config / "agents.yaml", reference.topics(settings)),
            rules=reference.rules(settings),
            archive=settings.home / "journal",
            shelf=DeskShelf(self.desk.database),
        )
        asterisk = settings.asterisk
        self.switch = Switch(
            asterisk.ami_host,
            asterisk.ami_port,
            asterisk.ami_user,
            known.ami_secret,
            endpoints=self.distributor.endpoints,
            report=self.distributor.tell,
            is_working=self.distributor.is_working,
        )
        self.distributor.listeners.append(self._agents_changed)
        self.voice = reference.make_voice(settings)
        self.hotline = Hotline(
            reference.make_flow_store(settings, lambda: self.voice.catalogue),
            reference.schedules(settings),
            wait=self._wait,
            incidents=reference.make_incidents(
                settings, lambda why: log.error("not taken", action="incidents_refused", why=why)
            ),
            waking=reference.waking(settings) if settings.callbacks.enabled else None,
            promised=self.distributor.promised,
        )
        self._speech_token = known.speech_token
        self.ears = Ears(settings, self._speech_token)
        self._changes = Changes(settings, self.hotline, self.voice, self.distributor)
        self.callbacks = self._make_callbacks() if settings.callbacks.enabled else None
        house = House(
            settings=CallSettings(
                node=settings.node,
                address=f"{settings.agi.host}:{settings.agi.port}",
                recordings=settings.recordings.absolute(),
                spool=settings.spool.absolute(),
                languages=settings.hotline.languages,
                silence=make_silence(settings.home / "cache") if settings.speech.enabled else "",
                music=tracks(CONFIG / "sounds" / "moh") if settings.speech.enabled else (),
            ),
            hotline=self.hotline,
            voice=self.voice,
            distributor=self.distributor,
            desk=self.desk,
            clock_ms=wall_clock_ms,
            phones=ManagedPhones(self.switch),
            callbacks=self.callbacks,
            speech_engines=lambda: self.ears.engines(),
            end_turn=self.ears.end_turn,
            look_up=LookUps(TicketStates(self.desk.database, self.desk.vault)),
        )
        self.chats = self._make_chats() if settings.chats.enabled else None
        self.calls = LiveCalls(self.distributor, settings.node, hold_listeners=settings.speech.hold_listeners)
        self.calls.callbacks = self.callbacks
        self._agi = AgiServer(
            {CALL_PATH: CallRunner(house, self.calls).serve, "connected": self.calls.on_connected},
            known.agi_token,
            Limits(max_sessions=settings.agi.max_sessions),
            Metrics(self._registry),
        )
        self._web = WebServer(
            make_app(
                self.distributor,
                self.desk,
                make_tokens(settings),
                about=reference.about(settings),
                registry=self._registry,
                checks={"asterisk": self._asterisk_there},
                flow=FlowOffice(settings, self.hotline.store, self._changes),
                incidents=IncidentOffice(settings),
                callbacks=self._callback_office(),
                chats=self.chats,
                max_body_bytes=settings.web.max_body_bytes,
            ),
            settings.web.host,
            settings.web.port,
        )
        self._registry.register(DistributorCounts(self.distributor))
        Gauge(
            "dozvon_spool_requests", "Requests that wait in the spool", registry=self._registry
        ).set_function(lambda: spool.waiting(settings.spool))
        Gauge(
            "dozvon_spool_interactions", "Calls whose summaries wait in the spool", registry=self._registry
        ).set_function(lambda: unkept.waiting(settings.spool))

    async def start(self) -> None:
        """Raises OSError when a port is taken. A database that is away is waited for beside the calls."""
        await self.desk.start_patiently()
        await self.distributor.start()
        await self.switch.start()
        await self._web.start()
        self._spawn("orders", self.calls.follow)
        self._spawn("spool", self._import_spool)
        self._spawn("files", self._changes.run)
        self._spawn(
            "retention",
            lambda: retention.keep_up(
                self.desk, self._settings.recordings.absolute(), self._settings.database.journal_days
            ),
        )
        if self._settings.speech.enabled:
            self._spawn("speech", self._listen)
        if self.callbacks is not None:
            self._spawn("callbacks", self.callbacks.review)
        if self.chats is not None:
            self._spawn("chats", self.chats.run)
        # Last: from now on calls come in.
        await self._agi.start(self._settings.agi.host, self._settings.agi.port)
        log.info("ready", action="daemon_ready", node=self._settings.node)

    async def stop(self) -> None:
        """No new calls; calls under way go back to their dialplan, which tries the next daemon."""
        await self._agi.stop(DRAIN_S)
        await tasks.end(self._tasks)
        if self.callbacks is not None:
            await self.callbacks.stop()
        await self._web.stop()
        await self.switch.stop()
        await self.distributor.stop()
        await self.desk.stop()

    def reload(self) -> None:
        """Take every file of the configuration now, changed or not; faults are logged and change nothing."""
        self._changes.look_now()

    # ---------------------------------------------------------------------------------------- inside
    def _make_callbacks(self) -> Callbacks:
        settings, waking = self._settings, reference.waking(self._settings)

        def callable_from(number: str, not_before_ms: int, now_ms: int) -> tuple[int, int] | None:
            return window(self.hotline.hours, waking, number, not_before_ms, now_ms)

        return Callbacks(
            CallbackSettings(
                settings.node, f"{settings.agi.host}:{settings.agi.port}", settings.hotline.number
            ),
            self.distributor,
            self.desk,
            SqlCallbacks(self.desk.database, self.desk.vault),
            self.switch,
            callable_from,
            self.distributor.outcome_of,
            wall_clock_ms,
            lambda number, at_ms, now_ms: appointment(waking, number, at_ms, now_ms),
        )

    def _callback_office(self) -> CallbackOffice | None:
        if self.callbacks is None:
            return None
        return CallbackOffice(
            self._settings,
            self.callbacks,
            self.desk,
            self.distributor,
            lambda: self.hotline.store.current,
            wall_clock_ms,
        )

    def _make_chats(self) -> ChatOffice:
        def queue() -> str:
            flow = self.hotline.store.current
            node = flow.nodes[flow.resume]
            return node.queue if isinstance(node, Queue) else "main"

        return ChatOffice(
            self._settings.chats,
            self._settings.node,
            self.distributor,
            topics=lambda: reference.topics(self._settings),
            languages=self._settings.hotline.languages,
            queue=queue,
            reference=self.desk.vault.reference,
        )

    def _wait(self, topic: str, language: str, queue: str) -> Wait:
        if not self.distributor.connected:
            return Wait()
        view = self.distributor.estimate(topic, language, queue)
        return Wait(view.low_ms, view.high_ms, view.servable, known=True)

    async def _listen(self) -> None:
        """Models, examples and their libraries take seconds to load; callers of these seconds press keys."""
        from dozvon import understanding

        self.hotline.understanding = await asyncio.to_thread(understanding.load, self._settings)

        def tell(there: bool) -> None:
            self.hotline.speech = there

        await self.ears.listen(tell)

    def _asterisk_there(self) -> None:
        if not self.switch.up:
            raise ConnectionError("Asterisk's manager cannot be reached")

    def _agents_changed(self, event: Event, _at_ms: int) -> None:
        """Another phone is theirs, or they talk: what Asterisk says of it may mean something else now."""
        if isinstance(event, AgentDefined | AgentRemoved | OfferAccepted | CallEnded | WrapUpFinished):
            self.switch.agents_changed()

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A chore that fails is logged and begun again: one fault must not leave callers without orders."""
        while True:
            try:
                await work()
                return
            except Exception:
                log.exception("a chore failed", action="chore_failed", chore=name)
                await asyncio.sleep(1)

    async def _import_spool(self) -> None:
        while True:
            await spool.import_spool(self._settings.spool, self.desk)
            await unkept.hand_over(self._settings.spool, self.desk)
            await asyncio.sleep(SPOOL_EVERY_S)
