"""Chats over HTTP: the real engine behind it; the clocks are the floor's and the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acd.contract import AgentStatusDeclared, CallLeft, CallQueued, NodeLost, RulesLoaded, Tick
from desk.store import SqlDesk
from dozvon.chat_office import ChatOffice
from dozvon.settings import Chats

from .conftest import Floor, Site, open_site


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class ChatSite:
    """A site with a chat office whose silence a test can let pass."""

    def __init__(self, site: Site, office: ChatOffice, clock: Clock) -> None:
        self.site, self.office, self.clock, self.floor = site, office, clock, site.floor

    async def ask(self, method: str, path: str, role: str = "agent", **options: Any) -> tuple[int, Any]:
        status, body, _ = await self.site.ask(method, f"/api/v1{path}", role, **options)
        return status, body

    async def chat(self, request_id: str = "r1", **fields: Any) -> tuple[int, Any]:
        return await self.ask("POST", "/chats", json={"request_id": request_id, "topic": "status", **fields})

    async def act(
        self, chat: dict[str, Any], what: str, role: str = "agent", query: str = ""
    ) -> tuple[int, Any]:
        return await self.ask("POST", f"/chats/{chat['chat_id']}/{what}{query}", role)

    async def taken_up(self, request_id: str) -> dict[str, Any]:
        _, made = await self.chat(request_id)
        status, chat = await self.act(made, "accept")
        assert status == 200, chat
        return dict(chat)

    async def tick(self, second: float) -> None:
        self.floor.now_ms += int(second * 1000)
        await self.floor.report(Tick())


@pytest.fixture
async def chats(tmp_path: Path) -> AsyncIterator[ChatSite]:
    clock = Clock()
    offices: list[ChatOffice] = []

    def office(desk: SqlDesk, floor: Floor) -> ChatOffice:
        offices.append(
            ChatOffice(
                Chats(silence_s=30, max_chats=5),
                "n1",
                floor,
                topics=lambda: {"status", "access"},
                languages=("ru", "en"),
                queue=lambda: "main",
                reference=desk.vault.reference,
                clock_s=clock,
            )
        )
        return offices[0]

    async with open_site(tmp_path, chats=office) as site:
        await site.floor.report(RulesLoaded("chats", {"chat_capacity": 2}))
        yield ChatSite(site, offices[0], clock)


async def test_a_front_queues_follows_and_takes_back_and_agents_do_the_rest(chats: ChatSite) -> None:
    body = {"request_id": "r1", "topic": "status"}
    status, made = await chats.ask("POST", "/chats", "front", json=body)
    assert (status, made["state"]) == (201, "queued")
    await chats.floor.agent("2001")
    status, seen = await chats.ask("GET", f"/chats/{made['chat_id']}", "front")
    assert (status, seen["state"], seen["agent_id"]) == (200, "offered", "2001")
    for what in ("accept", "decline", "end"):
        assert (await chats.act(made, what, "front", "?agent_id=2001"))[0] == 403
    assert (await chats.ask("GET", "/agents/2001/chats", "front"))[0] == 403
    assert (await chats.act(made, "accept"))[0] == 200
    status, left = await chats.ask("DELETE", f"/chats/{made['chat_id']}", "front")
    assert (status, left["state"]) == (200, "ended")


async def test_from_the_queue_to_an_agent_and_to_the_end(chats: ChatSite) -> None:
    status, made = await chats.chat(customer="web-77")
    assert (status, made["state"], made["wait"]["place"], made["silence_s"]) == (201, "queued", 1, 30)
    assert made["wait"]["servable"] is False, "nobody is there"
    await chats.floor.agent("2001")
    _, his = await chats.ask("GET", "/agents/2001/chats")
    (offered,) = his["items"]
    assert (offered["chat_id"], offered["state"], offered["agent_id"]) == (made["chat_id"], "offered", "2001")
    assert offered["offer_ends_ms"] == chats.floor.now_ms + 30_000
    status, taken = await chats.act(made, "accept")
    assert (status, taken["state"], taken["agent_id"]) == (200, "connected", "2001")
    assert await chats.act(made, "accept") == (200, taken), "said twice"
    _, seen = await chats.ask("GET", f"/chats/{made['chat_id']}")
    assert seen == taken
    status, over = await chats.act(made, "end")
    assert (status, over["state"], over["outcome"]) == (200, "ended", "answered")
    assert (await chats.act(made, "end"))[0] == 200
    for path, offered in (("/today", 0), ("/today/chats", 1)):
        _, today = await chats.ask("GET", path)
        assert (today["offered"], today["answered"]) == (offered, offered)
    _, figures = await chats.site.get("/metrics", None)
    assert b'dozvon_today_chats_total{what="answered"} 1.0' in figures
    (fact,) = [each for each in chats.floor.reported if isinstance(each, CallQueued)]
    assert (fact.queue, fact.channel, fact.node) == ("main", "chat", "n1")
    assert fact.caller_ref and "web-77" not in repr(chats.floor.reported), "the journal knows nobody's name"


async def test_the_same_request_is_the_same_chat(chats: ChatSite) -> None:
    _, made = await chats.chat("r1")
    assert await chats.chat("r1") == (201, made)
    status, problem = await chats.chat("r1", topic="access")
    assert (status, problem["type"]) == (409, "urn:dozvon:problem:request-used")
    await chats.ask("DELETE", f"/chats/{made['chat_id']}")
    status, over = await chats.chat("r1")
    assert (status, over["state"], over["outcome"]) == (201, "ended", "abandoned"), "it does not begin anew"
    assert len([each for each in chats.floor.reported if isinstance(each, CallQueued)]) == 1


async def test_so_many_at_once_then_a_place_in_the_queue(chats: ChatSite) -> None:
    await chats.floor.agent("2001")
    first, _ = await chats.taken_up("r1"), await chats.taken_up("r2")
    _, waiting = await chats.chat("r3")
    assert (waiting["state"], waiting["wait"]["place"]) == ("queued", 1)
    assert waiting["wait"]["servable"] and waiting["wait"]["high_ms"] > 0
    _, why = await chats.ask("GET", f"/calls/{waiting['chat_id']}/why")
    assert any("has 2 of 2 chats" in sentence for sentence in why["sentences"])
    _, agent = await chats.ask("GET", "/agents/2001")
    assert (agent["state"], agent["chats"], agent["chat_capacity"]) == ("chatting", 2, 2)
    await chats.act(first, "end")
    assert (await chats.ask("POST", "/agents/2001/ready"))[0] == 202
    _, offered = await chats.ask("GET", f"/chats/{waiting['chat_id']}")
    assert offered["state"] == "offered"
    _, calls = await chats.ask("GET", "/calls")
    assert {each["channel"] for each in calls["items"]} == {"chat"}


async def test_declined_it_goes_to_another(chats: ChatSite) -> None:
    await chats.floor.agent("2001")
    _, made = await chats.chat()
    await chats.floor.agent("2002")
    status, after = await chats.act(made, "decline")
    assert (status, after["state"], after["agent_id"]) == (200, "offered", "2002")
    for what in ("accept", "decline"):
        status, problem = await chats.act(made, what)
        assert (status, problem["type"]) == (409, "urn:dozvon:problem:offer-over")
    status, problem = await chats.act(made, "end")
    assert (status, problem["type"]) == (409, "urn:dozvon:problem:not-his")


async def test_an_offer_that_ran_out_is_over(chats: ChatSite) -> None:
    await chats.floor.agent("2001")
    _, made = await chats.chat()
    await chats.tick(33)
    status, problem = await chats.act(made, "accept")
    assert (status, problem["type"]) == (409, "urn:dozvon:problem:offer-over")
    await chats.tick(30)
    assert (await chats.act(made, "accept"))[0] == 200, "offered again after the pause"


async def test_the_customer_leaves(chats: ChatSite) -> None:
    _, waiting = await chats.chat("r1")
    status, gone = await chats.ask("DELETE", f"/chats/{waiting['chat_id']}")
    assert (status, gone["outcome"], gone["reason"]) == (200, "abandoned", "left")
    await chats.floor.agent("2001")
    chat = await chats.taken_up("r2")
    _, gone = await chats.ask("DELETE", f"/chats/{chat['chat_id']}")
    assert (gone["state"], gone["outcome"], gone["agent_id"]) == ("ended", "answered", "2001")
    assert (await chats.ask("DELETE", f"/chats/{chat['chat_id']}"))[0] == 200


async def test_a_silent_front_has_lost_its_customer(chats: ChatSite) -> None:
    await chats.floor.agent("2001")
    running = await chats.taken_up("r1")
    _, polled = await chats.chat("r2", topic="access")
    _, silent = await chats.chat("r3", topic="access")
    chats.clock.now_s += 20
    await chats.office.review()
    await chats.ask("GET", f"/chats/{polled['chat_id']}")
    chats.clock.now_s += 11
    await chats.office.review()
    states = {}
    for chat in (running, polled, silent):
        _, seen = await chats.ask("GET", f"/chats/{chat['chat_id']}")
        states[chat["chat_id"]] = (seen["state"], seen["outcome"], seen["reason"])
    assert list(states.values()) == [
        ("ended", "answered", "front_silent"),
        ("queued", "", ""),
        ("ended", "abandoned", "front_silent"),
    ]


async def test_a_lost_journal_is_no_silence(chats: ChatSite) -> None:
    await chats.chat()
    chats.floor.connected = False
    chats.clock.now_s += 100
    await chats.office.review()
    chats.floor.connected = True
    await chats.office.review()
    assert not [each for each in chats.floor.reported if isinstance(each, CallLeft)]


async def test_chats_of_before_a_restart_get_the_whole_time_again(chats: ChatSite) -> None:
    await chats.floor.report(CallQueued("chat-old", "n1", "main", "status", channel="chat"))
    await chats.office.review()
    chats.clock.now_s += 29
    await chats.office.review()
    assert (await chats.ask("GET", "/chats/chat-old"))[1]["state"] == "queued"
    chats.clock.now_s += 31
    await chats.office.review()
    assert (await chats.ask("GET", "/chats/chat-old"))[1]["reason"] == "front_silent"


async def test_whoever_is_asked_looks_after_it(chats: ChatSite) -> None:
    await chats.floor.report(CallQueued("chat-far", "n2", "main", "status", channel="chat"))
    await chats.ask("GET", "/chats/chat-far")
    assert chats.floor.engine.chat("chat-far").node == "n1"  # type: ignore[union-attr]


async def test_ended_with_its_node_a_chat_comes_back_to_its_place(chats: ChatSite) -> None:
    _, made = await chats.chat()
    await chats.floor.report(NodeLost("n1"))
    _, lost = await chats.ask("GET", f"/chats/{made['chat_id']}")
    assert (lost["state"], lost["reason"]) == ("ended", "node_lost")
    await chats.tick(5)
    _, again = await chats.chat()
    assert (again["state"], again["first_queued_ms"]) == ("queued", made["first_queued_ms"])


async def test_who_logs_out_gives_his_chats_back(chats: ChatSite) -> None:
    await chats.floor.agent("2001")
    chat = await chats.taken_up("r1")
    await chats.floor.report(AgentStatusDeclared("2001", "logged_out"))
    _, seen = await chats.ask("GET", f"/chats/{chat['chat_id']}")
    assert (seen["state"], seen["first_queued_ms"]) == ("queued", chat["first_queued_ms"])
    assert (await chats.act(chat, "end"))[0] == 409


async def test_nobody_can_serve_is_said(chats: ChatSite) -> None:
    _, made = await chats.chat()
    await chats.tick(6)
    _, seen = await chats.ask("GET", f"/chats/{made['chat_id']}")
    assert (seen["state"], seen["released"]) == ("queued", "nobody_can_serve")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"topic": "weather"}, "topic"),
        ({"topic": ""}, "topic"),
        ({"language": "kk"}, "language"),
        ({"request_id": "a b"}, "request_id"),
        ({"request_id": "x" * 65}, "request_id"),
        ({"customer": "x" * 201}, "customer"),
        ({"text": "Здравствуйте"}, "text"),
    ],
)
async def test_what_cannot_be_is_refused(chats: ChatSite, fields: dict[str, Any], where: str) -> None:
    status, problem = await chats.chat(**fields)
    assert status == 422 and [fault["where"] for fault in problem["errors"]] == [where]


async def test_there_is_a_bound(chats: ChatSite) -> None:
    for number in range(5):
        assert (await chats.chat(f"r{number}"))[0] == 201
    status, problem = await chats.chat("r6")
    assert (status, problem["type"]) == (429, "urn:dozvon:problem:too-many-chats")
    assert (await chats.chat("r1"))[0] == 201, "one that is known is no new one"


async def test_who_may_do_what(chats: ChatSite) -> None:
    await chats.floor.agent("2002")
    _, made = await chats.chat()
    assert (await chats.act(made, "accept"))[0] == 409, "it is offered to somebody else"
    assert (await chats.act(made, "accept", query="?agent_id=2002"))[0] == 403
    assert (await chats.ask("GET", "/agents/2002/chats"))[0] == 403
    assert (await chats.act(made, "accept", "supervisor"))[0] == 422, "for whom?"
    status, taken = await chats.act(made, "accept", "supervisor", "?agent_id=2002")
    assert (status, taken["agent_id"]) == (200, "2002")
    assert (await chats.ask("GET", "/agents/2002/chats", "supervisor"))[1]["items"] == [taken]
    for method, path in (("GET", "/chats/none"), ("DELETE", "/chats/none"), ("POST", "/chats/none/end")):
        assert (await chats.ask(method, path))[0] == 404
    assert (await chats.ask("GET", "/chats/" + "x" * 80))[0] == 404
    assert (await chats.site.ask("GET", "/api/v1/chats/none", None))[0] == 401


async def test_a_call_is_no_chat(chats: ChatSite) -> None:
    await chats.floor.report(CallQueued("c1", "n1", "main", "status"))
    for method, path in (("GET", "/chats/c1"), ("DELETE", "/chats/c1"), ("POST", "/chats/c1/end")):
        assert (await chats.ask(method, path))[0] == 404
    assert chats.floor.engine.calls["c1"].state == "queued"


async def test_a_web_without_chats_says_so(site: Site) -> None:
    assert (await site.get("/api/v1/agents/2001/chats"))[0] == 503
