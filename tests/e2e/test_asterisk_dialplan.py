"""The dialplan never drops a caller: a daemon that is away, dies, comes back, or was never there."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from dozvon.phones import sound

pytestmark = pytest.mark.e2e
NUMBER = "88005553535"


class Node:
    """The least that speaks FastAGI: notes what a call is told, sets variables, dies or not."""

    def __init__(self, port, variables, then):
        self.port = port
        self.variables = variables
        self.then = then  # "done", "die", "hold"
        self.heads = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self._tasks = set()
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        try:
            lines = []
            while line := (await reader.readline()).decode("utf-8", "replace").strip():
                lines.append(line)
            self.heads.append(dict(line.split(": ", 1) for line in lines if ": " in line))
            for name, value in self.variables.items():
                writer.write(f'SET VARIABLE {name} "{value}"\n'.encode())
                await reader.readline()
            if self.then == "hold":
                writer.write(b"SET MUSIC ON default\n")
                await reader.read()
        finally:
            writer.transport.abort() if self.then == "die" else writer.close()


@asynccontextmanager
async def patience(asterisk, seconds):
    await asterisk.console(f"dialplan set global DOZVON_PATIENCE_S {seconds}")
    try:
        yield
    finally:
        await asterisk.console("dialplan set global DOZVON_PATIENCE_S 20")


async def test_a_node_is_told_what_it_needs_and_ends_the_call(caller_phone, settings, asterisk_secrets):
    async with Node(settings.agi.port, {"DOZVON_DONE": "1"}, "done") as node:
        caller = await caller_phone(number="79161112233", display_name="Иван ${EXTEN}")
        await caller.call(NUMBER)
        await caller.wait_for("CALL_CLOSED", timeout_s=5)
    (head,) = node.heads
    assert head["agi_network_script"] == "call"
    assert head["agi_arg_1"] == asterisk_secrets.agi_token
    assert head["agi_arg_2"] == NUMBER
    assert head["agi_callerid"] == "79161112233"
    assert head["agi_calleridname"] == "unknown"
    assert head["agi_language"] == "ru"


@pytest.mark.parametrize("dialled", ["+78005553535", "78005553535", "8005553535"])
async def test_every_spelling_of_the_number_is_the_hotline(caller_phone, settings, dialled):
    async with Node(settings.agi.port, {"DOZVON_DONE": "1"}, "done") as node:
        caller = await caller_phone()
        await caller.call(dialled)
        await caller.wait_for("CALL_CLOSED", timeout_s=5)
    assert node.heads[0]["agi_arg_2"] == NUMBER


async def test_a_daemon_that_comes_back_gets_the_same_caller_with_his_place(caller_phone, settings, until):
    place = {
        "DOZVON_CALL_ID": "node-1-abc",
        "DOZVON_FIRST_QUEUED_MS": "1795367000123",
        "DOZVON_TOPIC": "access",
        "DOZVON_LANGUAGE": "en",
    }
    caller = await caller_phone()
    async with Node(settings.agi.port, place, "hold") as node:
        await caller.call(NUMBER)
        await until(lambda: node.heads, 5)
    await asyncio.sleep(2.5)  # the daemon is away for so long
    assert caller.in_call
    async with Node(settings.agi.port, {"DOZVON_DONE": "1"}, "done") as node:
        back_s = time.monotonic()
        await until(lambda: node.heads, 5)
        waited_s = time.monotonic() - back_s
        await caller.wait_for("CALL_CLOSED", timeout_s=5)
    head = node.heads[0]
    assert [head[f"agi_arg_{n}"] for n in (3, 4, 5, 6)] == list(place.values())
    assert waited_s < 3.0


async def test_music_while_a_daemon_restarts(caller_phone, settings, until):
    caller = await caller_phone()
    await caller.call(NUMBER)
    await until(lambda: sound.rms(caller.heard()[-4000:]) > 300, 5, "music or a prompt is heard")
    await caller.hang_up()


async def test_a_daemon_that_dies_of_a_call_each_time_is_given_up(caller_phone, asterisk, settings, until):
    async with patience(asterisk, 3), Node(settings.agi.port, {}, "die") as node:
        caller = await caller_phone()
        await caller.call(NUMBER)

        async def emergency():
            return "!emergency!" in await asterisk.console("core show channels concise")

        await until(emergency, 15, "the emergency script")
        assert 2 <= len(node.heads) <= 10
        await caller.hang_up()


async def test_the_second_node_takes_over(caller_phone, asterisk, settings, unused_tcp_port):
    await asterisk.console(f"dialplan set global DOZVON_NODE_2 127.0.0.1:{unused_tcp_port}")
    try:
        async with Node(unused_tcp_port, {"DOZVON_DONE": "1"}, "done") as second:
            caller = await caller_phone()
            await caller.call(NUMBER)
            await caller.wait_for("CALL_CLOSED", timeout_s=5)
        assert len(second.heads) == 1
    finally:
        await asterisk.console("dialplan set global DOZVON_NODE_2 ''")


async def test_asterisk_is_adopted_and_its_calls_go_on(caller_phone, agent_phone, asterisk, settings):
    """What a daemon does that is started again after a kill -9."""
    from dozvon.machine.asterisk import AsteriskChild

    anna, boris = await agent_phone("2001"), await agent_phone("2002", auto_answer=True)
    await anna.set_microphone(sound.tone(800, 60))
    await anna.dial("2002")
    await anna.wait_for("CALL_ESTABLISHED")
    pid = asterisk.child.pid
    again = AsteriskChild(settings)
    await again.start()
    assert again.adopted
    assert again.child.pid == pid
    mark = len(boris.heard())
    await asyncio.sleep(1)
    assert sound.tone_seconds(boris.heard()[mark:], 800) > 0.5
    await anna.hang_up()
