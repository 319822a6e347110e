"""Listening to a caller: speech and keys at once, through Asterisk's speech interface.

Rules
  * Speech is a bonus: whatever fails, the call goes on with keys, and the dialogue hears SpeechFailed once
    in each language that the caller changes to.
  * Asterisk does not stop a prompt when somebody begins to speak: the speech server sends ``ONSET`` and a
    second RECOGNIZE with a moment of silence replaces the prompt at once. The recogniser keeps what it heard.
  * RECOGNIZE takes no further command. To stop one for an offer, a key that no telephone has is given to
    the channel by the manager (``POKE``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from ivr.agi import commands
from ivr.agi.channel import POKE, Channel
from ivr.agi.codec import Reply
from ivr.agi.holding import MAX_FALSE_STARTS, Music, News
from ivr.agi.speaking import Speaker
from ivr.dialog.contract import Ask, Digits, Input, NoInput, Prompt, SpeechFailed, Utterance
from ivr.dialog.ports import Hearing
from ivr.speech.contract import BUSY, NOTHING, ONSET, OTHER, TOO_LONG, cost_of_other, turn_settings

CREATE_TIMEOUT_S = 45.0  # Asterisk gives up a silent server after some 30 s; we must not give up first
SET_TIMEOUT_S = 5.0  # Asterisk waits a second for the server's answer
LONGEST_SPEECH_S = 40
MARGIN_S = 15.0
SILENCE_MS = 100
MAX_RESULTS = 16  # of one turn
OVER_MUSIC = Ask((), terminator="", speech=True, expects="sentence")  # anything may be said

log = structlog.get_logger(__name__)


class SpeechGone(Exception):
    """No speech for the rest of this call; the text says why."""


class NoSuchEar(SpeechGone):
    """Nobody understands this language; in another one the call can be heard."""


def make_silence(folder: Path) -> str:
    """A moment of silence as a sound file; its path without extension. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "silence.alaw"
    file.write_bytes(b"\xd5" * (SILENCE_MS * 8))
    return str(file.with_suffix(""))


