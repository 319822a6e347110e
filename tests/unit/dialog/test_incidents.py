"""Known incidents: whom they concern, how they end, what a file may say, and the command that writes it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from dozvon.commands import incidents as command
from ivr.dialog.marks import Bad
from ivr.incidents import IncidentBoard, load, parse

MOSCOW = ZoneInfo("Europe/Moscow")
FILE = """\
incidents:
- number: "4071"
  topics: [portal-error]
  text: {ru: Сайт чинят., en: The website is being repaired.}
  until: 2026-11-23T18:00
  expected: 2026-11-23T17:30
- number: "4072"
  text: {ru: Для всех., en: For all.}
"""


def at(clock: str) -> int:
    return round(dt.datetime.fromisoformat(f"2026-11-23T{clock}").replace(tzinfo=MOSCOW).timestamp() * 1000)


def board(tmp_path: Path, content: str = FILE) -> IncidentBoard:
    (tmp_path / "incidents.yaml").write_text(content, "utf-8")
    return IncidentBoard(tmp_path / "incidents.yaml", "Europe/Moscow")


def test_only_those_whom_it_concerns_hear_of_it(tmp_path: Path) -> None:
    shown = board(tmp_path)
    assert [i.incident_id for i in shown("portal-error", at("10:00"))] == ["4071", "4072"]
    assert [i.incident_id for i in shown("access", at("10:01"))] == ["4072"]
    assert [i.incident_id for i in shown("", at("10:02"))] == ["4072"]


def test_it_ends_by_itself_and_promises_nothing_that_has_passed(tmp_path: Path) -> None:
    shown = board(tmp_path)
    assert shown("portal-error", at("17:00"))[0].expected == "17:30"
    assert shown("portal-error", at("17:30"))[0].expected == ""
    assert [i.incident_id for i in shown("portal-error", at("18:00"))] == ["4072"]


def test_a_change_is_seen_within_a_second_a_fault_changes_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "incidents.yaml"
    shown = IncidentBoard(file, "Europe/Moscow", said.append)
    assert shown("", at("10:00:00")) == ()
    file.write_text(FILE, "utf-8")
    assert [i.incident_id for i in shown("", at("10:00:02"))] == ["4072"]
    file.write_text("incidents: [", "utf-8")
    os.utime(file, (1, 1))
    assert [i.incident_id for i in shown("", at("10:00:04"))] == ["4072"]
    assert said == [f"{file}:1: not YAML: expected the node content, but found '<stream end>'"]
    file.unlink()
    assert shown("", at("10:00:06")) == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("incidents:\n- {number: 12}\n", 2, "'text' is missing"),
        ("incidents:\n- {number: x, text: {ru: a}}\n", 2, "digits only"),
        ("incidents:\n- {number: 1, text: {ru: ''}}\n", 2, "empty"),
        ("incidents:\n- number: 1\n  text: {ru: a}\n  until: soon\n", 4, "no moment"),
        ("incidents:\n- {number: 1, text: {ru: a}, colour: red}\n", 2, "no 'colour'"),
        ("faults: []\n", 1, "unknown entry"),
        ("incidents:\n" + "- {number: 1, text: {ru: a}}\n" * 21, 1, "more than 20"),
    ],
)
def test_a_faulty_file_names_the_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Bad) as caught:
        parse(text)
    assert caught.value.line == line
    assert words in str(caught.value)


def test_switched_on_and_off_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path))
    runner = CliRunner()
    words = ["--ru", "Сайт чинят.", "--en", "It is being repaired."]
    assert (
        runner.invoke(
            command.cli, ["on", "4071", "--topic", "portal-error", *words, "--until", "90"]
        ).exit_code
        == 0
    )
    [incident] = load(tmp_path / "incidents.yaml")
    assert (incident.number, incident.topics, incident.text["ru"]) == (
        "4071",
        ("portal-error",),
        "Сайт чинят.",
    )
    assert incident.until is not None
    assert "4071  portal-error; until" in runner.invoke(command.cli, ["list"]).stdout
    refused = runner.invoke(command.cli, ["on", "7", "--topic", "moon", *words])
    assert (refused.exit_code, "there is no topic 'moon'" in refused.stderr) == (1, True)
    assert runner.invoke(command.cli, ["on", "seven", *words]).exit_code == 1
    assert runner.invoke(command.cli, ["off", "4071"]).exit_code == 0
    assert load(tmp_path / "incidents.yaml") == ()
    assert runner.invoke(command.cli, ["off", "4071"]).exit_code == 1
