"""What a prompt is to the rest of the house."""

from __future__ import annotations

from typing import Protocol

from ivr.dialog.contract import Prompt


class PromptMissing(Exception):
    """No text or no sound for a prompt."""


class Voice(Protocol):
    """Turns prompts into what is heard. Joined pieces make one file: 8 kHz A-law has no header."""

    def text(self, prompts: tuple[Prompt, ...], language: str) -> str:
        """The words, numbers written out as they are spoken."""
        ...

    def sound(self, prompts: tuple[Prompt, ...], language: str) -> str:
        """Absolute path of one sound file *without* its extension, as Asterisk wants it.

        Pieces are joined once and kept in a bounded cache. Raises PromptMissing.
        """
        ...

    async def prepare(self, prompts: tuple[Prompt, ...], language: str) -> None:
        """Make in a thread what has to be made on demand (an incident, a name, a text changed just now).

        Await it before ``sound``, which then does not block. Never raises; takes 10 s at the most.
        """
        ...

    def duration_ms(self, prompts: tuple[Prompt, ...], language: str) -> int: ...
