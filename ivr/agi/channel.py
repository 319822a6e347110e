"""What can be done with one caller's telephone channel, in the house's own words.

Rules
  * Every operation raises ``CallerHungUp`` once the caller is gone, ``SessionLost`` once Asterisk is.
  * An operation may be cancelled at any moment: that stops what is being played at the next operation
    (``stop()`` does it at once) and loses no key.
  * Keys pressed ahead are kept, up to a bound, for the next ``ask``; ``forget_keys`` drops them. What follows
    the last digit of a number belongs to that number and answers nothing else.
  * A reply is awaited no longer than the operation itself can last, plus a margin.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ivr.agi import commands
from ivr.agi.codec import Command, Reply
from ivr.agi.session import Session, SessionLost

REPLY_MARGIN_S = 10.0
MAX_PROMPT_S = 300.0
MAX_KEYS_AHEAD = 32
MAX_TALK_S = 4 * 3600.0
HUSH_TIMEOUT_S = 0.15  # the speech server's word takes some 10 ms; a poke takes Asterisk about 100
SURPLUS_MS = 1000  # after a number's last digit: its terminator, or a digit too many, may come yet
LATE_S = 3.0  # after that pause: a terminator that comes now is still the number's
POKE = "D"  # a key that telephones do not have: stops SPEECH RECOGNIZE, which takes no command

DialStatus = Literal["answered", "no_answer", "declined", "unreachable", "cancelled"]
RecordingEnd = Literal["key", "timeout", "hung_up", "failed"]

# DIALSTATUS and HANGUPCAUSE after Dial, as Asterisk 22 sets them. CHANUNAVAIL with cause 21 is a phone
# that rejected the call (603), with any other cause one that could not be reached.
_BY_STATUS: dict[str, DialStatus] = {
    "ANSWER": "answered",
    "NOANSWER": "no_answer",
    "BUSY": "declined",
    "CANCEL": "cancelled",
    "CONGESTION": "unreachable",
    "CHANUNAVAIL": "unreachable",
    "DONTCALL": "declined",
    "TORTURE": "declined",
    "INVALIDARGS": "unreachable",
}
CAUSE_REJECTED = "21"


class CallerHungUp(Exception):
    """The caller has hung up."""


class PlaybackFailed(Exception):
    """Asterisk could not play this sound."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Keys that the caller gave; ``terminated``: with the terminator."""

    keys: str
    terminated: bool = False


@dataclass(frozen=True, slots=True)
class RawRecording:
    """What RECORD FILE says; ``duration_ms`` after cutting off the final silence."""

    end: RecordingEnd
    duration_ms: int


@dataclass(frozen=True, slots=True)
class DialResult:
    status: DialStatus
    answered_s: int  # how long caller and called talked
    dial_status: str  # Asterisk's own words, for the log
    hangup_cause: str


