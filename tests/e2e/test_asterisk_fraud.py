"""Nobody from outside, and no agent without the right, reaches an outgoing line."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from dozvon.machine import secrets
from dozvon.phones import AgentPhone, CallerPhone, PhoneError
from dozvon.phones.sipp import place_calls
from dozvon.settings import ROOT

pytestmark = pytest.mark.e2e
# Eleven digits that are no Russian telephone: Cook Islands, Greece (8-10 is the way abroad), a paid service,
# Kazakhstan.
COSTLY = (
    *("81068255555", "81029055555", "+71029055555", "88091234567", "78091234567", "+78091234567"),
    *("87771234567", "77771234567", "+77771234567", "86771234567", "+76171234567"),
)
OUTSIDE = (
    *("89161234567", "+79161234567", "810442071234567", "00442071234567", "112", "9", "*98", "%20"),
    *COSTLY,
)
# What names contexts, endpoints and extensions of ours.
INSIDE = ("2001", "600", "s", "start", "emergency", "fallback", "outgoing", "89161234567%40outgoing")
COPIED = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")  # from a request into its answer
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


@asynccontextmanager
async def the_right(asterisk, phones="", dialplan=""):
    """Agents 2098 and 2099 may dial out; more for the files of this installation's own."""
    files = {"pjsip_local.conf": phones, "extensions_local.conf": dialplan}
    for agent in ("2098", "2099"):
        files["pjsip_local.conf"] += (
            f"[{agent}](agent)\ncontext = from-agents-outgoing\nauth = {agent}\naors = {agent}\n"
            f"[{agent}](agent-auth)\nusername = {agent}\npassword = supervisor\n[{agent}](agent-aor)\n"
        )
    for name, text in files.items():
        (asterisk.folder / "etc" / name).write_text(text)
    await asterisk.console("module reload res_pjsip.so")
    await asterisk.console("dialplan reload")
    try:
        yield
    finally:
        for name in files:
            (asterisk.folder / "etc" / name).unlink()
        await asterisk.console("module reload res_pjsip.so")
        await asterisk.console("dialplan reload")


async def test_an_agent_with_the_right_does(asterisk, server, settings, capture):
    """The other side of the tests above: the route exists, and this is how it is given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier:
        carrier.bind(("127.0.0.2", 0))
        carrier.setblocking(False)
        phones = (
            "[carrier](trunk-common)\naors = carrier\n"
            f"[carrier]\ntype = aor\ncontact = sip:127.0.0.2:{carrier.getsockname()[1]}\n"
        )
        dialplan = "[outgoing](+)\nexten => 89160000001,1,Dial(PJSIP/${EXTEN}@carrier,5)\n"
        async with the_right(asterisk, phones, dialplan), AgentPhone("2099", "supervisor", server) as agent:
            await agent.dial("89160000001")
            receive = asyncio.get_running_loop().sock_recvfrom
            invite, asterisks = await asyncio.wait_for(receive(carrier, 4000), 5)
            assert invite.startswith(b"INVITE sip:89160000001@127.0.0.2")
            # Without an answer it would be sent again, into the tests that follow.
            head = [line for line in invite.split(b"\r\n") if line.partition(b":")[0] in COPIED]
            refusal = b"\r\n".join([b"SIP/2.0 486 Busy Here", *head, b"Content-Length: 0", b"", b""])
            carrier.sendto(refusal, asterisks)
            await agent.wait_for("CALL_CLOSED")


@pytest.mark.parametrize(
    "number", ["89161234567", "74951234567", "+79161234567", "88121234567", "+78121234567"]
)
async def test_with_the_right_he_reaches_telephones(asterisk, server, caller_phone, settings, number):
    carrier = await caller_phone(number=number, port=settings.asterisk.trunk_port)
    async with the_right(asterisk), AgentPhone("2099", "supervisor", server) as agent:
        await agent.dial(number)
        await carrier.wait_for("CALL_INCOMING")
        await agent.hang_up()
        await carrier.wait_for("CALL_CLOSED")


async def test_with_the_right_he_reaches_nobody_who_earns_by_it(asterisk, server, settings, capture):
    async with (
        the_right(asterisk),
        capture() as wire,
        AgentPhone("2099", "supervisor", server) as agent,
    ):
        for number in COSTLY:
            seen = len(agent.events)
            await agent.dial(number)
            closed = await agent.wait_for("CALL_CLOSED", "CALL_ESTABLISHED", after=seen)
            assert (closed.type, closed.param[:3]) == ("CALL_CLOSED", "404"), number
        assert outgoing(wire, settings) == []


async def test_a_call_to_the_outside_ends_after_its_time(asterisk, server, caller_phone, settings):
    number = "89161234567"
    carrier = await caller_phone(number=number, port=settings.asterisk.trunk_port, auto_answer=True)
    async with the_right(asterisk), AgentPhone("2099", "supervisor", server) as agent:
        await asterisk.console("dialplan set global DOZVON_OUT_S 2")
        await agent.dial(number)
        begun = await carrier.wait_for("CALL_ESTABLISHED")
        ended = await carrier.wait_for("CALL_CLOSED")
        await agent.wait_for("CALL_CLOSED")
        assert 1.5 < ended.at_s - begun.at_s < 4


async def test_no_more_than_so_many_call_out_at_once(asterisk, server, caller_phone, settings, capture):
    number = "89161234567"
    carrier = await caller_phone(number=number, port=settings.asterisk.trunk_port, auto_answer=True)
    async with (
        the_right(asterisk),
        capture() as wire,
        AgentPhone("2098", "supervisor", server) as first,
        AgentPhone("2099", "supervisor", server) as second,
    ):
        await asterisk.console("dialplan set global DOZVON_OUT_MOST 1")
        await first.dial(number)
        await first.wait_for("CALL_ESTABLISHED")
        await second.dial(number)
        closed = await second.wait_for("CALL_CLOSED", "CALL_ESTABLISHED")
        assert (closed.type, closed.param[:3]) == ("CALL_CLOSED", "503")
        assert first.in_call
        assert len(set(outgoing(wire, settings))) == 1
        await first.hang_up()
        seen = len(second.events)
        await carrier.wait_for("CALL_CLOSED")
        await second.dial(number)  # the line is free again
        await second.wait_for("CALL_ESTABLISHED", after=seen)


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
