"""Nobody from outside, and no agent without the right, reaches an outgoing line."""

from __future__ import annotations

import asyncio
import socket

import pytest

from dozvon.machine import secrets
from dozvon.phones import AgentPhone, CallerPhone, PhoneError
from dozvon.phones.sipp import place_calls
from dozvon.settings import ROOT

pytestmark = pytest.mark.e2e
OUTSIDE = ("89161234567", "+79161234567", "810442071234567", "00442071234567", "112", "9", "*98", "%20")
# What names contexts, endpoints and extensions of ours.
INSIDE = ("2001", "600", "s", "start", "emergency", "fallback", "outgoing", "89161234567%40outgoing")
SOUND = ROOT / "asterisk-config" / "sounds" / "beep.alaw"


def outgoing(wire, settings):
    """INVITEs that Asterisk itself has sent to anybody."""
    port = f":{settings.asterisk.sip_port}"
    return [m.first_line for m in wire.messages(method="INVITE") if m.source.endswith(port)]


@pytest.mark.parametrize("number", OUTSIDE + INSIDE)
async def test_the_trunk_reaches_the_hotline_only(caller_phone, capture, settings, number):
    async with capture() as wire:
        caller = await caller_phone()
        await caller.dial(number)
        closed = await caller.wait_for("CALL_CLOSED", "CALL_ESTABLISHED")
        assert closed.type == "CALL_CLOSED"
        assert closed.param.startswith(("404", "484"))
        assert outgoing(wire, settings) == []


@pytest.mark.parametrize("number", OUTSIDE)
async def test_an_agent_without_the_right_reaches_nobody_outside(agent_phone, capture, settings, number):
    async with capture() as wire:
        agent = await agent_phone("2001")
        await agent.dial(number)
        closed = await agent.wait_for("CALL_CLOSED", "CALL_ESTABLISHED")
        assert closed.type == "CALL_CLOSED"
        assert closed.param.startswith(("404", "484"))
        assert outgoing(wire, settings) == []


