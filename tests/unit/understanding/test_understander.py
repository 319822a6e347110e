"""Meaning of whole utterances, with the examples as shipped; and what faulty examples are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dozvon import trained
from ivr.dialog.understanding import ExamplesFaulty, Question, Understander, examples, load
from ivr.dialog.understanding.examples import COMMANDS, NONE, TOPICS
from ivr.dialog.understanding.text import words
from ivr.dialog.understanding.yes_no import yes_or_no

ROOT = Path(__file__).parents[3]
ACT = 0.7  # from here the dialogue acts without asking


@pytest.fixture(scope="module")
def known() -> Understander:
    questions = [
        Question("lost_password", "access", text)
        for text in ("забыл пароль", "как восстановить пароль", "не помню пароль от кабинета")
    ] + [
        Question("opening", "consultation", text)
        for text in ("когда вы работаете", "до скольки вы открыты", "работаете ли вы в воскресенье")
    ]
    return load(ROOT / "config", ["ru", "en"], {"ru": questions}, trained.classifier)


def _pairs(language: str) -> list[tuple[str, str]]:
    lines = (ROOT / f"tests/data/topics_{language}.tsv").read_text("utf-8").splitlines()
    return [(text, label) for text, label in (line.split("\t") for line in lines)]


def test_test_sentences_are_many_and_apart_from_the_examples(known: Understander) -> None:
    pairs = _pairs("ru")
    assert len(pairs) >= 300 and sum(label == NONE for _, label in pairs) >= 80
    assert {label for _, label in pairs} == {*TOPICS, *COMMANDS, NONE}
    taught = examples.load(ROOT / "config/understanding/ru.yaml", "ru")
    said = {" ".join(words(text)) for text, _ in taught.labelled}
    assert not [text for text, _ in pairs if " ".join(words(text)) in said]


@pytest.mark.parametrize(("language", "right", "sure_and_wrong"), [("ru", 0.93, 0.02), ("en", 0.9, 0.02)])
def test_subjects_are_understood(
    known: Understander, language: str, right: float, sure_and_wrong: float
) -> None:
    pairs = _pairs(language)
    found = [known.intent(text, language) for text, _ in pairs]
    good = sum(label == meant for (label, _), (_, meant) in zip(found, pairs, strict=True))
    bad = sum(
        label not in (meant, NONE) and sure >= ACT
        for (label, sure), (_, meant) in zip(found, pairs, strict=True)
    )
    nothing = [label for (label, _), (_, meant) in zip(found, pairs, strict=True) if meant == NONE]
    assert good / len(pairs) >= right
    assert bad / len(pairs) <= sure_and_wrong
    assert sum(label != NONE for label in nothing) / len(nothing) <= 0.05


@pytest.mark.parametrize(
    ("said", "expects", "intent"),
    [
        ("соедините с оператором", "choice", "person"),
        ("повторите пожалуйста", "choice", "repeat"),
        ("назад", "choice", "back"),
        ("перезвоните мне", "choice", "callback"),
        ("хочу оставить заявку", "choice", "request"),
        ("не могу войти в личный кабинет", "choice", "topic.access"),
        ("забыл пароль", "sentence", "answer.lost_password"),
        ("забыл пароль", "choice", "topic.access"),
        ("режим работы", "sentence", "hours"),
        ("не знаю", "digits", "skip"),
        ("по-английски", "choice", "other_language"),
        ("да, верно", "yes_no", "yes"),
        ("нет, оператора", "digits", "person"),
        ("пятое мая восемьдесят пятого", "date", "date"),
        ("сто двадцать три", "digits", "digits"),
        ("да", "choice", "yes"),
        ("какая завтра погода", "choice", ""),
        ("", "choice", ""),
        ("!!!", "sentence", ""),
    ],
)
def test_the_dialogue_gets_its_intents(known: Understander, said: str, expects: str, intent: str) -> None:
    assert known.understand(said, "ru", expects).intent == intent  # type: ignore[arg-type]


def test_odd_utterances_never_raise(known: Understander) -> None:
    for text in ("\0\x07", "а" * 100_000, "🙂" * 50, "1" * 5000, "нет " * 3000, "сто " * 500):
        for expects in ("choice", "yes_no", "digits", "date", "sentence"):
            for language in ("ru", "en", "tt"):
                known.understand(text, language, expects)  # type: ignore[arg-type]


def test_slots_come_with_the_meaning(known: Understander) -> None:
    meaning = known.understand("проверьте статус заявления номер пять пять два три", "ru", "choice")
    assert meaning.intent == "topic.status"
    assert meaning.slots["application"] == "5523"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("да", "yes"), ("да да конечно", "yes"), ("ага", "yes"), ("всё верно", "yes"), ("помогло", "yes"),
        ("нет", "no"), ("да нет", "no"), ("не верно", "no"), ("не помогло", "no"), ("нет спасибо", "no"),
        ("не помню", "no"), ("какая погода", ""), ("", ""), ("не надо", "no"), ("не хочу", "no"),
        ("не", ""), ("я вас не", ""), ("нет не", "no"), ("не спасибо", "no"), ("не понял", "repeat"),
        ("я не поняла вопрос", "repeat"), ("нет, не слышу", "repeat"), ("вас плохо слышно", "repeat"),
        ("не расслышала", "repeat"), ("ничего не понятно", "repeat"), ("не надо, понял", "no"),
        ("да, понятно", "yes"),
    ],
)  # fmt: skip
def test_yes_and_no(said: str, answer: str) -> None:
    assert yes_or_no(said, "ru")[0] == answer


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("I don't understand", "repeat"), ("sorry, I did not understand that", "repeat"),
        ("I can’t hear you", "repeat"), ("I didn't catch that", "repeat"), ("please repeat", "repeat"),
        ("please wait", ""), ("one moment please", ""), ("I hear you", ""), ("yes please", "yes"),
        ("no it didn't", "no"), ("it did not", "no"),
    ],
)  # fmt: skip
def test_yes_and_no_in_english(said: str, answer: str) -> None:
    assert yes_or_no(said, "en")[0] == answer


def test_a_doubtful_yes_is_asked_about() -> None:
    assert yes_or_no("наверное да", "ru")[1] < ACT <= yes_or_no("да", "ru")[1]
    assert yes_or_no("yes I think so", "en")[0] == "yes"
    assert yes_or_no("no it did not", "en")[0] == "no"


def test_an_added_line_works(tmp_path: Path) -> None:
    text = (ROOT / "config/understanding/en.yaml").read_text("utf-8")
    changed = text.replace("topics:\n  account:", "topics:\n  account:\n  - my wizard hat is on fire")
    assert changed != text
    (tmp_path / "understanding").mkdir()
    (tmp_path / "understanding/en.yaml").write_text(changed, "utf-8")
    assert load(tmp_path, ["en"]).intent("help my wizard hat is on fire", "en")[0] == "account"


def test_more_examples_may_lie_in_files_of_a_folder(tmp_path: Path) -> None:
    text = (ROOT / "config/understanding/en.yaml").read_text("utf-8")
    more = tmp_path / "understanding/en/wizards.yaml"
    more.parent.mkdir(parents=True)
    (tmp_path / "understanding/en.yaml").write_text(text, "utf-8")
    more.write_text("topics:\n  account: [my wizard hat is on fire]\n", "utf-8")
    assert load(tmp_path, ["en"]).intent("help my wizard hat is on fire", "en")[0] == "account"
    more.write_text(
        "topics:\n  status: [where is my application]\n  access: [Where is my application!]", "utf-8"
    )
    with pytest.raises(
        ExamplesFaulty, match=r"wizards\.yaml:1: «Where is my application!» stands under both"
    ):
        load(tmp_path, ["en"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("topics: [a", ":1"),
        ("topics:\n  access: login", ":2: a list is expected"),
        ("topics:\n  access: ['...']", ":2: a sentence is expected"),
        ("subjects: {}", ":1: subjects: unknown"),
        ("commands:\n  dance: [let us dance]", ":2: dance: unknown"),
        ("topics:\n  access: [sign in]\n  account: [Sign in!]", "stands under both"),
        ("synonyms:\n- [two words]\ntopics:\n  a: [x]\n  b: [y]", ":2: «two words»"),
        ("topics:\n  access: [sign in]", "at least two"),
    ],
)
def test_faulty_examples_are_told_with_their_line(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "understanding").mkdir()
    (tmp_path / "understanding/en.yaml").write_text(text, "utf-8")
    with pytest.raises(ExamplesFaulty) as told:
        load(tmp_path, ["en"])
    assert fault in str(told.value) and "en.yaml" in str(told.value)
