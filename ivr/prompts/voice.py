"""The voice of the hotline: from prompts to one sound file that Asterisk plays.

Ready sounds are joined; what is not ready (an incident, a name, a text changed a moment ago) is synthesised
on demand and kept. When that cannot be done the caller hears, in this order: the older sound of the same
prompt, the prompt's fallback; only then is the prompt missing.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from ivr.dialog.contract import Prompt
from ivr.prompts import audio
from ivr.prompts.cache import SoundCache
from ivr.prompts.catalogue import Catalogue, Sound, fixed_sounds, phrase_name, written
from ivr.prompts.contract import PromptMissing
from ivr.prompts.render import VERSION, CannotRender, Store, speak
from ivr.prompts.slots import Slot
from ivr.prompts.stock import cover
from ivr.prompts.synth import Synthesiser, find

# Silence between two files; each brings 20 ms before and 40 ms after its speech.
BETWEEN_PROMPTS_MS = 300
BETWEEN_PIECES_MS = 40
BETWEEN_PHRASES_MS = 10
AT_COMMA_MS = 180
MAX_DYNAMIC = 1500  # characters of a text rendered on demand
PREPARE_TIMEOUT_S = 10.0
PATIENCE_S = 0.5  # of a caller of ``sound`` while another thread synthesises
RETRY_S = 30.0  # after a failure the same words are not tried again sooner
MAX_FAILURES = 1000  # remembered

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ready:
    """A sound file that lies ready."""

    path: Path


@dataclass(frozen=True, slots=True)
class Script:
    """Words for the synthesiser; ``older`` are ready sounds that may stand in for them."""

    text: str
    language: str
    older: tuple[Ready | int, ...] = ()


Step = Ready | Script | int  # an int is silence in milliseconds


class CatalogueVoice:
    """Implements ivr.prompts.contract.Voice over the catalogue, the rendered set and a cache folder.

    ``load`` reads the catalogue anew (and raises FilesFaulty); ``synthesiser`` finds one for a language.
    """

    def __init__(
        self,
        load: Callable[[], Catalogue],
        voice_prompts: Path,
        cache: Path,
        synthesiser: Callable[[str], Synthesiser | None] = find,
    ) -> None:
        self._load = load
        self._folder = voice_prompts
        self._cache = SoundCache(cache)
        self._synthesiser = synthesiser
        self._making = threading.Lock()
        self._failed: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self.catalogue = load()
        self._stores = self._read_stores()

    def reload(self) -> None:
        """Takes texts and rendered set as they are now. Raises FilesFaulty; the old ones then stay."""
        catalogue = self._load()
        self.catalogue, self._stores = catalogue, self._read_stores()

    def _read_stores(self) -> dict[str, Store]:
        return {language: Store(self._folder / language) for language in self.catalogue.languages}

    # ------------------------------------------------------------------------------- what others call
    def text(self, prompts: tuple[Prompt, ...], language: str) -> str:
        return self.catalogue.text(prompts, language)

    def sound(self, prompts: tuple[Prompt, ...], language: str) -> str:
        path = self._joined(self._steps(prompts, language))
        return str(path.with_suffix("").absolute())

    def duration_ms(self, prompts: tuple[Prompt, ...], language: str) -> int:
        path = self._joined(self._steps(prompts, language))
        return audio.duration_ms(path.stat().st_size)

    async def prepare(self, prompts: tuple[Prompt, ...], language: str) -> None:
        """Two calls that wait for the same words wait for one synthesis."""
        try:
            steps = self._steps(prompts, language)
            key = _key(steps)
            if not any(isinstance(step, Script) for step in steps) or self._cache.get(key):
                return
            task = self._waiting.get(key)
            if task is None:
                task = asyncio.create_task(asyncio.to_thread(self._prepare, prompts, language))
                self._waiting[key] = task
                task.add_done_callback(lambda _: self._waiting.pop(key, None))
            async with asyncio.timeout(PREPARE_TIMEOUT_S):
                await asyncio.shield(task)
        except TimeoutError:
            log.warning("prompt not ready in time", action="prompt_late", timeout_s=PREPARE_TIMEOUT_S)
        except (PromptMissing, OSError) as error:
            log.warning("prompt cannot be prepared", action="prompt_missing", error=str(error))

    def _prepare(self, prompts: tuple[Prompt, ...], language: str) -> None:
        try:
            self._joined(self._steps(prompts, language), patience_s=PREPARE_TIMEOUT_S)
        except (PromptMissing, OSError) as error:
            log.warning("prompt cannot be prepared", action="prompt_missing", error=str(error))

    # ------------------------------------------------------------------------- which sounds make it up
    def _steps(self, prompts: tuple[Prompt, ...], language: str) -> list[Step]:
        steps: list[Step] = []
        for prompt in prompts:
            if steps:
                steps.append(BETWEEN_PROMPTS_MS)
            steps += self._prompt_steps(prompt, language)
        if not steps:
            raise PromptMissing("no prompt was given")
        return steps

    def _prompt_steps(self, prompt: Prompt, language: str) -> list[Step]:
        if prompt.text:
            if len(prompt.text) > MAX_DYNAMIC:
                raise PromptMissing(f"{prompt.prompt_id}: a text longer than {MAX_DYNAMIC} characters")
            spoken_in = prompt.language or language
            return [Script(prompt.text, spoken_in, self._fallback(prompt.prompt_id, language))]
        entry = self.catalogue.entry(prompt.prompt_id, language)
        language = self.catalogue.language_of(prompt.prompt_id, language)
        store = self._stores[language]
        pause: list[Step] = [entry.pause_ms] if entry.pause_ms else []
        if entry.samples:
            words = self.catalogue.script(prompt, language)
            for whole in self.catalogue.samples(entry, language):
                if whole.text == words and store.fresh(whole):
                    return [Ready(store.path(whole.name)), *pause]
        spoken = self.catalogue.spoken(prompt, language)
        names = {sound.text: sound for sound in fixed_sounds(entry)}
        pieces: list[Ready | int] = []
        fresh = True
        for part in spoken:
            found = self._part(part, names, language)
            if found is None:
                return self._script_only(prompt, language)
            sounds, is_fresh = found
            fresh = fresh and is_fresh
            pieces += ([BETWEEN_PIECES_MS] if pieces and sounds else []) + sounds
        if fresh:
            return [*pieces, *pause]
        script = Script(self.catalogue.script(prompt, language), entry.voice or language, tuple(pieces))
        return [script, *pause]

    def _part(
        self, part: str | tuple[Slot, str], fixed: dict[str, Sound], language: str
    ) -> tuple[list[Ready | int], bool] | None:
        """Sounds of one part and whether they say the text as it is now; None: not all are there."""
        store = self._stores[language]
        if isinstance(part, str):
            sound = fixed.get(part)
            if sound is None:
                return [], True  # nothing but punctuation between two slots
            there = store.path(sound.name).is_file()
            return ([Ready(store.path(sound.name))], store.fresh(sound)) if there else None
        slot, words = part
        if slot.kind == "text":
            return None
        phrases = cover(words, _Ready(store))
        if phrases is None:
            return None
        sounds: list[Ready | int] = []
        for group in phrases:
            for number, phrase in enumerate(group):
                if sounds:
                    sounds.append(BETWEEN_PHRASES_MS if number else AT_COMMA_MS)
                sounds.append(Ready(store.path(phrase_name(phrase))))
        return sounds, True

    def _script_only(self, prompt: Prompt, language: str) -> list[Step]:
        entry = self.catalogue.entry(prompt.prompt_id, language)
        older = self._fallback(entry.fallback, language) if entry.fallback else ()
        return [Script(self.catalogue.script(prompt, language), entry.voice or language, older)]

    def _fallback(self, prompt_id: str, language: str) -> tuple[Ready | int, ...]:
        """The ready sound of a prompt without slots, when there is one."""
        store = self._stores.get(language)
        if prompt_id in self.catalogue.ids(language) and store and store.path(prompt_id).is_file():
            return (Ready(store.path(prompt_id)),)
        return ()

    # ----------------------------------------------------------------------------------- making a file
    def _joined(self, steps: list[Step], patience_s: float = PATIENCE_S) -> Path:
        if len(steps) == 1 and isinstance(steps[0], Ready):
            return steps[0].path
        key = _key(steps)
        if path := self._cache.get(key):
            return path
        data, complete = bytearray(), True
        for step in steps:
            piece, is_complete = self._bytes(step, patience_s)
            data += piece
            complete = complete and is_complete
        # A stand-in is kept under a name of its own, so that the right words are tried again next time.
        try:
            return self._cache.put(key if complete else f"{key}-older", bytes(data))
        except OSError as error:
            raise PromptMissing(f"a joined sound cannot be stored: {error.strerror}") from None

    def _bytes(self, step: Step, patience_s: float) -> tuple[bytes, bool]:
        if isinstance(step, int):
            return audio.silence(step), True
        if isinstance(step, Ready):
            try:
                return step.path.read_bytes(), True
            except OSError as error:
                raise PromptMissing(f"{step.path}: {error.strerror}") from None
        try:
            return self._made(step, patience_s), True
        except CannotRender as error:
            if not step.older:
                raise PromptMissing(f"{step.text[:80]!r} cannot be spoken: {error}") from None
            log.warning("an older sound stands in", action="prompt_stale", error=str(error))
            return b"".join(self._bytes(piece, patience_s)[0] for piece in step.older), False

    def _made(self, script: Script, patience_s: float) -> bytes:
        key = "made-" + _key([Script(script.text, script.language)])
        if path := self._cache.get(key):
            return path.read_bytes()
        if not written(script.text):
            raise CannotRender("no words in it")
        if time.monotonic() - self._failed.get(key, float("-inf")) < RETRY_S:
            raise CannotRender("failed a moment ago")
        # One synthesiser at a time: the calls on this machine need the processor too.
        if not self._making.acquire(timeout=patience_s):
            raise CannotRender("the synthesiser is busy")
        try:
            if path := self._cache.get(key):
                return path.read_bytes()
            data = speak(script.text, self._synthesiser(script.language))
            self._cache.put(key, data)
            return data
        except (CannotRender, OSError) as error:
            if len(self._failed) >= MAX_FAILURES:
                self._failed.clear()
            self._failed[key] = time.monotonic()
            raise CannotRender(str(error)) from None
        finally:
            self._making.release()


class _Ready:
    """The phrases of a store as a collection for ``cover``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, phrase: object) -> bool:
        return phrase_name(str(phrase)) in self._store.made


def _key(steps: list[Step]) -> str:
    """Same key, same sound. A file counts with its time and size: a new rendering is heard at once."""
    digest = hashlib.sha256(str(VERSION).encode())
    for step in steps:
        if isinstance(step, Ready):
            try:
                state = step.path.stat()
            except OSError as error:
                raise PromptMissing(f"{step.path}: {error.strerror}") from None
            digest.update(f"\nfile {step.path} {state.st_mtime_ns} {state.st_size}".encode())
        elif isinstance(step, Script):
            digest.update(f"\nscript {step.language} {step.text}".encode())
        else:
            digest.update(f"\nsilence {step}".encode())
    return digest.hexdigest()[:32]
