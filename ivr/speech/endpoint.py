"""When has a caller finished? Depends on what is awaited. Pure: time comes in as milliseconds of audio.

After yes or no nothing more comes, so a short pause is enough; in a sentence people stop to think, above all
after a word that wants another one; while digits are missing from a number the caller is reading the next
group from a card.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    "sentence": Patience(pause_ms=900, hurry_ms=650, longest_ms=20_000),
    "date": Patience(pause_ms=1_200, hurry_ms=600, longest_ms=15_000),
    "digits": Patience(pause_ms=1_600, hurry_ms=600, longest_ms=30_000),
}

# After a yes or no that may go on: «нет, третья группа сто двадцать».
CORRECTION = Patience(pause_ms=900, hurry_ms=250, longest_ms=15_000)

WHOLE_SENTENCE = 3  # words; fewer may be the beginning of more
# Nobody ends a sentence with these: prepositions, conjunctions, pronouns and verbs that lean on what follows.
_LEANING: dict[str, frozenset[str]] = {
    "ru": frozenset(
        "а без бы был была в во вот вы где для до если еще ещё же за и из или их к как какая какие какой"
        " когда ко который которая которые мне меня могу мое моё мои мой моя моей моего можно мы на над надо"
        " не нет но ну нужно о об от по под потому почему про при с свой свою свои со сколько так такой там"
        " то тоже только у уже хочу хотел хотела хотелось через что чтобы этот эта я".split()
    ),
    "en": frozenset(
        "a about an and are because but can do does for from have how i if in is it my not of on or so that"
        " the this to want was what when where which who why will with would your".split()
    ),
}


def whole_sentence(words: Sequence[str], language: str) -> bool:
    """Could the caller have said all that he wants to say?"""
    return len(words) >= WHOLE_SENTENCE and words[-1] not in _LEANING.get(language, frozenset(words))


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
