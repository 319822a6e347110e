"""Who may do what, and what a stranger gets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from web.app import ENDPOINTS

from .conftest import Site

PATHS = {
    "chat_id": "chat-1",
    "callback_id": "n1-cb-1",
    "number": "1234567",
    "call_id": "c1",
    "agent_id": "2001",
}
ROLES = ("agent", "supervisor", "admin")
FOR_FRONTS = {
    ("POST", "/chats"),
    ("GET", "/chats/{chat_id}"),
    ("DELETE", "/chats/{chat_id}"),
    ("GET", "/about"),
}


def address(path: str) -> str:
    return "/api/v1" + path.format(**PATHS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_nothing_is_open_and_every_role_is_held_to(site: Site, endpoint: Any) -> None:
    status, problem, response = await site.ask(endpoint.method, address(endpoint.path), role=None)
    assert (status, problem["type"]) == (401, "urn:dozvon:problem:token")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    for role in ROLES[: ROLES.index(endpoint.role)]:
        status, problem, _ = await site.ask(endpoint.method, address(endpoint.path), role=role)
        assert (status, problem["type"]) == (403, "urn:dozvon:problem:forbidden")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_a_front_may_queue_chats_and_nothing_else(site: Site, endpoint: Any) -> None:
    status, body, _ = await site.ask(endpoint.method, address(endpoint.path), role="front")
    if (endpoint.method, endpoint.path) in FOR_FRONTS:
        assert status != 403
    else:
        assert (status, body["type"]) == (403, "urn:dozvon:problem:forbidden")


async def test_wrong_tokens_are_refused_then_slowed_and_right_ones_still_pass(site: Site) -> None:
    seen = []
    for n in range(14):
        headers = {"Authorization": f"Bearer dzv_wrong{n}"}
        status, _, response = await site.ask("GET", "/api/v1/today", None, headers=headers)
        seen.append(status)
    assert seen == [401] * 10 + [429] * 4
    assert response.headers["Retry-After"] == "60"
    assert (await site.get("/api/v1/today"))[0] == 200


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer " + "x" * 5000, "dzv_x", "Bearer я"]
)
async def test_senseless_credentials_are_refused(site: Site, value: str) -> None:
    raw = value.encode().decode("latin-1")
    status, _, _ = await site.ask("GET", "/api/v1/today", None, headers={"Authorization": raw})
    assert status == 401


async def test_a_revoked_token_no_longer_opens(site: Site) -> None:
    token = site.tokens.owner(site.secrets["agent"])
    assert token is not None
    site.tokens.revoke(token.id)
    assert (await site.get("/api/v1/me", role="agent"))[0] == 401


async def test_answers_carry_headers_that_keep_browsers_strict(site: Site) -> None:
    for path in ("/", "/app.js", "/api/v1/today", "/nowhere", "/metrics"):
        _, _, response = await site.ask("GET", path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["Server"] == "dozvon"
    _, _, response = await site.ask("GET", "/api/v1/today")
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/../desk/store.py",
        "/%2e%2e/desk/store.py",
        "/app.js%00",
        "/dashboard/",
        "/.git/config",
        "//etc/passwd",
    ],
)
async def test_only_the_pages_files_are_served(site: Site, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.base.rsplit(":", 1)[1]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.split(b" ", 2)[1] in {b"404", b"400"}, answer[:80]


# ---------------------------------------------------------------------------------------- bad requests
async def post(site: Site, **options: Any) -> tuple[int, Any]:
    status, body, _ = await site.ask("POST", "/api/v1/tickets", "agent", **options)
    return status, body


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"topic": "a b"}',
        '{"topic": "status", "unknown": 1}',
        '{"topic": "status", "kind": "other"}',
        '{"topic": "status", "caller_number": "+7916${SHELL(ls)}"}',
        '{"topic": "status", "text": 5}',
        '{"topic": "status", "recording_path": "/etc/shadow"}',
        "[" * 10_000,
    ],
)
async def test_a_body_that_is_not_as_it_should_be_is_a_problem(site: Site, body: str) -> None:
    status, problem = await post(site, data=body, headers={"Content-Type": "application/json"})
    assert (status, problem["type"]) == (422, "urn:dozvon:problem:invalid")
    assert problem["errors"]
    assert (await site.get("/api/v1/tickets"))[1]["items"] == []


async def test_another_kind_of_body_and_too_large_a_one(site: Site) -> None:
    assert (await post(site, data={"topic": "status"}))[0] == 415
    status, problem = await post(
        site,
        data=json.dumps({"topic": "status", "text": "x" * 30_000}),
        headers={"Content-Type": "application/json"},
    )
    assert (status, problem["status"]) == (413, 413)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=x", "status=lost", "foo=1", "limit=1&limit=2"]
)
async def test_a_query_that_is_not_as_it_should_be_is_a_problem(site: Site, query: str) -> None:
    status, problem = await site.get(f"/api/v1/tickets?{query}")
    assert status in {400, 422} and problem["type"].startswith("urn:dozvon:problem:")


async def test_unknown_addresses_and_methods_are_problems(site: Site) -> None:
    status, problem = await site.get("/api/v1/nothing")
    assert (status, problem["status"]) == (404, 404)
    status, problem, response = await site.ask("PUT", "/api/v1/tickets")
    assert (status, problem["status"]) == (405, 405)
    assert "GET" in response.headers["Allow"]


async def test_a_fault_of_ours_shows_nothing_of_the_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(site.floor, "why", lambda call_id: broken())
    status, problem = await site.get("/api/v1/calls/c1/why")
    assert (status, problem["type"]) == (500, "urn:dozvon:problem:fault")
    assert "secret" not in json.dumps(problem)


async def test_a_desk_that_is_away_is_503_and_the_floor_is_still_shown(site: Site, tmp_path: Path) -> None:
    await site.desk.stop()
    status, problem, response = await site.ask("GET", "/api/v1/tickets")
    assert (status, problem["type"]) == (503, "urn:dozvon:problem:desk-unavailable")
    assert response.headers["Retry-After"]
    assert (await site.get("/api/v1/today"))[0] == 200
