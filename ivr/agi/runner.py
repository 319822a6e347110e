"""Runs one call: what happens on the telephone goes to the dialogue, what the dialogue wants is done.

Rules
  * Actions are done in order; the input that answers the last one goes back to the dialogue.
  * A hang-up at any moment is told to the dialogue once; what it still wants (a ticket, a note) is done.
  * A session that breaks may leave its caller on the line: his place ends so that the same call, sent by
    the dialplan once more, has it again.
  * A fault of ours is never silence: the caller hears that we are sorry and waits for a specialist; a
    second fault leaves him to the dialplan, which has an emergency script.
  * ``DOZVON_DONE`` is set only when the call really needs nothing more from anybody.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import replace
from typing import Any

import structlog

from acd.contract import Outcome
from ivr.agi import recording
from ivr.agi.channel import POKE, CallerHungUp, Channel
from ivr.agi.codec import Environment
from ivr.agi.errands import Errands, language_of
from ivr.agi.listening import Listener
from ivr.agi.live import LiveCall, LiveCalls
from ivr.agi.ports import Dialogue, House
from ivr.agi.session import Session, SessionLost
from ivr.agi.speaking import Speaker
from ivr.agi.summary import interaction, log_summary
from ivr.agi.waiting import Waiting
from ivr.dialog.contract import (
    Action,
    Ask,
    Brief,
    CallStarted,
    CancelCallback,
    ConversationEnded,
    Disconnect,
    Enqueue,
    Hold,
    HungUp,
    Input,
    LeaveQueue,
    LookUp,
    LookUpDone,
    Note,
    OpenTicket,
    Play,
    PromptFinished,
    QueueReleased,
    Record,
    Recorded,
    RememberLanguage,
    RequestCallback,
    SaveMark,
    SpeechFailed,
    Transfer,
    TransferEnded,
)
from ivr.dialog.identifiers import calling_number

MAX_IDLE_STEPS = 50  # turns of a dialogue that ask nothing of the caller: more is a flow that spins
MAX_STEPS = 2_000
FINISH_TIMEOUT_S = 10.0
POKE_TIMEOUT_S = 2.0
CALL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,79}")  # becomes part of file names

log = structlog.get_logger(__name__)


class DialogueSpins(Exception):
    """The dialogue goes round without the caller."""


class LeftToDialplan(Exception):
    """We cannot serve this call: Asterisk's own script takes it."""


class CallRunner:
    """Serves FastAGI path ``call``.

    Arguments: token, dialled number, call id, first queued ms, topic, language. The language is believed of
    a call whose id is known; a new one has the dialplan's first.
    """

    def __init__(self, house: House, calls: LiveCalls) -> None:
        self._house = house
        self._calls = calls

    async def serve(self, session: Session, environment: Environment) -> None:
        """One call from the dialplan's AGI() to its end; raises SessionLost when Asterisk went away."""
        started_ms = self._house.clock_ms()
        arg = dict(enumerate(environment.args))
        fields = environment.fields
        known = arg.get(2, "") if CALL_ID.fullmatch(arg.get(2, "")) else ""
        number = calling_number(fields.get("callerid", ""))
        place_ms = milliseconds(arg.get(3, ""))
        call = LiveCall(
            call_id=known or new_call_id(self._house.settings.node),
            channel_name=fields.get("channel", ""),
            unique_id=fields.get("uniqueid", ""),
            caller_number=number,
            dialled=(arg.get(1) or fields.get("extension", ""))[:40],
            started_ms=started_ms,
            resumed=bool(known),
            lapsed=bool(known) and not place_ms,
        )
        callbacks, kept = self._house.callbacks, None
        if callbacks is not None and not known:
            kept, call.kept = await callbacks.remembered(number)
        started = CallStarted(
            call.call_id,
            number,
            call.dialled,
            (known and arg.get(5, "")[:8]) or await language_of(self._house.desk, number),
            place_ms,
            arg.get(4, "")[:64],
            self._calls.called_back(call.call_id),
            self._calls.matter_of(call.call_id),
            kept,
        )
        self._calls.add(call)
        structlog.contextvars.bind_contextvars(call_id=call.call_id)  # of this session's task only
        try:
            await Call(self._house, self._calls, call, session).run(started)
        finally:
            self._calls.remove(call)


def new_call_id(node: str) -> str:
    """Unique over nodes and restarts; says nothing about the caller."""
    return f"{node}-{secrets.token_hex(8)}"


