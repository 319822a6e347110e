"""What the API does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acd.contract import AgentDefined, AgentRemoved, AgentStatusDeclared, CallLeft, CallQueued, WrapUpFinished
from desk.contract import Interaction, TicketDraft

from .conftest import START_MS, Site

TICKET = {
    "topic": "status",
    "caller_number": "+7 916 123-45-67",
    "text": "Где заявление?",
    "fields": {"n": 12},
}

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
    started_ms=1,
    queued_ms=2,
    answered_ms=3,
    ended_ms=4,
    path=("menu",),
    notes={"said": "x"},
)
YULIA = {
    "agent_id": "2007",
    "name": "Юлия",
    "endpoint": "PJSIP/2007",
    "skills": {"status": 3},
    "languages": ["ru", "en"],
}


async def opened(site: Site, **changes: object) -> dict[str, object]:
    status, body, _ = await site.ask("POST", "/api/v1/tickets", "agent", json={**TICKET, **changes})
    assert status == 201, body
    return body


# ---------------------------------------------------------------------------------------------- tickets
async def test_a_ticket_is_opened_listed_looked_at_changed_and_closed(site: Site) -> None:
    ticket = await opened(site)
    number = ticket["number"]
    assert (ticket["status"], ticket["version"], ticket["fields"]) == ("new", 1, {"n": 12})

    status, page = await site.get("/api/v1/tickets?status=new&topic=status", role="agent")
    assert status == 200
    assert [(each["number"], each["caller_masked"]) for each in page["items"]] == [(number, "•••67")]
    assert not {"text", "caller_number", "fields"} & set(page["items"][0])

    status, full = await site.get(f"/api/v1/tickets/{number}", role="agent")
    assert (status, full["caller_number"], full["text"]) == (200, "+7 916 123-45-67", "Где заявление?")

    change = {"version": 1, "status": "in_progress", "assignee": "2001"}
    status, changed, _ = await site.ask("PATCH", f"/api/v1/tickets/{number}", "agent", json=change)
    assert (status, changed["status"], changed["assignee"], changed["version"]) == (
        200,
        "in_progress",
        "2001",
        2,
    )

    status, problem, _ = await site.ask("PATCH", f"/api/v1/tickets/{number}", "agent", json=change)
    assert (status, problem["type"]) == (409, "urn:dozvon:problem:version-conflict")
    assert "2" in problem["detail"]

    status, closed, _ = await site.ask(
        "PATCH", f"/api/v1/tickets/{number}", "agent", json={"version": 2, "status": "closed"}
    )
    assert status == 200 and closed["closed_ms"] > 0

    status, audit = await site.get(f"/api/v1/audit?subject=ticket:{number}")
    assert [(line["actor"], line["action"]) for line in audit["items"]] == [
        ("agent", "changed"),
        ("agent", "changed"),
        ("agent", "looked"),
        ("agent", "opened"),
    ]


async def test_the_same_source_opens_one_ticket(site: Site) -> None:
    numbers = {(await opened(site, source_id="form-17"))["number"] for _ in range(3)}
    assert len(numbers) == 1
    assert (await opened(site))["number"] != (await opened(site))["number"]


async def test_the_same_source_of_another_owner_is_another_ticket(site: Site) -> None:
    ticket = await opened(site, source_id="form-17")
    status, other, _ = await site.ask(
        "POST", "/api/v1/tickets", "supervisor", json={"topic": "status", "source_id": "form-17"}
    )
    assert (status, other["text"]) == (201, "") and other["number"] != ticket["number"]
    site.secrets["agent"] = site.tokens.create("agent", "agent")  # a new token of the same owner
    assert (await opened(site, source_id="form-17"))["number"] == ticket["number"]


async def audited(site: Site, ticket: dict[str, object]) -> list[tuple[str, str]]:
    _, audit = await site.get(f"/api/v1/audit?subject=ticket:{ticket['number']}")
    return [(line["actor"], line["action"]) for line in audit["items"]]


async def test_whoever_is_shown_a_ticket_is_in_the_audit(site: Site) -> None:
    ticket = await opened(site, source_id="form-17")
    await opened(site, source_id="form-17")
    same = {"version": 1, "status": "new"}
    status, shown, _ = await site.ask("PATCH", f"/api/v1/tickets/{ticket['number']}", "supervisor", json=same)
    assert (status, shown["text"], shown["version"]) == (200, "Где заявление?", 1)
    assert await audited(site, ticket) == [("supervisor", "looked"), ("agent", "looked"), ("agent", "opened")]


async def test_a_change_of_nothing_is_refused(site: Site) -> None:
    ticket = await opened(site)
    path = f"/api/v1/tickets/{ticket['number']}"
    assert (await site.ask("PATCH", path, json={"version": 1}))[0] == 422
    assert (await site.ask("PATCH", path, json={"status": "closed"}))[0] == 422


async def test_a_caller_is_searched_in_a_body_never_in_an_address(site: Site) -> None:
    ticket = await opened(site)
    await opened(site, caller_number="+79160000000")
    status, page, _ = await site.ask(
        "POST", "/api/v1/tickets/search", "agent", json={"caller_number": "8 916 123 45 67"}
    )
    assert (status, [each["number"] for each in page["items"]]) == (200, [ticket["number"]])
    assert (await site.get("/api/v1/tickets?caller_number=89161234567"))[0] == 422
    assert (await site.get("/api/v1/audit"))[1]["items"][0]["action"] == "searched"


async def test_pages_follow_one_another(site: Site) -> None:
    numbers = [(await opened(site))["number"] for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        _, page = await site.get(f"/api/v1/tickets?limit=2&cursor={cursor}")
        seen += [each["number"] for each in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert sorted(seen) == sorted(numbers)


async def test_a_recording_is_downloaded_by_a_supervisor_only(site: Site, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "in.alaw").write_bytes(content)
    ticket = await site.desk.open_ticket(TicketDraft("s", "status", recording_path=str(tmp_path / "in.alaw")))
    path = f"/api/v1/tickets/{ticket.number}/recording"
    assert (await site.get(path, role="agent"))[0] == 403
    status, body, response = await site.ask("GET", path, "supervisor")
    assert (status, body) == (200, content)
    assert response.headers["Content-Type"] == "audio/x-alaw-basic"
    assert response.headers["Content-Disposition"] == f'attachment; filename="ticket-{ticket.number}.alaw"'
    without = await opened(site)
    assert (await site.get(f"/api/v1/tickets/{without['number']}/recording"))[0] == 404


@pytest.mark.parametrize("number", ["1234567", "x", "0" * 300, "%00", "..%2f..%2fetc"])
async def test_an_unknown_ticket_is_not_found(site: Site, number: str) -> None:
    assert (await site.get(f"/api/v1/tickets/{number}"))[0] == 404


# ---------------------------------------------------------------------------------------- interactions
async def test_calls_that_are_over_are_listed_masked_and_shown_in_full(site: Site) -> None:
    await site.desk.record_interaction(CALL)
    assert (await site.get("/api/v1/interactions", role="agent"))[0] == 403
    _, page = await site.get("/api/v1/interactions?outcome=answered", role="supervisor")
    assert [(each["call_id"], each["caller_masked"]) for each in page["items"]] == [("call-1", "•••67")]
    _, full = await site.get("/api/v1/interactions/call-1", role="supervisor")
    assert (full["caller_number"], full["path"], full["notes"]) == ("+79161234567", ["menu"], {"said": "x"})
    _, found, _ = await site.ask("POST", "/api/v1/interactions/search", json={"caller_number": "89161234567"})
    assert len(found["items"]) == 1
    assert (await site.get("/api/v1/interactions/none"))[0] == 404


# --------------------------------------------------------------------------------------- calls, agents
async def test_a_call_that_waits_is_seen_and_its_reason_told(site: Site) -> None:
    await site.floor.report(CallQueued("c1", "node-1", "hotline", "status"))
    _, calls = await site.get("/api/v1/calls", role="agent")
    assert [(each["call_id"], each["state"], each["first_queued_ms"]) for each in calls["items"]] == [
        ("c1", "queued", START_MS)
    ]
    _, why = await site.get("/api/v1/calls/c1/why", role="agent")
    assert why["sentences"]
    assert (await site.get("/api/v1/calls/none/why"))[0] == 404
    assert (await site.get("/api/v1/calls/c1"))[1]["topic"] == "status"
    _, today = await site.get("/api/v1/today")
    assert (today["offered"], today["waiting"], today["answered"]) == (1, 1, 0)
    assert today["formula"]


async def test_an_agent_speaks_for_himself_and_a_supervisor_for_all(site: Site) -> None:
    await site.floor.agent("2001")
    await site.floor.agent("2002")
    body = {"status": "on_break", "reason": "обед"}
    status, accepted, _ = await site.ask("PATCH", "/api/v1/agents/2001", "agent", json=body)
    assert (status, accepted) == (202, {"connected": True})
    assert site.floor.reported[-1] == AgentStatusDeclared("2001", "on_break", "обед")
    assert (await site.ask("PATCH", "/api/v1/agents/2002", "agent", json=body))[0] == 403
    assert (await site.ask("PATCH", "/api/v1/agents/2002", "supervisor", json=body))[0] == 202
    assert (await site.ask("PATCH", "/api/v1/agents/2009", "supervisor", json=body))[0] == 404
    assert (await site.ask("PATCH", "/api/v1/agents/2001", json={"status": "asleep"}))[0] == 422
    assert (await site.ask("POST", "/api/v1/agents/2001/ready", "agent"))[0] == 202
    assert site.floor.reported[-1] == WrapUpFinished("2001")


async def test_agents_are_defined_shown_and_removed(site: Site) -> None:
    assert (await site.ask("POST", "/api/v1/agents", "supervisor", json=YULIA))[0] == 403
    assert (await site.ask("POST", "/api/v1/agents", json=YULIA))[0] == 202
    assert site.floor.reported[-1] == AgentDefined("2007", "Юлия", "PJSIP/2007", {"status": 3}, ("ru", "en"))
    _, shown = await site.get("/api/v1/agents/2007", role="agent")
    assert (shown["name"], shown["status"], shown["skills"]) == ("Юлия", "logged_out", {"status": 3})
    assert (await site.ask("DELETE", "/api/v1/agents/2007"))[0] == 202
    assert site.floor.reported[-1] == AgentRemoved("2007")


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "PJSIP/2007&PJSIP/2008"},
        {"endpoint": "Local/900@outgoing"},
        {"endpoint": "PJSIP/2007,30,U(x)"},
        {"endpoint": "PJSIP/2007\n"},
        {"agent_id": "../x"},
        {"skills": {"status": 4}},
        {"name": "a\nb"},
        {"languages": []},
    ],
)
async def test_nothing_but_a_plain_phone_can_be_dialled(site: Site, change: dict[str, object]) -> None:
    agent = {**YULIA, **change}
    assert (await site.ask("POST", "/api/v1/agents", json=agent))[0] == 422
    assert not any(isinstance(event, AgentDefined) for event in site.floor.reported)


# --------------------------------------------------------------------------------- health and figures
async def test_ready_says_what_is_missing(site: Site) -> None:
    assert await site.get("/readyz", role=None) == (
        200,
        {"ready": True, "checks": {"journal": "ok", "desk": "ok", "manager": "ok"}},
    )
    site.faults["manager"] = "not connected"
    site.floor.connected = False
    await site.desk.stop()
    status, ready = await site.get("/readyz", role=None)
    assert (status, ready["ready"]) == (503, False)
    assert ready["checks"] == {
        "journal": "the journal cannot be reached",
        "desk": "the desk is not started",
        "manager": "not connected",
    }
    assert (await site.get("/healthz", role=None))[0] == 200


async def test_figures_count_the_floor_and_name_nobody(site: Site) -> None:
    await site.floor.agent("2001", topic="other")
    await site.floor.report(CallQueued("c1", "node-1", "hotline", "status", caller_ref="abc"))
    site.floor.now_ms += 30_000
    await site.get("/api/v1/tickets/1234567")
    _, raw = await site.get("/metrics", role=None)
    text = raw.decode()
    assert 'dozvon_calls{state="queued",topic="status"} 1.0' in text
    assert 'dozvon_agents{reachable="true",state="ready",status="available"} 1.0' in text
    assert "dozvon_longest_wait_seconds 30.0" in text
    assert "dozvon_journal_connected 1.0" in text
    assert (
        'dozvon_http_requests_total{method="GET",route="/api/v1/tickets/{number}",status="404"} 1.0' in text
    )
    for secret in ("1234567", "abc", "2001", 'c1"'):
        assert secret not in text


async def test_the_document_is_served_and_fits_what_is_answered(site: Site) -> None:
    _, spec = await site.get("/api/v1/openapi.json", role=None)
    assert spec["openapi"] == "3.1.0"
    fields = spec["components"]["schemas"]["TicketFull"]["properties"]
    assert set(fields) == set(await opened(site))
    sent = spec["paths"]["/api/v1/tickets"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert sent == {"$ref": "#/components/schemas/TicketIn"}
    chats = spec["paths"]["/api/v1/chats/{chat_id}"]
    assert (chats["get"]["x-role"], chats["get"]["x-fronts"]) == ("agent", True)
    assert spec["paths"]["/api/v1/tickets"]["get"]["x-fronts"] is False


# ------------------------------------------------------------------------------------------------ live
class Viewer:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def __aenter__(self) -> Viewer:
        headers = {"Authorization": f"Bearer {self._site.secrets['agent']}"}
        self.response = await self._site.client.get(self._site.base + "/api/v1/live", headers=headers)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.response.close()

    async def event(self) -> tuple[str, dict[str, Any]]:
        name = (await asyncio.wait_for(self.response.content.readline(), 5)).decode().strip()
        data = (await asyncio.wait_for(self.response.content.readline(), 5)).decode().strip()
        await self.response.content.readline()
        return name.removeprefix("event: "), json.loads(data.removeprefix("data: ") or "null")

    async def state(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while True:
                name, data = await self.event()
                if name == "state" and wanted(data):
                    return data


async def test_a_viewer_sees_a_caller_come_and_go(site: Site) -> None:
    async with Viewer(site) as viewer:
        assert viewer.response.content_type == "text/event-stream"
        await viewer.state(lambda live: live["calls"] == [])
        await site.floor.report(CallQueued("c1", "node-1", "hotline", "status"))
        live = await viewer.state(lambda live: live["calls"])
        assert live["calls"][0]["call_id"] == "c1" and live["today"]["waiting"] == 1
        await site.floor.report(CallLeft("c1", "abandoned"))
        await viewer.state(lambda live: live["calls"] == [])
        site.floor.connected = False
        await viewer.state(lambda live: not live["connected"])


async def test_what_is_old_says_until_when_it_was_known(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks first after the journal is lost is told no later time than who saw it happen."""
    monkeypatch.setattr("web.live._BEAT_S", 0.05)
    async with Viewer(site) as viewer:
        live = await viewer.state(lambda live: live["connected"])
        assert live["known_ms"] == live["now_ms"] == START_MS
        site.floor.now_ms += 4_000  # nothing happens: no new state, the beats say so
        while (await viewer.event())[1] != {"now_ms": START_MS + 4_000, "known_ms": START_MS + 4_000}:
            pass
        site.floor.connected = False
        site.floor.now_ms += 60_000
        live = await viewer.state(lambda live: not live["connected"])
        assert live["known_ms"] == START_MS + 4_000
        while (event := await viewer.event())[0] != "beat":
            pass
        assert event[1] == {"now_ms": START_MS + 64_000, "known_ms": START_MS + 4_000}
    for path in ("/api/v1/calls", "/api/v1/agents"):
        _, seen = await site.get(path)
        assert (seen["now_ms"], seen["known_ms"]) == (START_MS + 64_000, START_MS + 4_000)


