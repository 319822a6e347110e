"""The words and phrases of the hotline: what a model is trained on and what its language model holds."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import yaml

from ivr.dialog.words import COMMON
from tools.speech_model.languages import Language

ROOT = Path(__file__).resolve().parents[2]


def spoken(text: str, language: Language) -> str:
    """Lower case, letters only: «Не могу войти!» -> «не могу войти»."""
    plain = text.lower().replace("-", " ").replace("’", "'")
    found = (word.strip("'") for word in re.findall(f"[{language.letters}]+", plain))
    return " ".join(word for word in found if word)


def _lines(name: str, language: Language) -> list[str]:
    lines = (language.text / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def phrases(language: Language) -> list[str]:
    found = [spoken(line, language) for line in _lines("phrases.txt", language)]
    return list(dict.fromkeys(found))


def _strings(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, dict):
        return [text for value in tree.values() for text in _strings(value)]
    return [text for value in tree for text in _strings(value)] if isinstance(tree, list) else []


def _phrases_of(tree: Any, code: str) -> list[str]:
    """Of a flow's file: what its menus listen for."""
    if isinstance(tree, list):
        return [text for value in tree for text in _phrases_of(value, code)]
    if not isinstance(tree, dict):
        return []
    own = tree.get("phrases")
    found = _strings(own.get(code)) if isinstance(own, dict) else []
    return found + [text for value in tree.values() for text in _phrases_of(value, code)]


def examples(language: Language) -> list[str]:
    """What callers say about each topic, the questions of the answers, the phrases of the menus: from the
    shipped configuration."""
    found: list[str] = []
    for file in sorted((ROOT / "config/understanding").rglob("*.yaml")):
        if language.code in (file.stem, file.parent.name):
            found += _strings(yaml.safe_load(file.read_text("utf-8")))
    for file in sorted((ROOT / "config/answers").glob("*.yaml")):
        raw = yaml.safe_load(file.read_text("utf-8"))
        questions = raw.get("questions", {}) if isinstance(raw, dict) else {}
        found += _strings(questions.get(language.code, []) if isinstance(questions, dict) else questions)
    for file in sorted((ROOT / "config/flows").glob("*.yaml")):
        found += _phrases_of(yaml.safe_load(file.read_text("utf-8")), language.code)
    found += [phrase for many in COMMON.get(language.code, {}).values() for phrase in many]
    return [text for text in dict.fromkeys(spoken(text, language) for text in found) if text]


def prompts(language: Language) -> list[str]:
    """What the hotline itself says: the model knows these words, so that every prompt can be proof-heard."""
    file = ROOT / f"voice_prompts/{language.code}/sounds/manifest.json"
    made = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return [spoken(sound["text"], language) for sound in made.values()]


def words(language: Language) -> list[str]:
    own = " ".join(_lines("words.txt", language)).split()
    texts = [*phrases(language), *examples(language), *prompts(language)]
    said = [word for text in texts for word in text.split()]
    return list(dict.fromkeys([*language.numbers.vocabulary(), *own, *said]))


def foreign_words(language: Language, count: int = 6000, seed: int = 11) -> list[str]:
    """Words for variety of sounds only (Debian: hunspell-ru, wamerican); never in the model's vocabulary."""
    lines = language.word_list.read_text("utf-8").splitlines()
    plain = sorted({line.split("/")[0] for line in lines})
    plain = [word for word in plain if re.fullmatch(f"[{language.letters}]{{3,14}}", word)]
    plain = [word for word in plain if "'" not in word]
    return random.Random(seed).sample(plain, count)
