"""A language added by files alone: a few texts, keys where nobody understands it, the rest in Russian."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from dozvon.check import faults
from dozvon.commands import flow, talk
from dozvon.hotline import make_voice, topics
from dozvon.settings import Settings, load
from ivr.dialog.contract import Prompt

ROOT = Path(__file__).resolve().parents[3]
OPEN = "2026-11-23T12:00"
CHOICE = """      "9":
        say: topics.made_up
        go: made_up
        phrases: {ru: [новый язык], en: [new language]}
    intents:
      topic.*: queue.enter
"""
NODE = """
  made_up:
    kind: language
    language: xx
    prompts: language.changed
    next: topics
"""
TEXTS = {
    "ru": "\ntopics.made_up: {text: Xaxa xoxo xixi, voice: xx}\n",
    "en": "\ntopics.made_up: {text: Xaxa xoxo xixi, voice: xx}\n",
    "xx": "topics.made_up: Xaxa xoxo xixi.\nlanguage.changed: Xaxa xoxo.\ntopics.access: Xuxu xaxa, xexe.\n",
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    config, voices = tmp_path / "config", tmp_path / "voice_prompts"
    shutil.copytree(ROOT / "config", config)
    main = config / "flows/main.yaml"
    text = main.read_text("utf-8").replace("languages: [ru, en]", "languages: [ru, en, xx]")
    text = text.replace("    intents:\n      topic.*: queue.enter\n", CHOICE, 1)
    main.write_text(text + NODE, "utf-8")
    own = (config / "dozvon.yaml").read_text("utf-8").replace("[ru, en]", "[ru, en, xx]")
    (config / "dozvon.yaml").write_text(f"{own}\nvoice_prompts: {voices}\n", "utf-8")
    for language, more in TEXTS.items():
        (voices / language).mkdir(parents=True)
        shipped = ROOT / "voice_prompts" / language
        before = (shipped / "texts.yaml").read_text("utf-8") if shipped.is_dir() else ""
        (voices / language / "texts.yaml").write_text(before + more, "utf-8")
        if shipped.is_dir():
            (voices / language / "sounds").symlink_to(shipped / "sounds")
    monkeypatch.setenv("DOZVON_CONFIG", str(config))
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path / "home"))
    return load()


def call(*lines: str, language: str = "ru") -> list[dict[str, str]]:
    arguments = ["--at", OPEN, "--json", "--keys-only", "--language", language]
    result = CliRunner().invoke(talk.cli, arguments, input="".join(f"{line}\n" for line in lines))
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_caller_chooses_it_and_is_served_by_keys(settings: Settings) -> None:
    heard = call("press 9", "press 1", "press 1")
    said = [(one.get("node", ""), one.get("hears", "")) for one in heard]
    changed = next(i for i, (_, text) in enumerate(said) if text.startswith("Xaxa xoxo."))
    after = " ".join(text for _, text in said[changed:])
    assert "Xuxu xaxa, xexe." in after  # its own words for the first choice
    assert "Документы и заявления" in after  # and Russian for the next, which it has no text for
    nodes = [node for node, _ in said]
    assert "main.access" in nodes and nodes[-1] == "queue.wait"


def test_who_asks_for_another_language_from_there_gets_the_first_one(settings: Settings) -> None:
    heard = " ".join(one.get("hears", "") for one in call("press #", language="xx"))
    assert "Продолжаем на русском языке." in heard
    assert "We go on in English." in " ".join(one.get("hears", "") for one in call("press #"))


def test_checks_say_what_is_lacking(settings: Settings) -> None:
    found = list(faults(settings))
    errors = [text for severity, text in found if severity == "error" and "has no sound" not in text]
    assert errors == [], errors  # only that its few texts are not rendered yet
    warnings = "\n".join(text for severity, text in found if severity == "warning")
    assert "prompts have no text in 'xx': " in warnings and "they are spoken in 'ru'" in warnings
    assert "xx: no voice: none is named under 'voices' in dozvon.yaml" in warnings
    assert "xx: no agent speaks it" in warnings and "languages: {xx: [{after_s: 0, also: ru}]}" in warnings
    assert "speech: no model for xx: its callers use keys" in warnings
    shown = CliRunner().invoke(flow.cli, ["check"])
    assert shown.exit_code == 0 and "[borrowed-prompts]" in shown.output


def test_a_language_that_the_flow_does_not_name_is_an_error(settings: Settings) -> None:
    main = settings.config / "flows/main.yaml"
    main.write_text(
        main.read_text("utf-8").replace("languages: [ru, en, xx]", "languages: [ru, en]"), "utf-8"
    )
    assert any("[unknown-language]" in text for severity, text in faults(settings) if severity == "error")


def test_what_it_lacks_comes_from_the_russian_sounds(settings: Settings) -> None:
    voice = make_voice(settings)
    russian = voice.sound((Prompt("topics.papers"),), "ru")
    assert voice.sound((Prompt("topics.papers"),), "xx") == russian
    assert topics(settings)["access"]["xx"] == topics(settings)["access"]["ru"]


def test_numbers_wait_for_somebody_who_can_say_them(settings: Settings) -> None:
    file = settings.voice_prompts / "xx/texts.yaml"
    file.write_text(file.read_text("utf-8") + "queue.place: Xo {place:ordinal} xi.\n", "utf-8")
    wrong = [text for severity, text in faults(settings) if severity == "error" and "queue.place" in text]
    assert len(wrong) >= 1 and "nobody can say numbers in 'xx' yet" in wrong[0]
