"""The roster: agents as an administrator writes them, ``config/agents.yaml``.

    agents:
      - id: "2001"                  # also the phone's number
        name: Анна Смирнова
        endpoint: PJSIP/2001        # default: PJSIP/ID
        skills: {technical: 3, account: 1}      # topic: 1 can, 2 good, 3 expert
        languages: [ru, en]         # default: [ru]
        status: available           # how he begins when nothing is known of him; default: logged_out
        chats: 2                    # so many at once, 0: calls only; default: chat_capacity of the rules

Every fault is reported with file and line; a roster with a fault is not used.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

from acd.contract import AgentDefined, AgentStatus
from acd.core.rules import MAX_CHATS
from acd.marked import Bad, compose, scalar

MAX_BYTES: Final = 20_000_000
MAX_AGENTS: Final = 50_000
STATUSES: Final = ("logged_out", "available", "on_break")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_ENDPOINT = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.@-]{1,80}")
_PERSON = re.compile(r"[^\x00-\x1f\ud800-\udfff]{1,100}")
_NAME = re.compile(r"[a-z0-9_./-]{1,60}")
_FIELDS: Final = frozenset({"id", "name", "endpoint", "skills", "languages", "status", "chats"})


class RosterError(Exception):
    """The roster is wrong; the text has a line ``file:line: fault`` for each fault."""


@dataclass(frozen=True, slots=True)
class RosterAgent:
    """One agent of the roster and the status in which he begins."""

    agent: AgentDefined
    status: AgentStatus


@dataclass(frozen=True, slots=True)
class Roster:
    entries: tuple[RosterAgent, ...] = ()

    @property
    def agents(self) -> dict[str, AgentDefined]:
        return {entry.agent.agent_id: entry.agent for entry in self.entries}


def load(file: Path, topics: Collection[str] | None = None) -> Roster:
    """Reads a roster; ``topics`` are the known skills (None: any). Raises RosterError."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise RosterError(f"{file}:1: more than {MAX_BYTES} bytes")
        text = file.read_text("utf-8")
    except OSError as error:
        raise RosterError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RosterError(f"{file}:1: not UTF-8") from None
    return parse(text, str(file), topics)


def parse(text: str, file: str = "agents.yaml", topics: Collection[str] | None = None) -> Roster:
    """The same from a text. Raises RosterError."""
    try:
        node = compose(text, anchors=True)  # colleagues may share their skills; nothing here follows a cycle
    except Bad as error:
        raise RosterError(f"{file}:{error.line}: {error}") from None
    reader = _Reader(file, topics)
    entries = reader.roster(node)
    if reader.faults:
        raise RosterError("\n".join(reader.faults))
    return Roster(tuple(entries))


