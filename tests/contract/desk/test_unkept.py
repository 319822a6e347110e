"""Summaries that the desk could not take: on disk, and handed over once it can, each exactly once."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest

from desk.contract import DeskUnavailable, Interaction
from desk.office import SYSTEM, InteractionFilter
from desk.store import SqlDesk
from ivr import unkept

from .conftest import Place
from .test_calls import CALL


async def _kept(desk: SqlDesk) -> list[str]:
    return [each.call_id for each in (await desk.interactions(InteractionFilter(), SYSTEM)).items]


async def test_summaries_wait_for_the_desk_and_come_in_once(place: Place, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    desk = place.desk()
    calls = [dataclasses.replace(CALL, call_id=name) for name in ("call-1", "call-2", "../../etc/x")]
    for call in calls:
        with pytest.raises(DeskUnavailable):
            await desk.record_interaction(call)
        file = unkept.write(spool, call)
        assert file.parent == spool / "interactions" and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await unkept.hand_over(spool, desk) == 0 and unkept.waiting(spool) == 3
    await desk.start()
    # One of them had come through after all, only its answer was late.
    await desk.record_interaction(calls[1])
    assert await unkept.hand_over(spool, desk) == 3 and unkept.waiting(spool) == 0
    assert sorted(await _kept(desk)) == sorted(call.call_id for call in calls)
    assert await desk.interaction("call-1", SYSTEM) == dataclasses.replace(CALL, dialled="78005553535")
    assert await unkept.hand_over(spool, desk) == 0


async def test_an_early_summary_does_not_replace_a_later_one(desk: SqlDesk, tmp_path: Path) -> None:
    """The caller was taken back by a restarted daemon; the first daemon's word waited on disk meanwhile."""
    unkept.write(tmp_path, dataclasses.replace(CALL, outcome="failed", ended_ms=3_500))
    await desk.record_interaction(CALL)
    await unkept.hand_over(tmp_path, desk)
    assert (await desk.interaction(CALL.call_id, SYSTEM)).outcome == "answered"


async def test_a_file_that_is_no_summary_is_set_aside(desk: SqlDesk, tmp_path: Path) -> None:
    folder = tmp_path / "interactions"
    folder.mkdir()
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text('{"call_id": 5}')
    (folder / "c.json").write_text(" " * 100_000)
    unkept.write(tmp_path, CALL)
    assert await unkept.hand_over(tmp_path, desk) == 1
    assert sorted(file.name for file in (folder / "bad").glob("*.json")) == ["a.json", "b.json", "c.json"]


def test_all_of_a_summary_survives_the_disk(tmp_path: Path) -> None:
    call: Interaction = dataclasses.replace(CALL, notes={"сказано": "да", "n": 1, "list": [1, "x"]})
    again = unkept.read(unkept.write(tmp_path, call))
    assert dataclasses.replace(again, path=tuple(again.path)) == call