async def test_an_agent_with_the_right_does(asterisk, server, settings, capture):
    """The other side of the tests above: the route exists, and this is how it is given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier:
        carrier.bind(("127.0.0.2", 0))
        carrier.setblocking(False)
        extra = asterisk.folder / "etc" / "pjsip_local.conf"
        extra.write_text(
            "[2099](agent)\ncontext = from-agents-outgoing\nauth = 2099\naors = 2099\n"
            "[2099](agent-auth)\nusername = 2099\npassword = supervisor\n[2099](agent-aor)\n"
            "[carrier](trunk-common)\naors = carrier\n"
            f"[carrier]\ntype = aor\ncontact = sip:127.0.0.2:{carrier.getsockname()[1]}\n"
        )
        (asterisk.folder / "etc" / "extensions_local.conf").write_text(
            "[outgoing](+)\nexten => 89160000001,1,Dial(PJSIP/${EXTEN}@carrier,5)\n"
        )
        await asterisk.console("module reload res_pjsip.so")
        await asterisk.console("dialplan reload")
        try:
            async with AgentPhone("2099", "supervisor", server) as agent:
                await agent.dial("89160000001")
                invite = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(carrier, 4000), 5)
                assert invite.startswith(b"INVITE sip:89160000001@127.0.0.2")
        finally:
            extra.unlink()
            (asterisk.folder / "etc" / "extensions_local.conf").unlink()
            await asterisk.console("module reload res_pjsip.so")
            await asterisk.console("dialplan reload")


async def test_a_stranger_is_asked_for_a_password_that_does_not_exist(asterisk, server, settings, capture):
    async with capture() as wire:
        async with CallerPhone(server, address="127.0.0.3") as stranger:
            await stranger.dial("88005553535")
            closed = await stranger.wait_for("CALL_CLOSED", "CALL_ESTABLISHED")
            assert closed.type == "CALL_CLOSED"
        assert {m.status for m in wire.messages() if m.status and m.of == "INVITE"} == {401}
        assert outgoing(wire, settings) == []


async def test_an_agents_name_without_his_password_calls_nobody(asterisk, server):
    async with CallerPhone(server, number="2001", address="127.0.0.3") as thief:
        await thief.dial("2002")
        closed = await thief.wait_for("CALL_CLOSED", "CALL_ESTABLISHED")
        assert closed.type == "CALL_CLOSED"
        assert closed.param.startswith("401")


async def test_a_carrier_that_logs_in_reaches_the_hotline(asterisk, asterisk_secrets, server):
    async with AgentPhone(
        "trunk-auth", asterisk_secrets.trunk_password, server, address="127.0.0.4"
    ) as trunk:
        await trunk.dial("88005553535")
        await trunk.wait_for("CALL_ESTABLISHED")
        await trunk.hang_up()
        seen = len(trunk.events)
        await trunk.dial("89161234567")
        closed = await trunk.wait_for("CALL_CLOSED", "CALL_ESTABLISHED", after=seen + 1)
        assert closed.param.startswith("404")


async def test_a_carrier_with_a_wrong_password_does_not(asterisk, server):
    phone = AgentPhone("trunk-auth", "guessed", server, address="127.0.0.4")
    with pytest.raises(PhoneError, match="401"):
        async with phone:
            pass


HOSTILE = (
    '"${SHELL(touch /tmp/dozvon-hacked)}"',
    '"$[1+1] ${DOZVON_TOKEN}"',
    '"a\\"; exten => x,1,System(id)"',
    '"Иван Петров"'.encode(),
    '"\x01\x02\x7f"',
    '"' + "x" * 900 + '"',
    b'"\xff\xfe\xc3\x28"',
    '"one, two; three | four"',
)


@pytest.mark.parametrize("display", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_hostile_name_is_answered_like_any_other(asterisk, server, display):
    log = asterisk.folder / "log" / "messages.log"
    before = log.stat().st_size
    result = await place_calls(server, "88005553535", SOUND, talk_s=0.2, display=display)
    assert (result.successful, result.failed) == (1, 0), result.errors
    assert b" ERROR[" not in log.read_bytes()[before:]


async def test_a_caller_without_a_number_is_answered(asterisk, server):
    result = await place_calls(server, "88005553535", SOUND, talk_s=0.2, caller="anonymous")
    assert (result.successful, result.failed) == (1, 0), result.errors


async def test_garbage_on_the_port_changes_nothing(asterisk, settings, server, caller_phone):
    head = f"INVITE sip:88005553535@{server} SIP/2.0\r\n"
    garbage = (
        b"",
        b"\r\n\r\n",
        b"\x00" * 1400,
        bytes(range(256)) * 5,
        b"GET / HTTP/1.1\r\n\r\n",
        head.encode(),
        (head + "Via: SIP/2.0/UDP x\r\nContent-Length: 99999999\r\n\r\n").encode(),
        (head + "Via: SIP/2.0/UDP 127.0.0.2:9;branch=z9hG4bK1\r\nFrom: <sip:\xff>\r\n\r\n").encode("latin-1"),
        (head + "".join(f"Via: SIP/2.0/UDP 127.0.0.2:{n}\r\n" for n in range(1, 40)) + "\r\n").encode(),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(("127.0.0.2", 0))
        for datagram in garbage * 20:
            out.sendto(datagram, ("127.0.0.1", settings.asterisk.sip_port))
    caller = await caller_phone()
    await caller.call("88005553535")
    await caller.hang_up()
    assert asterisk.running


def test_secrets_are_nobody_elses(settings, asterisk):
    for file in (settings.secrets / secrets.FILE_NAME, asterisk.folder / "etc" / secrets.FILE_NAME):
        assert file.stat().st_mode & 0o077 == 0
    assert asterisk.folder.stat().st_mode & 0o077 == 0
