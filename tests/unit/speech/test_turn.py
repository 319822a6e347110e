"""A turn from silence to words, with a voice detector and a recogniser of the test's own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ivr.speech.contract import BUSY, NOTHING, ONSET, TOO_LONG, Expects
from ivr.speech.endpoint import PATIENCE
from ivr.speech.turn import PRE_ROLL_MS, Outcome, Request, Turn
from ivr.speech.voice import CHUNK_BYTES, CHUNK_MS
from ivr.speech.ways import Heard, Way

LOUD, QUIET = b"\x01", b"\x00"


class Ears:
    """Speech is what is not zero."""

    def probability(self, chunk: bytes) -> float:
        return 0.9 if chunk[0] else 0.01

    def reset(self) -> None:
        pass


class Scribe:
    def __init__(self, said: str) -> None:
        self.said = said
        self.sound = b""

    def feed(self, sound: bytes) -> None:
        self.sound += sound

    def so_far(self) -> str:
        return self.said

    def finish(self) -> Heard:
        return Heard(self.said, 0.9 if self.said else 0.0)


class Office:
    """A model whose recogniser hears ``said``, and the count of places."""

    def __init__(self, said: str, places: int = 1) -> None:
        self.scribe = Scribe(said)
        self.free = places
        self.claimed = 0

    def recogniser(self, phrases: Sequence[str], *, others: bool = False) -> Scribe:
        return self.scribe

    def missing(self, phrases: Sequence[str]) -> list[str]:
        return []

    def claim(self) -> bool:
        if not self.free:
            return False
        self.free -= 1
        self.claimed += 1
        return True

    def release(self) -> None:
        self.free += 1


def turn(office: Office, expects: Expects = "choice", **fields: object) -> Turn:
    request = Request(1, "ru", expects, **fields)  # type: ignore[arg-type]
    return Turn(request, office, Ears(), office.claim, office.release)


def sound(kind: bytes, ms: int) -> bytes:
    return kind * (CHUNK_BYTES * (ms // CHUNK_MS))


def hear(turn: Turn, sound: bytes) -> list[Outcome]:
    """All of it, as a session lets a turn hear."""
    found = turn.hear(sound)
    while turn.unheard:
        found += turn.hear(b"")
    return found


def silence_until_result(turn: Turn) -> tuple[int, Outcome]:
    """Milliseconds of silence until the turn ends."""
    for waited in range(0, 60_000, CHUNK_MS):
        if found := hear(turn, sound(QUIET, CHUNK_MS)):
            return waited + CHUNK_MS, found[0]
    raise AssertionError("the turn never ends")


def test_nothing_is_decoded_and_no_place_taken_before_somebody_speaks() -> None:
    office = Office("да")
    waiting = turn(office)
    assert hear(waiting, sound(QUIET, 60_000)) == []
    assert office.scribe.sound == b"" and office.claimed == 0


def test_the_onset_is_told_before_anything_is_decoded() -> None:
    office = Office("да")
    begun = turn(office)
    assert [outcome.text for outcome in begun.hear(sound(LOUD, 320))] == [ONSET]
    assert begun.unheard and not begun.waiting and office.scribe.sound == b""
    assert begun.hear(b"") == []
    assert len(office.scribe.sound) == len(sound(LOUD, 320))


def test_what_came_before_the_onset_is_decoded_too() -> None:
    office = Office("да")
    begun = turn(office)
    hear(begun, sound(QUIET, 5_000))
    found = hear(begun, sound(LOUD, 2 * CHUNK_MS))
    assert [outcome.text for outcome in found] == [ONSET]
    before = office.scribe.sound.count(QUIET) * CHUNK_MS // CHUNK_BYTES
    assert PRE_ROLL_MS - 3 * CHUNK_MS <= before <= PRE_ROLL_MS


def test_frames_of_any_size_make_the_same_turn() -> None:
    said = sound(QUIET, 320) + sound(LOUD, 640) + sound(QUIET, 2000)
    results = []
    for size in (1, 7, 256, 320, 100_000):
        heard, office = [], Office("да")
        made = turn(office)
        for start in range(0, len(said), size):
            heard += hear(made, said[start : start + size])
        results.append((heard, office.scribe.sound))
    assert all(result == results[0] for result in results)
    assert [outcome.text for outcome in results[0][0]] == [ONSET, "да"]


@pytest.mark.parametrize("expects", ["yes_no", "choice", "sentence", "digits", "date"])
def test_silence_that_ends_a_turn_depends_on_what_is_awaited(expects: Expects) -> None:
    speaking = turn(Office("вот"), expects, digits=11 if expects == "digits" else 0)
    hear(speaking, sound(LOUD, 320))
    waited, outcome = silence_until_result(speaking)
    assert outcome.text == "вот"
    assert 0 <= waited - PATIENCE[expects].pause_ms < CHUNK_MS


def test_a_complete_answer_ends_the_turn_sooner() -> None:
    hurried = {}
    for said, expects, fields in (
        ("да", "yes_no", {}),
        ("статус заявления", "choice", {"phrases": ("статус заявления",)}),
        ("один два три", "digits", {"digits": 3}),
        ("не приходит код подтверждения", "sentence", {}),
    ):
        speaking = turn(Office(said), expects, **fields)  # type: ignore[arg-type]
        hear(speaking, sound(LOUD, 320))
        hurried[expects] = silence_until_result(speaking)[0]
    for expects, waited in hurried.items():
        patience = PATIENCE[expects]  # type: ignore[index]
        assert patience.hurry_ms <= waited < patience.pause_ms


@pytest.mark.parametrize("said", ["хочу узнать когда", "документы", "здравствуйте у меня", "я бы хотел"])
def test_a_sentence_that_wants_more_keeps_the_turn_open_over_a_pause(said: str) -> None:
    speaking = turn(Office(said), "sentence")
    hear(speaking, sound(LOUD, 320))
    assert hear(speaking, sound(QUIET, 800)) == []
    assert hear(speaking, sound(LOUD, 320)) == []


def test_missing_digits_keep_the_turn_open_over_a_pause() -> None:
    speaking = turn(Office("один два"), "digits", digits=11)
    hear(speaking, sound(LOUD, 320))
    assert hear(speaking, sound(QUIET, 1_500)) == []
    assert hear(speaking, sound(LOUD, 320)) == []


def test_who_speaks_without_end_is_interrupted() -> None:
    speaking = turn(Office("а также"), "choice")
    hear(speaking, sound(LOUD, 320))
    found = hear(speaking, sound(LOUD, 20_000))
    assert [outcome.text for outcome in found] == ["а также"]
    assert found[0].voiced_ms <= PATIENCE["choice"].longest_ms + CHUNK_MS
    endless = turn(Office(""), "choice")
    hear(endless, sound(LOUD, 320))
    assert [outcome.text for outcome in hear(endless, sound(LOUD, 20_000))] == [TOO_LONG]


def test_a_sound_without_words_is_told_as_nothing() -> None:
    office = Office("")
    speaking = turn(office)
    hear(speaking, sound(LOUD, 320))
    assert silence_until_result(speaking)[1].text == NOTHING
    assert office.free == 1 and speaking.over


def test_without_a_free_place_the_turn_ends_at_once() -> None:
    speaking = turn(Office("да", places=0))
    assert [outcome.text for outcome in hear(speaking, sound(LOUD, 3200))] == [BUSY]
    assert speaking.over and hear(speaking, sound(LOUD, 320)) == []


def test_giving_up_frees_the_place_once() -> None:
    office = Office("да")
    speaking = turn(office)
    hear(speaking, sound(LOUD, 320))
    assert office.free == 0
    speaking.give_up()
    speaking.give_up()
    assert office.free == 1


def test_a_recogniser_that_cannot_begin_frees_the_place() -> None:
    class Broken(Office):
        def recogniser(self, phrases: Sequence[str], *, others: bool = False) -> Scribe:
            raise RuntimeError("no memory")

    office = Broken("да")
    speaking = turn(office)
    with pytest.raises(RuntimeError):
        hear(speaking, sound(LOUD, 320))
    speaking.give_up()  # as a session does
    assert office.free == 1


def test_a_click_is_no_onset() -> None:
    class Unsure(Ears):
        def probability(self, chunk: bytes) -> float:
            return 0.3 if chunk[0] else 0.01

    office = Office("да")
    waiting = Turn(Request(1, "ru"), office, Unsure(), office.claim, office.release)
    for _ in range(5):
        assert hear(waiting, sound(LOUD, CHUNK_MS) + sound(QUIET, CHUNK_MS)) == []
    assert [outcome.text for outcome in hear(waiting, sound(LOUD, 6 * CHUNK_MS))] == [ONSET]


def test_what_else_a_number_may_have_been_is_asked_for_and_told() -> None:
    class Doubting(Office):
        asked = False

        def recogniser(self, phrases: Sequence[str], *, others: bool = False) -> Scribe:
            self.asked = others
            return self.scribe

    office = Doubting("два")
    office.scribe.finish = lambda: Heard("два", 0.6, (Way("двенадцать", 1.2),))  # type: ignore[method-assign]
    for expects, asked in (("digits", True), ("choice", False)):
        outcomes = hear(turn(office, expects), sound(LOUD, 320) + sound(QUIET, 2000))
        assert office.asked == asked
    assert outcomes[-1].others == (Way("двенадцать", 1.2),)


@pytest.mark.parametrize(
    ("said", "digits", "waited_ms"),
    [("да", 0, 250), ("нет", 0, 250), ("да", 11, 250), ("нет", 11, 900), ("нет в конце пять", 11, 900)],
)
def test_who_says_no_to_a_number_may_go_on(said: str, digits: int, waited_ms: int) -> None:
    speaking = turn(Office(said), "yes_no", digits=digits)
    outcomes = hear(speaking, sound(LOUD, 320) + sound(QUIET, 2000))
    assert waited_ms <= outcomes[-1].waited_ms < waited_ms + 2 * CHUNK_MS
