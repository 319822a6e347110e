"""Answers to common questions: the shipped ones, and what is found wrong in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.dialog.understanding import examples
from ivr.prompts import answers
from ivr.prompts.files import FilesFaulty

ROOT = Path(__file__).resolve().parents[3]
UNDERSTANDING = ROOT / "config" / "understanding" / "ru.yaml"
GOOD = """\
topic: access
questions:
  ru: [забыл пароль, потерял пароль, сброс пароля]
  en: [I forgot my password, lost password, reset my password]
spoken:
  ru: Введите телефон и получите код.
  en: Enter your phone and get a code.
short:
  ru: Введите телефон.
  en: Enter your phone.
links: [портал]
"""


def test_the_shipped_answers_cover_the_centre() -> None:
    found = answers.load(ROOT / "config" / "answers")
    assert len(found) >= 25
    for answer in found.values():
        assert len(answer.questions["ru"]) >= 12, answer.file
        assert len(answer.questions["en"]) >= 5, answer.file
        assert not any("http" in link or "www" in link for link in answer.links)
    entries = answers.entries(found, ["ru", "en"])
    assert entries["ru"].keys() == entries["en"].keys() == {f"answer.{name}" for name in found}


@pytest.mark.parametrize(
    ("old", "new", "line", "fault"),
    [
        ("topic: access\n", "", 1, "topic: which subject does it belong to?"),
        ("  ru: Введите телефон и получите код.\n", "  ru: ''\n", 6, "spoken.ru: has no text"),
        ("  ru: Введите телефон и получите код.\n", "", 5, "spoken.ru: has no text"),
        ("получите код.", "получите код. " * 40, 6, "spoken.ru: about 4"),
        ("получите код", "наберите 5", 6, "spoken.ru: 5: write numbers in words"),
        ("получите код", "ждите {n:duration}", 6, "spoken.ru: an answer has no slots"),
        ("[забыл пароль, потерял пароль, сброс пароля]", "[забыл пароль]", 3, "questions.ru: at least 3"),
        ("[забыл пароль, потерял пароль, сброс пароля]", "забыл", 3, "questions.ru: a list of texts"),
        ("  ru: Введите телефон.\n", f"  ru: {'а' * 500}\n", 9, "short.ru: 1 to 480 characters"),
        ("links: [портал]", "links: портал", 11, "links: a list of texts"),
        ("links: [портал]", "colour: red", 11, "colour: unknown"),
        ("topic: access", "topic: [", 3, "expected ',' or ']'"),
    ],
)
def test_faults_have_file_and_line(tmp_path: Path, old: str, new: str, line: int, fault: str) -> None:
    file = tmp_path / "password.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(FilesFaulty) as caught:
        answers.load(tmp_path)
    assert any(str(one).startswith(f"{file}:{line}: {fault}") for one in caught.value.faults), str(
        caught.value
    )


def test_two_answers_may_not_claim_the_same_question(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD, "utf-8")
    other = GOOD.replace(
        "[забыл пароль, потерял пароль, сброс пароля]", "[как войти, Пароль забыл!, не пускает]"
    )
    (tmp_path / "two.yaml").write_text(other.replace("password", "word").replace("lost", "no"), "utf-8")
    with pytest.raises(FilesFaulty) as caught:
        answers.load(tmp_path)
    assert [str(fault) for fault in caught.value.faults] == [
        f"{tmp_path / 'two.yaml'}:3: «Пароль забыл!» is claimed by one too (one.yaml)"
    ]


def test_a_subject_that_nobody_knows_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD, "utf-8")
    assert answers.load(tmp_path, topics={"access"})
    with pytest.raises(FilesFaulty, match=r"one.yaml:1: topic: there is no 'access' in topics.yaml"):
        answers.load(tmp_path, topics={"papers"})


def test_a_file_with_a_strange_name_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "Пароль.yaml").write_text(GOOD, "utf-8")
    with pytest.raises(FilesFaulty, match="named in lower-case Latin letters"):
        answers.load(tmp_path)


def test_the_questions_for_measuring_are_others_than_the_examples() -> None:
    """tests/data/questions_ru.tsv measures how well answers are found: nothing in it may have been taught."""
    found = answers.load(ROOT / "config" / "answers")
    lines = (ROOT / "tests" / "data" / "questions_ru.tsv").read_text("utf-8").splitlines()
    asked = [line.split("\t") for line in lines]
    assert {answer_id for _, answer_id in asked} == {*found, "none"}
    assert sum(answer_id != "none" for _, answer_id in asked) >= 150
    assert sum(answer_id == "none" for _, answer_id in asked) >= 40
    taught = {answers.same_question(one) for answer in found.values() for one in answer.questions["ru"]}
    forms = [answers.same_question(question) for question, _ in asked]
    assert len(set(forms)) == len(forms)
    taught |= {answers.same_question(one) for one in examples.load(UNDERSTANDING, "ru").unanswered}
    assert not taught & set(forms)
