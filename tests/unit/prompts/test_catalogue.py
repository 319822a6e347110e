"""The catalogue: what it reads, what it says, what it finds wrong and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.dialog.contract import Prompt
from ivr.prompts import catalogue
from ivr.prompts.catalogue import phrase_name, written
from ivr.prompts.contract import PromptMissing
from ivr.prompts.files import FilesFaulty


def test_texts_are_spoken_in_words(texts: Path) -> None:
    hotline = catalogue.load(texts)
    place = Prompt("queue.place", {"place": 2})
    wait = Prompt("queue.wait", {"wait": (120_000, 240_000)})
    assert hotline.text((place, wait), "ru") == "Вы второй в очереди. Ждать от двух до четырёх минут."
    assert (
        hotline.text((place, wait), "en") == "You are second in the queue. The wait is two to four minutes."
    )
    ticket = Prompt("ticket", {"number": "20260017"})
    assert hotline.text((ticket,), "ru") == "Номер двести два, шестьсот, семнадцать. Запишите его."
    assert hotline.text((Prompt("beep"),), "ru") == ""
    assert hotline.text((Prompt("incident", text="Портал | не работает."),), "ru") == "Портал не работает."


def test_what_is_missing_is_said(texts: Path) -> None:
    hotline = catalogue.load(texts)
    with pytest.raises(PromptMissing, match="nowhere"):
        hotline.text((Prompt("nowhere"),), "ru")
    with pytest.raises(PromptMissing, match=r"nothing given for \{place\}"):
        hotline.text((Prompt("queue.place"),), "ru")
    with pytest.raises(PromptMissing, match="a number is expected, not 'second'"):
        hotline.text((Prompt("queue.place", {"place": "second"}),), "ru")
    assert hotline.missing(["greeting", "x.y"], "en") == ["x.y"]


def test_every_needed_sound_is_listed(texts: Path) -> None:
    sounds = {sound.name: sound for sound in catalogue.load(texts).sounds("ru")}
    assert {
        "greeting",
        "queue.place-0",
        "queue.place-2",
        "queue.place@2",
        "beep",
        "ticket-2",
    } <= sounds.keys()
    assert sounds["queue.place@2"].text == "Вы второй в очереди."
    assert sounds["ticket-2"].text == ". | Запишите его."
    assert sounds["other"].voice == "en"
    assert "numbers/vtoroj" in sounds
    assert "named-1" not in sounds  # a name cannot be rendered ahead


def test_phrases_never_share_a_file(texts: Path) -> None:
    hotline = catalogue.load(texts)
    for language in hotline.languages:
        sounds = list(hotline.sounds(language))
        assert len({sound.name for sound in sounds}) == len(sounds)
    assert phrase_name("шесть") != phrase_name("шест")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("a: ", "a: has no text"),
        ("a: В {n:cardinal", "a: {n:cardinal: a slot is written {name:kind}"),
        ("a: В {n:number}", "a: {n:number}: there is no kind 'number'"),
        ("a: В {n:count}", "a: {n:count}: what is counted?"),
        ("a: В {n:count.слон}", "a: {n:count.слон}: 'слон' is no gender, case or known noun"),
        ("a: Нажмите 1", "a: 1: write numbers in words, or use a slot"),
        ("a: Откройте site", "a: site: write it in Russian letters as it is spoken"),
        ("a: Один & два", "a: &: no voice can say this sign"),
        ("A: Текст", "A: an id is lower-case words joined by dots"),
        ("answer.x: Текст", "answer.x: an id is lower-case words"),
        ("a: {text: Да, colour: red}", "a: unknown: colour"),
        ("a: {text: Да, pause_ms: 9000}", "a: pause_ms is 0 to 5000"),
        ("a: {text: Да, fallback: b}", "a: no fallback 'b' without slots"),
        ("a: {text: Да, samples: [1]}", "a: samples need a text with exactly one slot"),
        ("a: {text: '{n:ordinal}', samples: [0]}", "a: {n:ordinal}: a number from 1 to 9999"),
        ("a: {tone: [50, 100]}", "a: a tone is [hertz"),
        ("a: {text: Да, voice: French}", "a: voice is a language's code"),
        ("a: [Да]", "a: has no text"),
        (f"a: {'да ' * 600}", "a: longer than 1500 characters"),
        ("greeting: Ещё раз", "greeting stands here twice, first in line 1"),
        ("a: Текст", "a: there is no 'en' text"),
        ("a: 'не закрыто", "found unexpected end of stream"),
    ],
)
def test_faults_have_file_and_line(texts: Path, line: str, fault: str) -> None:
    file = texts / "ru" / "texts.yaml"
    good = file.read_text("utf-8")
    file.write_text(f"{good}{line}\n", "utf-8")
    with pytest.raises(FilesFaulty) as caught:
        catalogue.load(texts)
    at = len(good.splitlines()) + 1
    assert any(str(one).startswith((f"{file}:{at}: {fault}", f"{file}:{at + 1}: {fault}"))
               for one in caught.value.faults), str(caught.value)  # fmt: skip


def test_other_slots_in_another_language_are_a_fault(texts: Path) -> None:
    file = texts / "en" / "texts.yaml"
    file.write_text(file.read_text("utf-8").replace("{place:ordinal}", "{rank:ordinal}"), "utf-8")
    with pytest.raises(FilesFaulty, match=r"en/texts.yaml:2: queue.place: other slots than in 'ru'"):
        catalogue.load(texts)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- a\n", b"x" * 1_100_000])
def test_a_file_that_is_no_catalogue_is_a_fault(texts: Path, content: bytes) -> None:
    (texts / "ru" / "texts.yaml").write_bytes(content)
    with pytest.raises(FilesFaulty, match=r"ru/texts.yaml:1: "):
        catalogue.load(texts)


def test_a_missing_file_is_a_fault(texts: Path) -> None:
    (texts / "en" / "texts.yaml").unlink()
    with pytest.raises(FilesFaulty, match="No such file"):
        catalogue.load(texts)


def test_signs_for_the_voice_are_not_written() -> None:
    assert written("З+амок | на двери .") == "Замок на двери."
    assert written(". |") == ""
