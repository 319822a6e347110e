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

    def duration_ms(self, prompts: tuple[Prompt, ...], language: str) -> int: ...
