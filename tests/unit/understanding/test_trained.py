"""A trained classifier is kept, and made anew when it cannot be trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dozvon import trained
from ivr.dialog.understanding.classifier import Calibration, Classifier
from ivr.dialog.understanding.examples import Examples

SAID = "I cannot log in"
EXAMPLES = Examples("en", (("log in", "access"), ("forgot my password", "access"), ("parcel", "none")), ())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dozvon" / "understanding"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Examples]:
    """What was trained."""
    seen: list[Examples] = []
    train = Classifier.__init__

    def counted(self: Classifier, examples: Examples, calibration: Calibration | None = None) -> None:
        seen.append(examples)
        train(self, examples, calibration)

    monkeypatch.setattr(Classifier, "__init__", counted)
    return seen


def test_the_second_time_it_is_read_and_says_the_same(folder: Path, made: list[Examples]) -> None:
    first = trained.classifier(EXAMPLES).guess_many([SAID])
    assert trained.classifier(EXAMPLES).guess_many([SAID]) == first
    assert len(made) == 1
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_other_examples_are_another_training(made: list[Examples]) -> None:
    trained.classifier(EXAMPLES)
    more = Examples("en", (*EXAMPLES.labelled, ("where is my application", "status")), ())
    assert "status" in trained.classifier(more).labels
    assert len(made) == 2


@pytest.mark.parametrize("harm", ["damaged", "writable by others", "something else"])
def test_what_cannot_be_trusted_is_made_anew(folder: Path, made: list[Examples], harm: str) -> None:
    trained.classifier(EXAMPLES)
    (file,) = folder.iterdir()
    if harm == "damaged":
        file.write_bytes(file.read_bytes()[:500])
    elif harm == "writable by others":
        file.chmod(0o666)
    else:
        file.write_bytes(b"\x80\x04K\x01.")  # the number one
    assert trained.classifier(EXAMPLES).guess_many([SAID])
    assert len(made) == 2


def test_a_folder_that_cannot_be_written_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert trained.classifier(EXAMPLES).guess_many([SAID])


def test_only_the_newest_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "KEPT", 2)
    for number in range(3):
        trained.classifier(Examples("en", (*EXAMPLES.labelled, (f"number {number}", "none")), ()))
        for age, file in enumerate(sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime_ns)):
            os.utime(file, (1_000 + number * 10 + age, 1_000 + number * 10 + age))
    assert len(list(folder.iterdir())) == 2
