"""One AEAP connection, that is one call: settings begin a turn, sound goes to a worker, results go back."""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import structlog

from ivr.speech import aeap
from ivr.speech.contract import (
    BUSY,
    EXPECTS,
    MARK,
    MAX_RESULTS_BYTES,
    NOTHING,
    ONSET,
    OTHER,
    SPEECH,
    TOO_LONG,
    Expects,
    score_of_other,
)
from ivr.speech.recogniser import MAX_PHRASES, Model
from ivr.speech.turn import Outcome, Request, Turn
from ivr.speech.voice import CHUNK_BYTES, Detector

log = structlog.get_logger()
MAX_WAITING_BYTES = 64_000  # of sound not yet looked at: 4 s; more means that the machine is too slow
IDLE_BYTES = 12 * CHUNK_BYTES  # some 0.2 s; less than is kept from before the onset
_MARKS = (ONSET, NOTHING, BUSY, TOO_LONG)
_NO_DIGITS_MORE_THAN = 40


@dataclass(slots=True)
class Counters:
    """Since the server began."""

    sessions: int = 0
    refused: int = 0  # connections: too many, wrong token, no model
    turns: int = 0  # in which somebody spoke
    recognised: int = 0
    nothing: int = 0
    busy: int = 0  # somebody spoke, and no place was free
    failed: int = 0  # the recogniser broke
    slow: int = 0  # sound came faster than it could be looked at
    malformed: int = 0
    delays_ms: list[int] = field(default_factory=list)  # of the last results: from the turn's end to sending


class Places:
    """How many callers may speak at once; used from worker threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self.taken = 0
        self.most_taken = 0

    def claim(self) -> bool:
        with self._lock:
            if self.taken >= self._most:
                return False
            self.taken += 1
            self.most_taken = max(self.most_taken, self.taken)
            return True

    def release(self) -> None:
        with self._lock:
            self.taken -= 1


@dataclass(frozen=True, slots=True)
class Means:
    """What all sessions of a server share."""

    models: Mapping[str, Model]
    detector: Callable[[], Detector]
    workers: Executor  # decode speech
    lookers: Executor  # look for its beginning: never behind somebody else's decoding
    counters: Counters
    places: Places
    token: str


class SessionRefused(Exception):
    """The set-up cannot be accepted; the text goes to Asterisk's log."""


