"""Real synthesisers: what they say becomes a prompt; what they are given is never taken for an option."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from dozvon.commands.prompts import load_catalogue
from dozvon.settings import ROOT
from ivr.dialog.contract import Prompt
from ivr.prompts import audio, synth
from ivr.prompts.render import CannotRender, speak
from ivr.prompts.voice import CatalogueVoice

TEXTS = {
    "ru": "На портале технические работы. | Ждём до вечера.",
    "en": "The portal is under repair. | Until tonight.",
}
ESPEAK = {"ru": synth.Espeak("ru"), "en": synth.Espeak("en-gb")}


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("which", ["best", "espeak-ng"])
def test_a_text_becomes_a_prompt(language: str, which: str) -> None:
    synthesiser = synth.find(language) if which == "best" else ESPEAK[language]
    assert synthesiser is not None
    samples = audio.decode_alaw(speak(TEXTS[language], synthesiser))
    assert 2 < len(samples) / audio.RATE < 8
    assert abs(audio.speech_level_dbfs(samples) - audio.LEVEL_DBFS) < 1


@pytest.mark.parametrize(
    "text", ["--help", "-o /tmp/x", "$(reboot)", "<speak><break time='9s'/></speak>", "\\;'\"`"]
)
def test_strange_texts_are_only_texts(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for synthesiser in (synth.find("ru"), ESPEAK["ru"]):
        with contextlib.suppress(CannotRender):  # there may be nothing in it that can be spoken
            assert len(speak(text, synthesiser)) < 8000 * 20
    assert not list(tmp_path.iterdir())


def test_a_program_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(synth.SynthesisFailed, match="longer than"):
        ESPEAK["ru"].say("а" * 3001)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(synth.SynthesisFailed, match="espeak-ng"):
        ESPEAK["ru"].say("да")
    assert synth.find("ru") is None
    assert synth.find("fr") is None


async def test_an_incident_is_spoken_within_a_second_or_two(tmp_path: Path) -> None:
    """A text nobody has rendered: made on demand, then kept."""
    voice = CatalogueVoice(
        lambda: load_catalogue(ROOT / "config", ROOT / "voice_prompts"), ROOT / "voice_prompts", tmp_path
    )
    incident = (
        Prompt("beep"),
        Prompt("incident.text", text="Не приходят сообщения с кодом. Исправим до вечера."),
    )
    began = asyncio.get_running_loop().time()
    await voice.prepare(incident, "ru")
    took_s = asyncio.get_running_loop().time() - began
    assert 2000 < voice.duration_ms(incident, "ru") < 10_000
    assert took_s < 8
    again = asyncio.get_running_loop().time()
    await voice.prepare(incident, "ru")
    voice.sound(incident, "ru")
    assert asyncio.get_running_loop().time() - again < 0.5
    print(f"an incident of {voice.duration_ms(incident, 'ru')} ms was ready after {took_s * 1000:.0f} ms")
