"""Answers to common questions: config/answers/ID.yaml, one small file each.

    topic: access                    # a subject of config/topics.yaml
    questions:                       # in people's own words
      ru: [забыл пароль, …]
      en: [I forgot my password, …]
    spoken:                          # what the caller hears, 40 s at the most; | is a pause, + marks stress
      ru: …
      en: …
    short:                           # for chat and SMS
      ru: …
      en: …
    links: [портал госуслуг, раздел «Помощь»]

The file's name is the answer's id; the spoken text joins the catalogue as ``answer.ID``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.prompts import files, slots
from ivr.prompts.catalogue import MAX_MS, Entry, parse_text, written
from ivr.prompts.files import Fault, Field, FilesFaulty
from ivr.prompts.slots import SlotError

MIN_QUESTIONS = 3
MAX_SHORT = 480  # characters: an SMS of seven parts in Cyrillic
MAX_FILES = 500
# Characters a second of the shipped voices, a cautious figure: only for a text that is not rendered yet.
CHARACTERS_PER_S = 13.0
_KEYS = {"topic", "questions", "spoken", "short", "links"}
_ID = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the mappings are by language."""

    answer_id: str
    topic: str
    questions: Mapping[str, tuple[str, ...]]
    spoken: Mapping[str, str]
    short: Mapping[str, str]
    links: tuple[str, ...]
    file: Path
    lines: Mapping[str, int]

    @property
    def prompt_id(self) -> str:
        return f"answer.{self.answer_id}"


def load(
    folder: Path, languages: Sequence[str] = slots.LANGUAGES, topics: Collection[str] | None = None
) -> dict[str, Answer]:
    """All answers by id; ``topics`` are the subjects there are. Raises FilesFaulty with every fault found."""
    answers: dict[str, Answer] = {}
    faults: list[Fault] = []
    paths = sorted(folder.glob("*.yaml"))
    if len(paths) > MAX_FILES:
        raise FilesFaulty([Fault(folder, 1, f"more than {MAX_FILES} answers")])
    for path in paths:
        answer, found = _read(path, languages)
        answers[answer.answer_id] = answer
        faults += found
        if topics is not None and answer.topic and answer.topic not in topics:
            text = f"topic: there is no {answer.topic!r} in topics.yaml"
            faults.append(Fault(path, answer.lines["topic"], text))
    faults += _claimed_twice(answers)
    if faults:
        raise FilesFaulty(sorted(faults))
    return answers


def entries(answers: Mapping[str, Answer], languages: Sequence[str]) -> dict[str, dict[str, Entry]]:
    """The answers as entries of the catalogue."""
    return {
        language: {
            answer.prompt_id: Entry(
                answer.prompt_id,
                parse_text(answer.spoken[language], language),
                answer.file,
                answer.lines[f"spoken.{language}"],
            )
            for answer in answers.values()
            if language in answer.spoken
        }
        for language in languages
    }


def same_question(text: str) -> str:
    """The form in which two questions are compared: case, ё, punctuation and order do not count."""
    return " ".join(sorted(re.findall(r"\w+", text.lower().replace("ё", "е"))))


def _read(path: Path, languages: Sequence[str]) -> tuple[Answer, list[Fault]]:
    document, faults = files.read(path)
    fields = document.fields
    if faults and not fields:  # not readable: what is missing in it says nothing
        return Answer(path.stem, "", {}, {}, {}, (), path, {}), faults
    for name in fields.keys() - _KEYS:
        faults.append(Fault(path, fields[name].line, f"{name}: unknown; known: {', '.join(sorted(_KEYS))}"))
    if not _ID.fullmatch(path.stem):
        faults.append(Fault(path, 1, "an answer's file is named in lower-case Latin letters: its id"))
    topic = fields["topic"].value if "topic" in fields else None
    if not isinstance(topic, str) or not topic:
        faults.append(Fault(path, _line(fields, "topic"), "topic: which subject does it belong to?"))
    questions: dict[str, tuple[str, ...]] = {}
    spoken: dict[str, str] = {}
    short: dict[str, str] = {}
    lines = {"topic": _line(fields, "topic")}
    for language in languages:
        lines[f"spoken.{language}"] = _line(fields, "spoken", language)
        needed = language in slots.LANGUAGES
        if (needed or _text(fields, "spoken", language)) and (
            text := _spoken(path, fields, language, faults)
        ):
            spoken[language] = text
        if not needed:  # asked for by keys only, and spoken in the default language where it has no text
            continue
        questions[language] = _questions(path, fields, language, faults)
        lines[f"questions.{language}"] = _line(fields, "questions", language)
        short[language] = _text(fields, "short", language)
        if not 0 < len(short[language]) <= MAX_SHORT:
            text = f"short.{language}: 1 to {MAX_SHORT} characters are expected"
            faults.append(Fault(path, _line(fields, "short", language), text))
    links = fields["links"].value if "links" in fields else []
    if not isinstance(links, list) or not all(isinstance(link, str) for link in links):
        faults.append(Fault(path, _line(fields, "links"), "links: a list of texts is expected"))
        links = []
    return Answer(path.stem, str(topic), questions, spoken, short, tuple(links), path, lines), faults


def _questions(
    path: Path, fields: Mapping[str, Field], language: str, faults: list[Fault]
) -> tuple[str, ...]:
    inner = fields["questions"].fields if "questions" in fields else {}
    value = inner[language].value if language in inner else []
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        text = f"questions.{language}: a list of texts is expected"
        faults.append(Fault(path, _line(fields, "questions", language), text))
        return ()
    if len(value) < MIN_QUESTIONS:
        text = f"questions.{language}: at least {MIN_QUESTIONS} are needed to recognise it"
        faults.append(Fault(path, _line(fields, "questions", language), text))
    return tuple(value)


def _spoken(path: Path, fields: Mapping[str, Field], language: str, faults: list[Fault]) -> str:
    text, line = _text(fields, "spoken", language), _line(fields, "spoken", language)
    if not written(text):
        faults.append(Fault(path, line, f"spoken.{language}: has no text"))
        return ""
    try:
        if len(parse_text(text, language)) > 1 or "{" in text:
            faults.append(Fault(path, line, f"spoken.{language}: an answer has no slots"))
    except SlotError as error:
        faults.append(Fault(path, line, f"spoken.{language}: {error}"))
        return ""
    seconds = len(written(text)) / CHARACTERS_PER_S
    if seconds > MAX_MS / 1000:
        about = f"spoken.{language}: about {seconds:.0f} s long, {MAX_MS // 1000} at the most"
        faults.append(Fault(path, line, about))
    return text


def _text(fields: Mapping[str, Field], name: str, language: str) -> str:
    inner = fields[name].fields if name in fields else {}
    value = inner[language].value if language in inner else ""
    return " ".join(value.split()) if isinstance(value, str) else ""


def _line(fields: Mapping[str, Field], name: str, language: str = "") -> int:
    if name not in fields:
        return 1
    return fields[name].fields[language].line if language in fields[name].fields else fields[name].line


def _claimed_twice(answers: Mapping[str, Answer]) -> list[Fault]:
    faults = []
    claimed: dict[tuple[str, str], Answer] = {}
    for answer in answers.values():
        for language, questions in answer.questions.items():
            for question in questions:
                first = claimed.setdefault((language, same_question(question)), answer)
                if first is not answer:
                    text = f"«{question}» is claimed by {first.answer_id} too ({first.file.name})"
                    faults.append(Fault(answer.file, answer.lines[f"questions.{language}"], text))
    return faults
