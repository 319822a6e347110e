"""The switch against a real Asterisk: phones come and go, calls out, recording, hostile values, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from acd.contract import AgentReachabilityChanged, Event
from acd.switch import BadValue, Switch, SwitchDown, SwitchRefused
from dozvon.machine.asterisk import AsteriskChild
from dozvon.machine.secrets import AsteriskSecrets
from dozvon.phones import AgentPhone
from dozvon.settings import Settings

pytestmark = pytest.mark.e2e

Until = Callable[..., Awaitable[Any]]
MakePhone = Callable[..., Awaitable[AgentPhone]]


class Heard:
    def __init__(self) -> None:
        self.last: dict[str, bool] = {}
        self.working: set[str] = set()

    def take(self, event: Event) -> None:
        assert isinstance(event, AgentReachabilityChanged)
        self.last[event.agent_id] = event.reachable


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def switch(
    asterisk: AsteriskChild,
    asterisk_secrets: AsteriskSecrets,
    settings: Settings,
    heard: Heard,
    until: Until,
) -> AsyncIterator[Switch]:
    switch = Switch(
        settings.asterisk.ami_host,
        settings.asterisk.ami_port,
        settings.asterisk.ami_user,
        asterisk_secrets.ami_secret,
        endpoints=lambda: {"2004": "PJSIP/2004", "2005": "PJSIP/2005", "9999": "PJSIP/9999"},
        report=heard.take,
        is_working=lambda agent: agent in heard.working,
    )
    await switch.start()
    await until(lambda: switch.up and len(heard.last) == 3)
    yield switch
    await switch.stop()


async def test_phones_come_and_go(switch: Switch, heard: Heard, agent_phone: MakePhone, until: Until) -> None:
    assert heard.last == {"2004": False, "2005": False, "9999": False}
    phone = await agent_phone("2004")
    await until(lambda: heard.last["2004"], 10)
    assert switch.reachable("2004") and switch.reachable("9999") is False
    assert switch.reachable("nobody") is None
    await phone.stop()
    await until(lambda: not heard.last["2004"], 10)


async def test_a_call_out_and_a_private_call(
    switch: Switch, heard: Heard, agent_phone: MakePhone, until: Until
) -> None:
    await agent_phone("2005", auto_answer=True)
    await until(lambda: heard.last["2005"], 10)
    done = await switch.originate("PJSIP/2005", "from-agents", "600", ring_s=10, caller_number="100")
    assert done.outcome == "answered" and done.channel.startswith("PJSIP/2005-")
    # The distributor knows nothing of this call: it must not ring him now.
    await until(lambda: not heard.last["2005"], 5)
    heard.working.add("2005")
    switch.agents_changed()
    assert heard.last["2005"]
    heard.working.clear()
    seen = await switch.channels()
    assert [each.application for each in seen if each.channel == done.channel]
    await switch.hang_up(done.channel)
    await until(lambda: heard.last["2005"], 5)
    with pytest.raises(SwitchRefused):
        await switch.hang_up(done.channel)


async def test_a_call_out_that_nobody_answers(switch: Switch, until: Until) -> None:
    done = await switch.originate("PJSIP/2004", "from-agents", "600", ring_s=3)
    assert done.outcome in ("failed", "no_answer", "congested") and not done.channel


@pytest.mark.parametrize(
    "channel", ["PJSIP/2004\r\nAction: Logoff", "PJSIP/2004,x", "", "x" * 500, "PJSIP/${SHELL(id)}"]
)
async def test_hostile_values_are_not_sent(switch: Switch, channel: str) -> None:
    with pytest.raises(BadValue):
        await switch.hang_up(channel)
    with pytest.raises(BadValue):
        await switch.originate(channel, "from-agents", "600")
    with pytest.raises(BadValue):
        await switch.originate("PJSIP/2004", "from-agents", "600", variables={"SHELL(id)": "x"})
    with pytest.raises(BadValue):
        await switch.originate("PJSIP/2004", "from-agents", "600", variables={"A": f"x,B={channel}\n"})
    assert switch.up


async def test_a_call_is_redirected_and_rescued(
    switch: Switch, heard: Heard, agent_phone: MakePhone, until: Until
) -> None:
    await agent_phone("2005", auto_answer=True)
    await until(lambda: heard.last["2005"], 10)
    done = await switch.originate("PJSIP/2005", "from-agents", "600", ring_s=10)
    await until(lambda: _application(switch, done.channel, "Echo"), 10)
    await switch.redirect(done.channel, "hotline", "done")
    await until(lambda: heard.last["2005"], 5)
    assert await switch.rescue() == 0


async def test_a_call_of_a_stopped_daemon_is_rescued(
    switch: Switch, heard: Heard, agent_phone: MakePhone, settings: Settings, until: Until
) -> None:
    """Somebody listens on the daemon's port and never says a word, as a stopped process does."""
    sessions: list[asyncio.StreamWriter] = []

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.append(writer)

    await agent_phone("2005", auto_answer=True)
    await until(lambda: heard.last["2005"], 10)
    server = await asyncio.start_server(listen, settings.agi.host, settings.agi.port)
    try:
        await switch.originate("PJSIP/2005", "hotline", "node", variables={"AGIEXITONHANGUP": "yes"})
        await until(lambda: len(sessions) == 1)
        assert await switch.rescue() == 1
        await until(lambda: len(sessions) == 2)  # the dialplan went on, and tries the daemon again
    finally:
        server.close()
        for writer in sessions:
            writer.transport.abort()
        await server.wait_closed()


async def _application(switch: Switch, channel: str, wanted: str) -> bool:
    return any(each.channel == channel and each.application == wanted for each in await switch.channels())


async def test_the_connection_comes_back(
    switch: Switch, heard: Heard, asterisk: AsteriskChild, until: Until
) -> None:
    """The manager is reloaded away from under us; what was asked meanwhile is refused, never kept."""
    heard.last.clear()
    switch.link._manager.protocol.transport.abort()
    await until(lambda: not switch.up)
    with pytest.raises(SwitchDown):
        await switch.originate("PJSIP/2004", "from-agents", "600")
    await until(lambda: switch.up and len(heard.last) == 3)
    await asyncio.sleep(0)
    assert not await switch.channels()
