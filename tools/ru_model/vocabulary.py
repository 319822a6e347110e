"""The words and phrases of the hotline: what the model is trained on and what its language model holds."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import yaml

from tools.ru_model import number_words

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_WORD = re.compile(r"[а-яё]+")


def spoken(text: str) -> str:
    """Lower case, letters only: «Не могу войти!» -> «не могу войти»."""
    return " ".join(_WORD.findall(text.lower().replace("-", " ")))


def _lines(name: str) -> list[str]:
    lines = (HERE / "text" / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def phrases() -> list[str]:
    return [spoken(line) for line in _lines("phrases.txt")]


def _strings(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, dict):
        return [text for value in tree.values() for text in _strings(value)]
    return [text for value in tree for text in _strings(value)] if isinstance(tree, list) else []


def examples() -> list[str]:
    """What callers say about each topic, and the questions of the answers: from the shipped configuration."""
    found: list[str] = []
    file = ROOT / "config/understanding/ru.yaml"
    if file.exists():
        found += _strings(yaml.safe_load(file.read_text("utf-8")))
    for file in sorted((ROOT / "config/answers").glob("*.yaml")):
        raw = yaml.safe_load(file.read_text("utf-8"))
        questions = raw.get("questions", {}) if isinstance(raw, dict) else {}
        found += _strings(questions.get("ru", []) if isinstance(questions, dict) else questions)
    return [text for text in dict.fromkeys(map(spoken, found)) if text]


def prompts() -> list[str]:
    """What the hotline itself says: the model knows these words, so that every prompt can be proof-heard."""
    file = ROOT / "voice_prompts/ru/sounds/manifest.json"
    made = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return [spoken(sound["text"]) for sound in made.values()]


def words() -> list[str]:
    own = " ".join(_lines("words.txt")).split()
    said = [word for text in [*phrases(), *examples(), *prompts()] for word in text.split()]
    return list(dict.fromkeys([*number_words.vocabulary(), *own, *said]))


def foreign_words(count: int = 6000, seed: int = 11) -> list[str]:
    """Words for variety of sounds only (Debian: hunspell-ru); never in the model's vocabulary."""
    lines = Path("/usr/share/hunspell/ru_RU.dic").read_text("utf-8").splitlines()
    plain = sorted({line.split("/")[0] for line in lines})
    plain = [word for word in plain if re.fullmatch("[а-яё]{3,14}", word)]
    return random.Random(seed).sample(plain, count)
