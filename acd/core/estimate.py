"""How long a caller will probably wait, as a range, and which place he has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd.contract import WaitView
from acd.core.model import Call, Line, LineKey

if TYPE_CHECKING:
    from acd.core.engine import Engine

SERVICE_MS = 330_000  # conversation, wrap-up and ring until measured
PATIENCE_PER_MS = 1 / 350_000  # of those ahead, this share gives up


def wait_of(engine: Engine, call_id: str, now_ms: int) -> WaitView | None:
    call = engine.calls.get(call_id)
    if call is None or call.line is None:
        return None
    ahead = _ahead(engine, call.line, call)
    return _view(engine, call.line, ahead, engine.servable(call))


def for_newcomer(engine: Engine, topic: str, language: str, queue: str) -> WaitView:
    probe = Call("", "", queue, topic, language, 0, engine.now_ms, "", 1, "")
    line = engine.line_of(probe)
    ahead = _ahead(engine, line, None)
    return _view(engine, line, ahead, engine.servable(probe))


def _view(engine: Engine, line: Line, ahead: float, servable: bool) -> WaitView:
    agents = sum(spot.pool.on_duty for spot in line.spots)
    ready = any(spot.pool.ready[level] for spot in line.spots for level in (1, 2, 3))
    place = int(ahead) + 1
    if not servable:
        return WaitView(place, 0, 0, False)
    if ready and not ahead:
        return WaitView(place, 0, 5_000, True)
    rate = max(1, agents) / SERVICE_MS
    wait = sum(1.0 / (rate + i * PATIENCE_PER_MS) for i in range(place))
    return WaitView(place, int(wait * 0.5), int(wait * 1.6) + 10_000, True)


def _ahead(engine: Engine, mine: Line, call: Call | None) -> float:
    """Callers who compete for the same agents and come first, each by the share of agents in common."""
    seen: dict[LineKey, Line] = {}
    for spot in mine.spots:
        for key, (line, _) in spot.pool.lines.items():
            seen[key] = line
    ahead = 0
    for line in seen.values():
        if call is None:
            ahead += line.count
        else:
            order = (-call.priority, call.place_ms, call.call_id)
            ahead += sum((-each.priority, each.place_ms, each.call_id) < order for each in line.waiting())
    return float(ahead)
