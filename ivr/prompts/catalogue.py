"""The catalogue of prompts: what callers hear, by language, read from voice_prompts/LANGUAGE/texts.yaml.

The format is described at the top of the Russian file. Answers to common questions (config/answers/) join the
catalogue as ``answer.ID``. A catalogue never changes: a reload makes a new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ivr.dialog.contract import Prompt, Value
from ivr.prompts import files, slots
from ivr.prompts.contract import PromptMissing
from ivr.prompts.files import Fault, Field, FilesFaulty
from ivr.prompts.slots import Slot, SlotError
from ivr.prompts.stock import stock

MAX_TEXT = 1500  # characters
MAX_MS = 40_000  # nobody listens longer
PAUSE_MS = 500  # of a `|`
LANGUAGE = re.compile(r"[a-z]{2,3}")
_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_KEYS = {"text", "tone", "voice", "note", "pause_ms", "samples", "fallback"}
_TONE = re.compile(r"<tone (\d+) (\d+)>")
_LATIN = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i",
        "й": "j", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
        "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "__", "ы": "y",
        "ь": "_", "э": "eh", "ю": "yu", "я": "ya",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One prompt in one language; ``parts`` are fixed words and slots in turn."""

    prompt_id: str
    parts: tuple[str | Slot, ...]
    file: Path
    line: int
    pause_ms: int = 0
    samples: tuple[Value, ...] = ()
    fallback: str = ""
    voice: str = ""  # the language of the voice when it is another one than the catalogue's

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(part for part in self.parts if isinstance(part, Slot))


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound that has to be there: ``name`` is its path below sounds/ without extension."""

    name: str
    text: str  # for the synthesiser: with + and |
    voice: str = ""  # language of the voice, "" for the catalogue's own


class Catalogue:
    """Texts of all languages; ``default`` is spoken where another language lacks a prompt."""

    def __init__(self, entries: Mapping[str, Mapping[str, Entry]], default: str = "ru") -> None:
        self._entries = entries
        self.default = default

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def ids(self, language: str) -> list[str]:
        return sorted(self._entries.get(language, {}))

    def entry(self, prompt_id: str, language: str) -> Entry:
        """Raises PromptMissing when neither the language nor the default one has it."""
        for candidate in (language, self.default):
            if entry := self._entries.get(candidate, {}).get(prompt_id):
                return entry
        raise PromptMissing(f"{prompt_id}: no such prompt")

    def language_of(self, prompt_id: str, language: str) -> str:
        """The language in which a prompt will be spoken."""
        return language if prompt_id in self._entries.get(language, {}) else self.default

    def lacking(self, language: str) -> list[str]:
        """Prompts that the default language speaks for this one."""
        return sorted(self._entries.get(self.default, {}).keys() - self._entries.get(language, {}).keys())

    def missing(self, prompt_ids: Sequence[str], language: str) -> list[str]:
        return [prompt_id for prompt_id in prompt_ids if prompt_id not in self._entries.get(language, {})]

    def spoken(self, prompt: Prompt, language: str) -> list[str | tuple[Slot, str]]:
        """The prompt's parts with the values spelled out; fixed parts still hold + and |.

        Raises PromptMissing, also for a slot without a value or with one that does not suit.
        """
        entry = self.entry(prompt.prompt_id, language)
        language = self.language_of(prompt.prompt_id, language)
        parts: list[str | tuple[Slot, str]] = []
        for part in entry.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            if part.name not in prompt.slots:
                raise PromptMissing(f"{prompt.prompt_id}: nothing given for {{{part.name}}}")
            try:
                parts.append((part, slots.speak(part, prompt.slots[part.name], language)))
            except SlotError as error:
                raise PromptMissing(f"{prompt.prompt_id}: {error}") from None
        return parts

    def script(self, prompt: Prompt, language: str) -> str:
        """The whole prompt as the synthesiser shall read it: with + and |."""
        if prompt.text:
            return prompt.text
        return join(part if isinstance(part, str) else part[1] for part in self.spoken(prompt, language))

    def text(self, prompts: tuple[Prompt, ...], language: str) -> str:
        """What is heard, in words, without the signs for the synthesiser."""
        return " ".join(filter(None, (written(self.script(prompt, language)) for prompt in prompts)))

    def samples(self, entry: Entry, language: str) -> list[Sound]:
        """Whole sentences of a prompt that are rendered ahead; two values may sound alike."""
        sounds: dict[str, Sound] = {}
        for value in entry.samples:
            script = self.script(Prompt(entry.prompt_id, {entry.slots[0].name: value}), language)
            sounds.setdefault(script, Sound(sample_name(entry.prompt_id, value), script))
        return list(sounds.values())

    def sounds(self, language: str) -> Iterator[Sound]:
        """Every sound that has to lie ready in a language: fixed parts, samples, the stock of the slots."""
        phrases: set[str] = set()
        for entry in self._entries.get(language, {}).values():
            yield from fixed_sounds(entry)
            yield from self.samples(entry, language)
            for slot in entry.slots:
                phrases |= stock(slot, language)
        for phrase in sorted(phrases):
            yield Sound(phrase_name(phrase), phrase)


def fixed_sounds(entry: Entry) -> list[Sound]:
    """The fixed parts of a prompt: one sound named like it, or numbered ones around its slots."""
    if not entry.slots:
        return [Sound(entry.prompt_id, cast(str, entry.parts[0]), entry.voice)]
    return [
        Sound(f"{entry.prompt_id}-{number}", part)
        for number, part in enumerate(entry.parts)
        if isinstance(part, str) and written(part)
    ]


def sample_name(prompt_id: str, value: Value) -> str:
    raw = "-".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    return f"{prompt_id}@{re.sub(r'[^0-9a-z]+', '-', raw.lower())}"


def phrase_name(phrase: str) -> str:
    """``numbers/dva`` for «два»: a reversible transliteration, so that two phrases never share a file."""
    return "numbers/" + re.sub(r"[^a-z_]+", "-", phrase.lower().translate(_LATIN)).strip("-")


def written(text: str) -> str:
    """A text without the signs for the synthesiser; nothing for a tone or when only signs are left."""
    if tone_of(text):
        return ""
    text = " ".join(text.replace("+", "").replace("|", " ").split())
    text = re.sub(r" ([,.!?…])", r"\1", text)
    return text if re.search(r"\w", text) else ""


def join(parts: Iterator[str]) -> str:
    return re.sub(r" ([,.!?…])", r"\1", " ".join(" ".join(parts).split()))


def languages_of(folder: Path) -> tuple[str, ...]:
    """Those of the house, and every other one that has a folder with texts."""
    found = {file.parent.name for file in folder.glob("*/texts.yaml")}
    return (
        *slots.LANGUAGES,
        *sorted(name for name in found - {*slots.LANGUAGES} if LANGUAGE.fullmatch(name)),
    )


def load(
    folder: Path,
    languages: Sequence[str] = slots.LANGUAGES,
    default: str = "ru",
    extra: Mapping[str, Mapping[str, Entry]] | None = None,
) -> Catalogue:
    """The catalogue below ``folder``, with ``extra`` entries (answers) by language.

    Raises FilesFaulty with every fault found.
    """
    entries: dict[str, dict[str, Entry]] = {}
    faults: list[Fault] = []
    for language in languages:
        texts, found = load_texts(folder / language / "texts.yaml", language)
        entries[language] = {**texts, **((extra or {}).get(language, {}))}
        faults += found
    faults += _compare(entries, default)
    if faults:
        raise FilesFaulty(sorted(faults))
    return Catalogue(entries, default)


def load_texts(file: Path, language: str) -> tuple[dict[str, Entry], list[Fault]]:
    document, faults = files.read(file)
    entries = {}
    for prompt_id, field in document.fields.items():
        try:
            entry = _entry(prompt_id, field, file, language)
        except SlotError as error:
            faults.append(Fault(file, field.line, f"{prompt_id}: {error}"))
        else:
            entries[prompt_id] = entry
    for entry in entries.values():
        wanted = entries.get(entry.fallback)
        if entry.fallback and (wanted is None or wanted.slots):
            faults.append(
                Fault(file, entry.line, f"{entry.prompt_id}: no fallback {entry.fallback!r} without slots")
            )
    return entries, faults


def _entry(prompt_id: str, field: Field, file: Path, language: str) -> Entry:
    if not _ID.fullmatch(prompt_id) or prompt_id.startswith("answer."):
        raise SlotError("an id is lower-case words joined by dots; answer.* belongs to config/answers/")
    data = field.value if isinstance(field.value, dict) else {"text": field.value}
    if "tone" in data:
        return Entry(prompt_id, (_tone(data["tone"]),), file, field.line)
    if unknown := set(data) - _KEYS:
        raise SlotError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_KEYS))}")
    voice = str(data.get("voice", ""))
    if voice and not LANGUAGE.fullmatch(voice):
        raise SlotError("voice is a language's code, like en")
    pause_ms = data.get("pause_ms", 0)
    if isinstance(pause_ms, bool) or not isinstance(pause_ms, int) or not 0 <= pause_ms <= 5000:
        raise SlotError("pause_ms is 0 to 5000")
    entry = Entry(
        prompt_id=prompt_id,
        parts=parse_text(data.get("text"), voice or language),
        file=file,
        line=field.line,
        pause_ms=pause_ms,
        fallback=str(data.get("fallback", "")),
        voice=voice,
    )
    if voice and entry.slots:
        raise SlotError("another voice only says texts without slots")
    return _with_samples(entry, data.get("samples", []), language)


def _tone(value: object) -> str:
    """A tone is kept as a text that no writer can write: <tone HERTZ MS>."""
    match value:
        case [int(hertz), int(ms)] if 100 <= hertz <= 3400 and 20 <= ms <= 2000:
            return f"<tone {hertz} {ms}>"
    raise SlotError("a tone is [hertz 100..3400, ms 20..2000]")


def tone_of(text: str) -> tuple[int, int] | None:
    """Hertz and milliseconds, when the text is that of a tone."""
    match = _TONE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def parse_text(text: object, language: str) -> tuple[str | Slot, ...]:
    """Fixed words and slots in turn. Raises SlotError with what is wrong."""
    if not isinstance(text, str) or not text.strip():
        raise SlotError("has no text")
    if len(text) > MAX_TEXT:
        raise SlotError(f"longer than {MAX_TEXT} characters")
    parts: list[str | Slot] = []
    for piece in re.split(r"(\{[^}]*\}?)", " ".join(text.split())):
        if piece.startswith("{"):
            parts.append(slots.parse(piece, language))
        elif piece.strip():
            parts.append(piece.strip())
            _check_words(piece, language)
    return tuple(parts)


def _check_words(text: str, language: str) -> None:
    if digits := re.search(r"\d+", text):
        raise SlotError(f"{digits[0]}: write numbers in words, or use a slot")
    if language == "ru" and (latin := re.search(r"[A-Za-z]+", text)):
        raise SlotError(f"{latin[0]}: write it in Russian letters as it is spoken")
    if strange := re.search(r"[<>&\\\[\]{}=*_#@^~`$%]", text):
        raise SlotError(f"{strange[0]}: no voice can say this sign")


def _with_samples(entry: Entry, samples: object, language: str) -> Entry:
    if not isinstance(samples, list) or len(samples) > 60:
        raise SlotError("samples is a list of up to 60 values")
    if samples and len(entry.slots) != 1:
        raise SlotError("samples need a text with exactly one slot")
    values = tuple(cast(Value, tuple(value) if isinstance(value, list) else value) for value in samples)
    for value in values:
        slots.speak(entry.slots[0], value, language)
    return replace(entry, samples=values)


def _compare(entries: Mapping[str, Mapping[str, Entry]], default: str) -> list[Fault]:
    """Russian and English have every prompt; no language has one that others lack, or with other slots."""
    faults = []
    base = entries.get(default, {})
    for language, texts in entries.items():
        for prompt_id in base.keys() - texts.keys() if language in slots.LANGUAGES else ():
            entry = base[prompt_id]
            faults.append(Fault(entry.file, entry.line, f"{prompt_id}: there is no {language!r} text"))
        for prompt_id in texts.keys() - base.keys():
            entry = texts[prompt_id]
            faults.append(Fault(entry.file, entry.line, f"{prompt_id}: there is no {default!r} text"))
        for prompt_id in texts.keys() & base.keys():
            names = {slot.name for slot in texts[prompt_id].slots}
            if names != {slot.name for slot in base[prompt_id].slots}:
                entry = texts[prompt_id]
                faults.append(Fault(entry.file, entry.line, f"{prompt_id}: other slots than in {default!r}"))
    return faults
