"""What a flow is made of: one frozen dataclass a node kind.

Rules
  * A flow has no expressions. A node does one thing and names where the call goes next; the field types
    below say what a name means: ``Ref`` is a node, ``Refs`` a table to nodes, ``Prompts`` texts of the
    catalogue, ``Options`` the choices of a menu.
  * ``edges`` is the only way to ask where a call can go. The checker, the drawing, the coverage figure and
    the machine's own book-keeping all use its labels.
  * Node ids are ``file.name``; inside a file the bare name is enough.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Ref = str  # id of a node, "" for none
Refs = Mapping[str, str]  # label -> id of a node
Prompts = tuple[str, ...]  # ids of prompts, said one after another
Names = tuple[str, ...]

DAYTIMES = ("morning", "day", "evening", "night")
REPEAT_KEY, BACK_KEY, PERSON_KEY = "*", "#", "0"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: said as prompt ``say``, chosen by ``key``, by one of ``phrases`` or by an intent.

    ``go`` leads on; ``topic`` is what the call is about from then on; ``value`` is what a question keeps.
    """

    key: str
    say: str = ""
    go: Ref = ""
    topic: str = ""
    value: str = ""
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # language -> what people say
    intents: Names = ()  # "answer.access.*": an intent, or the beginning of one
    line: int = 0


Options = tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Base of all nodes; ``file`` and ``line`` are for messages."""

    id: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Node):
    """Say prompts and go on. ``by: time_of_day`` adds .morning .day .evening .night to the prompts' ids."""

    prompts: Prompts
    next: Ref
    by: Literal["", "time_of_day"] = ""
    barge_in: bool = True  # False: a notice that nobody may skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(Node):
    """What all nodes that ask have in common: how often, and the wordings after each failed attempt."""

    prompts: Prompts
    attempts: int = 2
    no_input: Prompts = ("retry.no_input",)
    no_match: Prompts = ("retry.no_match",)
    speech: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading(Asking):
    """Asks what it must know: after the last attempt the call hears ``give_up`` and goes to ``otherwise``.

    Key 0 or the word for it leads to ``person``.
    """

    otherwise: Ref = ""
    person: Ref = ""
    give_up: Prompts = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Leading):
    """Choices. ``spoken`` replaces ``prompts`` when the caller can speak; ``free`` takes any words.

    ``intents`` leads on what was said beyond the choices: ``topic.*`` sets the topic, ``answer.*`` keeps
    the answer for an answer node.
    """

    options: Options
    spoken: Prompts = ()
    tail: Prompts = ()
    free: bool = False
    intents: Refs = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Asking):
    """One question of a guided talk: keeps the chosen ``value`` as note ``into`` for the specialist.

    A caller who does not answer is not pressed: an answer that fits nothing leads on to ``next``, silence
    ends the talk at ``skip``, as key 0 or a word («оператор», «пропустить») does.
    """

    options: Options
    into: str
    next: Ref
    skip: Ref
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Leading):
    """Digits by keys or voice into slot ``into``; ``check``: snils (checksum) or date (DDMMYYYY)."""

    into: str
    next: Ref
    min_digits: int = 1
    max_digits: int = 20
    check: Literal["", "snils", "date"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Leading):
    """Yes (key 1), no (key 2), or one of the further ``options``. ``corrects``: the slot of the number that
    is read back: who says no may say in the same breath what is wrong («нет, в конце сорок пять»), and hears
    it read back anew."""

    yes: Ref
    no: Ref
    options: Options = ()
    corrects: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpNode(Node):
    """Ask a named source; ``case`` names the value that chooses among ``cases``."""

    source: str
    send: Names = ()
    prompts: Prompts = ()
    found: Ref
    not_found: Ref
    failed: Ref = ""  # the source does not answer; "": as not found
    case: str = ""
    cases: Refs = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Leading):
    """Answer a common question and ask whether it helped.

    ``answer`` is fixed, or the question is asked by voice (``prompts``) or was understood on the way here.
    """

    answer: str = ""
    prompts: Prompts = ()
    ask_helped: Prompts = ("helped.ask",)
    helped: Ref
    not_helped: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNode(Node):
    """Record the caller's words and open a ticket; ``next`` after its number was told.

    A recording that could not be made still becomes a ticket: the caller is promised a call, if his number
    is known.
    """

    prompts: Prompts
    next: Ref
    otherwise: Ref  # nothing was said, twice
    kind_of_ticket: Literal["request", "complaint"] = "request"
    topic: str = ""
    max_s: int = 120
    silence_s: int = 4
    review: bool = True
    ask_review: Prompts = ("record.review",)
    empty: Prompts = ("record.empty",)
    too_long: Prompts = ("record.too_long",)
    failed: Prompts = ("record.failed",)
    number: Prompts = ("record.number",)  # slot number
    later: Prompts = ("record.later",)  # the number is not known yet
    lost: Prompts = ("record.lost",)  # kept nowhere; then ``otherwise``


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Node):
    """Wait for a specialist; ``next`` after the conversation. Entered again while waiting: wait on."""

    queue: str = "main"
    topic: str = ""  # of a caller who did not choose one
    prompts: Prompts = ()
    next: Ref
    otherwise: Ref  # will not be served, for a reason that ``released`` does not name
    released: Refs = field(default_factory=dict)
    options: Options = ()  # keys and words while waiting
    intents: Refs = field(default_factory=dict)  # what is asked over the music leads here, as in a menu
    hint: Prompts = ()  # tells of the options, now and then
    hint_spoken: Prompts = ()  # to callers who are listened to over the music; () is the hint
    unclear: Prompts = ("queue.unclear",)  # to words over the music that mean nothing here
    talks: Refs = field(default_factory=dict)  # topic -> guided talk while waiting
    talk_min_wait_s: int = 45
    first_announce_s: int = 5
    announce_s: int = 30
    whisper: Prompts = ()
    priority: int = 0
    min_level: int = 1
    back: Prompts = ("queue.back",)  # said to a caller whose call goes on after a restart
    called_back: Prompts = ("callback.hello",)  # to a customer whom we have rung: who calls, and why
    first: Prompts = ("queue.first",)  # slots place; the first announcement of a place
    next_one: Prompts = ("queue.next",)  # place 1
    wait: Prompts = ("queue.wait",)  # slot wait; the range, when it is news
    moved: Prompts = ("queue.moved",)  # slot place; the place is better now
    moved_next: Prompts = ("queue.moved_next",)
    still: Prompts = ("queue.still_1", "queue.still_2", "queue.still_3")  # nothing new, said in turn
    unknown: Prompts = ("queue.unknown",)  # the distributor does not answer; the place is safe


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback(Leading):
    """Offer to call back on this number (1), on another (2), at a time to choose (4).

    ``refused`` when the caller declines (3).
    """

    next: Ref
    refused: Ref
    choose_time: Prompts = ("callback.choose_time",)  # said where times are to be had
    when: Prompts = ("callback.when",)
    at_number: Prompts = ("callback.at_number",)  # slot number
    agreed: Prompts = ("callback.agreed",)  # before the time, which is said once more
    ask_number: Prompts = ("callback.ask_number",)
    confirm: Prompts = ("callback.confirm",)  # slot number
    accepted: Prompts = ("callback.accepted",)  # slot number


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Leading):
    """Tell a caller that his callback, or the place of his dropped call, is kept. ``next``: nothing to ask.

    Values of the options: ``now`` (he takes his place; only while open), ``keep``, ``cancel``.
    """

    options: Options
    next: Ref
    place: Prompts = ("kept.place",)  # slot place
    dropped: Prompts = ("kept.dropped",)
    cancelled: Prompts = ("kept.cancelled",)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferNode(Node):
    """Hand the call to a destination outside the centre."""

    destination: str
    prompts: Prompts = ()
    next: Ref
    failed: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours(Node):
    """Branch on the opening hours; with ``announce`` the closed branches hear when the centre opens.

    ``closing``: open, but a caller who comes now would not be served before the end.
    """

    open: Ref
    closed: Ref
    closing: Ref = ""  # "": as closed
    holiday: Ref = ""  # open today with the hours of a holiday; "": as open
    announce: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageNode(Node):
    """Go on in another language; ``language`` "" means the next one of the hotline's."""

    language: str = ""
    prompts: Prompts = ()
    next: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey(Asking):
    """A mark from 1 to 5 for the conversation; silence is an answer too."""

    next: Ref
    thanks: Prompts = ("survey.thanks",)
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident(Node):
    """Tell of known incidents that concern the call's topic, each once a call."""

    next: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTopic(Node):
    """Branch on the topic."""

    cases: Refs
    otherwise: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class InQueue(Node):
    """Does the caller hold a place in the queue?"""

    yes: Ref
    no: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodbye(Node):
    """Say the last words and hang up."""

    prompts: Prompts


