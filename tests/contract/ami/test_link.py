"""The link against a manager that behaves as badly as none should: silent, broken, cut, slow, endless.

A real Asterisk cannot be made to do these on demand; tests/e2e/test_switch.py has the real one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from acd.switch import BadValue, SwitchDown, SwitchRefused, SwitchTimeout
from acd.switch import link as link_module
from acd.switch.link import Link

Answer = Callable[["Manager", dict[str, str]], Awaitable[None]]


class Manager:
    """Speaks just enough of the manager's protocol; ``answer`` decides what becomes of each action."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answers: dict[str, str | None] = {}
        self.logins = 0
        self.writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        if self.writer is not None:
            self.writer.transport.abort()

    def say(self, text: str | bytes) -> None:
        assert self.writer
        self.writer.write(text.encode() if isinstance(text, str) else text)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        fields: dict[str, str] = {}
        try:
            while line := await reader.readline():
                text = line.decode().rstrip("\r\n")
                if text:
                    key, _, value = text.partition(": ")
                    fields[key] = value
                elif fields:
                    self._answer(fields)
                    fields = {}
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    def _answer(self, fields: dict[str, str]) -> None:
        self.asked.append(fields)
        name = fields["Action"]
        if name == "Login":
            self.logins += 1
        answer = self.answers.get(name, "Response: Success\r\nMessage: done")
        if answer is not None:
            self.say(f"{answer}\r\nActionID: {fields['ActionID']}\r\n\r\n")


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    manager = Manager()
    yield manager
    await manager.stop()


@pytest.fixture
async def linking(manager: Manager) -> AsyncIterator[Callable[..., Awaitable[Link]]]:
    tasks: list[asyncio.Task[None]] = []

    async def make(**options: Any) -> Link:
        port = await manager.start()
        link = Link("127.0.0.1", port, "user", "secret", **options)
        tasks.append(asyncio.create_task(link.run()))
        await eventually(lambda: link.up)
        return link

    yield make
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def eventually(what: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.005)


async def test_letters_cut_in_two_arrive_whole(manager: Manager, linking: Any) -> None:
    link = await linking()
    seen: list[str] = []
    link.on_event("UserEvent", lambda message: seen.append(message["Text"]))
    for byte in "Event: UserEvent\r\nText: Привет, мир 🎧\r\n\r\n".encode():
        manager.say(bytes([byte]))
        await asyncio.sleep(0)
    await eventually(lambda: seen)
    assert seen == ["Привет, мир 🎧"]


async def test_a_callback_that_raises_harms_nobody(manager: Manager, linking: Any) -> None:
    link = await linking()
    seen: list[str] = []

    def bad(_: object) -> None:
        raise RuntimeError("boom")

    link.on_event("Hangup", bad)
    link.on_event("Hangup", lambda message: seen.append("second"))
    manager.say("Event: Hangup\r\nChannel: x\r\n\r\n")
    await eventually(lambda: seen)
    assert link.up and manager.logins == 1


async def test_an_action_without_answer_times_out_and_leaves_nothing(manager: Manager, linking: Any) -> None:
    link = await linking()
    manager.answers["Hangup"] = None
    with pytest.raises(SwitchTimeout):
        await link.action("Hangup", {"Channel": "x"}, timeout_s=0.1)
    assert not link._manager.protocol.responses and not link._waiting
    assert (await link.action("Ping"))[0].get("Message") == "done"


async def test_a_refusal_is_told(manager: Manager, linking: Any) -> None:
    link = await linking()
    manager.answers["Redirect"] = "Response: Error\r\nMessage: No such channel"
    with pytest.raises(SwitchRefused, match="No such channel"):
        await link.action("Redirect")


async def test_nothing_is_kept_for_later(manager: Manager, linking: Any) -> None:
    """panoramisk would send the unanswered Originate again after the reconnection."""
    link = await linking()
    manager.answers["Originate"] = None
    waiting = asyncio.create_task(link.action("Originate", {"Channel": "PJSIP/1", "Async": "true"}))
    await eventually(lambda: any(each["Action"] == "Originate" for each in manager.asked))
    manager.cut()
    with pytest.raises(SwitchDown):
        await waiting
    with pytest.raises(SwitchDown):
        await link.action("Originate", {"Channel": "PJSIP/2", "Async": "true"})
    await eventually(lambda: link.up and manager.logins == 2)
    manager.say("Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n")
    await link.action("Ping")
    assert sum(each["Action"] == "Originate" for each in manager.asked) == 1


async def test_a_silent_manager_is_left(
    manager: Manager, linking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(link_module, "PING_TIMEOUT_S", 0.2)
    downs: list[None] = []
    link = await linking(on_down=lambda: downs.append(None))
    manager.answers["Ping"] = None
    await eventually(lambda: downs)
    del manager.answers["Ping"]
    await eventually(lambda: link.up and manager.logins >= 2)


async def test_a_wrong_secret_is_not_up(manager: Manager) -> None:
    manager.answers["Login"] = "Response: Error\r\nMessage: Authentication failed"
    port = await manager.start()
    link = Link("127.0.0.1", port, "user", "wrong")
    task = asyncio.create_task(link.run())
    await eventually(lambda: manager.logins >= 2)
    assert not link.up
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_message_without_end_ends_the_connection(manager: Manager, linking: Any) -> None:
    link = await linking()
    for _ in range(30):
        manager.say("x" * 100_000)
        await asyncio.sleep(0)
    await eventually(lambda: manager.logins >= 2)
    await eventually(lambda: link.up)


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\nb", "a\x00", "x" * 5000])
async def test_a_value_cannot_become_a_header(manager: Manager, linking: Any, value: str) -> None:
    link = await linking()
    with pytest.raises(BadValue):
        await link.action("Setvar", {"Variable": "A", "Value": value})
    with pytest.raises(BadValue):
        await link.action("Setvar", {"Variable": ["A=1", value]})
    assert [each["Action"] for each in manager.asked] == ["Login"]
