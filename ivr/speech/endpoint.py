"""When has a caller finished? Depends on what is awaited. Pure: time comes in as milliseconds of audio.

After yes or no nothing more comes, so a short pause is enough; in a sentence people stop to think; while
digits are missing from a number the caller is reading the next group from a card.
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.speech.contract import Expects


@dataclass(frozen=True, slots=True)
class Patience:
    """All in milliseconds."""

    pause_ms: int  # silence that ends the turn
    hurry_ms: int  # silence that ends it when what was heard is complete
    longest_ms: int  # of the whole turn, from the onset


PATIENCE: dict[Expects, Patience] = {
    "yes_no": Patience(pause_ms=450, hurry_ms=250, longest_ms=6_000),
    "choice": Patience(pause_ms=550, hurry_ms=300, longest_ms=10_000),
    "sentence": Patience(pause_ms=900, hurry_ms=900, longest_ms=20_000),
    "date": Patience(pause_ms=1_200, hurry_ms=600, longest_ms=15_000),
    "digits": Patience(pause_ms=1_600, hurry_ms=600, longest_ms=30_000),
}


@dataclass(slots=True)
class EndOfSpeech:
    """``hear`` takes one stretch of audio and says whether the turn is over."""

    patience: Patience
    elapsed_ms: int = 0
    silence_ms: int = 0

    def hear(self, duration_ms: int, voiced: bool, complete: bool) -> bool:
        """``complete``: what was understood so far needs nothing more (all digits, a whole phrase)."""
        self.elapsed_ms += duration_ms
        self.silence_ms = 0 if voiced else self.silence_ms + duration_ms
        enough = self.patience.hurry_ms if complete else self.patience.pause_ms
        return self.silence_ms >= enough or self.too_long

    @property
    def too_long(self) -> bool:
        return self.elapsed_ms >= self.patience.longest_ms
