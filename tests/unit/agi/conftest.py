"""A node in memory for each test that asks for one."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ivr.agi.session import Session

sys.path.insert(0, str(Path(__file__).parent))  # the helpers beside this file

from agi_hall import Hall, Script, until
from agi_peer import TOKEN, FakeAsterisk, wire


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Callable[..., Hall]]:
    """Builds a node in memory around a script; closed at the end."""
    made: list[Hall] = []

    def build(script: Script, **settings: Any) -> Hall:
        made.append(Hall(script, tmp_path, **settings))
        return made[-1]

    yield build
    for each in made:
        await each.close()


@pytest.fixture
def soon() -> Callable[..., Awaitable[None]]:
    """``await soon(condition)``: polls until it is true, or fails."""
    return until


@pytest.fixture
async def peer() -> AsyncIterator[tuple[FakeAsterisk, Session]]:
    """A fake Asterisk and a session that has its header."""
    ours, theirs = wire()
    asterisk, session = FakeAsterisk(theirs), Session(ours)
    await asterisk.open(TOKEN)
    await session.open(1.0)
    yield asterisk, session
    await asterisk.stop()
    await session.close()
