"""``dozvon closures``: what was declared is shown, holds for ``dozvon hours``, and can be taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dozvon.commands import closures, hours


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path))
    return tmp_path


def ran(*words: str) -> Result:
    return CliRunner().invoke(closures.cli, words)


def test_a_closure_is_told_listed_kept_to_and_taken_back() -> None:
    said = ran("add", "close", "--from", "2199-03-05T12:00", "--to", "90", "--say-ru", "Учения.")
    assert said.exit_code == 0, said.output
    assert said.output == "closed  2199-03-05T12:00:00 – 2199-03-05T13:30:00  Учения.\n"
    assert ran("list").output == "1  " + said.output
    at = ["--at", "2199-03-05T12:30", "--json"]
    told = json.loads(CliRunner().invoke(hours.cli, at).stdout)
    assert (told["open"], told["reason"]) == (False, "closure") and "Учения." in told["caller_hears"]
    assert ran("remove", "1").exit_code == 0
    assert ran("list").output == ""
    assert json.loads(CliRunner().invoke(hours.cli, at).stdout)["reason"] != "closure"


@pytest.mark.parametrize(
    "words",
    [
        ["add", "open", "--from", "tomorrow", "--to", "60"],
        ["add", "open", "--from", "2199-03-05T12:00", "--to", "2199-03-05T12:00"],
        ["add", "open", "--from", "2199-03-05T12:00+03:00", "--to", "60"],
        ["remove", "1"],
    ],
)
def test_what_cannot_be_is_told_in_a_line_and_changes_nothing(words: list[str], home: Path) -> None:
    result = ran(*words)
    assert result.exit_code != 0 and len(result.output.splitlines()) == 1
    assert list(home.iterdir()) == []
