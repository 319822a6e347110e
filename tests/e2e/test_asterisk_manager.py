"""The manager interface: the daemon's user can do his work, and nothing that would make him dangerous."""

from __future__ import annotations

import asyncio
import re

import pytest

pytestmark = pytest.mark.e2e
ECHO = "Local/600@from-agents"


class Manager:
    def __init__(self, port):
        self.port = port
        self.events = []

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self.reader.readline()
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    async def message(self):
        fields = {}
        while line := (await self.reader.readline()).decode("utf-8", "replace").strip():
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    async def action(self, name, **fields):
        lines = [f"Action: {name}", "ActionID: 1", *(f"{k}: {v}" for k, v in fields.items())]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.timeout(5):
            while True:
                message = await self.message()
                if "Response" in message:
                    return message
                self.events.append(message)

    async def read_events(self, seconds):
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self.events.append(await self.message())
        except TimeoutError:
            return self.events


async def log_in(manager, asterisk_secrets):
    answer = await manager.action("Login", Username="dozvon", Secret=asterisk_secrets.ami_secret)
    assert answer["Response"] == "Success"


async def test_a_wrong_secret_is_refused(asterisk, settings):
    async with Manager(settings.asterisk.ami_port) as manager:
        assert (await manager.action("Login", Username="dozvon", Secret="x"))["Response"] == "Error"


async def test_the_user_may_do_what_the_daemon_does(asterisk, settings, asterisk_secrets):
    async with Manager(settings.asterisk.ami_port) as manager:
        await log_in(manager, asterisk_secrets)
        for action in ("Ping", "DeviceStateList", "CoreShowChannels"):
            assert (await manager.action(action))["Response"] == "Success", action
        answer = await manager.action("Hangup", Channel="PJSIP/none-00000000")
        assert answer["Message"] == "No such channel"
        where = {"Context": "hotline", "Exten": "done", "Priority": "1"}
        answer = await manager.action("Redirect", Channel="PJSIP/none-00000000", **where)
        assert answer["Message"].startswith("Channel does not exist")
        answer = await manager.action("PlayDTMF", Channel="PJSIP/none-00000000", Digit="1")
        assert answer["Message"] == "Channel not found"


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("Command", {"Command": "core stop now"}),
        ("UpdateConfig", {"SrcFilename": "extensions.conf", "DstFilename": "extensions.conf"}),
        ("CreateConfig", {"Filename": "new.conf"}),
        ("ModuleLoad", {"Module": "app_system.so", "LoadType": "load"}),
        ("Reload", {"Module": "chan_pjsip"}),
        ("MixMonitor", {"Channel": "PJSIP/none-00000000", "File": "/tmp/x.wav"}),
        ("Originate", {"Channel": ECHO, "Application": "System", "Data": "id"}),
        ("Originate", {"Channel": ECHO, "Application": "AGI", "Data": "agi://127.0.0.1"}),
        (
            "Originate",
            {"Channel": ECHO, "Application": "MixMonitor", "Data": "/tmp/x.wav"},
        ),
        ("Getvar", {"Variable": "SHELL(id)"}),
        ("Setvar", {"Variable": "FILE(/tmp/x)", "Value": "x"}),
    ],
)
async def test_the_user_may_not_take_over_the_machine(asterisk, settings, asterisk_secrets, action, fields):
    async with Manager(settings.asterisk.ami_port) as manager:
        await log_in(manager, asterisk_secrets)
        answer = await manager.action(action, **fields)
        assert answer["Response"] == "Error", answer
        # Refused for what it is, not for a name that does not exist.
        assert re.search("[Pp]ermission|Forbidden|Variable not set", answer["Message"]), answer
    assert asterisk.running


async def test_a_conversation_makes_no_flood_of_events(
    asterisk, settings, asterisk_secrets, agent_phone, until
):
    anna, boris = await agent_phone("2001"), await agent_phone("2002", auto_answer=True)
    async with Manager(settings.asterisk.ami_port) as manager:
        await log_in(manager, asterisk_secrets)
        await anna.dial("2002")
        await anna.wait_for("CALL_ESTABLISHED")
        await anna.hang_up()
        await boris.wait_for("CALL_CLOSED")
        events = await manager.read_events(1.0)
    names = [event["Event"] for event in events]
    for unwanted in ("VarSet", "Newexten", "RTCPSent", "RTCPReceived", "AGIExecStart", "MusicOnHoldStart"):
        assert unwanted not in names
    for wanted in ("BridgeEnter", "BridgeLeave", "Hangup", "DeviceStateChange"):
        assert wanted in names
    assert len(names) < 60, names


async def test_somebody_who_says_nothing_is_shown_out(asterisk, settings):
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.asterisk.ami_port)
    async with asyncio.timeout(9):
        await reader.read()
    writer.close()
