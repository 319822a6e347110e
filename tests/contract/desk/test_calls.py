"""Summaries of calls, and what is remembered of a caller."""

from __future__ import annotations

import dataclasses

import pytest

from desk.contract import Interaction
from desk.office import SYSTEM, CallNotFound, InteractionFilter
from desk.store import SqlDesk

CALL = Interaction(
    call_id="call-1",
    node="node-1",
    caller_number="+79161234567",
    dialled="88005553535",
    topic="status",
    language="ru",
    outcome="answered",
    agent_id="2001",
    mark=5,
    started_ms=1_000,
    queued_ms=2_000,
    answered_ms=3_000,
    ended_ms=4_000,
    path=("welcome", "menu", "queue"),
    notes={"said": "статус"},
    flow_version="v1",
)


async def test_a_call_comes_back_as_it_was_written(desk: SqlDesk) -> None:
    await desk.record_interaction(CALL)
    assert await desk.interaction("call-1", SYSTEM) == dataclasses.replace(CALL, dialled="78005553535")
    assert (await desk.audit("call:call-1")).items[0].action == "looked"


async def test_the_same_call_again_replaces_its_summary(desk: SqlDesk) -> None:
    await desk.record_interaction(dataclasses.replace(CALL, outcome="failed", mark=0))
    await desk.record_interaction(CALL)
    page = await desk.interactions(InteractionFilter(), SYSTEM)
    assert [(call.outcome, call.mark) for call in page.items] == [("answered", 5)]


async def test_calls_are_filtered_and_paged(desk: SqlDesk) -> None:
    for n in range(5):
        await desk.record_interaction(
            dataclasses.replace(
                CALL, call_id=f"call-{n}", started_ms=n // 2, outcome="abandoned" if n % 2 else "answered"
            )
        )
    first = await desk.interactions(InteractionFilter(), SYSTEM, limit=2)
    second = await desk.interactions(InteractionFilter(), SYSTEM, limit=2, cursor=first.next_cursor)
    third = await desk.interactions(InteractionFilter(), SYSTEM, limit=2, cursor=second.next_cursor)
    ids = [call.call_id for call in (*first.items, *second.items, *third.items)]
    assert ids == ["call-4", "call-3", "call-2", "call-1", "call-0"]
    assert third.next_cursor == ""
    lost = await desk.interactions(InteractionFilter(outcome="abandoned"), SYSTEM)
    assert {call.call_id for call in lost.items} == {"call-1", "call-3"}
    mine = await desk.interactions(InteractionFilter(caller_number="89161234567"), SYSTEM)
    assert len(mine.items) == 5


async def test_an_unknown_call_is_not_found(desk: SqlDesk) -> None:
    with pytest.raises(CallNotFound):
        await desk.interaction("nothing", SYSTEM)


async def test_a_callers_language_is_remembered_under_his_reference(desk: SqlDesk) -> None:
    assert await desk.language_of("+79161234567") == ""
    await desk.remember_language("89161234567", "en")
    await desk.remember_language("+7 916 123 45 67", "ru")
    assert await desk.language_of("9161234567") == "ru"
    await desk.remember_language("anonymous", "en")
    assert await desk.language_of("anonymous") == ""


async def test_references_are_stable_and_say_nothing(desk: SqlDesk, place) -> None:
    ref = desk.caller_ref("+79161234567")
    assert ref == place.desk().caller_ref("8 916 123-45-67") != desk.caller_ref("+79161234568")
    assert len(ref) == 32 and "9161234567" not in ref
    assert desk.caller_ref("") == desk.caller_ref("anonymous") == desk.caller_ref("+7${X}") == ""