class Session:
    def __init__(self, means: Means, send: Callable[[str], Awaitable[None]]) -> None:
        self.call_id = ""
        self._means, self._send = means, send
        self._language = ""
        self._detector: Detector | None = None
        self._settings: dict[str, str] = {}
        self._turn: Turn | None = None
        self._idle = False  # the turn's
        self._sound = bytearray()
        self._arrived = asyncio.Event()
        self._looking: Future[list[Outcome]] | None = None

    # ------------------------------------------------------------------------------------- messages
    async def receive(self, message: aeap.Message) -> None:
        match message:
            case aeap.Setup():
                await self._set_up(message)
            case aeap.Set():
                language = message.params.get("language", self._language)
                if language in self._means.models:
                    self._set(message.params)
                    await self._send(aeap.done(message.request_id))
                else:  # SPEECH SET gives 0: this language goes on with keys
                    await self._send(aeap.refuse("set", message.request_id, "no model for this language"))
            case aeap.Get():
                await self._send(aeap.values(message.request_id, {}))
            case aeap.Unknown():
                await self._send(aeap.refuse(message.name, message.request_id, "not supported"))
            case aeap.Answered():
                if message.error:
                    log.warning("a result was refused", action="speech_result_refused", reason=message.error)

    async def _set_up(self, setup: aeap.Setup) -> None:
        try:
            if not hmac.compare_digest(setup.params.get("token", "").encode(), self._means.token.encode()):
                raise SessionRefused("wrong token")
            if aeap.CODEC not in setup.codecs:
                raise SessionRefused(f"the codec has to be {aeap.CODEC}")
            self._language = setup.params.get("language", "")
            if self._language not in self._means.models:
                raise SessionRefused("no model for this language")
        except SessionRefused as refused:
            await self._send(aeap.refuse("setup", setup.request_id, str(refused)))
            raise
        if self._detector is None:
            # Loads a network of a megabyte: not on the event loop.
            loop = asyncio.get_running_loop()
            self._detector = await loop.run_in_executor(self._means.lookers, self._means.detector)
        await self._send(aeap.accept(setup))

    def _set(self, params: Mapping[str, str]) -> None:
        """Settings are kept until a turn begins; what makes no sense is left out."""
        for name, value in params.items():
            if name == "phrases+":
                self._settings["phrases"] = f"{self._settings.get('phrases', '')}|{value}"[: aeap.MAX_MESSAGE]
            elif name == "call":
                self.call_id = value[:128]
            elif name == "turn":
                self._begin(value)
            else:
                self._settings[name[:32]] = value[: aeap.MAX_MESSAGE]

    def _begin(self, number: str) -> None:
        self.stop_turn()
        language = self._settings.get("language", self._language)
        model = self._means.models.get(language)
        if self._detector is None or model is None:
            return
        awaited_kind = self._settings.get("expects")
        expects: Expects = next((kind for kind in EXPECTS if kind == awaited_kind), "choice")
        listed = self._settings.get("phrases", "").split("|")
        phrases = tuple(
            phrase for raw in listed if (phrase := " ".join(raw.lower().replace("-", " ").split()))
        )
        awaited = self._settings.get("digits", "")
        request = Request(
            number=int(number) if number.isascii() and number.isdigit() else 0,
            language=language,
            expects=expects,
            phrases=phrases[:MAX_PHRASES],
            digits=min(int(awaited), _NO_DIGITS_MORE_THAN) if awaited.isascii() and awaited.isdigit() else 0,
        )
        self._idle = self._settings.get("idle") == "1"
        self._settings = {}
        self._sound.clear()
        places = self._means.places
        self._turn = Turn(request, model, self._detector, places.claim, places.release)

    # ---------------------------------------------------------------------------------------- sound
    async def hear(self, frame: bytes) -> None:
        """Never waits for the recogniser."""
        if self._turn is None or self._turn.over:
            return
        if len(self._sound) + len(frame) > MAX_WAITING_BYTES:
            self._means.counters.slow += 1
            log.error("sound waits too long", action="speech_too_slow", turns=self._means.places.taken)
            self.stop_turn()
            await self._tell(Outcome(BUSY))
            return
        self._sound += frame
        # Less than a chunk cannot be judged yet. Where nobody was asked many are looked at together: handing
        # them to a worker costs more than looking at silence does.
        enough = IDLE_BYTES if self._idle and self._turn.waiting else CHUNK_BYTES
        if len(self._sound) >= enough:
            self._arrived.set()

    async def work(self) -> None:
        """Looks at sound as it comes, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            turn = self._turn
            if turn is None:
                continue
            while turn is self._turn and (self._sound or turn.unheard):
                sound = bytes(self._sound)
                self._sound.clear()
                await self._look(turn, sound)

    async def _look(self, turn: Turn, sound: bytes) -> None:
        began = time.monotonic()
        workers = self._means.lookers if turn.waiting else self._means.workers
        try:
            self._looking = workers.submit(turn.hear, sound)
            outcomes = await asyncio.wrap_future(self._looking)
        except Exception:
            self._means.counters.failed += 1
            log.exception("the recogniser failed", action="speech_failed", call_id=self.call_id)
            turn.give_up()
            outcomes = [Outcome(BUSY)]
        if turn is not self._turn:  # a new turn began meanwhile: nobody waits for this one
            return
        for outcome in outcomes:
            self._count(turn, outcome, round(1000 * (time.monotonic() - began)))
            await self._tell(outcome)

    async def _tell(self, outcome: Outcome) -> None:
        kind = MARK if outcome.text in _MARKS else SPEECH
        found = [aeap.Result(outcome.text, round(100 * outcome.confidence), kind)]
        left = MAX_RESULTS_BYTES - len(outcome.text.encode())
        for way in outcome.others:
            left -= len(way.words.encode())
            if left < 0:
                break
            found.append(aeap.Result(way.words, score_of_other(way.cost), OTHER))
        await self._send(aeap.results(str(uuid.uuid4()), found))

    def _count(self, turn: Turn, outcome: Outcome, delay_ms: int) -> None:
        counters = self._means.counters
        if outcome.text == ONSET:
            counters.turns += 1
            return
        counters.delays_ms = [*counters.delays_ms[-199:], delay_ms]
        if outcome.text == BUSY:
            counters.busy += 1
        elif outcome.text in _MARKS:
            counters.nothing += 1
        else:
            counters.recognised += 1
        log.info(
            "a caller was heard",
            action="heard",
            call_id=self.call_id,
            expects=turn.request.expects,
            mark=outcome.text if outcome.text in _MARKS else "",
            confidence=round(outcome.confidence, 2),
            voiced_ms=outcome.voiced_ms,
            waited_ms=outcome.waited_ms,
            delay_ms=delay_ms,
        )

    async def end_turn(self) -> None:
        """Nobody waits for words any more: ends the turn, and Asterisk's RECOGNIZE with it."""
        self.stop_turn()
        await self._tell(Outcome(NOTHING))

    def stop_turn(self) -> None:
        turn, self._turn = self._turn, None
        self._sound.clear()
        if turn is None:
            return
        if self._looking is None or self._looking.done():
            turn.give_up()
        else:  # a worker is in it: it frees the place when it comes out
            self._looking.add_done_callback(lambda _done: turn.give_up())
