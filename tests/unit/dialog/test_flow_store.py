"""Versions of the flow while calls run on them, and the hotline that a runner talks to."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ivr.dialog.contract import CallStarted, Digits, Enqueue, HungUp
from ivr.dialog.flow import FlowError, Problem
from ivr.dialog.model import Flow
from ivr.flow_store import FlowStore, ReloadRunning, UnknownVersion, archived, pin
from ivr.hotline import Hotline
from ivr.hours_file import parse

FLOW = """\
languages: [ru]
start: menu
resume: wait
nodes:
  menu: {kind: menu, prompts: WORDS, person: wait, else: wait, options: {1: {say: one, go: wait}}}
  wait: {kind: queue, prompts: entered, next: bye, else: bye}
  bye: {kind: goodbye, prompts: bye}
"""
HOURS = parse("timezone: UTC\nweek: {mon-sun: [00:00-24:00]}\n")
CALL = CallStarted("c", "79161234567", "8800")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    flows = tmp_path / "flows"
    flows.mkdir()
    write(flows, "first")
    return flows


def write(folder: Path, words: str, text: str = FLOW) -> None:
    (folder / "main.yaml").write_text(text.replace("WORDS", words), "utf-8")


def heard(hotline: Hotline) -> tuple[str, ...]:
    session = hotline.new_session(CALL)
    _, actions = hotline.advance(session, CALL, 1)
    return tuple(prompt.prompt_id for prompt in actions[0].prompts)  # type: ignore[attr-defined]


def test_a_call_ends_on_the_version_it_began_with(folder: Path) -> None:
    hotline = Hotline(FlowStore(folder), HOURS)
    old = hotline.new_session(CALL)
    old, _ = hotline.advance(old, CALL, 1)
    write(folder, "second")
    hotline.store.reload()
    assert heard(hotline) == ("second", "one")
    again, actions = hotline.advance(old, Digits("*"), 2)
    assert [p.prompt_id for p in actions[-1].prompts] == ["first", "one"]  # type: ignore[attr-defined]
    assert [(v.current, v.calls) for v in hotline.store.versions()] == [(False, 1), (True, 1)]
    hotline.advance(again, HungUp(), 3)
    assert [v.calls for v in hotline.store.versions()] == [0, 1]


@pytest.mark.parametrize("broken", ["nodes: [", FLOW + "colour: red\n", ""])
def test_a_broken_file_changes_nothing(folder: Path, broken: str) -> None:
    hotline = Hotline(FlowStore(folder), HOURS)
    write(folder, "", broken)
    with pytest.raises(FlowError) as caught:
        hotline.store.reload()
    assert str(caught.value).startswith("main.yaml:")
    assert heard(hotline) == ("first", "one")


def test_a_finding_of_the_check_refuses_a_version_a_warning_does_not(folder: Path) -> None:
    severity = "warning"

    def check(_flow: Flow) -> list[Problem]:
        return [Problem("main.yaml", 5, "odd", "odd", severity)]

    store = FlowStore(folder, check)
    write(folder, "second")
    store.reload()
    severity = "error"
    write(folder, "third")
    with pytest.raises(FlowError, match=r"main\.yaml:5: odd"):
        store.reload()
    assert "second" in store.current.files["main.yaml"]


def test_a_reload_in_the_middle_of_a_reload_is_refused(folder: Path) -> None:
    entered, leave = threading.Event(), threading.Event()
    calls = 0

    def slow(_flow: Flow) -> list[Problem]:
        nonlocal calls
        calls += 1
        if calls == 2:
            entered.set()
            assert leave.wait(5)
        return []

    store = FlowStore(folder, slow)
    write(folder, "second")
    first = threading.Thread(target=store.reload)
    first.start()
    assert entered.wait(5)
    with pytest.raises(ReloadRunning):
        store.reload()
    leave.set()
    first.join(5)
    assert "second" in store.current.files["main.yaml"]


def test_roll_back_survives_a_restart_until_the_next_reload(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    store = FlowStore(folder, archive=archive)
    good = store.current.version
    write(folder, "second")
    store.reload()
    assert store.rollback().version == good
    restarted = FlowStore(folder, archive=archive)
    assert restarted.current.version == good
    assert restarted.reload().version != good
    assert FlowStore(folder, archive=archive).current.version != good
    assert restarted.rollback(good).version == good


def test_a_roll_back_by_file_reaches_a_running_hotline(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    hotline = Hotline(FlowStore(folder, archive=archive), HOURS)
    good = hotline.store.current.version
    write(folder, "second")
    hotline.store.reload()
    assert heard(hotline) == ("second", "one")
    assert archived(archive)[-2:] == [good, hotline.store.current.version]
    pin(archive, good)
    assert heard(hotline) == ("first", "one")
    assert archived(archive)[-1] == good
    hotline.store.reload()
    assert heard(hotline) == ("second", "one")
    with pytest.raises(UnknownVersion):
        pin(archive, "nothing")


def test_a_roll_back_to_nowhere(folder: Path) -> None:
    store = FlowStore(folder)
    with pytest.raises(UnknownVersion):
        store.rollback()
    with pytest.raises(UnknownVersion):
        store.rollback("../../etc")


def test_old_versions_without_calls_are_forgotten(folder: Path) -> None:
    store = FlowStore(folder)
    kept = store.current.version
    store.call_began(kept)
    for number in range(20):
        write(folder, f"words_{number}")
        store.reload()
    assert len(store.versions()) <= 8
    assert store.get(kept).version == kept


def test_a_call_whose_version_is_gone_goes_on_in_the_queue(folder: Path) -> None:
    hotline = Hotline(FlowStore(folder), HOURS)
    session = hotline.new_session(CALL)
    session, _ = hotline.advance(session, CALL, 1)
    write(folder, "second")
    other = Hotline(FlowStore(folder), HOURS)
    session, actions = other.advance(session, Digits("1"), 2)
    assert session.flow_version == other.store.current.version
    assert Enqueue in map(type, actions)


def test_versions_change_under_load_and_every_call_keeps_its_own(folder: Path) -> None:
    hotline = Hotline(FlowStore(folder), HOURS)
    calls = []
    for number in range(100):
        session = hotline.new_session(CALL)
        session, actions = hotline.advance(session, CALL, number)
        calls.append((session, [p.prompt_id for p in actions[-1].prompts]))  # type: ignore[attr-defined]
        if number % 10 == 9:
            write(folder, f"words_{number}")
            hotline.store.reload()
    for session, words in calls:
        session, actions = hotline.advance(session, Digits("*"), 1000)
        assert [p.prompt_id for p in actions[-1].prompts] == words  # type: ignore[attr-defined]
        hotline.advance(session, HungUp(), 1001)
    assert sum(view.calls for view in hotline.store.versions()) == 0
