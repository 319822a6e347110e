"""What the dialplan does between caller and agent: the whisper, busy phones, transfers, lost phones."""

from __future__ import annotations

import asyncio

import pytest

from dozvon.phones import sound

pytestmark = pytest.mark.e2e
NUMBER = "88005553535"


class DialingNode:
    """A FastAGI node that does nothing but connect the caller with one agent, and notes what came of it."""

    def __init__(self, port, agent, ring_s=10, whisper=""):
        self.port = port
        self.agent = agent
        self.ring_s = ring_s
        self.whisper = whisper
        self.status = {}

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        async def ask(command):
            writer.write(f"{command}\n".encode())
            while (line := (await reader.readline()).decode("utf-8", "replace").strip()) == "HANGUP":
                pass
            return line

        try:
            while (await reader.readline()).strip():
                pass
            await ask(f'SET VARIABLE DOZVON_WHISPER "{self.whisper}"')
            await ask("SET MUSIC ON default")
            await ask(f'EXEC Dial "PJSIP/{self.agent},{self.ring_s},gm(default)U(acd-whisper)"')
            for name in ("DIALSTATUS", "HANGUPCAUSE"):
                self.status[name] = (await ask(f"GET VARIABLE {name}")).partition("(")[2].rstrip(")")
            await ask("SET VARIABLE DOZVON_DONE 1")
        finally:
            writer.close()


async def test_the_agent_hears_the_whisper_and_the_caller_does_not(
    caller_phone, agent_phone, settings, tmp_path, until
):
    # A-law of a square wave of 1000 Hz: four samples up, four down, loud enough to be told from all else.
    (tmp_path / "whisper.alaw").write_bytes((b"\xaa" * 4 + b"\x2a" * 4) * 1000)
    agent = await agent_phone("2001", auto_answer=True)
    await agent.set_microphone(sound.tone(700, 60))
    caller = await caller_phone()
    await caller.set_microphone(sound.tone(500, 60))
    async with DialingNode(settings.agi.port, "2001", whisper=tmp_path / "whisper") as node:
        await caller.call(NUMBER)
        await until(lambda: sound.tone_seconds(agent.heard(), 500) > 0.5, 10, "the agent hears the caller")
        await until(lambda: sound.tone_seconds(caller.heard(), 700) > 0.5, 10, "the caller hears the agent")
        await agent.hang_up()
        await until(lambda: "HANGUPCAUSE" in node.status)
        await caller.wait_for("CALL_CLOSED")
    heard = agent.heard()
    assert sound.tone_seconds(heard, 1000) >= 0.7
    assert (
        sound.tone_seconds(heard[: 8000 // 2], 500) == 0
    )  # nothing of the caller before the whisper is over
    assert sound.tone_seconds(caller.heard(), 1000) == 0
    assert node.status == {"DIALSTATUS": "ANSWER", "HANGUPCAUSE": "16"}


@pytest.mark.parametrize(
    ("phone", "status", "cause"),
    [
        ("busy", "BUSY", "17"),
        ("away", "NOANSWER", "19"),
        ("silent", "NOANSWER", None),
        ("gone", "CHANUNAVAIL", None),
    ],
)
async def test_an_agent_who_cannot_take_the_call(
    caller_phone, agent_phone, asterisk, settings, until, phone, status, cause
):
    if phone != "gone":
        agent = await agent_phone("2005")
        if phone == "busy":
            agent.be_busy()
        if phone == "away":
            await agent.do_not_disturb()
    else:
        await until(lambda: asyncio.ensure_future(unregistered(asterisk, "2005")), 10)
    caller = await caller_phone()
    # Only the silent phone is given up after the ring time; the others answer, on a busy machine late.
    ring_s = 1 if phone == "silent" else 15
    async with DialingNode(settings.agi.port, "2005", ring_s=ring_s) as node:
        await caller.call(NUMBER)
        await until(lambda: "HANGUPCAUSE" in node.status, 20)
        await caller.wait_for("CALL_CLOSED")
    assert node.status["DIALSTATUS"] == status
    assert cause is None or node.status["HANGUPCAUSE"] == cause


async def test_the_caller_who_leaves_stops_the_ringing(caller_phone, agent_phone, settings):
    agent = await agent_phone("2001")
    caller = await caller_phone()
    async with DialingNode(settings.agi.port, "2001"):
        await caller.call(NUMBER)
        await agent.wait_for("CALL_INCOMING")
        await caller.hang_up()
        closed = await agent.wait_for("CALL_CLOSED", timeout_s=3)
    assert closed


async def test_an_agent_cannot_transfer_a_caller_to_the_outside(
    caller_phone, agent_phone, settings, capture, until
):
    agent = await agent_phone("2001", auto_answer=True)
    caller = await caller_phone()
    async with capture() as wire, DialingNode(settings.agi.port, "2001"):
        await caller.call(NUMBER)
        await agent.wait_for("CALL_ESTABLISHED")
        await agent.transfer("89161234567")
        await until(lambda: wire.messages(method="REFER"), 5, "the phone asks for a transfer")
        await until(lambda: [m for m in wire.messages() if m.of == "REFER" and m.status], 5, "its answer")
        await until(
            lambda: "404" in "".join(m.text for m in wire.messages(method="NOTIFY")) or refused(wire), 5
        )
        port = f":{settings.asterisk.sip_port}"
        assert [
            m for m in wire.messages(method="INVITE") if m.source.endswith(port) and "8916" in m.first_line
        ] == []


def refused(wire):
    return any(m.status >= 400 for m in wire.messages() if m.of == "REFER")


async def unregistered(asterisk, user):
    return f"{user}/sip:" not in await asterisk.console("pjsip show contacts")