class Channel:
    """One caller's channel in Asterisk."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._clock = clock
        self._keys = ""
        self._late = ("", 0.0)  # a number's terminator that has not come, and until when it would be that
        self._music = ""
        self.poke: Callable[[], Awaitable[None]] | None = None  # gives ``POKE`` to this channel
        self.hush: Callable[[], Awaitable[bool]] | None = None  # has the speech server end its turn
        session.on_leftover = self._keep_leftover

    @property
    def session(self) -> Session:
        return self._session

    @property
    def keys_ahead(self) -> str:
        return self._keys

    @property
    def gone(self) -> bool:
        """The caller has hung up, or the connection is lost."""
        return self._session.hung_up.is_set()

    async def answer(self) -> None:
        await self._run(commands.answer())

    async def hangup(self) -> None:
        """Hangs up; fine when that has happened already."""
        if not self.gone:
            await self._session.run(commands.hangup(), REPLY_MARGIN_S)

    async def get(self, name: str) -> str:
        """A channel variable, "" when it is not set. Works after the caller has hung up, too."""
        reply = await self._session.run(commands.get_variable(name), REPLY_MARGIN_S)
        return reply.note or "" if reply.result == "1" else ""

    async def set(self, name: str, value: str) -> None:
        """Sets a channel variable, also after the caller has hung up."""
        await self._session.run(commands.set_variable(name, value), REPLY_MARGIN_S)

    async def stop(self) -> None:
        """Silences what a cancelled operation left playing."""
        running = self._session.running
        if running is not None and not running.interruptible:
            if self.hush is not None and await self.hush():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HUSH_TIMEOUT_S):
                        await self._session.settle()
            if self._session.running is not None and self.poke is not None:
                await self.poke()
        await self._session.settle()

    def forget_keys(self) -> None:
        self._keys = ""

    def put_key(self, key: str) -> None:
        """A key that came another way, as if it had been pressed ahead."""
        if len(key) == 1 and key in commands.KEYS and not self._is_late(key):
            self._keys = (self._keys + key)[:MAX_KEYS_AHEAD]

    # ------------------------------------------------------------------------------------ play and ask
    async def play(self, sound: str, *, barge_in: bool = True) -> bool:
        """Plays a sound; False when a key stopped it. The key is kept for the next ``ask``.

        Keys waiting already make a sound that may be barged in on pass unheard. Raises PlaybackFailed.
        """
        if barge_in and self._keys:
            return False
        self._music = ""  # STREAM FILE ends it
        offset = 0
        while True:
            command = commands.stream_file(sound, commands.KEYS if barge_in else "", offset)
            reply = await self._run(command, MAX_PROMPT_S + REPLY_MARGIN_S)
            if reply.number < 0:
                await self.raise_if_gone()
                raise PlaybackFailed(sound)
            if not self._is_key(reply) or not self._is_late(chr(reply.number)):
                return not self._keep_key(reply)
            offset = _endpos(reply)

    async def ask(
        self,
        sounds: Sequence[str],
        *,
        max_digits: int,
        terminator: str,
        timeout_ms: int,
        interdigit_ms: int,
        barge_in: bool = True,
    ) -> Answer | None:
        """Plays, collects keys; None when none came within ``timeout_ms`` of the prompt's end.

        A single awaited key is taken whatever it is; otherwise the terminator ends the collection.
        """
        if not barge_in:
            self._keys = ""  # they were pressed before something that has to be heard
        for sound in sounds:
            if not await self.play(sound, barge_in=barge_in):
                break
        return await self.collect(max_digits, terminator, timeout_ms, interdigit_ms)

    async def collect(
        self, max_digits: int, terminator: str, timeout_ms: int, interdigit_ms: int
    ) -> Answer | None:
        """The keys of an ``ask`` without its prompt; more than ``max_digits`` when too many were typed."""
        number = max_digits > 1 and terminator != ""
        keys = ""
        while len(keys) < (MAX_KEYS_AHEAD if number else max_digits):
            full = len(keys) >= max_digits
            pause_ms = min(interdigit_ms, SURPLUS_MS) if full else interdigit_ms
            key = await self.wait_for_key(pause_ms if keys else timeout_ms)
            if not key:
                if full:
                    self._late = (terminator, self._clock() + LATE_S)
                break
            if number and key == terminator:
                return Answer(keys, terminated=True)
            keys += key
        return Answer(keys) if keys else None

    async def wait_for_key(self, timeout_ms: int, music_class: str = "") -> str:
        """The next key, "" when none came; with music meanwhile when a class is named."""
        if self._keys:
            key, self._keys = self._keys[0], self._keys[1:]
            return key
        if music_class != self._music:
            await self._run(commands.music(music_class or None))
            self._music = music_class
        while True:
            wait = commands.wait_for_digit(timeout_ms)
            reply = await self._run(wait, timeout_ms / 1000 + REPLY_MARGIN_S)
            if reply.number < 0:
                await self.raise_if_gone()
                raise SessionLost("cannot wait for keys")
            key = chr(reply.number) if self._is_key(reply) else ""
            if not self._is_late(key):
                return key

    async def recognise(self, sound: str, timeout_s: int, longest_s: float, offset: int = 0) -> Reply:
        """Plays a sound from ``offset`` samples on and hears speech or a key; see ``commands``."""
        self._music = ""  # playing ends it
        while True:
            reply = await self._run(commands.speech_recognize(sound, timeout_s, offset), longest_s)
            if reply.note != "digit" or not self._is_late(reply.fields.get("digit", "")):
                return reply
            offset = _endpos(reply)

    async def silence(self) -> None:
        """Ends music."""
        if self._music:
            self._music = ""
            await self._run(commands.music(None))

    # ------------------------------------------------------------------------------- record and dial
    async def record(
        self, path: str, *, max_ms: int, silence_ms: int, terminator: str, beep: bool, sound_format: str
    ) -> RawRecording:
        """Records the caller to ``path.sound_format``. A hang-up is a result here: what was said counts."""
        self._keys = ""
        self._music = ""
        silence_s = max(1, round(silence_ms / 1000)) if silence_ms else 0
        command = commands.record_file(path, sound_format, terminator, max_ms, silence_s, beep)
        reply = await self._session.run(command, max_ms / 1000 + REPLY_MARGIN_S)
        duration_ms = _endpos(reply) // 8
        if reply.note == "dtmf":
            return RawRecording("key", duration_ms)
        if reply.note == "timeout" and reply.number >= 0:
            return RawRecording("timeout", duration_ms)
        if self.gone or reply.note == "hangup" or not reply.ok:
            return RawRecording("hung_up", duration_ms)
        return RawRecording("failed", duration_ms)

    async def dial(self, target: str, ring_s: float, options: str) -> DialResult:
        """Rings a phone from the caller's channel, connects them, comes back when the called has left.

        Cannot be interrupted by a command. When the caller leaves first the result is still to be had.
        """
        await self.raise_if_gone(probe=False)
        self._music = ""
        ring = str(max(1, round(ring_s)))
        dial = commands.execute("Dial", target, ring, options)
        await self._session.run(dial, ring_s + MAX_TALK_S)
        status = await self.get("DIALSTATUS")
        cause = await self.get("HANGUPCAUSE")
        answered = await self.get("ANSWEREDTIME")
        meaning = _BY_STATUS.get(status, "unreachable")
        if status == "CHANUNAVAIL" and cause == CAUSE_REJECTED:
            meaning = "declined"
        return DialResult(meaning, int(answered) if answered.isdigit() else 0, status, cause)

    async def execute(self, application: str, *arguments: str, timeout_s: float = REPLY_MARGIN_S) -> Reply:
        """A dialplan application; ``result`` -2 means that Asterisk does not have it."""
        return await self._run(commands.execute(application, *arguments), timeout_s)

    async def command(self, command: Command, timeout_s: float) -> Reply:
        """Any other command, with the usual care for a caller who is gone."""
        return await self._run(command, timeout_s)

    async def raise_if_gone(self, *, probe: bool = True) -> None:
        """A failure may mean a hang-up whose HANGUP line is on its way: one exchange more tells."""
        if probe and not self.gone:
            await self._session.run(commands.noop(), REPLY_MARGIN_S)
        if self._session.lost:
            raise SessionLost(self._session.lost)
        if self.gone:
            raise CallerHungUp

    # ---------------------------------------------------------------------------------------- inside
    async def _run(self, command: Command, timeout_s: float = REPLY_MARGIN_S) -> Reply:
        await self.raise_if_gone(probe=False)
        reply = await self._session.run(command, timeout_s)
        if reply.code == 511:
            raise CallerHungUp
        return reply

    def _is_key(self, reply: Reply) -> bool:
        return reply.ok and reply.number > 1 and chr(reply.number) in commands.KEYS

    def _is_late(self, key: str) -> bool:
        """Whether this key, the first after a number, only ends it. "" is no key."""
        if not key:
            return False
        (terminator, until_s), self._late = self._late, ("", 0.0)
        return key == terminator and self._clock() < until_s

    def _keep_key(self, reply: Reply) -> bool:
        if not self._is_key(reply):
            return False
        self._keys = (self._keys + chr(reply.number))[:MAX_KEYS_AHEAD]
        return True

    def _keep_leftover(self, reply: Reply) -> None:
        if reply.command.words[0] in ("STREAM", "WAIT"):
            if self._is_key(reply):
                self.put_key(chr(reply.number))
        elif reply.note == "digit":
            self.put_key(reply.fields.get("digit", ""))


def _endpos(reply: Reply) -> int:
    """Samples that were played."""
    written = reply.fields.get("endpos", "")
    return int(written) if written.isdecimal() else 0
