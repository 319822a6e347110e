"""The speech synthesisers behind one function; sound is written as 16 kHz WAV."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import gcd
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from tools.speech_model.corpus import Utterance
from tools.speech_model.rhvoice import Rhvoice

RATE = 16000
Sound = npt.NDArray[np.float32]
_ESPEAK_WORDS_PER_MINUTE = 160
_ESPEAK_PITCH = 50
_FESTIVAL_BATCH = 100
_FLITE_PITCH_HZ = {"awb": 120, "kal16": 100, "rms": 100, "slt": 170}


def write(path: Path, sound: Sound, rate: int) -> None:
    if rate != RATE:
        shared = gcd(RATE, rate)
        sound = resample_poly(sound, RATE // shared, rate // shared)
    part = path.with_suffix(".part")
    with wave.open(str(part), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    part.rename(path)


def read(path: Path) -> tuple[Sound, int]:
    with wave.open(str(path)) as source:
        raw = source.readframes(source.getnframes())
        return np.frombuffer(raw, "<i2").astype(np.float32) / 32768, source.getframerate()


@cache
def _rhvoice() -> Rhvoice:
    return Rhvoice()


def _by_program(command: Sequence[str]) -> tuple[Sound, int]:
    """``command``, with OUT for the file that it writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.wav"
        filled = [str(path) if word == "OUT" else word for word in command]
        subprocess.run(filled, check=True, capture_output=True, timeout=60)
        return read(path)


def _espeak(utterance: Utterance) -> tuple[Sound, int]:
    speed = round(_ESPEAK_WORDS_PER_MINUTE * utterance.rate)
    pitch = round(_ESPEAK_PITCH * utterance.pitch)
    voice = ["-v", utterance.voice, "-s", str(speed), "-p", str(pitch)]
    return _by_program(["espeak-ng", *voice, "-w", "OUT", utterance.text])


def _flite(utterance: Utterance) -> tuple[Sound, int]:
    mean_hz = _FLITE_PITCH_HZ[utterance.voice] * utterance.pitch
    manner = [f"duration_stretch={1 / utterance.rate:.3f}", f"int_f0_target_mean={mean_hz:.0f}"]
    settings = [word for one in manner for word in ("--setf", one)]
    return _by_program(["flite", "-voice", utterance.voice, *settings, "-t", utterance.text, "-o", "OUT"])


def _pico(utterance: Utterance) -> tuple[Sound, int]:
    text = f'<speed level="{round(100 * utterance.rate)}">{utterance.text}</speed>'
    return _by_program(["pico2wave", "-l", utterance.voice, "-w", "OUT", text])


@cache
def _ru_tts() -> ctypes.CDLL:
    # The package's own wrapper fails on Python >= 3.10 (it lacks PY_SSIZE_T_CLEAN); its library is sound.
    import _ru_tts_native  # type: ignore[import-not-found]

    return ctypes.CDLL(_ru_tts_native.__file__)


def _say_ru_tts(utterance: Utterance) -> tuple[Sound, int]:
    library, settings, pieces = _ru_tts(), (ctypes.c_int * 12)(), []
    library.ru_tts_config_init(settings)
    settings[0], settings[1] = round(100 * utterance.rate), round(100 * utterance.pitch)
    settings[10] = 3 | (4 if utterance.voice == "female" else 0)  # punctuation flags; 4: the other voice
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)

    def take(data: int, size: int, _user: int | None) -> int:
        pieces.append(ctypes.string_at(data, size))
        return 0

    buffer = ctypes.create_string_buffer(8192)
    text = utterance.text.encode("koi8-r", "replace")
    library.ru_tts_transfer(settings, ctypes.c_char_p(text), buffer, ctypes.c_size_t(8192), kind(take), None)
    return np.frombuffer(b"".join(pieces), np.int8).astype(np.float32) / 128, 10000


def _festival(batch: list[Utterance], folder: Path) -> None:
    """Festival takes seconds to start, so it gets many texts of one voice at once."""
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "say.scm"
        lines = [f"(voice_{batch[0].voice})"]
        for utterance in batch:
            target = Path(scratch) / f"{utterance.name}.wav"
            lines.append(f'(set! u (utt.synth (Utterance Text "{utterance.text}")))')
            lines.append(f'(utt.save.wave u "{target}" \'riff)')
        script.write_text("\n".join(lines), "utf-8")
        subprocess.run(["festival", "-b", str(script)], capture_output=True, timeout=900, check=False)
        for utterance in batch:
            target = Path(scratch) / f"{utterance.name}.wav"
            if target.exists():
                write(folder / f"{utterance.name}.wav", *read(target))


def _say_rhvoice(utterance: Utterance) -> tuple[Sound, int]:
    return _rhvoice().say(utterance.voice, utterance.text, utterance.rate, utterance.pitch)


_ENGINES: Mapping[str, Callable[[Utterance], tuple[Sound, int]]] = {
    "rhvoice": _say_rhvoice,
    "espeak": _espeak,
    "flite": _flite,
    "pico": _pico,
    "ru_tts": _say_ru_tts,
}


def say(utterance: Utterance) -> tuple[Sound, int]:
    """By any engine but Festival. Raises RuntimeError, OSError, ValueError, subprocess.SubprocessError."""
    return _ENGINES[utterance.engine](utterance)


def synthesise(utterances: Iterable[Utterance], folder: Path) -> int:
    """Says what is not there yet; returns how many texts a voice refused."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = [u for u in utterances if not (folder / f"{u.name}.wav").exists()]
    refused = 0
    for index, utterance in enumerate(u for u in todo if u.engine != "festival"):
        try:
            write(folder / f"{utterance.name}.wav", *say(utterance))
        except (RuntimeError, OSError, subprocess.SubprocessError, ValueError) as error:
            refused += 1
            print("refused", utterance.name, error, flush=True)
        if index % 500 == 0:
            print("said", index, "of", len(todo), flush=True)
    spoken_together = [u for u in todo if u.engine == "festival"]
    for voice in dict.fromkeys(u.voice for u in spoken_together):
        batch = [u for u in spoken_together if u.voice == voice]
        for start in range(0, len(batch), _FESTIVAL_BATCH):
            _festival(batch[start : start + _FESTIVAL_BATCH], folder)
    return refused + sum(not (folder / f"{u.name}.wav").exists() for u in spoken_together)
