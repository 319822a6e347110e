"""The voice: joins what is ready, makes what is not, and always has something to play when it can."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from ivr.dialog.contract import Prompt
from ivr.prompts import catalogue
from ivr.prompts import voice as voice_module
from ivr.prompts.cache import KEEP_S, SoundCache
from ivr.prompts.contract import PromptMissing, Voice
from ivr.prompts.files import FilesFaulty
from ivr.prompts.voice import CatalogueVoice
from tests.unit.prompts.conftest import ToneSynthesiser, milliseconds

SAMPLE = Prompt("code", {"code": "12"})
CODE = Prompt("code", {"code": "407"})
INCIDENT = Prompt("incident", text="Портал не работает до вечера.")


@pytest.fixture
def voice(rendered: Path, tmp_path: Path, tones: ToneSynthesiser) -> CatalogueVoice:
    return CatalogueVoice(
        lambda: catalogue.load(rendered, ["ru"]), rendered, tmp_path / "cache", lambda language: tones
    )


def test_it_is_a_voice(voice: CatalogueVoice) -> None:
    contract: Voice = voice
    assert contract.text((SAMPLE,), "ru") == "Ваш код один, два. Запомните его."


def test_a_single_ready_sound_is_played_where_it_lies(voice: CatalogueVoice, rendered: Path) -> None:
    assert voice.sound((Prompt("greeting"),), "ru") == str(rendered / "ru" / "sounds" / "greeting")
    assert voice.sound((SAMPLE,), "ru") == str(rendered / "ru" / "sounds" / "code@12")


def test_pieces_are_joined_once(voice: CatalogueVoice, rendered: Path, tones: ToneSynthesiser) -> None:
    first = voice.sound((Prompt("greeting"), CODE), "ru")
    assert first.startswith(str(rendered.parent / "cache"))
    sounds = rendered / "ru" / "sounds"
    pieces = ("greeting", "code-0", "numbers/chetyre", "numbers/nol_", "numbers/sem_", "code-2")
    # 300 ms between prompts, 40 around the number, 180 at each of its commas.
    assert milliseconds(first) == sum(milliseconds(str(sounds / piece)) for piece in pieces) + 740
    assert voice.duration_ms((Prompt("greeting"), CODE), "ru") == milliseconds(first)
    stamp = Path(f"{first}.alaw").stat().st_ino
    assert voice.sound((Prompt("greeting"), CODE), "ru") == first
    assert Path(f"{first}.alaw").stat().st_ino == stamp
    assert tones.said == []


def test_a_pause_follows_a_prompt(voice: CatalogueVoice, rendered: Path) -> None:
    slow = rendered / "ru" / "sounds" / "slow"
    assert milliseconds(voice.sound((Prompt("slow"),), "ru")) == milliseconds(str(slow)) + 500


def test_a_dynamic_text_is_made_once_for_all(voice: CatalogueVoice, tones: ToneSynthesiser) -> None:
    first = voice.sound((INCIDENT,), "ru")
    voice.sound((Prompt("greeting"), INCIDENT), "ru")
    assert voice.sound((INCIDENT,), "ru") == first
    assert tones.said == ["Портал не работает до вечера."]


async def test_prepared_in_a_thread_and_only_once(voice: CatalogueVoice, tones: ToneSynthesiser) -> None:
    await asyncio.gather(*(voice.prepare((INCIDENT,), "ru") for _ in range(20)))
    assert tones.said == ["Портал не работает до вечера."]
    voice.sound((INCIDENT,), "ru")
    assert len(tones.said) == 1


async def test_preparing_never_raises(voice: CatalogueVoice, tones: ToneSynthesiser) -> None:
    tones.broken = True
    await voice.prepare((INCIDENT, Prompt("nowhere")), "ru")
    await voice.prepare((Prompt("unheard_of", text="Слова."),), "ru")
    await voice.prepare((), "ru")


async def test_a_slow_synthesiser_delays_nobody(
    voice: CatalogueVoice, monkeypatch: pytest.MonkeyPatch, rendered: Path
) -> None:
    monkeypatch.setattr(voice_module, "PREPARE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(voice_module, "PATIENCE_S", 0.05)
    with voice._making:  # as if another thread were synthesising
        await voice.prepare((INCIDENT,), "ru")
        played = voice.sound((INCIDENT,), "ru")
    assert milliseconds(played) == milliseconds(str(rendered / "ru" / "sounds" / "incident"))
    await asyncio.gather(*voice._waiting.values())


def test_without_a_synthesiser_the_fallback_is_played(rendered: Path, tmp_path: Path) -> None:
    voice = CatalogueVoice(
        lambda: catalogue.load(rendered, ["ru"]), rendered, tmp_path / "cache", lambda language: None
    )
    sounds = rendered / "ru" / "sounds"
    stand_in = voice.sound((INCIDENT,), "ru")
    assert milliseconds(stand_in) == milliseconds(str(sounds / "incident"))
    named = voice.sound((Prompt("named", {"name": "Анна"}),), "ru")
    assert milliseconds(named) == milliseconds(str(sounds / "greeting"))
    with pytest.raises(PromptMissing, match="cannot be spoken"):
        voice.sound((Prompt("unheard_of", text="Слова."),), "ru")
    with pytest.raises(PromptMissing):
        voice.sound((Prompt("nowhere"),), "ru")
    with pytest.raises(PromptMissing):
        voice.sound((), "ru")


def test_a_stand_in_is_not_kept_for_the_right_words(voice: CatalogueVoice, tones: ToneSynthesiser) -> None:
    tones.broken = True
    old = voice.sound((INCIDENT,), "ru")
    voice.sound((INCIDENT,), "ru")
    assert len(tones.said) == 1  # not tried again at once
    tones.broken = False
    voice._failed.clear()  # as if RETRY_S had passed
    assert voice.sound((INCIDENT,), "ru") != old


def test_a_changed_text_is_heard_after_a_reload(
    voice: CatalogueVoice, rendered: Path, tones: ToneSynthesiser
) -> None:
    file = rendered / "ru" / "texts.yaml"
    before = voice.sound((Prompt("greeting"),), "ru")
    file.write_text(file.read_text("utf-8").replace("Добрый день!", "Доброе утро!"), "utf-8")
    voice.reload()
    assert voice.text((Prompt("greeting"),), "ru") == "Доброе утро!"
    assert voice.sound((Prompt("greeting"),), "ru") != before
    assert tones.said == ["Доброе утро!"]
    file.write_text("greeting: [", "utf-8")
    with pytest.raises(FilesFaulty):
        voice.reload()
    assert voice.text((Prompt("greeting"),), "ru") == "Доброе утро!"


def test_another_voice_speaks_its_language(rendered: Path, tmp_path: Path) -> None:
    asked = []
    (rendered / "ru" / "sounds" / "other.alaw").unlink()

    def find(language: str) -> ToneSynthesiser:
        asked.append(language)
        return ToneSynthesiser()

    CatalogueVoice(lambda: catalogue.load(rendered, ["ru"]), rendered, tmp_path / "cache", find).sound(
        (Prompt("other"),), "ru"
    )
    assert asked == ["en"]


def test_a_full_disk_is_a_missing_prompt_not_a_crash(
    voice: CatalogueVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: str, data: bytes) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(voice._cache, "put", full)
    with pytest.raises(PromptMissing, match="No space left"):
        voice.sound((Prompt("greeting"), CODE), "ru")


def test_the_cache_is_bounded_and_spares_what_may_be_playing(tmp_path: Path) -> None:
    cache = SoundCache(tmp_path, max_bytes=1000, max_files=5)
    old = time.time() - KEEP_S - 60
    for number in range(100):
        path = cache.put(f"old{number}", b"\xd5" * 100)
        os.utime(path, (old + number / 100, old + number / 100))
    fresh = [cache.put(f"new{number}", b"\xd5" * 100) for number in range(51)]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert all(path.exists() for path in fresh)
    assert not [name for name in left if name.startswith("old")]
    assert cache.get("new3") == fresh[3]
    assert cache.get("old3") is None
