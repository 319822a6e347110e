"""What is wrong with a flow that reads well: faults that only show in the whole.

Each finding has a code, so that a broken example can prove it:

  unknown-node       a name leads nowhere
  unreachable        nothing leads to a node
  missing-prompt     a text is missing in one of the languages
  no-choices         a menu or question without a choice
  key-collision      two choices, or a choice and a common key (0 person, * repeat), share a key
  phrase-collision   two choices are chosen by the same words, or by words that mean something everywhere
  phrase-alike       two choices that sound alike on a telephone (warning)
  no-phrases         a choice that cannot be spoken in one of the languages
  endless-loop       nodes that lead in a circle without asking or waiting for anybody
  cannot-end         from here the call never comes to an end
  no-person          a node that asks and offers no way to a person
  missing-exit       nothing is said about where a call goes after the last attempt
  too-deep           more than three menus one after another
  too-wide           more than four choices at once
  unknown-topic      a topic that the distributor does not know
  unknown-answer     an answer that config/answers does not hold
  not-a-queue        ``resume`` is no queue
  unknown-language   a call would go on in a language that the flow does not name
  borrowed-prompts   a language that has only some texts speaks another one's (warning, one a language)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from ivr.dialog import hours_words, times
from ivr.dialog.flow import Problem
from ivr.dialog.model import (
    PERSON_KEY,
    REPEAT_KEY,
    Answer,
    Asking,
    ByTopic,
    Callback,
    Confirm,
    Flow,
    Goodbye,
    LanguageNode,
    Leading,
    LookUpNode,
    Menu,
    Node,
    Number,
    Option,
    Question,
    Queue,
    RecordNode,
    Survey,
    TransferNode,
    edges,
    prompts_of,
)
from ivr.dialog.words import COMMON, alike, normal

MAX_DEPTH = 3
MAX_CHOICES = 4
# What the machine says without a node naming it.
OWN_PROMPTS = (
    "error.sorry", "confirm.heard", "confirm.yes_no", "incident.number", "incident.expected",
    *hours_words.PROMPTS, *times.PROMPTS,
)  # fmt: skip
# Nodes at which a call waits for a caller or for somebody else: a circle through one of them may go on.
WAITS = (Asking, Queue, RecordNode, LookUpNode, TransferNode)
PEOPLE = (Queue, TransferNode, RecordNode, Callback)


@dataclass(frozen=True, slots=True)
class Known:
    """What exists beside the flow: ``prompts`` by language; empty ``topics`` or ``answers``: not checked."""

    prompts: Mapping[str, Collection[str]]
    topics: Collection[str] = ()
    answers: Collection[str] = ()
    # Of a language that has only some texts: those that the first language speaks for it (also in prompts).
    borrowed: Mapping[str, Collection[str]] = field(default_factory=dict)


def check(flow: Flow, known: Known | None = None) -> list[Problem]:
    """All findings, by file and line."""
    problems = list(_names(flow))
    graph = {
        node.id: [target for _, target in edges(node) if target in flow.nodes] for node in flow.nodes.values()
    }
    problems += _reachability(flow, graph)
    problems += _loops(flow, graph)
    problems += _people(flow, graph)
    problems += _depth(flow)
    for node in flow.nodes.values():
        problems += _choices(flow, node)
    if known is not None:
        problems += _prompts(flow, known)
        problems += _topics(flow, known)
    return sorted(set(problems))


def _problem(node: Node, code: str, text: str, line: int = 0, *, warning: bool = False) -> Problem:
    return Problem(node.file, line or node.line, code, text, "warning" if warning else "error")


# -------------------------------------------------------------------------------------------- the graph
def _names(flow: Flow) -> Iterator[Problem]:
    first = next(iter(flow.nodes.values()), None)
    for name, target in (("start", flow.start), ("resume", flow.resume)):
        if target not in flow.nodes:
            file = first.file if first else "flows"
            yield Problem(file, 1, "unknown-node", f"'{name}' names '{target}', which does not exist")
    resume = flow.nodes.get(flow.resume)
    if resume is not None and not isinstance(resume, Queue):
        yield _problem(resume, "not-a-queue", f"'resume' names '{resume.id}', which is no queue")
    for node in flow.nodes.values():
        if isinstance(node, LanguageNode) and node.language and node.language not in flow.languages:
            known = ", ".join(flow.languages)
            text = f"'{node.id}': '{node.language}' is none of the flow's languages: {known}"
            yield _problem(node, "unknown-language", text)
        if isinstance(node, Confirm) and node.corrects and node.corrects not in _numbers(flow):
            text = f"'{node.id}' corrects '{node.corrects}', into which no ask_number puts a number"
            yield _problem(node, "unknown-number", text)
        for label, target in edges(node):
            if target not in flow.nodes:
                yield _problem(
                    node, "unknown-node", f"{node.id}: '{label}' leads to '{target}', which does not exist"
                )


def _numbers(flow: Flow) -> set[str]:
    return {node.into for node in flow.nodes.values() if isinstance(node, Number) and node.check != "date"}


def _reach(graph: Mapping[str, list[str]], start: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph.get(name, [])
    return seen


def _backwards(graph: Mapping[str, list[str]]) -> dict[str, list[str]]:
    back: dict[str, list[str]] = {}
    for name, targets in graph.items():
        for target in targets:
            back.setdefault(target, []).append(name)
    return back


def _reachability(flow: Flow, graph: Mapping[str, list[str]]) -> Iterator[Problem]:
    reached = _reach(graph, [flow.start, flow.resume])
    ends = _reach(_backwards(graph), [n.id for n in flow.nodes.values() if isinstance(n, Goodbye)])
    for node in flow.nodes.values():
        if node.id not in reached:
            yield _problem(node, "unreachable", f"nothing leads to '{node.id}'")
        elif node.id not in ends:
            yield _problem(node, "cannot-end", f"from '{node.id}' a call never comes to a goodbye")


def _loops(flow: Flow, graph: Mapping[str, list[str]]) -> Iterator[Problem]:
    """Circles among nodes that need nobody: take away those that wait, and what leads out of the rest."""
    silent = {node.id for node in flow.nodes.values() if not isinstance(node, WAITS)}
    while True:
        leaves = {name for name in silent if not any(target in silent for target in graph[name])}
        if not leaves:
            break
        silent -= leaves
    for name in sorted(silent):
        if name in _reach(graph_within(graph, silent), graph_within(graph, silent)[name]):
            node = flow.nodes[name]
            yield _problem(node, "endless-loop", f"'{name}' comes back to itself without anybody being asked")


def graph_within(graph: Mapping[str, list[str]], names: set[str]) -> dict[str, list[str]]:
    return {name: [target for target in graph[name] if target in names] for name in names}


def _people(flow: Flow, graph: Mapping[str, list[str]]) -> Iterator[Problem]:
    helpful = _reach(_backwards(graph), [n.id for n in flow.nodes.values() if isinstance(n, PEOPLE)])
    # Who has just spoken to somebody, or has left a request, needs no way there.
    served = {node.next for node in flow.nodes.values() if isinstance(node, PEOPLE)}
    for node in flow.nodes.values():
        if not isinstance(node, Asking) or isinstance(node, Survey) or node.id in served:
            continue
        if isinstance(node, Leading) and not node.otherwise:
            yield _problem(
                node, "missing-exit", f"'{node.id}' does not say where a call goes after the last attempt"
            )
        if node.id not in helpful:
            yield _problem(node, "no-person", f"from '{node.id}' no way leads to a person or to a request")
        elif isinstance(node, Menu | Answer) and not node.person:
            yield _problem(node, "no-person", f"'{node.id}' has no 'person': key 0 would do nothing")


def _depth(flow: Flow) -> Iterator[Problem]:
    """Menus on the shortest way from the start, or from a queue, where one begins anew."""
    depth: dict[str, int] = {}
    todo = deque([(flow.start, 0)])
    todo.extend((option.go, 0) for n in flow.nodes.values() if isinstance(n, Queue) for option in n.options)
    while todo:
        name, menus = todo.popleft()
        node = flow.nodes.get(name)
        if node is None:
            continue
        menus = 0 if isinstance(node, Queue) else menus + isinstance(node, Menu)
        if name in depth and depth[name] <= menus:
            continue
        depth[name] = menus
        todo.extend((target, menus) for _, target in edges(node))
    for name, menus in depth.items():
        if menus > MAX_DEPTH and isinstance(flow.nodes[name], Menu):
            yield _problem(
                flow.nodes[name],
                "too-deep",
                f"'{name}' is the {menus}th menu in a row; {MAX_DEPTH} are enough",
            )


# -------------------------------------------------------------------------------------------- choices
def _choices(flow: Flow, node: Node) -> Iterator[Problem]:
    options: tuple[Option, ...] = getattr(node, "options", ())
    if isinstance(node, Menu | Question) and not options:
        yield _problem(node, "no-choices", f"'{node.id}' offers no choice")
    # Who needs another language does not listen to the choices, and who listens passes over it.
    foreign = {option.key for option in options if isinstance(flow.nodes.get(option.go), LanguageNode)}
    said = [option for option in options if option.key.isdigit() and option.key not in foreign]
    if len(said) > MAX_CHOICES:
        yield _problem(
            node, "too-wide", f"'{node.id}' offers {len(said)} choices at once; {MAX_CHOICES} are enough"
        )
    taken = {}
    if isinstance(node, Menu | Question | Confirm):
        taken[REPEAT_KEY] = "to hear it again"
        if isinstance(node, Question) or node.person:
            taken[PERSON_KEY] = "for a person"
    if isinstance(node, Confirm):
        taken |= {"1": "for yes", "2": "for no"}
    for option in options:
        if option.key in taken:
            yield _problem(
                node,
                "key-collision",
                f"'{node.id}': key {option.key} is already {taken[option.key]}",
                option.line,
            )
        taken.setdefault(option.key, "another choice")
        if isinstance(node, Menu | Queue | Confirm) and not option.go:
            yield _problem(
                node, "unknown-node", f"'{node.id}': choice {option.key} leads nowhere", option.line
            )
    for language in flow.languages:
        yield from _phrases(node, options, language)


def _phrases(node: Node, options: tuple[Option, ...], language: str) -> Iterator[Problem]:
    common = {
        normal(phrase): intent
        for intent, phrases in COMMON.get(language, {}).items()
        if intent in ("person", "repeat", "back")
        for phrase in phrases
    }
    for option in options:
        mine = option.phrases.get(language, ())
        if not mine and language in COMMON:  # nobody understands another language: its callers use keys
            yield _problem(
                node,
                "no-phrases",
                f"'{node.id}': choice {option.key} has no phrase in '{language}'",
                option.line,
            )
        for phrase in mine:
            if intent := common.get(normal(phrase)):
                text = f"'{node.id}': «{phrase}» already means '{intent}' everywhere"
                yield _problem(node, "phrase-collision", text, option.line)
    for one, other in combinations(options, 2):
        for a in one.phrases.get(language, ()):
            for b in other.phrases.get(language, ()):
                if normal(a) == normal(b):
                    text = f"'{node.id}': «{b}» chooses {one.key} and {other.key}"
                    yield _problem(node, "phrase-collision", text, other.line)
                elif alike(a, b):
                    text = f"'{node.id}': «{a}» ({one.key}) and «{b}» ({other.key}) sound alike"
                    yield _problem(node, "phrase-alike", text, other.line, warning=True)


# ------------------------------------------------------------------------------- prompts, topics, answers
def _prompts(flow: Flow, known: Known) -> Iterator[Problem]:
    start = flow.nodes.get(flow.start)
    used = {prompt for node in flow.nodes.values() for prompt in prompts_of(node)}
    for language in flow.languages:
        if start is not None and (borrowed := sorted(used & set(known.borrowed.get(language, ())))):
            few = ", ".join(borrowed[:3]) + (", …" if len(borrowed) > 3 else "")
            text = f"{len(borrowed)} of {len(used)} prompts have no text in '{language}': {few}"
            text += f"; they are spoken in '{flow.languages[0]}'"
            yield _problem(start, "borrowed-prompts", text, warning=True)
        there = known.prompts.get(language, ())
        for node in flow.nodes.values():
            for prompt in prompts_of(node):
                if prompt not in there and not (
                    isinstance(node, Answer) and prompt == f"answer.{node.answer}"
                ):
                    yield _problem(
                        node, "missing-prompt", f"'{node.id}': there is no prompt '{prompt}' in '{language}'"
                    )
        own = [*OWN_PROMPTS, *(f"topic.{topic.replace('-', '_')}" for topic in _topics_of(flow))]
        for prompt in own:
            if prompt not in there and start is not None:
                yield _problem(start, "missing-prompt", f"there is no prompt '{prompt}' in '{language}'")
        for node in flow.nodes.values():
            if isinstance(node, Answer) and node.answer and f"answer.{node.answer}" not in there:
                text = f"'{node.id}': there is no answer '{node.answer}' in '{language}'"
                yield _problem(node, "unknown-answer", text)


def _topics_of(flow: Flow) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node in flow.nodes.values():
        for option in getattr(node, "options", ()):
            if option.topic:
                found.setdefault(option.topic, node)
        if isinstance(node, ByTopic):
            for topic in node.cases:
                found.setdefault(topic, node)
        if isinstance(node, Queue):
            for topic in (*node.talks, *filter(None, [node.topic])):
                found.setdefault(topic, node)
        if isinstance(node, RecordNode) and node.topic:
            found.setdefault(node.topic, node)
    return found


def _topics(flow: Flow, known: Known) -> Iterator[Problem]:
    if not known.topics:
        return
    for topic, node in _topics_of(flow).items():
        if topic not in known.topics:
            yield _problem(node, "unknown-topic", f"'{node.id}': the distributor knows no topic '{topic}'")


__all__ = ["Known", "check"]
