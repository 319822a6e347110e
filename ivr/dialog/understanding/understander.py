"""Words in, meaning out: the understanding behind the dialogue's port and `dozvon understand`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ivr.dialog.identifiers import SNILS_DIGITS
from ivr.dialog.ports import Expects, Hearing, Meaning
from ivr.dialog.understanding import dates, dictated, examples, slots
from ivr.dialog.understanding.answers import AnswerFinder, Question
from ivr.dialog.understanding.classifier import Classifier, Train
from ivr.dialog.understanding.examples import COMMANDS, NONE
from ivr.dialog.understanding.number_words import NUMBER_WORDS
from ivr.dialog.understanding.spoken_numbers import digits
from ivr.dialog.understanding.text import words
from ivr.dialog.understanding.yes_no import yes_or_no

# Below this a guess is no guess. From the dialogue's CONFIRM on the caller is asked, from ACCEPT on believed.
LOWEST = 0.5
# How the dialogue calls our commands.
_INTENTS = {"operator": "person", "leave-request": "request"}
_ANSWER_SURE = 0.7

# Short requests that every menu knows and that are no subject; whole utterances, as `words` gives them.
_FIXED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ru": {
        "hours": (
            "режим работы", "часы работы", "график работы", "время работы", "до скольки вы работаете",
            "до скольки работаете", "когда вы работаете", "во сколько вы открываетесь",
            "вы работаете в выходные", "вы работаете в воскресенье", "вы работаете в субботу",
        ),
        "skip": ("пропустить", "пропустите", "дальше", "далее", "не знаю", "не помню", "нет номера"),
        "other_language": (
            "английский", "по английски", "английский язык", "на английском", "инглиш", "english",
            "in english", "english please", "говорите по английски",
        ),
    },
    "en": {
        "hours": (
            "opening hours", "working hours", "what are your hours", "when are you open",
            "are you open on sunday", "how long are you open",
        ),
        "skip": ("skip", "next", "i don't know", "i do not know", "i don't remember"),
        "other_language": ("russian", "in russian", "russian please", "по русски", "русский",
        "speak russian"),
    },
}  # fmt: skip
_OTHER = {"ru": "en", "en": "ru"}


class Understander:
    """All languages of a hotline; `understand` is the dialogue's port, it never raises for what was said."""

    def __init__(
        self, classifiers: Mapping[str, Classifier], finders: Mapping[str, AnswerFinder] | None = None
    ) -> None:
        self._classifiers = classifiers
        self._finders = finders or {}

    def intent(self, text: str, language: str) -> tuple[str, float]:
        """Topic, command or ``none``, with calibrated confidence. An unknown language knows nothing."""
        classifier = self._classifiers.get(language)
        if classifier is None:
            return NONE, 0.0
        label, confidence = classifier.classify(text)
        if label != NONE and confidence < LOWEST:
            return NONE, 1 - confidence
        return label, confidence

    def slots(self, text: str, language: str) -> dict[str, str]:
        return slots.extract(text, language)

    def find_answer(self, question: str, language: str) -> tuple[str, float]:
        """The id of the answer to a question and how sure it is; "" for a question without an answer."""
        finder = self._finders.get(language)
        return finder.find(question) if finder else ("", 0.0)

    def understand(self, text: str, language: str, expects: Expects) -> Meaning:
        said = " ".join(words(text))
        if not said:
            return Meaning()
        if expects == "yes_no":
            answer, sure = yes_or_no(text, language)
            if answer:
                return Meaning(answer, sure)
        for intent, phrases in _FIXED.get(language, {}).items():
            if said in phrases:
                known = {"language": _OTHER[language]} if intent == "other_language" else {}
                return Meaning(intent, 0.95, known)
        if expects in ("digits", "date") and (number := self._number(text, language, expects)):
            return number
        return self._matter(text, language, expects)

    def snils(self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()) -> str:
        ways = [[(words(each.text), each.cost) for each in reading] for reading in heard if reading]
        return dictated.snils(ways, language, denied)

    def _number(self, text: str, language: str, expects: Expects) -> Meaning | None:
        known = NUMBER_WORDS.get(language)
        if expects == "date":
            day = dates.parse(words(text), known) if known else None
            return Meaning("date", 0.9, {"date": day.isoformat()}) if day else None
        found = slots.extract(text, language)
        if not found.get("digits") and known:
            found["digits"] = digits(words(text), known, (SNILS_DIGITS,))
        return Meaning("digits", 0.9, found) if found.get("digits") else None

    def _matter(self, text: str, language: str, expects: Expects) -> Meaning:
        label, confidence = self.intent(text, language)
        found = self.slots(text, language)
        if expects == "sentence" and label not in COMMANDS:
            answer, sure = self.find_answer(text, language)
            if answer and sure >= _ANSWER_SURE:
                # The caller's own words decide the subject; the answer's subject is the next best guess.
                topic = label if label != NONE and confidence >= _ANSWER_SURE else ""
                topic = topic or self._finders[language].topic_of(answer)
                return Meaning(f"answer.{answer}", sure, {**found, "topic": topic})
        if label == NONE:
            answer, sure = yes_or_no(text, language)
            return Meaning(answer, sure, found) if answer and sure >= _ANSWER_SURE else Meaning()
        if label in COMMANDS:
            return Meaning(_INTENTS.get(label, label), confidence, found)
        return Meaning(f"topic.{label}", confidence, found)


def load(
    folder: Path,
    languages: Sequence[str],
    questions: Mapping[str, Sequence[Question]] | None = None,
    train: Train = Classifier,
) -> Understander:
    """From the configuration folder; ``questions`` of the answers by language. Raises ExamplesFaulty."""
    known = {
        language: examples.load(folder / "understanding" / f"{language}.yaml", language)
        for language in languages
        if (folder / "understanding" / f"{language}.yaml").exists()
    }
    classifiers = {language: train(given, None) for language, given in known.items()}
    finders = {
        language: AnswerFinder(asked, known[language], train)
        for language, asked in (questions or {}).items()
        if asked and language in known
    }
    return Understander(classifiers, finders)
