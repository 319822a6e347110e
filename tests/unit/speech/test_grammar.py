"""What the recogniser listens for, and that a number counts only when it stays the same."""

from __future__ import annotations

from pathlib import Path

from dozvon.settings import Settings
from dozvon.speech import unheard
from ivr.dialog.model import Flow, Menu, Option
from ivr.speech.contract import ONSET
from ivr.speech.grammar import phrases_for
from ivr.speech.recogniser import MAX_PHRASES
from ivr.speech.turn import STEADY_MS, Request, Turn
from ivr.speech.voice import CHUNK_BYTES, CHUNK_MS
from ivr.speech.ways import Heard


def test_a_menu_hears_its_own_phrases_and_those_that_work_everywhere() -> None:
    heard = phrases_for("choice", "ru", ("статус заявления", "назад"))
    assert heard[:2] == ("статус заявления", "назад")
    assert {"оператор", "соедините с оператором", "повторите"} <= set(heard)
    assert len(heard) == len(set(heard))


def test_free_questions_stay_free() -> None:
    assert phrases_for("sentence", "ru", ()) == ()
    assert phrases_for("choice", "ru", ()) == ()


def test_yes_or_no_is_heard_with_its_own_words() -> None:
    assert {"да", "нет", "верно", "оператор"} <= set(phrases_for("yes_no", "ru", ()))
    assert phrases_for("yes_no", "tt", ()) == ()
    assert "не" not in phrases_for("yes_no", "ru", ()), "all that would be heard of «не понял»"
    assert {"перезвоните", "да", "нет"} <= set(phrases_for("yes_no", "ru", ("перезвоните",)))


def test_who_has_not_heard_or_understood_a_yes_or_no_question_is_heard() -> None:
    for language, said in (("ru", "не понял"), ("ru", "не слышу"), ("en", "i don't understand")):
        assert said in phrases_for("yes_no", language, ())
        assert said in phrases_for("yes_no", language, (), corrects=True)
        assert said not in phrases_for("choice", language, ("статус",))
        assert said not in phrases_for("digits", language, ())


def test_where_a_number_may_be_corrected_yes_and_no_are_likeliest() -> None:
    for language, yes, place, number in (("ru", "да", "конце", "сорок"), ("en", "yes", "end", "forty")):
        heard = phrases_for("yes_no", language, (), corrects=True)
        assert heard.count(yes) > heard.count(number) > 0 and place in heard and len(heard) <= MAX_PHRASES
    assert phrases_for("yes_no", "tt", (), corrects=True) == ()


def test_a_date_is_numbers_ordinals_and_months() -> None:
    for language, words in (
        ("ru", {"двенадцатое", "третьего", "мая", "тысяча", "года", "оператор"}),
        ("en", {"twelfth", "may", "nineteen", "operator"}),
    ):
        heard = phrases_for("date", language, ())
        assert words <= set(heard) and len(heard) <= MAX_PHRASES
    assert "двенадцатая" not in phrases_for("date", "ru", ())
    assert phrases_for("date", "tt", ()) == ()


def test_a_number_is_number_words_corrections_and_a_person() -> None:
    for language, words in (
        ("ru", {"триста", "нуля", "нет", "оператор"}),
        ("en", {"double", "seven", "operator"}),
    ):
        heard = phrases_for("digits", language, ())
        assert words <= set(heard)
        assert len(heard) <= MAX_PHRASES
        assert heard.count("ноль" if language == "ru" else "zero") > heard.count("нуля") == (language == "ru")
    assert phrases_for("digits", "tt", ()) == ()


class _Wavering:
    """Hears eleven digits for a moment, as a recogniser does before it is sure."""

    def __init__(self) -> None:
        self.fed = 0

    def recogniser(self, phrases: object, *, others: bool = False) -> _Wavering:
        return self

    def missing(self, phrases: object) -> list[str]:
        return []

    def feed(self, sound: bytes) -> None:
        self.fed += 1

    def so_far(self) -> str:
        return "один " * (11 if self.fed % 6 < 3 else 9)

    def finish(self) -> Heard:
        return Heard(self.so_far(), 0.9)


class _Ears:
    def probability(self, chunk: bytes) -> float:
        return 0.9 if chunk[0] else 0.0

    def reset(self) -> None:
        """It remembers nothing."""


def test_a_number_that_wavers_is_not_complete() -> None:
    turn = Turn(Request(1, "ru", "digits", digits=11), _Wavering(), _Ears(), lambda: True, lambda: None)
    assert turn.hear(b"\x01" * CHUNK_BYTES * 4)[0].text == ONSET
    assert turn.hear(b"\x00" * CHUNK_BYTES * (3 * STEADY_MS // CHUNK_MS)) == []


def test_words_that_the_model_lacks_are_named_with_their_line(tmp_path: Path) -> None:
    options = (
        Option("1", phrases={"ru": ("статус", "бормоглот")}, line=12),
        Option("2", phrases={"ru": ("что-то другое",), "en": ("other",)}, line=14),
    )
    menu = Menu(id="main.menu", file="main.yaml", line=10, prompts=("ask",), options=options)
    found = list(
        unheard(
            Settings(home=tmp_path), Flow("1", {"main.menu": menu}, "main.menu", "main.menu", ("ru", "en"))
        )
    )
    named = [text for severity, text in found if severity == "warning" and "бормоглот" in text]
    assert len(named) == 1 and named[0].startswith("main.yaml:12: ")
    assert not [text for _, text in found if "статус" in text or "что-то" in text]