def milliseconds(text: str) -> int:
    """A channel variable's Unix time, 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 15 else 0


class Call:
    """One call under way."""

    def __init__(self, house: House, calls: LiveCalls, call: LiveCall, session: Session) -> None:
        self._house = house
        self._settings = house.settings
        self._call = call
        self._base_id = call.call_id
        self._session = session
        self._channel = Channel(session)
        self._speaker = Speaker(self._channel, house.voice, house.settings.languages[0])
        self._errands = Errands(house, call)
        self._dialogue: Any = None
        self._done = False
        self._last: Action | None = None  # that the dialogue waits for
        self._listener = Listener(
            self._channel, self._speaker, call.call_id, house.settings.silence, house.speech_engines
        )
        self._waiting = Waiting(house, calls, call, self._channel, self._speaker, self._listener)
        self._channel.poke = self._poke
        self._channel.hush = lambda: house.end_turn(self._base_id)

    # ------------------------------------------------------------------------------------ the whole
    async def run(self, started: CallStarted) -> None:
        """To the end of the call; raises SessionLost when Asterisk went away before it."""
        try:
            await self._run(started)
            self._done = True
        except CallerHungUp:
            self._done = True
            await self._hung_up("abandoned", "hung_up")
        except SessionLost:
            await self._waiting.close("failed", "node_lost")  # first: he may be back in a moment
            await self._hung_up("failed", "node_lost")
            raise
        except LeftToDialplan:
            log.error("a call is left to Asterisk", action="left_to_dialplan", call_id=self._base_id)
        finally:
            async with asyncio.timeout(FINISH_TIMEOUT_S):
                await self._finish()

    async def _run(self, started: CallStarted) -> None:
        await self._channel.set("DOZVON_CALL_ID", self._call.call_id)
        if started.language in self._settings.languages:
            await self._channel.set("DOZVON_LANGUAGE", started.language)
        try:
            await self._converse(started)
        except (CallerHungUp, SessionLost):
            raise
        except Exception:
            log.exception("a dialogue failed", action="dialogue_failed", call_id=self._base_id)
            await self._rescue(started)

    async def _converse(self, started: CallStarted) -> None:
        self._dialogue = self._house.hotline.new_session(started)
        event: Input = started
        idle = 0
        for _ in range(MAX_STEPS):
            actions = self._advance(event)
            if not actions and self._facts("ended", False):
                return
            answer = await self._perform(actions)
            if answer is None:
                return
            event = answer
            idle = idle + 1 if isinstance(event, PromptFinished | LookUpDone | SpeechFailed) else 0
            if idle > MAX_IDLE_STEPS:
                break
        raise DialogueSpins

    def _advance(self, event: Input) -> tuple[Action, ...]:
        self._dialogue, actions = self._house.hotline.advance(self._dialogue, event, self._house.clock_ms())
        facts: Dialogue = self._dialogue
        self._speaker.language = facts.language or self._speaker.language
        self._call.language = facts.language
        self._call.topic = facts.topic or self._call.topic
        return actions

    async def _perform(self, actions: tuple[Action, ...]) -> Input | None:
        """Does them all; the input that answers the last, None when the call is over."""
        if not actions:  # nothing new: go on with what was being waited for
            return await self._do(self._last) if self._last else PromptFinished()
        event: Input | None = None
        for action in actions:
            if isinstance(action, Disconnect):
                return None
            event = await self._do(action)
            if isinstance(event, ConversationEnded | QueueReleased):
                return event  # the wait is over: what was still planned for it is void
        self._last = actions[-1]
        if isinstance(self._last, Enqueue):  # the others are done when they are done
            self._last = Hold(self._last.announce_every_ms)
            return await self._do(self._last)
        if isinstance(self._last, Hold):
            self._last = replace(self._last, prompts=())  # said once
        return event or PromptFinished()

    async def _do(self, action: Action) -> Input | None:
        match action:
            case Play():
                return await self._waiting.with_offers(lambda: self._play(action))
            case Ask():
                return await self._waiting.with_offers(lambda: self._ask(action))
            case Hold():
                return await self._waiting.hold(action)
            case Enqueue():
                await self._waiting.enter(action, self._facts("flow_version", ""))
                if self._house.callbacks is not None:
                    self._call.took_place = self._house.callbacks.taken(self._call.kept, action.queue)
                return None
            case Record():
                return await self._record(action)
            case OpenTicket():
                return await self._errands.open_ticket(action)
            case LookUp():
                return await self._errands.look_up(action)
            case Transfer():
                return await self._transfer(action)
            case RememberLanguage():
                await self._channel.set("DOZVON_LANGUAGE", action.language)
                await self._do_quietly(action)
                return None
            case _:
                await self._do_quietly(action)
                return None

    async def _do_quietly(self, action: Action) -> None:
        """What needs no telephone, and so can be done after a hang-up."""
        match action:
            case LeaveQueue():
                await self._waiting.leave(action.outcome, action.reason)
            case RequestCallback():
                await self._errands.request_callback(action)
                await self._waiting.leave("called_back", "callback")
            case CancelCallback():
                await self._errands.cancel_callback()
            case SaveMark():
                await self._errands.save_mark(action.mark)
            case Brief():
                self._call.matter = action.notes
            case RememberLanguage():
                await self._errands.remember_language(action.language)
            case OpenTicket():
                await self._errands.open_ticket(action)
            case Note() | Play() | Ask() | Hold() | Disconnect():
                pass  # notes are kept by the dialogue; the others come too late
            case _:
                log.error("an unknown action", action="unknown_action", kind=type(action).__name__)

    # ------------------------------------------------------------------------------ on the telephone
    async def _poke(self) -> None:
        """Ends a SPEECH RECOGNIZE; without the manager it ends by itself, some seconds later."""
        if self._house.phones is None:
            return
        try:
            async with asyncio.timeout(POKE_TIMEOUT_S):
                await self._house.phones.press(self._call.channel_name, POKE)
        except Exception as error:
            log.warning("listening goes on", action="poke_failed", call_id=self._base_id, why=repr(error))

    async def _play(self, action: Play) -> Input:
        await self._speaker.say(action.prompts, barge_in=action.barge_in)
        return PromptFinished()

    async def _ask(self, action: Ask) -> Input:
        return await (self._listener if action.speech else self._speaker).ask(action)

    async def _record(self, action: Record) -> Recorded:
        await self._speaker.say(action.prompts)
        folder = self._settings.recordings
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{self._base_id}.{secrets.token_hex(3)}"
        await asyncio.to_thread(recording.discard, self._call.take)  # he says it once more
        result = await recording.record(self._channel, action, path, self._settings.min_free_bytes)
        self._call.take = result.path
        log.info(
            "a caller was recorded",
            action="recorded",
            call_id=self._base_id,
            reason=result.reason,
            duration_ms=result.duration_ms,
        )
        return result

    async def _transfer(self, action: Transfer) -> TransferEnded:
        target = self._settings.transfer_targets.get(action.destination)
        if target is None:
            log.error("a transfer to nowhere", action="transfer_refused", destination=action.destination)
            return TransferEnded(answered=False)
        await self._waiting.leave("transferred", action.destination)
        result = await self._channel.dial(target, self._settings.transfer_ring_s, "g")
        answered = result.status == "answered"
        if answered:
            self._call.outcome = "transferred"
        return TransferEnded(answered)

    # -------------------------------------------------------------------------------------- endings
    async def _rescue(self, started: CallStarted) -> None:
        """Our fault, not the caller's: sorry, and a specialist."""
        try:
            self._channel.forget_keys()
            await self._speaker.say((self._settings.sorry,), barge_in=False)
            if self._call.answered_ms:
                return  # he had his conversation
            waiting = self._call.waiting
            enqueue = Enqueue(
                queue=self._settings.fallback_queue,
                topic=self._call.topic or started.resumed_topic or self._settings.fallback_topic,
                language=self._speaker.language,
                first_queued_ms=waiting.first_queued_ms if waiting else started.first_queued_ms,
            )
            await self._waiting.enter(enqueue, self._facts("flow_version", ""))
            while not isinstance(event := await self._waiting.hold(Hold()), ConversationEnded):
                if isinstance(event, QueueReleased):
                    raise LeftToDialplan
        except (CallerHungUp, SessionLost, LeftToDialplan):
            raise
        except Exception as error:
            log.exception("a call could not be rescued", action="rescue_failed", call_id=self._base_id)
            raise LeftToDialplan from error

    async def _hung_up(self, outcome: Outcome, reason: str) -> None:
        """The caller is gone: the dialogue hears it and may still want something kept."""
        if self._dialogue is not None:
            try:
                for action in self._advance(HungUp()):
                    await self._do_quietly(action)
            except SessionLost:
                pass
            except Exception:
                log.exception(
                    "a dialogue failed after a hang-up", action="dialogue_failed", call_id=self._base_id
                )
        await self._waiting.close(outcome, reason)
        self._call.outcome = self._call.outcome or "left"

    async def _finish(self) -> None:
        """The last word to the dialplan, the log and the desk."""
        if self._done and not self._session.lost:
            try:
                await self._channel.set("DOZVON_DONE", "1")
            except SessionLost as error:
                log.info("Asterisk left first", action="done_unsaid", call_id=self._base_id, why=str(error))
        summary = interaction(
            self._call, self._base_id, self._settings.node, self._dialogue, self._house.clock_ms(), self._done
        )
        log_summary(summary, self._call, missing=self._speaker.missing, complete=self._done)
        if self._done:
            await asyncio.to_thread(recording.discard, self._call.take)  # it became nobody's request
            await self._errands.keep(summary)

    def _facts(self, name: str, default: Any) -> Any:
        return getattr(self._dialogue, name, default)
