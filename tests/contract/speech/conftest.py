from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from ivr.speech.client import Client
from ivr.speech.recogniser import VoskModel
from ivr.speech.server import SpeechServer

ROOT = Path(__file__).parents[3]
TOKEN = "secret of the tests"


@pytest.fixture(scope="session")
def model() -> VoskModel:
    return VoskModel(ROOT / "models/ru-small")


@pytest.fixture
async def server(model: VoskModel) -> AsyncIterator[SpeechServer]:
    made = SpeechServer({"ru": model}, token=TOKEN, max_turns=2, max_sessions=4, workers=2)
    await made.start("127.0.0.1", 0)
    yield made
    await made.stop()


@pytest.fixture
async def call(server: SpeechServer) -> AsyncIterator[Callable[[], Client]]:
    """Makes connections to the server; all are closed in the end."""
    made: list[Client] = []
    async with aiohttp.ClientSession() as session:

        def one() -> Client:
            made.append(Client(session, f"ws://127.0.0.1:{server.port}/"))
            return made[-1]

        yield one
        for client in made:
            await client.close()


@pytest.fixture(scope="session")
def sound() -> Callable[[str], bytes]:
    """A recording of tests/data/speech: 8 kHz, 16 bit, over A-law."""

    def read(name: str) -> bytes:
        with wave.open(str(ROOT / f"tests/data/speech/{name}.wav")) as source:
            return source.readframes(source.getnframes())

    return read
