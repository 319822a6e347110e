"""How well the model hears: voices it was never trained on, and a human's recordings, on a telephone line.

Human recordings: Debian's asterisk-core-sounds-ru-wav or -en-wav, unpacked (``dpkg -x``), not installed: one
speaker in a studio each. The Russian package tells no texts, so only numbers, months and days are used, whose
names tell.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from vosk import KaldiRecognizer, Model, SetLogLevel  # type: ignore[import-untyped]

from tools.speech_model import channel, corpus, vocabulary, voices
from tools.speech_model.languages import Language

Heard = tuple[str, float]
_CHUNK = 1600  # samples: what a speech server hands over at a time


def plain(text: str) -> str:
    return text.replace("ё", "е")


class Listener:
    def __init__(self, folder: Path) -> None:
        SetLogLevel(-1)
        self._model = Model(str(folder))
        self.audio_s = 0.0
        self.cpu_s = 0.0

    def hear(self, samples: npt.NDArray[np.int16], grammar: Sequence[str] | None) -> Heard:
        """Text without ё, and the lowest confidence of its words."""
        started = time.process_time()
        if grammar is None:
            recognizer = KaldiRecognizer(self._model, channel.RATE)
        else:
            recognizer = KaldiRecognizer(
                self._model, channel.RATE, json.dumps(list(grammar), ensure_ascii=False)
            )
        recognizer.SetWords(True)
        raw, results = samples.tobytes(), []
        for start in range(0, len(raw), 2 * _CHUNK):
            if recognizer.AcceptWaveform(raw[start : start + 2 * _CHUNK]):
                results.append(json.loads(recognizer.Result()))
        results.append(json.loads(recognizer.FinalResult()))
        self.cpu_s += time.process_time() - started
        self.audio_s += len(samples) / channel.RATE
        words = [word for result in results for word in result.get("result", ())]
        text = " ".join(result["text"] for result in results if result["text"])
        return plain(text), min((word["conf"] for word in words), default=0.0)


def _errors(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Word edits (Levenshtein)."""
    row = list(range(len(found) + 1))
    for index, word in enumerate(wanted, 1):
        before, row[0] = row[0], index
        for place, other in enumerate(found, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (word != other)),
            )
    return row[-1]


def _report(name: str, pairs: Iterable[tuple[str, str, str]], show: bool) -> None:
    rows = list(pairs)
    if not rows:
        return
    exact = sum(wanted == found for wanted, found, _ in rows)
    words = sum(len(wanted.split()) for wanted, _, _ in rows)
    wrong = sum(_errors(wanted.split(), found.split()) for wanted, found, _ in rows)
    print(
        f"{name:52} {len(rows):4} said  exact {exact / len(rows):6.1%}  WER {wrong / words:6.1%}", flush=True
    )
    if show:
        for wanted, found, where in rows:
            if wanted != found:
                print(f"      {where}: {wanted} -> {found}")


def _human(folder: Path, language: Language) -> dict[str, list[str]]:
    """File (without ending) -> what may have been said."""
    numbers = language.numbers
    files: dict[str, list[str]] = {}
    for value in [*range(21), *range(30, 100, 10)]:
        files[f"digits/{value}"] = numbers.cardinal(value)
    if language.code == "ru":
        files["digits/0"].append("нуль")
    files |= {f"digits/day-{index}": [word] for index, word in enumerate(numbers.WEEK)}
    files |= {f"digits/mon-{index}": words.split("|") for index, words in enumerate(numbers.MONTH_NAMES)}
    files |= {
        f"digits/{name}": [word] for name, word in zip(("today", "tomorrow"), numbers.DAYS, strict=True)
    }
    return {name: words for name, words in files.items() if (folder / f"{name}.wav").exists()}


def _sound(path: Path) -> npt.NDArray[np.float32]:
    raw = subprocess.run(
        ["sox", str(path), "-t", "s16", "-r", str(voices.RATE), "-c", "1", "-"],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    return np.frombuffer(raw, "<i2").astype(np.float32) / 32768


def _say_synthesised(
    listener: Listener, language: Language, work: Path, noise: float | None, show: bool
) -> None:
    def line(name: str, index: int) -> npt.NDArray[np.int16]:
        return channel.plain_line(voices.read(work / "sound" / f"{name}.wav")[0], noise, index)

    said = list(enumerate(corpus.load(work / "testing.tsv")))
    tests = [(index, u) for index, u in said if u.name.startswith("test-")]
    unknown = [(index, u) for index, u in said if u.name.startswith("unknown-")]
    commands = list(dict.fromkeys(map(plain, vocabulary.phrases(language))))
    digits = [*map(plain, language.numbers.loop_words()), "[unk]"]

    def each(wanted: Callable[[str], bool], grammar: Sequence[str] | None) -> Iterable[tuple[str, str, str]]:
        for index, u in tests:
            if wanted(plain(u.text)):
                yield plain(u.text), listener.hear(line(u.name, index), grammar)[0], u.voice

    _report("free speech", each(lambda text: True, None), show)
    name = f"menu phrases, a grammar of {len(commands)}"
    _report(name, each(lambda text: text in commands, [*commands, "[unk]"]), show)
    _report("dictated numbers, number words", each(lambda t: set(t.split()) <= set(digits), digits), show)
    wrong = sure = 0
    for index, u in unknown:
        text, confidence = listener.hear(line(u.name, index), [*commands, "[unk]"])
        wrong += text in commands
        sure += text in commands and confidence >= 0.9
    count = len(unknown)
    share, surely = wrong / count, sure / count
    print(f"unknown words taken for a phrase: {share:.1%} of {count}; with confidence 0.9 {surely:.1%}")


def run(
    language: Language, work: Path, model: Path, human: Path | None, noise: float | None, show: bool
) -> None:
    """Prints the figures of the model card; ``noise``: signal to noise in dB, none for a clean line."""
    listener = Listener(model)
    _say_synthesised(listener, language, work, noise, show)
    if human:
        files = _human(human, language)
        sounds = {name: channel.plain_line(_sound(human / f"{name}.wav"), noise, 7) for name in files}
        words = sorted({plain(word) for many in files.values() for word in many})
        for title, grammar in (
            (f"human, a grammar of {len(words)}", [*words, "[unk]"]),
            ("human, free", None),
        ):
            rows = []
            for name, many in files.items():
                found = listener.hear(sounds[name], grammar)[0]
                allowed = [plain(word) for word in many]
                rows.append((found if found in allowed else allowed[0], found, name))
            _report(title, rows, show)
    print(f"CPU {listener.cpu_s / listener.audio_s:.4f} of real time, {listener.audio_s:.0f} s of sound")
