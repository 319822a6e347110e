"""Service levels and the truth of announced waits, from the engine's own counts to API and /metrics."""

from __future__ import annotations

import asyncio

from acd.contract import CallEnded, CallLeft, CallQueued, OfferAccepted, WrapUpFinished

from .conftest import START_MS, Site


async def _talk(site: Site, call_id: str, at_ms: int, until_ms: int) -> None:
    """The agent takes the call that is offered to her at that moment, and is free again at the end."""
    floor = site.floor
    floor.now_ms = START_MS + at_ms
    (offer_id,) = (call.offer_id for call in floor.engine.calls.values() if call.call_id == call_id)
    await floor.report(OfferAccepted(offer_id, call_id, "2001"))
    floor.now_ms = START_MS + until_ms
    await floor.report(CallEnded(call_id, "2001"))
    await floor.report(WrapUpFinished("2001"))


async def test_levels_and_estimates_reach_api_and_metrics(site: Site) -> None:
    floor = site.floor
    await floor.agent()
    _, empty = await site.get("/api/v1/quality", "agent")
    assert {each["level"] for each in empty["levels"]} == {None} and empty["estimates"]["share"] is None
    for call_id in ("c1", "c2", "c3", "c4"):  # one is answered at once, two wait, one gives up
        await floor.report(CallQueued(call_id, "node-1", "hotline", "status"))
    floor.now_ms += 7_000
    await floor.report(CallLeft("c4", "abandoned"))
    await _talk(site, "c1", 8_000, 100_000)
    await _talk(site, "c2", 101_000, 200_000)
    await _talk(site, "c3", 201_000, 300_000)
    async with asyncio.timeout(5):  # one look at the floor serves everybody for a moment
        quality = empty
        while not quality["estimates"]["checked"]:
            _, quality = await site.get("/api/v1/quality", "agent")
    levels = {f"{each['name']}/{each['version']}": each for each in quality["levels"]}
    assert {label: round(each["level"], 3) for label, each in levels.items()} == {
        "answered_of_offered/1": 0.5,
        "answered_of_finished/1": 0.5,
        "without_short_abandons/1": 0.5,
        "abandoned_in_target_helped/1": 0.75,
        "asterisk_servicelevelperf/1": 0.667,
        "asterisk_servicelevelperf2/1": 0.75,
    }
    used = levels[quality["formula"]]
    assert (used["numerator"], used["denominator"], quality["target_s"]) == (2, 4, 120)
    assert "answered within the target" in used["text"]
    _, today = await site.get("/api/v1/today", "agent")
    assert (today["numerator"], today["denominator"], today["service_level"]) == (2, 4, 0.5)
    estimates = quality["estimates"]
    assert estimates["checked"] == 2 and estimates["share"] == estimates["inside"] / 2

    _, raw = await site.get("/metrics", role=None)
    text = raw.decode()
    for each in levels.values():
        line = f'dozvon_service_level_ratio{{formula="{each["name"]}",version="1"}} {each["level"]}'
        assert line in text
    assert "dozvon_estimates_checked_total 2.0" in text
    assert f"dozvon_estimates_inside_total {estimates['inside']:.1f}" in text
