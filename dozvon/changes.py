"""What an administrator changes in the files is taken within seconds; a fault keeps what is in force."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from acd.service import roster
from acd.service.service import DistributorService
from dozvon import hotline as reference
from dozvon.settings import Settings
from ivr.hotline import Hotline
from ivr.prompts.voice import CatalogueVoice

EVERY_S = 1.0

log = structlog.get_logger()


class Changes:
    """Looks at times and sizes of the configuration's files each second and reloads what changed.

    ``look_now`` (SIGHUP) reloads everything at once, changed or not; ``take`` some parts, for the API.
    """

    def __init__(
        self, settings: Settings, hotline: Hotline, voice: CatalogueVoice, distributor: DistributorService
    ) -> None:
        self._settings = settings
        self._hotline = hotline
        self._voice = voice
        self._distributor = distributor
        config = settings.config
        # In this order: a new flow may use a new text, a new rule a new agent.
        self._parts: dict[str, tuple[Callable[[], Awaitable[None]], list[Path]]] = {
            "prompts": (self._prompts, [*settings.voice_prompts.glob("*/"), config / "answers"]),
            "hours": (self._hours, [config / "hours.yaml", reference.hours_extra(settings)]),
            "flows": (self._flows, [config / "flows"]),
            "understanding": (
                self._understanding,
                [
                    config / "understanding",
                    *(config / "understanding" / language for language in settings.hotline.languages),
                    config / "answers",
                ],
            ),
            "agents": (self._agents, [config / "agents.yaml"]),
            "rules": (self._rules, [config / "rules.yaml"]),
        }
        self._seen = {name: _stamp(places) for name, (_, places) in self._parts.items()}
        self._asked = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled. A refused change is logged with the loader's text: file and line."""
        while True:
            everything = await self._asked_to()
            for name, (_, places) in self._parts.items():
                stamp = _stamp(places)
                if stamp == self._seen[name] and not everything:
                    continue
                try:
                    await self.take(name)
                except Exception as error:
                    log.error(
                        "not taken, the old one stays", action="reload_refused", what=name, why=str(error)
                    )

    def look_now(self) -> None:
        self._asked.set()

    async def take(self, *names: str) -> None:
        """Reload these parts; one reload at a time. Raises what their loaders raise."""
        async with self._one_at_a_time:
            for name in names:
                reload, places = self._parts[name]
                self._seen[name] = _stamp(places)  # before: a change in the meantime is seen again
                await reload()
                log.info("taken", action="reloaded", what=name)

    @property
    def busy(self) -> bool:
        return self._one_at_a_time.locked()

    async def _asked_to(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await self._asked.wait()
                self._asked.clear()
                return True
        return False

    async def _prompts(self) -> None:
        await asyncio.to_thread(self._voice.reload)

    async def _hours(self) -> None:
        self._hotline.schedules = await asyncio.to_thread(reference.schedules, self._settings)

    async def _flows(self) -> None:
        await asyncio.to_thread(self._hotline.store.reload)

    async def _understanding(self) -> None:
        if self._hotline.understanding is None:  # not loaded yet, or a hotline of keys only
            return
        from dozvon import understanding

        self._hotline.understanding = await asyncio.to_thread(understanding.load, self._settings)

    async def _agents(self) -> None:
        topics = reference.topics(self._settings)
        await self._distributor.use_roster(roster.load(self._settings.config / "agents.yaml", topics))

    async def _rules(self) -> None:
        rules = reference.rules(self._settings)
        if rules is not None:
            await self._distributor.report(rules)


def _stamp(places: list[Path]) -> tuple[tuple[str, int, int], ...]:
    stamps = []
    for place in places:
        for file in sorted(place.glob("*.yaml")) if place.is_dir() else [place]:
            with contextlib.suppress(OSError):
                status = file.stat()
                stamps.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(stamps)
