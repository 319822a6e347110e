"""Making the sounds of the catalogue: voice_prompts/LANGUAGE/sounds/*.alaw and their manifest.

The manifest says what each file was made from; only what has changed is made again. A recording
``recorded/NAME.wav`` always wins over the synthesiser. Not pure: files and programs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ivr.prompts import audio
from ivr.prompts.catalogue import MAX_MS, PAUSE_MS, Sound, tone_of, written
from ivr.prompts.synth import Synthesiser, SynthesisFailed

VERSION = 1  # of the treatment in audio.py: another number makes everything anew
MAX_RECORDING_BYTES = 20_000_000


class CannotRender(Exception):
    """No synthesiser and no recording for a sound, or it could not be made."""


@dataclass(frozen=True, slots=True)
class Made:
    """How a sound was made."""

    text: str
    digest: str
    source: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands between the catalogue and the sounds that are there."""

    missing: tuple[Sound, ...]
    stale: tuple[Sound, ...]
    orphans: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.orphans)


class Store:
    """The sounds of one language: files, recordings, manifest."""

    def __init__(self, folder: Path) -> None:
        self.language = folder.name
        self.sounds = folder / "sounds"
        self.recorded = folder / "recorded"
        self._manifest = self.sounds / "manifest.json"
        self.made = self._load()
        self._known: dict[Sound, bool] = {}

    def _load(self) -> dict[str, Made]:
        try:
            raw = json.loads(self._manifest.read_text("utf-8"))
            return {name: Made(**fields) for name, fields in raw.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # as good as none: everything is found stale and made again

    def path(self, name: str) -> Path:
        return self.sounds / f"{name}.alaw"

    def digest(self, sound: Sound) -> str:
        """Of what the sound is made from."""
        voice = f"\n{sound.voice}" if sound.voice else ""
        made_from = f"{VERSION}\n{sound.text}{voice}".encode()
        recording = self.recorded / f"{sound.name}.wav"
        if recording.is_file():
            made_from += b"\n" + recording.read_bytes()
        return hashlib.sha256(made_from).hexdigest()[:16]

    def fresh(self, sound: Sound) -> bool:
        """The file says the text as it stands now. Looked up once: it costs a hash of the recording."""
        known = self._known.get(sound)
        if known is None:
            known = self._known[sound] = self._is_fresh(sound)
        return known

    def _is_fresh(self, sound: Sound) -> bool:
        """The file is there, whole, and says the text as it stands now."""
        made = self.made.get(sound.name)
        if made is None or made.digest != self.digest(sound):
            return False
        try:
            return self.path(sound.name).stat().st_size == made.bytes
        except OSError:
            return False

    def difference(self, wanted: Iterable[Sound]) -> Difference:
        sounds = {sound.name: sound for sound in wanted}
        absent = [sound for sound in sounds.values() if not self.path(sound.name).is_file()]
        stale = [sound for sound in sounds.values() if sound not in absent and not self._is_fresh(sound)]
        there = {
            path.relative_to(self.sounds).with_suffix("").as_posix() for path in self.sounds.rglob("*.alaw")
        }
        orphans = sorted((there | self.made.keys()) - sounds.keys())
        return Difference(tuple(absent), tuple(stale), tuple(orphans))

    def render(
        self,
        difference: Difference,
        synthesiser: Callable[[str], Synthesiser | None],
        progress: Callable[[Sound], None] = lambda sound: None,
    ) -> list[str]:
        """Makes what is missing or stale, removes orphans; returns what could not be made, in words."""
        failures = []
        try:
            for sound in (*difference.missing, *difference.stale):
                progress(sound)
                try:
                    data, source = self.make(sound, synthesiser(sound.voice or self.language))
                except CannotRender as error:
                    failures.append(f"{sound.name}: {error}")
                    continue
                write_atomically(self.path(sound.name), data)
                digest = self.digest(sound)
                self.made[sound.name] = Made(written(sound.text), digest, source, len(data))
            for name in difference.orphans:
                self.path(name).unlink(missing_ok=True)
                self.made.pop(name, None)
        finally:
            self._save()
        return failures

    def make(self, sound: Sound, synthesiser: Synthesiser | None) -> tuple[bytes, str]:
        """The A-law bytes and where they come from. Raises CannotRender."""
        recording = self.recorded / f"{sound.name}.wav"
        if recording.is_file():
            data, source = _recorded(recording), "recorded"
        elif tone := tone_of(sound.text):
            data, source = audio.tone(*tone), "tone"
        else:
            data = speak(sound.text, synthesiser)
            source = synthesiser.name if synthesiser and written(sound.text) else "silence"
        if audio.duration_ms(len(data)) > MAX_MS:
            raise CannotRender(f"takes {audio.duration_ms(len(data)) // 1000} s, more than {MAX_MS // 1000}")
        return data, source

    def _save(self) -> None:
        lines = [
            f"{json.dumps(name)}: {json.dumps(asdict(made), ensure_ascii=False)}"
            for name, made in sorted(self.made.items())
        ]
        write_atomically(self._manifest, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _recorded(recording: Path) -> bytes:
    if recording.stat().st_size > MAX_RECORDING_BYTES:
        raise CannotRender(f"{recording}: longer than {MAX_RECORDING_BYTES} bytes")
    try:
        return audio.prompt_from_wav(recording.read_bytes())
    except audio.NotSound as error:
        raise CannotRender(f"{recording}: {error}") from None


def speak(text: str, synthesiser: Synthesiser | None) -> bytes:
    """A-law of a text; half a second of silence for each ``|``. Raises CannotRender."""
    pieces = []
    for chunk in text.split("|"):
        if not written(chunk):
            pieces.append(b"")
            continue
        if synthesiser is None:
            raise CannotRender("no synthesiser here: install RHVoice or espeak-ng")
        try:
            pieces.append(audio.prompt_from_wav(synthesiser.say(chunk.strip())))
        except (SynthesisFailed, audio.NotSound) as error:
            raise CannotRender(str(error)) from None
    return audio.silence(PAUSE_MS).join(pieces)


def write_atomically(path: Path, data: bytes) -> None:
    """Nobody ever reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
