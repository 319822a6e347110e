"""Figures for Prometheus. The floor's are read from the distributor when they are asked for; nothing that
names an agent or a caller is a label."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from acd.contract import AgentState, AgentStatus, EstimatesView, LevelView, Snapshot, TodayView

_STATUSES = get_args(AgentStatus)
_STATES = get_args(AgentState)


class FloorCollector(Collector):
    def __init__(self, snapshot: Callable[[], Snapshot], viewers: Callable[[], int]) -> None:
        self._snapshot = snapshot
        self._viewers = viewers

    def describe(self) -> list[Metric]:
        """Known without a look at the floor, which may not be there yet at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot()
        yield _gauge("dozvon_journal_connected", "1 while the journal can be reached", snapshot.connected)
        yield _gauge("dozvon_live_viewers", "open live streams", self._viewers())
        yield from _calls(snapshot)
        yield _agents(snapshot)
        yield from _today(snapshot.today)
        if snapshot.chats_today is not None:
            yield _counts("dozvon_today_chats", snapshot.chats_today)
        yield _levels(snapshot.levels)
        yield from _estimates(snapshot.estimates)


def _calls(snapshot: Snapshot) -> Iterator[Metric]:
    calls = GaugeMetricFamily("dozvon_calls", "calls by topic and state", labels=["topic", "state"])
    chats = GaugeMetricFamily("dozvon_chats", "chats by topic and state", labels=["topic", "state"])
    counted = Count((c.channel, c.topic, c.state) for c in snapshot.calls)
    for (channel, topic, state), number in sorted(counted.items()):
        (chats if channel == "chat" else calls).add_metric([topic, state], number)
    yield calls
    yield chats
    waiting = [
        c.first_queued_ms
        for c in snapshot.calls
        if c.state in {"queued", "offered"} and not c.callback and c.channel == "voice"
    ]
    longest_ms = max(0, snapshot.now_ms - min(waiting)) if waiting else 0
    yield _gauge("dozvon_longest_wait_seconds", "of the callers on the line", longest_ms / 1000)
    yield _gauge("dozvon_callbacks", "to be called, now or at their time", snapshot.today.callbacks)


def _agents(snapshot: Snapshot) -> Metric:
    """Every combination of status and state is there, also with 0: an alert needs a value to look at."""
    agents = GaugeMetricFamily(
        "dozvon_agents", "agents by status, state and reachability", labels=["status", "state", "reachable"]
    )
    counted = Count((a.status, a.state, str(a.reachable).lower()) for a in snapshot.agents)
    for key in product(_STATUSES, _STATES, ("true", "false")):
        agents.add_metric(list(key), counted[key])
    return agents


def _today(today: TodayView) -> Iterator[Metric]:
    yield _counts("dozvon_today_calls", today)
    yield _gauge("dozvon_today_asa_seconds", "average speed of answer since midnight", today.asa_ms / 1000)
    if today.service_level is not None:
        yield _gauge("dozvon_today_service_level_ratio", "share answered in time", today.service_level)


def _counts(name: str, today: TodayView) -> Metric:
    counts = CounterMetricFamily(name, "since midnight, by what came of it", labels=["what"])
    for what in ("offered", "answered", "answered_in_target", "abandoned", "short_abandons"):
        counts.add_metric([what], getattr(today, what))
    return counts


def _levels(levels: Iterable[LevelView]) -> Metric:
    """Absent while nothing counts: neither 0 % nor 100 % would be true."""
    family = GaugeMetricFamily(
        "dozvon_service_level_ratio",
        "answered in time since midnight, by each formula (docs/service-level.md)",
        labels=["formula", "version"],
    )
    for each in levels:
        if each.level is not None:
            family.add_metric([each.name, str(each.version)], each.level)
    return family


def _estimates(estimates: EstimatesView) -> Iterator[Metric]:
    """Two counters, so that a share of any stretch of time can be had: rate(inside) / rate(checked)."""
    yield CounterMetricFamily(
        "dozvon_estimates_checked", "callers answered who had been told a wait", value=estimates.checked
    )
    yield CounterMetricFamily(
        "dozvon_estimates_inside", "of these, who waited as long as was said", value=estimates.inside
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


class HttpFigures:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "dozvon_http_requests", "answered requests", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "dozvon_http_seconds",
            "time to answer, live streams apart",
            ["route"],
            registry=registry,
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
        )
        self.refused_tokens = Counter(
            "dozvon_http_refused_tokens", "requests with no or a wrong token", registry=registry
        )