class _Reader:
    def __init__(self, file: str, topics: Collection[str] | None) -> None:
        self._file = file
        self._topics = topics
        self.faults: list[str] = []

    def _fault(self, node: yaml.Node | None, text: str) -> None:
        line = node.start_mark.line + 1 if node is not None else 1
        self.faults.append(f"{self._file}:{line}: {text}")

    def roster(self, node: yaml.Node | None) -> list[RosterAgent]:
        fields = self._mapping(node, "the roster", {"agents"})
        agents = fields.get("agents")
        if agents is None:
            if node is not None and not self.faults:
                self._fault(node, "'agents' is missing")
            return []
        if not isinstance(agents, yaml.SequenceNode):
            self._fault(agents, "'agents' is to be a list")
            return []
        if len(agents.value) > MAX_AGENTS:
            self._fault(agents, f"more than {MAX_AGENTS} agents")
            return []
        entries: list[RosterAgent] = []
        seen: dict[str, int] = {}
        for item in agents.value:
            entry = self._agent(item)
            if entry is None:
                continue
            before = seen.setdefault(entry.agent.agent_id, item.start_mark.line + 1)
            if before != item.start_mark.line + 1:
                self._fault(item, f"agent {entry.agent.agent_id} stands in line {before} already")
            entries.append(entry)
        return entries

    def _agent(self, node: yaml.Node) -> RosterAgent | None:
        before = len(self.faults)
        fields = self._mapping(node, "an agent", _FIELDS)
        if "id" not in fields:
            self._fault(node, "an agent without 'id'")
            return None
        agent_id = self._text(fields["id"], "id", _ID)
        name, endpoint = agent_id, f"PJSIP/{agent_id}"
        if "name" in fields:
            name = self._text(fields["name"], "name", _PERSON)
        if "endpoint" in fields:
            endpoint = self._text(fields["endpoint"], "endpoint", _ENDPOINT)
        skills = self._skills(fields.get("skills"), node)
        languages = self._languages(fields.get("languages"))
        status = self._status(fields.get("status"))
        chats = self._chats(fields.get("chats"))
        if len(self.faults) > before:
            return None
        return RosterAgent(AgentDefined(agent_id, name, endpoint, skills, languages, chats), status)

    def _skills(self, node: yaml.Node | None, agent: yaml.Node) -> dict[str, int]:
        if node is None:
            self._fault(agent, "an agent without 'skills' would never be offered a call")
            return {}
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self._fault(node, "'skills' is to be a mapping of topic to level 1, 2 or 3")
            return {}
        skills: dict[str, int] = {}
        for key, value in node.value:
            topic = self._text(key, "a topic", _NAME)
            if self._topics is not None and topic.rpartition("/")[2] not in self._topics:
                self._fault(key, f"unknown topic {topic!r}; known: {', '.join(sorted(self._topics))}")
            level = _plain(value)
            if level not in (1, 2, 3) or isinstance(level, bool):
                self._fault(value, f"level of {topic!r} is 1, 2 or 3, not {level!r}")
                continue
            if topic in skills:
                self._fault(key, f"topic {topic!r} stands twice")
            skills[topic] = cast(int, level)
        return skills

    def _languages(self, node: yaml.Node | None) -> tuple[str, ...]:
        if node is None:
            return ("ru",)
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fault(node, "'languages' is to be a list such as [ru, en]")
            return ()
        return tuple(self._text(item, "a language", re.compile(r"[a-z]{2,3}")) for item in node.value)

    def _chats(self, node: yaml.Node | None) -> int:
        if node is None:
            return -1
        chats = _plain(node)
        if not isinstance(chats, int) or isinstance(chats, bool) or not 0 <= chats <= MAX_CHATS:
            self._fault(node, f"'chats' is how many he takes at once, 0 to {MAX_CHATS}, not {chats!r}")
            return -1
        return chats

    def _status(self, node: yaml.Node | None) -> AgentStatus:
        status = "logged_out" if node is None else _plain(node)
        if status not in STATUSES:
            self._fault(node, f"'status' is one of {', '.join(STATUSES)}, not {status!r}")
        return cast(AgentStatus, status)

    def _text(self, node: yaml.Node, what: str, pattern: re.Pattern[str]) -> str:
        if not isinstance(node, yaml.ScalarNode) or not pattern.fullmatch(node.value):
            value = node.value if isinstance(node, yaml.ScalarNode) else "a list or mapping"
            self._fault(node, f"{what!r} cannot be {str(value)[:60]!r}")
            return ""
        return str(node.value)

    def _mapping(self, node: yaml.Node | None, what: str, known: Collection[str]) -> dict[str, yaml.Node]:
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._fault(node, f"{what} is to be a mapping")
            return {}
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name not in known:
                self._fault(key, f"unknown field {name!r}; known: {', '.join(sorted(known))}")
            elif name in fields:
                self._fault(key, f"{name!r} stands twice")
            fields[name] = value
        return fields


def _plain(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        return None
    try:
        return scalar(node)
    except Bad:  # 2026-13-45 looks like a date; whoever asked wants neither
        return node.value[:60]
