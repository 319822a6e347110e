"""A small hotline of two languages, and synthesisers that need no program: tones instead of words."""

from __future__ import annotations

import math
import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr.prompts import audio, catalogue
from ivr.prompts.render import Store
from ivr.prompts.synth import SynthesisFailed

TEXTS = {
    "ru": """\
greeting: Добрый день!
queue.place:
  text: Вы {place:ordinal} в очереди.
  samples: [1, 2]
queue.wait: Ждать {wait:duration_range}.
ticket: Номер {number:groups}. | Запишите его.
named:
  text: Здравствуйте, {name:text}!
  fallback: greeting
incident: У нас неполадка.
slow: {text: Хорошо., pause_ms: 500}
beep: {tone: [660, 300]}
other: {text: For English press five., voice: en}
""",
    "en": """\
greeting: Good afternoon!
queue.place: You are {place:ordinal} in the queue.
queue.wait: The wait is {wait:duration_range}.
ticket: The number is {number:groups}. | Note it.
named:
  text: Hello, {name:text}!
  fallback: greeting
incident: We have a fault.
slow: {text: All right., pause_ms: 500}
beep: {tone: [660, 300]}
other: {text: Нажмите пять., voice: ru}
""",
}


@dataclass
class ToneSynthesiser:
    """20 ms of a tone for each letter, in a real WAV."""

    name: str = "tones"
    said: list[str] = field(default_factory=list)
    broken: bool = False

    def say(self, text: str) -> bytes:
        self.said.append(text)
        if self.broken:
            raise SynthesisFailed("out of order")
        letters = [letter for letter in text if letter.isalpha()]
        samples = [0.0] * 800
        for letter in letters:
            step = 2 * math.pi * (400 + 40 * (ord(letter) % 32)) / 16000
            samples += [0.2 * math.sin(step * n) for n in range(16 * 20)]
        return wav(samples + [0.0] * 800, 16000)


def wav(samples: list[float], rate: int) -> bytes:
    data = struct.pack(f"<{len(samples)}h", *(int(32767 * sample) for sample in samples))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    head = (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
        + form
        + struct.pack("<4sI", b"data", len(data))
    )
    return head + data


# Few sounds, for those tests that need them rendered.
SPOKEN = {
    "ru": """\
greeting: Добрый день!
code: {text: "Ваш код {code:digits}. | Запомните его.", samples: ["12"]}
named: {text: "Здравствуйте, {name:text}!", fallback: greeting}
incident: У нас неполадка.
slow: {text: Хорошо., pause_ms: 500}
other: {text: For English press five., voice: en}
"""
}

SMALL = """\
greeting: Добрый день!
slow: {text: Хорошо., pause_ms: 500}
hours.day: Мы ответим {day:on_weekday}.
beep: {tone: [660, 300]}
"""


def write(folder: Path, texts: dict[str, str]) -> Path:
    for language, text in texts.items():
        (folder / language).mkdir(parents=True)
        (folder / language / "texts.yaml").write_text(text, "utf-8")
    return folder


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write(tmp_path / "voice_prompts", TEXTS)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path / "small", {"ru": SMALL})


@pytest.fixture(scope="session")
def rendered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("rendered") / "voice_prompts", SPOKEN)
    texts = catalogue.load(folder, ["ru"])
    for language in SPOKEN:
        store = Store(folder / language)
        assert store.render(store.difference(texts.sounds(language)), lambda _: ToneSynthesiser()) == []
    return folder


@pytest.fixture
def rendered(rendered_once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(rendered_once, tmp_path / "voice_prompts")


@pytest.fixture
def tones() -> ToneSynthesiser:
    return ToneSynthesiser()


def milliseconds(path: str) -> int:
    return audio.duration_ms(Path(f"{path}.alaw").stat().st_size)