class Listener:
    """One call's ears. ``engines``: the speech servers to try, in this order; () while none is there."""

    def __init__(
        self,
        channel: Channel,
        speaker: Speaker,
        call_id: str,
        silence: str,
        engines: Callable[[], Sequence[str]],
    ) -> None:
        self._channel = channel
        self._speaker = speaker
        self._call_id = call_id
        self._silence = silence
        self._engines = engines
        self._created = False
        self._turn = 0
        self._gone = "" if silence else "off"
        self._told = ""  # the language that the dialogue knows to have keys only
        self._deaf: dict[str, str] = {}  # languages that only have keys, and why
        self._unheard: tuple[Prompt, ...] = ()  # before the question, and not said yet
        self._false_starts = 0  # over music
        self.speaking = False  # over music, and not at the end yet

    async def ask(self, action: Ask) -> Input:
        """Speech and keys, or SpeechFailed, or keys alone once that was said in this language."""
        if self._told == self._speaker.language:
            return await self._speaker.ask(action)
        self._told = ""  # the dialogue expects to hear again in another language
        if self._channel.keys_ahead and action.barge_in:
            return await self._speaker.ask(action)  # he types, and knows the way
        try:
            return await self._hear(action)
        except SpeechGone as error:
            self._lose(error)
            self._told = self._speaker.language
            log.warning("speech is gone for this call", action="speech_gone", why=str(error))
            if self._unheard:
                await self._speaker.say(self._unheard, barge_in=action.barge_in)
            return SpeechFailed(str(error))

    async def over(self, music: Music, news: News) -> Digits | Utterance | None:
        """Words or a key over news and music, however long that takes; None when nobody can listen here.

        Waiting is no question: what fails is not told to the dialogue, and silence is no answer.
        """
        try:
            while self._false_starts < MAX_FALSE_STARTS:
                answer = await self._overheard(music, news)
                if answer is not None:
                    return answer
        except SpeechGone as error:
            self._lose(error)
        why = self._gone or self._deaf.get(self._speaker.language, "noise")
        log.info("only music from here on", action="hold_unheard", why=why)
        return None

    def _lose(self, error: SpeechGone) -> None:
        if isinstance(error, NoSuchEar):
            self._deaf[self._speaker.language] = str(error)
        else:
            self._gone = str(error)

    @property
    def hears_over_music(self) -> bool:
        deaf = self._gone or self._speaker.language in self._deaf
        return not deaf and self._false_starts < MAX_FALSE_STARTS and bool(self._engines())

    async def _overheard(self, music: Music, news: News) -> Digits | Utterance | None:
        """Until a key, words, noise (counted), the end of the news or of the piece of music."""
        await self._begin(OVER_MUSIC)
        if not news.said:
            news.said = True
            *first, sound = await self._speaker.sounds(news.prompts) or [self._silence]
            self._speaker.note(news.prompts)
            for each in first:
                await self._channel.play(each)
            reply = await self._recognise(sound, 1, self._speaker.longest_s(news.prompts))
        else:
            with music.playing():
                left_s, offset = music.left_s, music.offset
                reply = await self._channel.recognise(music.sound, 1, left_s + MARGIN_S, offset)
        if reply.note == "speech" and reply.fields.get("text0") == ONSET:
            self.speaking = True
            try:
                reply = await self._recognise(self._silence, LONGEST_SPEECH_S)
            finally:
                self.speaking = False
        if reply.note == "speech" and reply.fields.get("text0") in (NOTHING, TOO_LONG, BUSY, ONSET):
            self._false_starts += 1
            return None
        answer = await self._understood(reply, OVER_MUSIC)
        if isinstance(answer, Utterance):
            self._false_starts = 0
        return answer if isinstance(answer, Digits | Utterance) else None

    async def _hear(self, action: Ask) -> Input:
        self._unheard = action.prompts[: action.lead]
        await self._begin(action)
        sound, timeout_s = self._silence, max(1, math.ceil(action.timeout_ms / 1000))
        sounds = await self._speaker.sounds(action.prompts)
        self._speaker.note(action.prompts)
        if not action.barge_in:
            self._channel.forget_keys()
            for each in sounds:
                await self._channel.play(each, barge_in=False)
            self._unheard = ()
        elif sounds:
            *first, sound = sounds  # more than one only when a prompt is missing
            for each in first:
                await self._channel.play(each)
        began_s = time.monotonic()
        reply = await self._recognise(sound, timeout_s, self._speaker.longest_s(action.prompts))
        if "text0" in reply.fields or time.monotonic() - began_s >= self._speaker.longest_s(self._unheard):
            self._unheard = ()  # a server that dies at once ends the prompt with it
        if reply.note == "speech" and reply.fields.get("text0") == ONSET:
            reply = await self._recognise(self._silence, LONGEST_SPEECH_S)
        return await self._understood(reply, action)

    async def _begin(self, action: Ask) -> None:
        """A connection for the call, once, and what is awaited this time."""
        if self._gone or not self._engines():
            raise SpeechGone(self._gone or "server_down")
        if not self._created:
            await self._create()
            await self._set("call", self._call_id)
        self._turn += 1
        await self._set_language()
        digits = action.max_digits if action.expects == "digits" else action.corrects
        idle = action is OVER_MUSIC
        for name, value in turn_settings(self._turn, action.expects, action.phrases, digits, idle=idle):
            await self._set(name, value)

    async def _create(self) -> None:
        """At the first of the speech servers that answers."""
        for engine in self._engines():
            reply = await self._channel.command(commands.speech_create(engine), CREATE_TIMEOUT_S)
            if reply.result == "1":
                self._created = True
                return
            log.warning("no speech server answers", action="speech_no_server", engine=engine)
        raise SpeechGone("no_connection")

    async def _set_language(self) -> None:
        """A server refuses a language that it has no model for: then only this language goes on with keys."""
        try:
            await self._set("language", self._speaker.language)
        except SpeechGone as error:
            raise NoSuchEar(str(error)) from None

    async def _set(self, name: str, value: str) -> None:
        reply = await self._channel.command(commands.speech_set(name, value), SET_TIMEOUT_S)
        if reply.result != "1":
            raise SpeechGone("not_set")

    async def _recognise(self, sound: str, timeout_s: int, prompt_s: float = 1.0) -> Reply:
        """Should Asterisk hang in it (the server stands still), the dialplan goes on."""
        longest_s = prompt_s + timeout_s + MARGIN_S
        return await self._channel.recognise(sound, timeout_s, longest_s)

    async def _understood(self, reply: Reply, action: Ask) -> Input:
        match reply.note:
            case "digit":
                key = reply.fields.get("digit", "")
                if key == POKE:  # nobody pressed it; who sent it has cancelled us, or will
                    return NoInput()
                self._channel.put_key(key)
                answer = await self._channel.collect(
                    action.max_digits, action.terminator, action.interdigit_ms, action.interdigit_ms
                )
                log.info("the caller answered", action="pressed", pii_keys=answer.keys if answer else "")
                return NoInput() if answer is None else Digits(answer.keys)
            case "speech":
                return self._words(reply)
            case "timeout":
                return NoInput()
            case _:
                await self._channel.raise_if_gone()
                raise SpeechGone("failed")

    def _words(self, reply: Reply) -> Input:
        text, score, others = _results(reply.fields)
        if not text:
            raise SpeechGone("died")  # the server went away: RECOGNIZE ends without a result
        if text == BUSY:
            raise SpeechGone("busy")
        if text in (NOTHING, TOO_LONG, ONSET):
            return Utterance("", 0.0)
        confidence = min(100, score) / 100
        log.info("the caller answered", action="spoke", pii_text=text, confidence=confidence)
        return Utterance(text, confidence, others)


def _results(fields: Mapping[str, str]) -> tuple[str, int, tuple[Hearing, ...]]:
    """Text and score of what was heard, and what it may have been instead. Asterisk keeps no order."""
    text, best, others = "", 0, []
    for n in range(MAX_RESULTS):
        if (said := fields.get(f"text{n}")) is None:
            break
        written = fields.get(f"score{n}", "")
        score = int(written) if written.isdecimal() else 0
        if fields.get(f"grammar{n}") == OTHER:
            others.append(Hearing(said, cost_of_other(score)))
        elif not text:
            text, best = said, score
    return text, best, tuple(sorted(others, key=lambda other: other.cost))
