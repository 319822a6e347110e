"""One step of the dialogue while it is being made: the session so far, words to say, things to do.

Private to ``advance``: it lives for one call of it, so the machine stays a pure function for everybody else.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ivr.dialog.contract import (
    Action,
    Ask,
    Brief,
    Digits,
    Disconnect,
    LeaveQueue,
    Note,
    Play,
    Prompt,
    Utterance,
    Value,
)
from ivr.dialog.model import Flow, Node, Prompts
from ivr.dialog.ports import Expects, Meaning, World
from ivr.dialog.session import MAX_PATH, Session
from ivr.dialog.words import common_intent

MAX_TYPED_AHEAD = 32


class Turn:
    """Session, world and the actions of one step."""

    def __init__(self, flow: Flow, session: Session, now_ms: int, world: World) -> None:
        self.flow = flow
        self.s = session
        self.now_ms = now_ms
        self.world = world
        self.actions: list[Action] = []
        self.pending: list[Prompt] = []
        self.target = ""  # the node to enter next
        self.inbox: Digits | None = None  # keys typed ahead, to be taken as the answer at once

    # ------------------------------------------------------------------ session
    def set(self, **changes: Any) -> None:
        self.s = dataclasses.replace(self.s, **changes)

    def slot(self, name: str, value: Value) -> None:
        self.set(slots={**self.s.slots, name: value})

    def drop_slot(self, name: str) -> None:
        self.set(slots={key: value for key, value in self.s.slots.items() if key != name})

    def node(self) -> Node:
        return self.flow.nodes[self.s.node]

    # ------------------------------------------------------------------ going on
    def go(self, label: str, target: str) -> None:
        """Leave this node by the edge ``label``."""
        path = self.s.path
        if len(path) < MAX_PATH:
            path = (*path, f"{self.s.node}>{label}")
        self.set(path=path, attempt=0, repeats=0, step="")
        self.target = target

    # ------------------------------------------------------------------ saying and doing
    def say(self, prompts: Prompts, **slots: Value) -> None:
        """Say before the next thing that the caller hears."""
        self.pending += [Prompt(prompt, slots) for prompt in prompts]

    def say_text(self, prompt_id: str, text: str, language: str = "") -> None:
        self.pending.append(Prompt(prompt_id, {}, text, language))

    def flush(self, *, barge_in: bool = True) -> None:
        if self.pending:
            self.actions.append(Play(tuple(self.pending), barge_in))
            self.pending = []

    def do(self, action: Action) -> None:
        self.flush()
        self.actions.append(action)

    def note(self, name: str, value: Value = True) -> None:
        """A fact for the call's summary; one that comes again replaces the one before."""
        self.set(notes={**self.s.notes, name: value})
        self.actions.append(Note(name, value))

    def count(self, name: str) -> None:
        self.note(name, int(self.s.notes.get(name, 0)) + 1)  # type: ignore[arg-type]

    def brief(self, name: str, value: Value) -> None:
        """Keep a fact for the specialist; a caller who already waits has it sent after him."""
        self.set(matter={**self.s.matter, name: value}, notes={**self.s.notes, name: value})
        if self.s.queued:
            self.actions.append(Brief(dict(self.s.matter)))

    def ask(self, prompts: Prompts, step: str = "ask", **how: Any) -> None:
        """Ask, unless the answer has been typed ahead.

        With ``whole`` (numbers) typed-ahead keys count only when they make a complete answer. ``made``:
        prompts with slots of their own, said after ``prompts``.
        """
        whole = bool(how.pop("whole", False))
        made: tuple[Prompt, ...] = how.pop("made", ())
        slots: dict[str, Value] = how.pop("slots", {})
        self.set(step=step)
        action = Ask(
            prompts=(*self.pending, *(Prompt(prompt, slots) for prompt in prompts), *made),
            speech=bool(how.pop("speech", False)) and self.s.speech,
            lead=len(self.pending),
            **how,
        )
        if self.s.typed_ahead:
            taken, rest = _take(self.s.typed_ahead, action.max_digits, action.terminator)
            complete = len(taken) >= action.max_digits or len(taken) < len(self.s.typed_ahead)
            if not whole or complete:
                self.set(typed_ahead=rest)
                self.pending = []
                self.inbox = Digits(taken)
                return
            self.set(typed_ahead="")
        self.pending = []
        self.actions.append(action)

    def keep_keys(self, keys: str) -> None:
        """Keys that were pressed before their question."""
        self.set(typed_ahead=(self.s.typed_ahead + keys)[:MAX_TYPED_AHEAD])

    def finish(self) -> None:
        """Hang up; a place that was still held is given back."""
        self.flush()
        if self.s.queued:
            self.do(LeaveQueue("content", "overflowed"))
            self.set(queued=False, first_queued_ms=0)
        self.do(Disconnect())
        self.set(ended=True, step="")

    # ------------------------------------------------------------------ understanding
    def meaning(self, utterance: Utterance, expects: Expects) -> Meaning:
        """What an utterance means; its confidence is not above the recogniser's own."""
        intent = common_intent(utterance.text, self.s.language)
        if intent:
            return Meaning(intent, utterance.confidence)
        found = self.world.understand(utterance.text, self.s.language, expects)
        return dataclasses.replace(found, confidence=min(found.confidence, utterance.confidence))


def topic_prompt(topic: str) -> str:
    """The prompt that names a topic: ``topic.personal_data`` for the topic ``personal-data``."""
    return f"topic.{topic.replace('-', '_')}"


def _take(keys: str, count: int, terminator: str) -> tuple[str, str]:
    """The first answer of typed-ahead keys, and the rest. A number ends with its terminator: a digit too many
    is part of it, and not the answer to the next question."""
    if count > 1 and terminator:
        taken, _, rest = keys.partition(terminator)
        return taken, rest
    return keys[:count], keys[count:]
