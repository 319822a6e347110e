"""compose.yaml as it ships: what runs, as whom, with which rights; a ticket through all of it; restarts."""

from __future__ import annotations

import json
import re

import pytest

from .conftest import Space, until

pytestmark = [pytest.mark.container, pytest.mark.timeout(2400)]
SERVICES = ("node", "redis", "postgres", "asterisk", "dozvon")


def token(stack: Space) -> str:
    return re.findall(r"dzv_\S+", stack.inside("dozvon", "dozvon tokens create probe --role admin"))[0]


def test_everything_is_there(stack: Space) -> None:
    status, body = stack.http("/readyz")
    assert (status, json.loads(body)["checks"]) == (200, {"journal": "ok", "desk": "ok", "asterisk": "ok"})
    assert "<title>Дозвон" in stack.http("/")[1]
    for service in SERVICES[1:]:
        stack.sh(f"podman healthcheck run dozvon_{service}_1")


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_is_root_or_writes_to_the_image(stack: Space, service: str) -> None:
    assert stack.inside(service, "id -u").strip() == "10001"
    seen = stack.inside(service, "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/1/status")
    assert re.findall(r"\w+:\s+(\w+)", seen) == ["0" * 16, "0" * 16, "1"]
    refused = stack.inside(service, "sh -c 'touch /etc/probe /opt/probe /usr/probe; echo done'", check=False)
    assert len(re.findall("Read-only file system|Permission denied", refused)) == 3
    host = stack.inspect(service)["HostConfig"]
    assert isinstance(host, dict)
    assert host["ReadonlyRootfs"] is True and host["PidsLimit"] == 300
    assert host["Memory"] > 0


def test_only_the_node_reaches_the_database_and_the_outside_does_not(stack: Space) -> None:
    published = stack.sh("podman ps --format '{{.Names}} {{.Ports}}'")
    for line in published.splitlines():
        if line.startswith(("dozvon_redis", "dozvon_postgres")):
            assert "->" not in line
    assert "127.0.0.1:8080->8080/tcp" in published
    wrong = stack.inside(
        "dozvon",
        'python -c "import asyncio, asyncpg; asyncio.run(asyncpg.connect('
        "'postgresql://dozvon:wrong@postgres/dozvon', timeout=5))\"",
        check=False,
    )
    assert "InvalidPasswordError" in wrong


def test_a_ticket_is_kept_over_a_kill_of_everything(stack: Space) -> None:
    bearer = ("-H", f"Authorization: Bearer {token(stack)}", "-H", "Content-Type: application/json")
    sent = json.dumps({"topic": "status", "caller_number": "+79161234567", "text": "просьба"})
    status, body = stack.http("/api/v1/tickets", *bearer, "-d", sent)
    assert status == 201, body
    number = json.loads(body)["number"]
    for service in ("dozvon", "asterisk", "redis", "postgres"):
        stack.sh(f"podman kill -s KILL dozvon_{service}_1; podman start dozvon_{service}_1", check=False)
    until(lambda: stack.http("/readyz")[0] == 200, 60, "ready again after kill -9 of all")
    status, body = stack.http(f"/api/v1/tickets/{number}", *bearer)
    assert (status, json.loads(body)["text"]) == (200, "просьба")
    shown = stack.inside("dozvon", f"dozvon tickets show {number}")
    assert "+79161234567" in shown


def test_the_daemon_ends_in_order_and_asterisk_stays(stack: Space) -> None:
    before = stack.inside("asterisk", "cat /proc/1/stat").split()[21]
    stack.sh("podman stop -t 20 dozvon_dozvon_1")
    state = stack.inspect("dozvon")["State"]
    assert isinstance(state, dict) and state["ExitCode"] == 0
    stack.sh("podman start dozvon_dozvon_1")
    until(lambda: stack.http("/readyz")[0] == 200, 60, "ready again")
    assert stack.inside("asterisk", "cat /proc/1/stat").split()[21] == before


def test_asterisk_has_our_dialplan_and_its_emergency_script_runs(stack: Space) -> None:
    assert "hotline" in stack.inside("asterisk", "asterisk -rx 'dialplan show hotline'")
    assert "AGI Tx" not in stack.inside("asterisk", "asterisk -rx 'core show settings'")
    said = stack.inside(
        "asterisk",
        "sh -c 'printf \"agi_request: probe\\n\\n\" | /etc/asterisk/dozvon-emergency 2>&1'",
        check=False,
    )
    assert "ModuleNotFoundError" not in said and "not found" not in said, said


def test_a_call_from_outside_is_answered_and_heard(stack: Space) -> None:
    """A real INVITE to the published port: answered by Asterisk, held by the daemon, prompts come as RTP.

    To the bridge's address, not to the loopback: a caller at 127.0.0.1 would ask for media at 127.0.0.1.
    """
    text = stack.sh(f"{stack.lab}/compose/bin/python {CALLER} 10.89.77.1 5060", timeout_s=40)
    said = json.loads(text.splitlines()[-1])
    assert said["answered"], said
    assert said["rtp_packets"] > 50, said


CALLER = __file__.replace("test_compose.py", "caller.py")