async def test_viewers_are_bounded_and_their_places_come_free(site: Site) -> None:
    viewers = [Viewer(site) for _ in range(3)]
    for viewer in viewers:
        await viewer.__aenter__()
        await viewer.event()
    status, problem = await site.get("/api/v1/live")
    assert (status, problem["type"]) == (503, "urn:dozvon:problem:too-many-viewers")
    await viewers[0].__aexit__()
    async with asyncio.timeout(5):
        while True:
            # A viewer who left is noticed when something is sent to him.
            await site.floor.report(CallQueued(f"c{site.floor.looks}", "node-1", "hotline", "status"))
            async with Viewer(site) as again:
                if again.response.status == 200:
                    break
            await asyncio.sleep(0.02)
    for viewer in viewers[1:]:
        await viewer.__aexit__()


@pytest.mark.parametrize("busy", [True, False], ids=["states", "beats"])
@pytest.mark.parametrize("fate", ["revoked", "expired", "unreadable"])
async def test_who_may_no_longer_look_sees_no_more(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fate: str, busy: bool
) -> None:
    file = tmp_path / "tokens.json"
    monkeypatch.setattr("web.live._BEAT_S", 60.0 if busy else 0.05)
    async with Viewer(site) as viewer:
        await viewer.state(lambda live: live["calls"] == [])
        if fate == "revoked":
            (token,) = (one for one in site.tokens.all() if one.name == "agent")
            site.tokens.revoke(token.id)
        elif fate == "expired":
            file.write_text(file.read_text().replace('"expires_ms": 0', '"expires_ms": 1'))
        else:
            file.write_text("{")
        site.tokens._looked_s = float("-inf")  # a second later
        if busy:
            await site.floor.report(CallQueued("c1", "node-1", "hotline", "status"))
        rest = await asyncio.wait_for(viewer.response.content.read(), 5)
    assert b"c1" not in rest


async def test_nobody_looks_at_the_floor_when_nobody_watches(site: Site) -> None:
    async with Viewer(site) as viewer:
        await viewer.event()
    async with asyncio.timeout(5):
        while True:
            before = site.floor.looks
            await asyncio.sleep(0.1)
            if site.floor.looks == before:
                break
