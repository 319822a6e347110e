"""One turn of a caller: from silence over the first sound to the words. Runs in a worker thread.

Nothing is decoded before somebody speaks. What came in the moments before the onset is kept and decoded too,
so that the first syllable is not lost; the onset is told before that, for a prompt has to stop. Time is the
sound's own, CHUNK_MS a chunk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from ivr.dialog.understanding.number_words import NUMBER_WORDS
from ivr.dialog.understanding.spoken_numbers import digits
from ivr.dialog.understanding.text import words
from ivr.dialog.understanding.yes_no import yes_or_no
from ivr.speech.contract import BUSY, NOTHING, ONSET, TOO_LONG, Expects
from ivr.speech.endpoint import CORRECTION, PATIENCE, EndOfSpeech, whole_sentence
from ivr.speech.grammar import phrases_for
from ivr.speech.recogniser import Model, Recogniser
from ivr.speech.voice import CHUNK_BYTES, CHUNK_MS, Detector, Onset, loudness
from ivr.speech.ways import Way

PRE_ROLL_MS = 480
_SURE_YES_NO = 0.9
STEADY_MS = 288  # «один» is heard as «одиннадцать» for a moment: it counts when it stays the same


@dataclass(frozen=True, slots=True)
class Request:
    """What the telephone's side awaits."""

    number: int
    language: str
    expects: Expects = "choice"
    phrases: tuple[str, ...] = ()
    digits: int = 0

    @property
    def corrects(self) -> bool:
        """A yes or no is awaited about a number, and may correct it."""
        return self.expects == "yes_no" and self.digits > 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result to send: a mark of `contract` or words. ``voiced_ms``: sound between onset and last voice."""

    text: str
    confidence: float = 0.0
    voiced_ms: int = 0
    waited_ms: int = 0  # silence after the last voice until the turn was ended
    others: tuple[Way, ...] = ()  # that it may have been, the likeliest first


class _State(Enum):
    WAITING = "waiting"  # for somebody to speak
    SPEAKING = "speaking"
    OVER = "over"


class Turn:
    """``hear`` takes sound of any length and gives what is to be told now, in order. Having told an onset it
    leaves the rest of the sound for the next call: ``unheard`` says that there is some.

    ``claim`` asks for one of the places for turns at once and ``release`` gives it back: `Turn` calls each at
    most once. An error of the recogniser ends the turn with BUSY: the call goes on with keys.
    """

    def __init__(
        self,
        request: Request,
        model: Model,
        detector: Detector,
        claim: Callable[[], bool],
        release: Callable[[], None],
    ) -> None:
        self.request = request
        self._model, self._detector = model, detector
        self._claim, self._release = claim, release
        self._state = _State.WAITING
        self._before: deque[bytes] = deque(maxlen=PRE_ROLL_MS // CHUNK_MS)
        self._rest = b""
        self._onset = Onset()
        self._end = EndOfSpeech(CORRECTION if request.corrects else PATIENCE[request.expects])
        self._recogniser: Recogniser | None = None
        self._said, self._said_ms = "", 0  # what was heard, and for how long the same
        self._phrases = phrases_for(
            request.expects, request.language, request.phrases, corrects=request.corrects
        )
        detector.reset()

    @property
    def over(self) -> bool:
        return self._state is _State.OVER

    @property
    def waiting(self) -> bool:
        """Nobody has spoken yet, so hearing is light work."""
        return self._state is _State.WAITING

    @property
    def unheard(self) -> bool:
        return not self.over and len(self._rest) >= CHUNK_BYTES

    def hear(self, sound: bytes) -> list[Outcome]:
        sound = self._rest + sound
        found: list[Outcome] = []
        heard = 0
        while not found and not self.over and heard + CHUNK_BYTES <= len(sound):
            found = self._chunk(sound[heard : heard + CHUNK_BYTES])
            heard += CHUNK_BYTES
        self._rest = sound[heard:]
        return found

    def give_up(self) -> None:
        """The turn is not wanted any more: frees its place. Any number of times."""
        placed = self._state is _State.SPEAKING
        self._state = _State.OVER
        self._recogniser = None
        if placed:
            self._release()

    def _chunk(self, chunk: bytes) -> list[Outcome]:
        probability = self._detector.probability(chunk)
        if self._state is _State.WAITING:
            self._before.append(chunk)
            return self._begin() if self._onset.begins(probability, loudness(chunk)) else []
        recogniser = self._fed(chunk)
        voiced = self._onset.goes_on(probability)
        # What was heard is looked at only in pauses: asking costs as much as decoding.
        complete = not voiced and self._complete(recogniser.so_far())
        return [self._finish(recogniser)] if self._end.hear(CHUNK_MS, voiced, complete) else []

    def _begin(self) -> list[Outcome]:
        if not self._claim():
            self._state = _State.OVER
            return [Outcome(BUSY)]
        self._state = _State.SPEAKING
        return [Outcome(ONSET, 1.0)]

    def _fed(self, chunk: bytes) -> Recogniser:
        """The recogniser, which has heard everything now."""
        if self._recogniser is None:
            self._recogniser = self._model.recogniser(
                self._phrases, others=self.request.expects in ("digits", "date") or self.request.corrects
            )
            self._recogniser.feed(b"".join(self._before))
            self._before.clear()
        self._recogniser.feed(chunk)
        return self._recogniser

    def _finish(self, recogniser: Recogniser) -> Outcome:
        heard = recogniser.finish()
        voiced_ms = self._end.elapsed_ms - self._end.silence_ms
        waited_ms, endless = self._end.silence_ms, self._end.too_long
        self.give_up()
        if not heard.words:
            return Outcome(TOO_LONG if endless else NOTHING, 0.0, voiced_ms, waited_ms)
        return Outcome(heard.words, heard.confidence, voiced_ms, waited_ms, heard.others)

    def _complete(self, said: str) -> bool:
        """Does what was said need nothing more?"""
        request = self.request
        if request.expects == "yes_no":
            answer, sure = yes_or_no(said, request.language)
            return sure >= _SURE_YES_NO and not (request.corrects and answer == "no")
        if request.expects == "choice":
            return said in self._phrases
        self._said_ms = self._said_ms + CHUNK_MS if said == self._said else 0
        self._said = said
        if self._said_ms < STEADY_MS:
            return False
        if request.expects == "sentence":
            return whole_sentence(said.split(), request.language)
        known = request.expects == "digits" and request.digits and request.language in NUMBER_WORDS
        return bool(known) and _as_long(said, request.language, request.digits)


def _as_long(said: str, language: str, wanted: int) -> bool:
    """By the likeliest reading: «сто двенадцать» could be five digits, but seldom is."""
    heard: Sequence[str] = words(said)
    return len(digits(heard, NUMBER_WORDS[language])) >= wanted
