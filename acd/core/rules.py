"""Routing rules: what an administrator may decide about who is served by whom, and when.

Rules of this module
  * A rule set is checked whole before it is used; the first fault is a RulesError that names the field.
  * Unknown keys are faults: a misspelt rule must not silently do nothing.
  * Inside the engine every time is a whole number of milliseconds; files and operators use seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from acd.core.service_level import FORMULAS

MAX_STEPS = 8
MAX_NAMES = 2_000
MAX_CHATS = 20  # at once; more than a person can follow


class RulesError(ValueError):
    """The rules cannot be used; ``field`` says where, as ``queues.regional.overflow``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much when a caller and an agent are compared, all in milliseconds of waiting."""

    level: tuple[int, int, int, int] = (0, 130_000, 75_000, 0)  # handicap of levels 0 (unused), 1, 2, 3
    priority: int = 85_000  # a step of priority
    language: int = 50_000  # a rare language is kept free for those who need it
    scarce: int = 50_000  # the only ready agent of another skill is kept free for it
    late: int = 80_000  # set back once when the target is already missed; waiting goes on counting …
    late_chances: float = 2.0  # … more where agents are few: each turn given to him makes the next one late
    rescue: int = 64_000  # set forward before the target, fading with the time that remains …
    rescue_window: int = 17_000  # … over this time
    rescue_chances: float = 0.22  # … and this part of the mean time between two of his agents becoming free
    idle: float = 0.08  # a second of idleness, for the choice among agents
    load: int = 300_000  # set back of an agent who worked all the time since he came on duty
    affinity: int = 45_000  # the agent who spoke to this caller last
    chat: int = 20_000  # each chat that an agent has already, for the choice among agents


@dataclass(frozen=True, slots=True)
class Relaxation:
    """From which wait on an agent of each level may serve, index 1..3, milliseconds."""

    after_ms: tuple[int, int, int, int] = (0, 9_000, 0, 0)


@dataclass(frozen=True, slots=True)
class TopicRule:
    relax: Relaxation = Relaxation()
    wrap_up_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class QueueRule:
    """``skills`` "" : a topic needs the skill of the same name; "regional": it needs ``regional/TOPIC``.

    ``overflow`` names a queue whose agents may help after ``overflow_after_ms``.
    """

    skills: str = ""
    overflow: str = ""
    overflow_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """A checked rule set. ``Rules()`` is what applies before any was loaded."""

    target_ms: int = 120_000
    answer_allowance_ms: int = 7_000  # ringing and whisper eat the last seconds before the target
    short_abandon_ms: int = 5_000
    ring_ms: int = 15_000
    offer_grace_ms: int = 3_000  # a reservation outlives its ring by this, then it ends by itself
    no_answer_pause_ms: int = 30_000
    unreachable_pause_ms: int = 30_000
    declined_pause_ms: int = 15_000
    max_attempts: int = 50
    callback_attempts: int = 3
    callback_retry_ms: int = 300_000
    callback_ring_ms: int = 30_000  # the customer's phone; the agent is reserved meanwhile
    keep_place_ms: int = 300_000
    affinity_ms: int = 86_400_000
    nobody_can_serve_after_ms: int = 5_000
    max_wait_ms: int = 3_600_000
    max_talk_ms: int = 14_400_000  # a conversation of which no end was reported is taken for over
    chat_capacity: int = 0  # chats at once of an agent of whom nothing else is said; 0: calls only
    chat_ring_ms: int = 30_000  # an offered chat waits this long to be taken up
    # Who has chats begins no further ones while a call that he may serve has waited longer than this.
    call_before_chat_ms: int = 30_000
    spare: tuple[int, int, int, int] = (0, 6, 2, 0)  # more ready agents of a level than this: no holding back
    weights: Weights = Weights()
    default_topic: TopicRule = TopicRule()
    topics: Mapping[str, TopicRule] = field(default_factory=dict)
    queues: Mapping[str, QueueRule] = field(default_factory=dict)
    languages: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    timezone: str = "Europe/Moscow"
    service_level: str = "answered_of_offered"

    def topic(self, topic: str) -> TopicRule:
        return self.topics.get(topic, self.default_topic)


_TIMES = {  # key in the file -> (field, least, most), seconds
    "target_s": ("target_ms", 5, 3600),
    "answer_allowance_s": ("answer_allowance_ms", 0, 60),
    "short_abandon_s": ("short_abandon_ms", 0, 120),
    "ring_s": ("ring_ms", 3, 120),
    "offer_grace_s": ("offer_grace_ms", 1, 60),
    "no_answer_pause_s": ("no_answer_pause_ms", 0, 86_400),
    "unreachable_pause_s": ("unreachable_pause_ms", 1, 3600),
    "declined_pause_s": ("declined_pause_ms", 0, 3600),
    "keep_place_s": ("keep_place_ms", 0, 86_400),
    "affinity_s": ("affinity_ms", 0, 30 * 86_400),
    "nobody_can_serve_after_s": ("nobody_can_serve_after_ms", 0, 600),
    "max_wait_s": ("max_wait_ms", 30, 86_400),
    "max_talk_s": ("max_talk_ms", 60, 86_400),
    "callback_ring_s": ("callback_ring_ms", 3, 60),
    "callback_retry_s": ("callback_retry_ms", 10, 86_400),
    "chat_ring_s": ("chat_ring_ms", 3, 300),
    "call_before_chat_s": ("call_before_chat_ms", 0, 86_400),
}
_WEIGHTS = {  # seconds in the file
    "priority_s": "priority",
    "language_s": "language",
    "scarce_s": "scarce",
    "late_s": "late",
    "rescue_s": "rescue",
    "rescue_window_s": "rescue_window",
    "affinity_s": "affinity",
    "chat_s": "chat",
    "load_s": "load",
}
_SHARES = {"rescue_chances": "rescue_chances", "late_chances": "late_chances", "idle_share": "idle"}
MAX_WEIGHT_S = 100_000


def parse(raw: Mapping[str, object]) -> Rules:
    """A checked rule set of the mapping that a rules file holds; RulesError names the first bad field."""
    raw = _mapping(raw, "")
    known = {*_TIMES, "version", "weights", "relax", "wrap_up_s", "spare", "topics", "queues", "languages"}
    known |= {"timezone", "service_level", "max_attempts", "callback_attempts", "chat_capacity"}
    _no_unknown(raw, known, "")
    values: dict[str, object] = {}
    for key, (name, least, most) in _TIMES.items():
        if key in raw:
            values[name] = _seconds(raw[key], key, least, most)
    for key in ("max_attempts", "callback_attempts"):
        if key in raw:
            values[key] = _whole(raw[key], key, 1, 1000)
    if "chat_capacity" in raw:
        values["chat_capacity"] = _whole(raw["chat_capacity"], "chat_capacity", 0, MAX_CHATS)
    if "weights" in raw:
        values["weights"] = _weights(_mapping(raw["weights"], "weights"))
    if "spare" in raw:
        values["spare"] = _per_level(_mapping(raw["spare"], "spare"), "spare", 1, (0, 6, 2, 0))
    default = _topic_rule({k: raw[k] for k in ("relax", "wrap_up_s") if k in raw}, "", TopicRule())
    values["default_topic"] = default
    topics = _mapping(raw.get("topics", {}), "topics")
    values["topics"] = {
        name: _topic_rule(_mapping(body, f"topics.{name}"), f"topics.{name}", default)
        for name, body in topics.items()
    }
    values["queues"] = _queues(_mapping(raw.get("queues", {}), "queues"))
    values["languages"] = _languages(_mapping(raw.get("languages", {}), "languages"))
    if "timezone" in raw:
        values["timezone"] = _zone(raw["timezone"])
    if "service_level" in raw:
        values["service_level"] = _text(raw["service_level"], "service_level")
    rules = replace(Rules(), **values)  # type: ignore[arg-type]
    return _consistent(rules)


def _consistent(rules: Rules) -> Rules:
    if rules.service_level not in FORMULAS:
        raise RulesError("service_level", f"one of {', '.join(sorted(FORMULAS))} is expected")
    if rules.answer_allowance_ms >= rules.target_ms:
        raise RulesError("answer_allowance_s", "must be less than target_s")
    if rules.weights.rescue_window < 1_000:
        raise RulesError("weights.rescue_window_s", "must be at least 1")
    if rules.max_wait_ms <= rules.target_ms:
        raise RulesError("max_wait_s", "must be more than target_s")
    return rules


def _topic_rule(body: Mapping[str, object], where: str, default: TopicRule) -> TopicRule:
    _no_unknown(body, {"relax", "wrap_up_s"}, where)
    dot = f"{where}." if where else ""
    relax = default.relax
    if "relax" in body:
        relax = _relaxation(body["relax"], f"{dot}relax")
    wrap = default.wrap_up_ms
    if "wrap_up_s" in body:
        wrap = _seconds(body["wrap_up_s"], f"{dot}wrap_up_s", 0, 86_400)
    return TopicRule(relax, wrap)


def _relaxation(raw: object, where: str) -> Relaxation:
    """``[{after_s: 0, level: 3}, {after_s: 20, level: 1}]``: each step lets lower levels in as well."""
    if not isinstance(raw, list | tuple) or not 1 <= len(raw) <= MAX_STEPS:
        raise RulesError(where, f"a list of 1 to {MAX_STEPS} steps is expected")
    after = [-1, -1, -1, -1]
    last_after, last_level = -1, 4
    for number, item in enumerate(raw):
        here = f"{where}[{number}]"
        step = _mapping(item, here)
        _no_unknown(step, {"after_s", "level"}, here)
        wait = _seconds(step.get("after_s", 0), f"{here}.after_s", 0, 86_400)
        level = _whole(step.get("level"), f"{here}.level", 1, 3)
        if wait <= last_after:
            raise RulesError(f"{here}.after_s", "each step must begin later than the one before")
        if level >= last_level:
            raise RulesError(f"{here}.level", "a step must ask for less than the one before")
        for each in range(level, last_level):
            if each <= 3:
                after[each] = wait
        last_after, last_level = wait, level
    if raw and _mapping(raw[0], where).get("after_s", 0) != 0:
        raise RulesError(
            f"{where}[0].after_s", "the first step must begin at 0: before it nobody could serve"
        )
    if last_level > 1:  # the last step's level stays the least for ever
        after[1:last_level] = [NEVER] * (last_level - 1)
    return Relaxation((0, after[1], after[2], after[3]))


NEVER = 1 << 50  # milliseconds; a level that no wait lets in


def _queues(raw: Mapping[str, object]) -> dict[str, QueueRule]:
    queues: dict[str, QueueRule] = {}
    for name, item in raw.items():
        where = f"queues.{name}"
        body = _mapping(item if item is not None else {}, where)
        _no_unknown(body, {"skills", "overflow"}, where)
        skills = _text(body.get("skills", ""), f"{where}.skills", empty=True)
        rule = QueueRule(skills)
        if "overflow" in body:
            over = _mapping(body["overflow"], f"{where}.overflow")
            _no_unknown(over, {"to", "after_s"}, f"{where}.overflow")
            to = _text(over.get("to"), f"{where}.overflow.to")
            wait = _seconds(over.get("after_s", 0), f"{where}.overflow.after_s", 0, 86_400)
            rule = QueueRule(skills, to, wait)
        queues[name] = rule
    for name, rule in queues.items():
        seen = [name]
        while rule.overflow:
            if rule.overflow not in queues:
                raise RulesError(f"queues.{seen[-1]}.overflow.to", f"there is no queue {rule.overflow!r}")
            seen.append(rule.overflow)
            if rule.overflow in seen[:-1]:
                raise RulesError(f"queues.{name}.overflow", f"a cycle: {' -> '.join(seen)}")
            rule = queues[rule.overflow]
    return queues


def _languages(raw: Mapping[str, object]) -> dict[str, tuple[tuple[int, str], ...]]:
    languages: dict[str, tuple[tuple[int, str], ...]] = {}
    for name, item in raw.items():
        where = f"languages.{name}"
        if not isinstance(item, list | tuple) or len(item) > MAX_STEPS:
            raise RulesError(where, f"a list of at most {MAX_STEPS} steps is expected")
        steps = []
        for number, each in enumerate(item):
            here = f"{where}[{number}]"
            step = _mapping(each, here)
            _no_unknown(step, {"after_s", "also"}, here)
            also = _text(step.get("also"), f"{here}.also")
            if also == name:
                raise RulesError(f"{here}.also", "the caller's own language is always accepted")
            steps.append((_seconds(step.get("after_s", 0), f"{here}.after_s", 0, 86_400), also))
        languages[name] = tuple(steps)
    return languages


def _weights(raw: Mapping[str, object]) -> Weights:
    _no_unknown(raw, {*_WEIGHTS, *_SHARES, "level_s"}, "weights")
    values: dict[str, object] = {}
    for key, name in _WEIGHTS.items():
        if key in raw:
            values[name] = _seconds(raw[key], f"weights.{key}", 0, MAX_WEIGHT_S)
    for key, name in _SHARES.items():
        if key in raw:
            values[name] = _share(raw[key], f"weights.{key}")
    if "level_s" in raw:
        levels = _mapping(raw["level_s"], "weights.level_s")
        values["level"] = _per_level(levels, "weights.level_s", 1000, Weights().level)
    return replace(Weights(), **values)  # type: ignore[arg-type]


def _per_level(
    raw: Mapping[str, object], where: str, unit: int, default: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    values = list(default)
    for key, value in raw.items():
        if key not in ("1", "2", "3"):
            raise RulesError(f"{where}.{key}", "a level is 1, 2 or 3")
        values[int(key)] = _whole(value, f"{where}.{key}", 0, 86_400) * unit
    return values[0], values[1], values[2], values[3]


def _no_unknown(raw: Mapping[str, object], known: set[str], where: str) -> None:
    for key in raw:
        if key not in known:
            raise RulesError(f"{where}.{key}" if where else key, "no such rule")


def _mapping(raw: object, where: str) -> Mapping[str, object]:
    if not isinstance(raw, Mapping):
        raise RulesError(where, "a mapping is expected")
    if len(raw) > MAX_NAMES:
        raise RulesError(where, f"more than {MAX_NAMES} entries")
    return {str(key): value for key, value in raw.items()}


def _seconds(raw: object, where: str, least: int, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not least <= raw <= most:
        raise RulesError(where, f"a number of seconds from {least} to {most} is expected")
    return round(raw * 1000)


def _share(raw: object, where: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= 10:
        raise RulesError(where, "a number from 0 to 10 is expected")
    return float(raw)


def _whole(raw: object, where: str, least: int, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        raise RulesError(where, f"a whole number from {least} to {most} is expected")
    return raw


def _text(raw: object, where: str, *, empty: bool = False) -> str:
    if not isinstance(raw, str) or len(raw) > 100 or (not raw and not empty):
        raise RulesError(where, "a name is expected")
    return raw


def _zone(raw: object) -> str:
    name = _text(raw, "timezone")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise RulesError("timezone", f"there is no time zone {name!r}") from None
    return name
