"""What a caller hears about the opening hours: prompts made of a state of ``ivr.schedule``."""

from __future__ import annotations

from ivr.dialog.contract import Prompt
from ivr.dialog.ports import HoursState

# Every prompt below, for the checker: hours are spoken without a node naming them.
PROMPTS = (
    "hours.open", "hours.open_holiday", "hours.closed", "hours.closed_holiday", "hours.closed_closure",
    "hours.opens_today", "hours.opens_tomorrow", "hours.opens_day", "hours.opens_unknown", "hours.closing",
)  # fmt: skip


def spoken_hours(state: HoursState, language: str) -> tuple[Prompt, ...]:
    """Open until when; or why closed and when somebody answers again. An ad-hoc text comes first."""
    said: list[Prompt] = []
    own_words = state.announcement.get(language, "")
    if own_words:
        said.append(Prompt("hours.announcement", {}, own_words))
    if state.open:
        name = "hours.open_holiday" if state.reason == "holiday" else "hours.open"
        return (*said, Prompt(name, {"closes": state.closes_at[11:16]}))
    if not own_words:
        reason = {"closure": "hours.closed_closure", "holiday": "hours.closed_holiday"}
        said.append(Prompt(reason.get(state.reason, "hours.closed")))
    return (*said, opening(state))


def opening(state: HoursState) -> Prompt:
    """When somebody answers again."""
    if not state.opens_at:
        return Prompt("hours.opens_unknown")
    day, opens = state.opens_at[:10], state.opens_at[11:16]
    if state.opens_day == 0:
        return Prompt("hours.opens_today", {"opens": opens})
    if state.opens_day == 1:
        return Prompt("hours.opens_tomorrow", {"opens": opens})
    return Prompt("hours.opens_day", {"day": day, "opens": opens})
