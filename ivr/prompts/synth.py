"""Speech synthesisers as programs: RHVoice where it is installed, else espeak-ng.

Only voices whose licence lets their speech be passed on are used (voice_prompts/LICENCES.md).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TIMEOUT_S = 20.0
MAX_TEXT = 3000  # characters
_RHVOICE_DATA = (Path("/usr/share/RHVoice/voices"), Path("/usr/local/share/RHVoice/voices"))
_RHVOICE = {"ru": "Anna", "en": "SLT"}
_ESPEAK = {"ru": "ru", "en": "en-gb"}


class SynthesisFailed(Exception):
    """The synthesiser did not make a sound of the text."""


class Synthesiser(Protocol):
    @property
    def name(self) -> str: ...

    def say(self, text: str) -> bytes:
        """A WAV file. Blocks; raises SynthesisFailed, after TIMEOUT_S at the latest."""
        ...


@dataclass(frozen=True, slots=True)
class RHVoice:
    """RHVoice's command line; + before a vowel marks the stress."""

    voice: str

    @property
    def name(self) -> str:
        return f"rhvoice:{self.voice.lower()}"

    def say(self, text: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="dozvon-say-") as folder:
            out = Path(folder) / "out.wav"
            _run(["RHVoice-test", "-p", self.voice, "-o", str(out)], text)
            if not out.is_file():
                raise SynthesisFailed(f"{self.name} made no sound")
            return out.read_bytes()


@dataclass(frozen=True, slots=True)
class Espeak:
    """espeak-ng's command line; it has no sign for stress that suits here."""

    voice: str

    @property
    def name(self) -> str:
        return f"espeak-ng:{self.voice}"

    def say(self, text: str) -> bytes:
        return _run(
            ["espeak-ng", "-v", self.voice, "-s", "150", "--stdin", "--stdout"], text.replace("+", "")
        )


def find(language: str, chosen: Mapping[str, str] | None = None) -> Synthesiser | None:
    """The best synthesiser on this machine for a language; None: there is none.

    ``chosen``: voices that the administrator names, language -> ``rhvoice:Talgat`` or ``espeak-ng:tt``.
    """
    program, _, voice = (chosen or {}).get(language, "").partition(":")
    if program:
        return _rhvoice(voice) if program == "rhvoice" else _espeak(voice)
    return _rhvoice(_RHVOICE.get(language, "")) or _espeak(_ESPEAK.get(language, ""))


def _rhvoice(voice: str) -> RHVoice | None:
    there = voice and any((data / voice.lower()).is_dir() for data in _RHVOICE_DATA)
    return RHVoice(voice) if there and shutil.which("RHVoice-test") else None


def _espeak(voice: str) -> Espeak | None:
    return Espeak(voice) if voice and shutil.which("espeak-ng") else None


def _run(command: list[str], text: str) -> bytes:
    """The text goes in by standard input only: nothing in it can be taken for an option."""
    if len(text) > MAX_TEXT:
        raise SynthesisFailed(f"a text longer than {MAX_TEXT} characters")
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=True
        )
    except subprocess.TimeoutExpired:
        raise SynthesisFailed(f"{command[0]} took longer than {TIMEOUT_S:.0f} s") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise SynthesisFailed(f"{command[0]}: {error}") from None
    return done.stdout
