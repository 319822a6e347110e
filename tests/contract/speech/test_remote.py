"""Speech servers elsewhere: which of them calls are sent to, as they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from dozvon import ears as ears_module
from dozvon.ears import Ears
from dozvon.machine.asterisk import aeap_conf, local_conf
from dozvon.machine.children import free_port
from dozvon.settings import Settings, Speech
from ivr.speech.contract import ENGINES
from ivr.speech.recogniser import VoskModel
from ivr.speech.server import SpeechServer

TOKEN = "secret of the tests"


def settings_for(home: Path, *ports: int) -> Settings:
    servers = tuple(f"127.0.0.1:{port}" for port in ports)
    return Settings(home=home, speech=Speech(port=free_port(), servers=servers))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_calls_go_to_the_servers_that_answer(
    model: VoskModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears_module, "LOOK_EVERY_S", 0.05)
    first, second = free_port(), free_port()
    ears, told = Ears(settings_for(tmp_path, first, second), TOKEN), []
    listening = asyncio.create_task(ears.listen(told.append))
    servers = [SpeechServer({"ru": model}, token=TOKEN) for _ in range(2)]
    try:
        await asyncio.sleep(0.2)
        assert ears.engines() == [] and told == [False]  # nobody there: keys
        await servers[1].start("127.0.0.1", second)
        await until(lambda: ears.engines() == [ENGINES[1]])
        assert told == [False, True]
        await servers[0].start("127.0.0.1", first)
        await until(lambda: len(ears.engines()) == 2)
        orders = {tuple(ears.engines()) for _ in range(100)}
        assert orders == {ENGINES[:2], ENGINES[1::-1]}  # either may be the first
        for server in servers:
            await server.stop()
        await until(lambda: told[-1] is False)
        assert ears.engines() == []
        assert not await ears.end_turn("a call")
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_without_other_servers_the_daemon_listens_itself(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    ears, told = Ears(settings, TOKEN), []
    listening = asyncio.create_task(ears.listen(told.append))
    await until(lambda: bool(told))
    assert told == [True] and ears.engines() == [ENGINES[0]]
    _, writer = await asyncio.open_connection("127.0.0.1", settings.speech.port)
    writer.close()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert told == [True, False] and ears.engines() == []


def test_asterisk_is_told_where_each_server_is(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, 9101, 9102, 9103)
    assert "url = ws://127.0.0.1:9101" in local_conf(settings, tmp_path / "emergency")
    sections = aeap_conf(settings)
    assert "[dozvon-2](secret-speech)\ntype = client\nurl = ws://127.0.0.1:9102" in sections
    assert "[dozvon-3](secret-speech)\ntype = client\nurl = ws://127.0.0.1:9103" in sections
    assert "[dozvon-2]" not in aeap_conf(settings_for(tmp_path))


@pytest.mark.parametrize("server", ["ws://a:1", "a", "a:1\nurl=b", "a:123456", ""])
def test_an_address_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(ValidationError):
        Speech(servers=(server,))