KINDS: Mapping[str, type[Node]] = {
    "say": Say,
    "menu": Menu,
    "question": Question,
    "ask_number": Number,
    "confirm": Confirm,
    "lookup": LookUpNode,
    "answer": Answer,
    "record": RecordNode,
    "queue": Queue,
    "callback": Callback,
    "kept": Kept,
    "transfer": TransferNode,
    "hours": Hours,
    "language": LanguageNode,
    "survey": Survey,
    "incident": Incident,
    "by_topic": ByTopic,
    "in_queue": InQueue,
    "goodbye": Goodbye,
}
KIND_OF: Mapping[type[Node], str] = {cls: name for name, cls in KINDS.items()}

# How a field is written in YAML where Python's or English's own word stands in the way.
YAML_NAME: Mapping[str, str] = {"otherwise": "else", "kind_of_ticket": "ticket"}


@dataclass(frozen=True, slots=True)
class Flow:
    """All nodes of the hotline's dialogue, and the version that a call keeps to its end."""

    version: str
    nodes: Mapping[str, Node]
    start: str
    resume: str  # the queue node that a caller comes back to after the daemon was restarted
    languages: tuple[str, ...] = ("ru",)
    files: Mapping[str, str] = field(default_factory=dict)  # file name -> text, for the drawing and rollback


def _references(node: Node) -> Iterator[tuple[str, str]]:
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        if item.type == "Ref" and value:
            yield YAML_NAME.get(item.name, item.name), value
        elif item.type == "Refs":
            for label, target in value.items():
                yield f"{item.name}.{label}", target
        elif item.type == "Options":
            for option in value:
                if option.go:
                    yield option.key, option.go
                elif isinstance(node, Question):
                    yield option.key, node.next


def edges(node: Node) -> tuple[tuple[str, str], ...]:
    """Where a call can go from here: (label, node id), in the order of the fields.

    Labels: the field's name in YAML (``next``, ``else``, ``person``), ``released.REASON``, ``intents.X``,
    or the key of an option.
    """
    return tuple(_references(node))


def prompts_of(node: Node) -> tuple[str, ...]:
    """Ids of every prompt that the node's file names, daytimes spelt out."""
    found: list[str] = []
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        if item.type == "Prompts":
            if isinstance(node, Say) and node.by and item.name == "prompts":
                value = [f"{prompt}.{daytime}" for prompt in value for daytime in DAYTIMES]
            found += value
        elif item.type == "Options":
            found += [option.say for option in value if option.say]
    if isinstance(node, Answer) and node.answer:
        found.append(f"answer.{node.answer}")
    return tuple(dict.fromkeys(found))
