"""Rendering: only what has changed, recordings first, a manifest that tells the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.prompts import audio, catalogue
from ivr.prompts.catalogue import Sound
from ivr.prompts.render import CannotRender, Store, speak
from tests.unit.prompts.conftest import ToneSynthesiser, wav


def wanted(folder: Path) -> list[Sound]:
    return list(catalogue.load(folder, ["ru"]).sounds("ru"))


def render(folder: Path, tones: ToneSynthesiser | None) -> list[str]:
    store = Store(folder / "ru")
    return store.render(store.difference(wanted(folder)), lambda language: tones)


def test_everything_once_and_then_nothing(small: Path, tones: ToneSynthesiser) -> None:
    assert render(small, tones) == []
    store = Store(small / "ru")
    assert not store.difference(wanted(small))
    assert store.made["greeting"].text == "Добрый день!"
    assert store.path("numbers/v-sredu").is_file()
    said = len(tones.said)
    assert said == len(store.made) - 1  # all but the tone
    assert render(small, tones) == []
    assert len(tones.said) == said


def test_a_changed_text_is_stale_and_made_again(small: Path, tones: ToneSynthesiser) -> None:
    render(small, tones)
    file = small / "ru" / "texts.yaml"
    file.write_text(file.read_text("utf-8").replace("Добрый день!", "Доброе утро!"), "utf-8")
    difference = Store(small / "ru").difference(wanted(small))
    assert [sound.name for sound in difference.stale] == ["greeting"]
    assert not difference.missing
    tones.said.clear()
    render(small, tones)
    assert tones.said == ["Доброе утро!"]


def test_what_belongs_to_no_prompt_is_removed(small: Path, tones: ToneSynthesiser) -> None:
    render(small, tones)
    stray = small / "ru" / "sounds" / "stray.alaw"
    stray.write_bytes(b"\xd5" * 80)
    assert Store(small / "ru").difference(wanted(small)).orphans == ("stray",)
    render(small, tones)
    assert not stray.exists()


def test_a_damaged_or_lost_file_is_found(small: Path, tones: ToneSynthesiser) -> None:
    render(small, tones)
    store = Store(small / "ru")
    store.path("greeting").write_bytes(b"\xd5" * 8)
    store.path("slow").unlink()
    difference = store.difference(wanted(small))
    assert [sound.name for sound in difference.stale] == ["greeting"]
    assert [sound.name for sound in difference.missing] == ["slow"]


def test_a_recording_wins(small: Path, tones: ToneSynthesiser) -> None:
    render(small, tones)
    recorded = small / "ru" / "recorded" / "greeting.wav"
    recorded.parent.mkdir()
    recorded.write_bytes(wav([0.3 * (-1) ** (n // 10) for n in range(8000)], 8000))
    assert [s.name for s in Store(small / "ru").difference(wanted(small)).stale] == ["greeting"]
    render(small, tones)
    store = Store(small / "ru")
    assert store.made["greeting"].source == "recorded"
    assert 900 < audio.duration_ms(store.path("greeting").stat().st_size) <= 1000
    assert not store.difference(wanted(small))
    recorded.write_bytes(wav([0.3 * (-1) ** (n // 10) for n in range(8000 * 41)], 8000))
    assert render(small, tones)[0] == "greeting: takes 41 s, more than 40"
    recorded.write_bytes(b"no sound")
    assert render(small, tones)[0].startswith("greeting: ")


def test_a_manifest_that_cannot_be_read_makes_all_anew(small: Path, tones: ToneSynthesiser) -> None:
    render(small, tones)
    for content in ("{", "[]", '{"greeting": {"text": 1}}', ""):
        (small / "ru" / "sounds" / "manifest.json").write_text(content)
        assert Store(small / "ru").difference(wanted(small)).stale


def test_without_a_synthesiser_the_failures_are_told(small: Path) -> None:
    failures = render(small, None)
    assert "greeting: no synthesiser here: install RHVoice or espeak-ng" in failures
    assert not any(failure.startswith("beep") for failure in failures)


def test_one_failure_does_not_stop_the_rest(small: Path, tones: ToneSynthesiser) -> None:
    tones.broken = True
    assert len(render(small, tones)) == len(wanted(small)) - 1
    tones.broken = False
    assert render(small, tones) == []


def test_a_bar_is_half_a_second(tones: ToneSynthesiser) -> None:
    plain = len(speak("Раз", tones)) + len(speak("два", tones))
    assert len(speak("Раз | два", tones)) == plain + 4000
    assert len(speak("|", None)) == 4000


def test_a_prompt_of_more_than_forty_seconds_is_refused(small: Path, tones: ToneSynthesiser) -> None:
    with pytest.raises(CannotRender, match="more than 40"):
        Store(small / "ru").make(Sound("long", "а" * 2100), tones)
