"""Prompts said and keys asked for on one channel, in the caller's language.

A prompt that cannot be had is left out and counted: the caller hears the rest. Finding it before a caller
does is the work of ``dozvon check``.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from ivr.agi.channel import Channel, PlaybackFailed
from ivr.dialog.contract import Ask, Digits, Input, NoInput, Prompt
from ivr.prompts.contract import PromptMissing, Voice

RENDER_TIMEOUT_S = 5.0  # of a dynamic text that is spoken for the first time
LONGEST_PROMPT_S = 60.0
PERSONAL_DIGITS = 4  # a slot with so many digits is a number of somebody's

log = structlog.get_logger(__name__)


class Speaker:
    """Says prompts on a channel. ``missing`` counts what could not be said."""

    def __init__(self, channel: Channel, voice: Voice, language: str) -> None:
        self._channel = channel
        self._voice = voice
        self.language = language
        self.missing = 0

    async def say(self, prompts: tuple[Prompt, ...], *, barge_in: bool = True) -> bool:
        """False when a key cut it short; the key waits for the next ``ask``."""
        sounds = await self.sounds(prompts)
        self.note(prompts)
        for sound in sounds:
            try:
                if not await self._channel.play(sound, barge_in=barge_in):
                    return False
            except PlaybackFailed:
                self._miss("playback_failed", sound)
        return True

    async def ask(self, action: Ask) -> Input:
        """Keys only. A prompt that was cut short by a key is not taken up again."""
        if not action.barge_in:
            self._channel.forget_keys()
        await self.say(action.prompts, barge_in=action.barge_in)
        answer = await self._channel.collect(
            action.max_digits, action.terminator, action.timeout_ms, action.interdigit_ms
        )
        log.info("the caller answered", action="pressed", pii_keys=answer.keys if answer else "")
        return NoInput() if answer is None else Digits(answer.keys)

    async def sounds(self, prompts: tuple[Prompt, ...]) -> list[str]:
        """One joined file if every prompt is there, else a file for each that is."""
        if not prompts:
            return []
        try:
            return [await self._sound(prompts)]
        except (PromptMissing, TimeoutError):
            pass
        found = []
        for prompt in prompts:
            try:
                found.append(await self._sound((prompt,)))
            except (PromptMissing, TimeoutError) as error:
                self._miss(str(error) or "too slow", prompt.prompt_id)
        return found

    async def _sound(self, prompts: tuple[Prompt, ...]) -> str:
        # What has to be synthesised (an incident, a text changed just now) is made in a thread. Too slow: the
        # voice has something older to play, or raises PromptMissing.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RENDER_TIMEOUT_S):
                await self._voice.prepare(prompts, self.language)
        return self._voice.sound(prompts, self.language)

    def duration_ms(self, prompts: tuple[Prompt, ...]) -> int:
        """How long these prompts take, 0 when that is not known."""
        try:
            return self._voice.duration_ms(prompts, self.language) if prompts else 0
        except (PromptMissing, OSError):
            return 0

    def longest_s(self, prompts: tuple[Prompt, ...]) -> float:
        """How long these prompts take at most; a generous guess when that is not known."""
        try:
            return self._voice.duration_ms(prompts, self.language) / 1000 + 1
        except (PromptMissing, OSError):
            return LONGEST_PROMPT_S

    def note(self, prompts: tuple[Prompt, ...]) -> None:
        """What the caller hears, for the log of the call; a number read out to him is his own affair."""
        try:
            text = self._voice.text(prompts, self.language)
        except PromptMissing:
            return
        personal = any(
            isinstance(value, str) and sum(c.isdigit() for c in value) >= PERSONAL_DIGITS
            for prompt in prompts
            for value in prompt.slots.values()
        )
        fields = {"pii_text" if personal else "text": text}
        log.info("said", action="said", prompts=[prompt.prompt_id for prompt in prompts], **fields)

    def _miss(self, why: str, what: str) -> None:
        self.missing += 1
        log.error("a prompt could not be said", action="prompt_missing", why=why, prompt=what)
