"""The set of sounds that ships: complete, up to date, and pleasant to hear on a telephone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dozvon.commands.prompts import check, load_catalogue
from dozvon.settings import ROOT
from ivr.dialog.contract import Prompt
from ivr.prompts import audio
from ivr.prompts.catalogue import MAX_MS, PAUSE_MS
from ivr.prompts.render import Store
from ivr.prompts.voice import CatalogueVoice
from tests.unit.prompts.conftest import milliseconds

VOICE_PROMPTS = ROOT / "voice_prompts"
MAX_TOTAL_BYTES = 32_000_000  # of all languages: a clone shall stay small


def test_every_text_has_its_sound() -> None:
    faults = check(ROOT / "config", VOICE_PROMPTS)
    assert not faults, "\n".join(map(str, faults))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_sounds_are_fit_for_the_telephone(language: str) -> None:
    store = Store(VOICE_PROMPTS / language)
    spoken = {name: made for name, made in store.made.items() if made.source not in ("tone", "silence")}
    assert len(spoken) > 400
    allowed = {"ru": {"rhvoice:anna", "rhvoice:slt"}, "en": {"rhvoice:slt", "rhvoice:anna"}}[language]
    for name, made in spoken.items():
        assert made.source in allowed | {"recorded"}, f"{name}: {made.source}"
        samples = audio.decode_alaw(store.path(name).read_bytes())
        speaking = np.flatnonzero(audio.speech_frames(samples))
        lead_ms = int(speaking[0]) * audio.FRAME_MS
        tail_ms = len(samples) / 8 - (int(speaking[-1]) + 1) * audio.FRAME_MS
        assert abs(audio.speech_level_dbfs(samples) - audio.LEVEL_DBFS) < 1, name
        assert np.abs(samples).max() < 0.75, name  # nothing is clipped
        assert lead_ms <= 140 + PAUSE_MS, name
        assert tail_ms <= 140 + PAUSE_MS, name
        assert audio.duration_ms(len(samples)) <= MAX_MS, name


def test_the_set_is_of_modest_size() -> None:
    total = sum(path.stat().st_size for path in VOICE_PROMPTS.rglob("*.alaw"))
    assert total <= MAX_TOTAL_BYTES


def test_the_shipped_voice_needs_no_synthesiser(tmp_path: Path) -> None:
    voice = CatalogueVoice(
        lambda: load_catalogue(ROOT / "config", VOICE_PROMPTS), VOICE_PROMPTS, tmp_path, lambda language: None
    )
    queue = (Prompt("queue.first", {"place": 3}), Prompt("queue.wait", {"wait": (120_000, 240_000)}))
    assert voice.text(queue, "ru").startswith("Вы третий")
    for language in ("ru", "en"):
        for prompts in (queue, (Prompt("answer.hours"),), (Prompt("beep"),)):
            path = voice.sound(prompts, language)
            assert 100 < milliseconds(path) < MAX_MS
            assert voice.duration_ms(prompts, language) == milliseconds(path)
