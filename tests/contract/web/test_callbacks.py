"""Callbacks over HTTP: the real desk, the real engine, the real opening hours; the clock is the floor's."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from acd.contract import CallbackRequested, CallLeft, PlaceCallback, Tick
from desk.callbacks import SqlCallbacks
from desk.office import SYSTEM
from desk.store import SqlDesk
from dozvon import hotline as reference
from dozvon.callback_office import CallbackOffice
from dozvon.settings import Settings
from ivr.agi.callback_book import CallbackBook, CallbackSettings
from ivr.callback_hours import window
from ivr.hotline import Hotline

from .conftest import Floor, Site, open_site

NUMBER = "+7 916 123-45-67"


def at(day: int, hour: int) -> int:
    """Day of March 2027 in Moscow; the 15th is a Monday, open from 8 to 20."""
    return int(dt.datetime(2027, 3, day, hour, tzinfo=ZoneInfo("Europe/Moscow")).timestamp() * 1000)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    settings = Settings(home=tmp_path / "home")
    voice = reference.make_voice(settings)
    hotline = Hotline(
        reference.make_flow_store(settings, lambda: voice.catalogue), reference.schedules(settings)
    )
    waking = reference.waking(settings)

    def office(desk: SqlDesk, floor: Floor) -> CallbackOffice:
        floor.now_ms = at(15, 12)
        book = CallbackBook(
            CallbackSettings("n1", "", ""),
            floor,  # type: ignore[arg-type]
            desk,
            SqlCallbacks(desk.database, desk.vault),
            lambda number, wish_ms, now_ms: window(hotline.hours, waking, number, wish_ms, now_ms),
            lambda _: None,
            lambda: floor.now_ms,
        )
        flow = hotline.store
        return CallbackOffice(settings, book, desk, floor, lambda: flow.current, lambda: floor.now_ms)

    async with open_site(tmp_path, callbacks=office) as made:
        yield made


def wish(**fields: Any) -> dict[str, Any]:
    return {"request_id": "r1", "number": NUMBER, "topic": "status", **fields}


async def ask(site: Site, role: str = "agent", **fields: Any) -> tuple[int, Any]:
    status, body, _ = await site.ask("POST", "/api/v1/callbacks", role, json=wish(**fields))
    return status, body


async def test_a_customer_is_called_at_his_turn_once(site: Site) -> None:
    status, made = await ask(site, text="Не приходит код")
    assert status == 201
    assert (made["status"], made["due_ms"], made["moves"]) == ("waiting", 0, 0)
    assert "916123" not in str(made) and made["number_masked"].endswith("67")
    assert await ask(site, text="Не приходит код") == (201, made), "the same request, the same callback"
    (fact,) = [each for each in site.floor.reported if isinstance(each, CallbackRequested)]
    assert (fact.callback_id, fact.queue, fact.node) == (made["callback_id"], "main", "n1")
    assert "9161234567" not in repr(site.floor.reported), "the journal knows no number"
    ticket = await site.desk.ticket(made["ticket"], SYSTEM)
    assert (ticket.caller_number, ticket.text) == ("79161234567", "Не приходит код")
    kept = await SqlCallbacks(site.desk.database, site.desk.vault).find(made["callback_id"])
    assert kept is not None and kept.matter == {"текст": "Не приходит код"}
    _, audit = await site.get(f"/api/v1/audit?subject=callback:{made['callback_id']}")
    assert [line["action"] for line in audit["items"]] == ["requested", "requested"]


async def test_at_a_chosen_time_an_agent_is_reserved_then(site: Site) -> None:
    status, made = await ask(site, at_ms=at(16, 16))
    assert (status, made["due_ms"]) == (201, at(16, 16))
    await site.floor.agent(topic="status")
    engine = site.floor.engine
    assert not [each for each in engine.step(Tick(), at(16, 15)) if isinstance(each, PlaceCallback)]
    placed = [each for each in engine.step(Tick(), at(16, 16)) if isinstance(each, PlaceCallback)]
    assert [each.call_id for each in placed] == [made["callback_id"]]


@pytest.mark.parametrize(
    ("wished", "promised"),
    [(at(15, 22), at(16, 9)), (at(21, 18), at(22, 9)), (at(16, 8), at(16, 9))],
    ids=["closed then", "Sunday evening", "not awake yet"],
)
async def test_the_time_promised_is_the_next_that_is_allowed(site: Site, wished: int, promised: int) -> None:
    _, made = await ask(site, at_ms=wished)
    assert made["due_ms"] == promised


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"number": "88005553535"}, "number"),
        ({"number": "+380441234567"}, "number"),
        ({"number": ""}, "number"),
        ({"number": "7916123456712345678901234567890123456789012"}, "number"),
        ({"topic": "weather"}, "topic"),
        ({"language": "kk"}, "language"),
        ({"at_ms": at(15, 11)}, "at_ms"),
        ({"at_ms": at(15, 12) + 31 * 86_400_000}, "at_ms"),
        ({"at_ms": -1}, "at_ms"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": "a b"}, "request_id"),
        ({"text": "а" * 2_001}, "text"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_kept(
    site: Site, fields: dict[str, Any], where: str
) -> None:
    status, problem = await ask(site, **fields)
    assert status == 422 and [fault["where"] for fault in problem["errors"]] == [where]
    assert site.floor.reported == []
    assert (await site.get("/api/v1/callbacks"))[1]["items"] == []


async def test_one_customer_has_one_callback_and_one_request_one_meaning(site: Site) -> None:
    _, made = await ask(site)
    status, problem = await ask(site, request_id="r2")
    assert (status, problem["type"]) == (409, "urn:dozvon:problem:callback-pending")
    assert problem["detail"] == made["callback_id"]
    status, problem = await ask(site, number="9031112233")
    assert (status, problem["type"]) == (409, "urn:dozvon:problem:request-used")


async def test_listed_and_cancelled(site: Site) -> None:
    _, first = await ask(site)
    _, second = await ask(site, request_id="r2", number="84951234567", at_ms=at(16, 16))
    _, page = await site.get("/api/v1/callbacks", role="agent")
    listed = {each["callback_id"]: each for each in page["items"]}
    assert listed == {first["callback_id"]: first, second["callback_id"]: second}
    _, half = await site.get("/api/v1/callbacks?limit=1")
    assert len(half["items"]) == 1 and half["next_cursor"]
    path = f"/api/v1/callbacks/{first['callback_id']}"
    status, gone, _ = await site.ask("DELETE", path, "agent")
    assert (status, gone["status"]) == (200, "closed")
    assert site.floor.reported[-1] == CallLeft(first["callback_id"], "abandoned", "cancelled")
    assert (await site.ask("DELETE", path))[0] == 404, "there is nothing left to cancel"
    assert [each["callback_id"] for each in (await site.get("/api/v1/callbacks"))[1]["items"]] == [
        second["callback_id"]
    ]
    status, again = await ask(site)
    assert (status, again["status"]) == (201, "closed"), "the old request does not call him after all"
    status, anew = await ask(site, request_id="r3")
    assert (status, anew["status"]) == (201, "waiting")
    for unknown in ("none", "x" * 150):
        assert (await site.ask("DELETE", f"/api/v1/callbacks/{unknown}"))[0] == 404


async def test_only_with_a_token(site: Site) -> None:
    for method, path in (("POST", ""), ("GET", ""), ("DELETE", "/x")):
        assert (await site.ask(method, f"/api/v1/callbacks{path}", None))[0] == 401
    status, problem, _ = await site.ask("POST", "/api/v1/callbacks", data=b"x", headers={})
    assert status == 415, problem
    status, _, _ = await site.ask("POST", "/api/v1/callbacks", json=wish(text="a" * 30_000))
    assert status == 413
