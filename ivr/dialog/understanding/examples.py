"""What callers say, by subject: config/understanding/LANGUAGE.yaml, and whatever files of the same shape lie
in the folder config/understanding/LANGUAGE. Faults are told with file and line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ivr.dialog.marks import quick
from ivr.dialog.understanding.text import words

NONE = "none"
TOPICS = (
    "account",
    "access",
    "personal-data",
    "documents",
    "status",
    "consultation",
    "portal-error",
    "mobile-app",
)
COMMANDS = ("operator", "repeat", "back", "callback", "leave-request")
MAX_EXAMPLES = 40_000
_SECTIONS = ("topics", "commands", "none", "unanswered", "synonyms")


class ExamplesFaulty(Exception):
    """The examples cannot be used; the text names file, line and what is expected."""


@dataclass(frozen=True, slots=True)
class Examples:
    language: str
    labelled: tuple[tuple[str, str], ...]  # (text, label)
    synonyms: tuple[tuple[str, ...], ...]  # words of one meaning, the first stands for all
    unanswered: tuple[str, ...] = ()  # questions that no answer fits, whatever subject they have


def load(file: Path, language: str, topics: Collection[str] | None = None) -> Examples:
    """``file`` and the files of the folder beside it that is named like it; ``topics`` are the subjects there
    are (None: any). Raises ExamplesFaulty."""
    found = _Found(topics)
    for each in (file, *sorted(file.with_suffix("").glob("*.yaml"))):
        found.read(each)
    if len({label for _, label in found.labelled}) < 2:
        raise ExamplesFaulty(f"{file}:1: examples of at least two subjects are needed")
    return Examples(language, tuple(found.labelled), tuple(found.synonyms), tuple(found.unanswered))


class _Found:
    """What the files read until now hold."""

    def __init__(self, topics: Collection[str] | None) -> None:
        self._topics = topics
        self.labelled: list[tuple[str, str]] = []
        self.synonyms: list[tuple[str, ...]] = []
        self.unanswered: list[str] = []
        self._meant: dict[str, str] = {}

    def read(self, file: Path) -> None:
        sections = _sections(file)
        for section, known in (("topics", self._topics), ("commands", COMMANDS)):
            for label, node in _mapping(file, sections.get(section)).items():
                if known is not None and label not in known:
                    raise ExamplesFaulty(f"{file}:{_line(node)}: {label}: unknown; known: {', '.join(known)}")
                self._add(file, _texts(file, node), label)
        self._add(file, _texts(file, sections.get(NONE)), NONE)
        self.unanswered += _texts(file, sections.get("unanswered"))
        if groups := sections.get("synonyms"):
            self.synonyms += [_synonyms(file, node) for node in _items(file, groups)]

    def _add(self, file: Path, texts: list[str], label: str) -> None:
        for text in texts:
            said = " ".join(words(text))
            if self._meant.setdefault(said, label) != label:
                raise ExamplesFaulty(f"{file}:1: «{text}» stands under both {self._meant[said]} and {label}")
            self.labelled.append((text, label))
        if len(self.labelled) > MAX_EXAMPLES:
            raise ExamplesFaulty(f"{file}:1: more than {MAX_EXAMPLES} examples")


def _sections(file: Path) -> Mapping[str, yaml.Node]:
    try:
        root = quick(file.read_text("utf-8"))
    except OSError as error:
        raise ExamplesFaulty(f"{file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ExamplesFaulty(f"{file}:{line}: {getattr(error, 'problem', None) or error}") from None
    sections = _mapping(file, root)
    for name, node in sections.items():
        if name not in _SECTIONS:
            raise ExamplesFaulty(f"{file}:{_line(node)}: {name}: unknown; known: {', '.join(_SECTIONS)}")
    return sections


def _synonyms(file: Path, node: yaml.Node) -> tuple[str, ...]:
    group = tuple(_texts(file, node))
    for text in group:
        if len(words(text)) != 1:
            raise ExamplesFaulty(f"{file}:{_line(node)}: «{text}»: synonyms are single words")
    return group


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _mapping(file: Path, node: yaml.Node | None) -> Mapping[str, yaml.Node]:
    if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ExamplesFaulty(f"{file}:{_line(node)}: a mapping is expected")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if found.setdefault(str(key.value), value) is not value:
            raise ExamplesFaulty(f"{file}:{_line(key)}: {key.value}: stands here twice")
    return found


def _items(file: Path, node: yaml.Node) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise ExamplesFaulty(f"{file}:{_line(node)}: a list is expected")
    return list(node.value)


def _texts(file: Path, node: yaml.Node | None) -> list[str]:
    if node is None:
        return []
    texts = []
    for item in _items(file, node):
        if not isinstance(item, yaml.ScalarNode) or not words(item.value):
            raise ExamplesFaulty(f"{file}:{_line(item)}: a sentence is expected")
        texts.append(item.value)
    return texts
