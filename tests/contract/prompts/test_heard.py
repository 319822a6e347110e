"""Every rendered Russian prompt is played to the recogniser that ships, and says its text.

The recogniser is small: it takes word by word from a grammar of all words of the prompts, without any idea
which sentence to expect, and loses short words. So two things are asked: that most of the words of a text
were heard, and that each prompt is told from all others by what was heard of it. A prompt with another text,
a wrong file, silence or noise fails both.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import pytest
import vosk

from dozvon.commands.prompts import load_catalogue
from dozvon.settings import ROOT
from ivr.dialog.contract import Prompt
from ivr.prompts import audio
from ivr.prompts.catalogue import written
from ivr.prompts.render import Store
from ivr.prompts.voice import CatalogueVoice

MODEL = ROOT / "models" / "ru-small"
NUMBERS_EVERY = 8  # of the phrases of numbers only each so many: they are many and alike
NUMBERS = (
    123_456_789,
    5_070_010,
    901_200_366,
    440_019_205,
    318_000_777,
    60_606_011,
    277_815_942,
    999_100_450,
)
CONTENT_LETTERS = 4  # shorter words are not counted: the recogniser was made for commands and loses them


@dataclass(frozen=True)
class Heard:
    name: str
    said: list[str]
    heard: list[str]

    def recall(self, known: set[str]) -> tuple[int, int]:
        """Content words heard in their order, and how many there were."""
        said = [word for word in self.said if len(word) >= CONTENT_LETTERS and word in known]
        return _in_order(said, self.heard), len(said)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _in_order(said: list[str], heard: list[str]) -> int:
    matcher = SequenceMatcher(None, said, heard, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def _known_words() -> set[str]:
    return {line.split()[0] for line in (MODEL / "graph" / "words.txt").read_text("utf-8").splitlines()}


def _joined(tmp_path: Path) -> list[tuple[list[str], Path]]:
    """Sentences with numbers as a call hears them: their words, and the file joined from ready sounds."""
    voice = CatalogueVoice(
        lambda: load_catalogue(ROOT / "config", ROOT / "voice_prompts"),
        ROOT / "voice_prompts",
        tmp_path,
        lambda language: None,
    )
    prompts = [Prompt("callback.confirm", {"number": f"79{number:09}"}) for number in NUMBERS]
    prompts += [Prompt("record.number", {"number": f"{number:09}"[1:]}) for number in NUMBERS]
    prompts += [Prompt("queue.first", {"place": number % 60 + 11}) for number in NUMBERS]
    return [(_words(voice.text((one,), "ru")), Path(f"{voice.sound((one,), 'ru')}.alaw")) for one in prompts]


@pytest.mark.timeout(400)
def test_numbers_joined_from_parts_are_understood(tmp_path: Path) -> None:
    """What is read back to a caller must be certain: place, number of a telephone, number of a request."""
    vosk.SetLogLevel(-1)
    model = vosk.Model(str(MODEL))
    joined = _joined(tmp_path)
    vocabulary = sorted({word for words, _ in joined for word in words})
    heard = right = 0
    for words, path in joined:
        understood = _listen(model, json.dumps(vocabulary, ensure_ascii=False), path)
        heard, right = heard + len(words), right + _in_order(words, understood)
    print(f"words of joined numbers understood: {right} of {heard}")
    assert right >= heard * 0.95


def _listen(model: vosk.Model, grammar: str, alaw: Path) -> list[str]:
    recogniser = vosk.KaldiRecognizer(model, audio.RATE, grammar)
    samples = audio.decode_alaw(alaw.read_bytes() + audio.silence(500))
    pcm = (samples * 32767).astype("<i2").tobytes()
    heard = []
    for start in range(0, len(pcm), 3200):
        if recogniser.AcceptWaveform(pcm[start : start + 3200]):
            heard += _words(json.loads(recogniser.Result())["text"])
    heard += _words(json.loads(recogniser.FinalResult())["text"])
    return [word for word in heard if word != "unk"]


@pytest.fixture(scope="module")
def known() -> set[str]:
    return _known_words()


@pytest.fixture(scope="module")
def everything(known: set[str]) -> list[Heard]:
    vosk.SetLogLevel(-1)
    store = Store(ROOT / "voice_prompts" / "ru")
    catalogue = load_catalogue(ROOT / "config", ROOT / "voice_prompts")
    texts = {sound.name: _words(written(sound.text)) for sound in catalogue.sounds("ru") if not sound.voice}
    numbers = sorted(name for name in texts if name.startswith("numbers/"))
    names = [name for name in texts if texts[name] and name not in numbers] + numbers[::NUMBERS_EVERY]
    vocabulary = sorted({word for words in texts.values() for word in words} & known)
    grammar = json.dumps(vocabulary, ensure_ascii=False)
    model = vosk.Model(str(MODEL))
    with ThreadPoolExecutor(2) as pool:
        heard = pool.map(lambda name: _listen(model, grammar, store.path(name)), names)
        return [Heard(name, texts[name], words) for name, words in zip(names, heard, strict=True)]


@pytest.mark.timeout(400)
def test_most_words_are_heard(everything: list[Heard], known: set[str]) -> None:
    counts = [one.recall(known) for one in everything]
    heard, said = sum(count[0] for count in counts), sum(count[1] for count in counts)
    print(f"content words heard: {heard} of {said}, {heard / said:.1%}")
    assert heard / said >= 0.85


@pytest.mark.timeout(400)
def test_each_prompt_is_told_from_all_others(everything: list[Heard]) -> None:
    confused = []
    # Samples of one prompt differ by a number only; their words are counted in the test above.
    sentences = [one for one in everything if len(one.said) >= 3 and not re.search("^numbers/|@", one.name)]
    for one in sentences:
        best = max(everything, key=lambda other: _likeness(other.said, one.heard))
        if best.said != one.said:
            confused.append(f"{one.name}: {' '.join(one.said)} | {' '.join(one.heard)} | {best.name}")
    print(f"told apart: {len(sentences) - len(confused)} of {len(sentences)}")
    print("\n".join(confused))
    assert len(confused) <= len(sentences) * 0.06, "\n".join(confused)


@pytest.mark.timeout(400)
def test_long_prompts_are_heard_one_by_one(everything: list[Heard], known: set[str]) -> None:
    """From six content words on even a small recogniser hears more than half."""
    for one in everything:
        heard, said = one.recall(known)
        if said >= 6:
            assert heard / said > 0.5, f"{one.name}: {' '.join(one.said)} | {' '.join(one.heard)}"


def _likeness(said: list[str], heard: list[str]) -> float:
    return 2 * _in_order(said, heard) / (len(said) + len(heard) or 1)
