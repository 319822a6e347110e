"""Faults in Asterisk's files: what Asterisk itself would say only in its log, or not at all.

Beside spelling this looks for what must never be: a way from the trunk to an outgoing line, a manager or a
web server that faces outward, a secret in a file that others may read.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path

from dozvon.machine import secrets
from dozvon.machine.files import Fault, Parsed, Section, Value, read
from dozvon.settings import ROOT, Settings

NEEDED = ("asterisk", "pjsip", "extensions", "manager", "modules", "aeap", "queues", "musiconhold", "rtp")
# Where calls from outside come in, and what may never be reached from there.
ENTRANCES = ("from-trunk",)
_MODULES = {
    "AGI": "res_agi",
    "ChanSpy": "app_chanspy",
    "Dial": "app_dial",
    "Echo": "app_echo",
    "ExecIf": "app_exec",
    "MixMonitor": "app_mixmonitor",
    "Playback": "app_playback",
    "Queue": "app_queue",
    "Record": "app_record",
    "Return": "app_stack",
    "Gosub": "app_stack",
    "StartMusicOnHold": "res_musiconhold",
    "StopMusicOnHold": "res_musiconhold",
    "UserEvent": "app_userevent",
}
_FORBIDDEN_MODULES = ("app_system", "app_disa", "func_shell", "func_curl")
_APPLICATION = re.compile(r"^\s*(?:n|\d+|hint)(?:\([^)]*\))?\s*,\s*([A-Za-z]\w*)\((.*)\)\s*$")
_GOTO = re.compile(r"(?:Goto|Gosub)\(([^()]*)[()]|\?([^:)]*)(?::([^)]*))?\)")
_PROMPT = re.compile(r"\$\{DOZVON_VOICE\}/\$\{DOZVON_LANGUAGE\}/sounds/([\w.-]+)")


def check(settings: Settings) -> list[str]:
    """Faults of ``asterisk-config/`` as this installation would run it, each ``file:line: text``."""
    return [str(fault) for fault in check_folder(ROOT / "asterisk-config", settings)]


def check_folder(folder: Path, settings: Settings) -> list[Fault]:
    """The same of any folder, ``/etc/asterisk`` for one. Never raises for what the files say."""
    secret_file = settings.secrets / secrets.FILE_NAME
    elsewhere = {secrets.FILE_NAME: secret_file} if secret_file.exists() else {}
    found = {name: read(folder / f"{name}.conf", elsewhere) for name in NEEDED}
    faults = [fault for parsed in found.values() for fault in parsed.faults]
    if not elsewhere and not (folder / secrets.FILE_NAME).exists():
        # They are made at the first start; until then only their absence can be seen.
        faults = [f for f in faults if "secret-" not in f.text and secrets.FILE_NAME not in f.text]
    faults += _pjsip(found["pjsip"], _contexts(found["extensions"]))
    faults += _dialplan(found["extensions"], found["modules"], settings)
    faults += _fraud(found["extensions"])
    faults += _queues(found["queues"], found["pjsip"])
    faults += _outward(found["manager"], "bindaddr")
    faults += _modules(found["modules"])
    faults += _readable((folder / secrets.FILE_NAME, secret_file))
    return sorted(set(faults))


def _contexts(dialplan: Parsed) -> dict[str, list[Section]]:
    contexts: dict[str, list[Section]] = {}
    for section in dialplan.real():
        if section.name not in ("general", "globals"):
            contexts.setdefault(section.name, []).append(section)
    return contexts


def _pjsip(pjsip: Parsed, contexts: dict[str, list[Section]]) -> Iterator[Fault]:
    def of_type(name: str, *types: str) -> bool:
        return any(s.name == name and s.get("type") in types for s in pjsip.real())

    for section in pjsip.real():
        if not section.get("type"):
            yield Fault(section.file, section.line, f"[{section.name}] has no type")
        if section.get("type") == "auth" and not section.get("password"):
            yield from _no_password(section)
        if section.get("type") == "identify" and not of_type(section.get("endpoint"), "endpoint"):
            yield Fault(section.file, section.line, f"there is no endpoint {section.get('endpoint')!r}")
        if section.get("type") != "endpoint":
            continue
        for value in section.all:
            if value.name == "context" and value.value not in contexts:
                yield Fault(value.file, value.line, f"extensions.conf has no context {value.value!r}")
            if value.name == "transport" and not of_type(value.value, "transport"):
                yield Fault(value.file, value.line, f"there is no transport {value.value!r}")
            if value.name in ("aors", "auth"):
                for name in (n.strip() for n in value.value.split(",")):
                    if name and not of_type(name, "aor" if value.name == "aors" else "auth"):
                        yield Fault(value.file, value.line, f"there is no {value.name} {name!r}")


def _no_password(section: Section) -> Iterator[Fault]:
    """A section whose secret has not been made yet is no fault: `dozvon up` makes it."""
    if not any(template.startswith("secret-") for template in section.templates):
        yield Fault(section.file, section.line, f"[{section.name}] has no password")


def _dialplan(dialplan: Parsed, modules: Parsed, settings: Settings) -> Iterator[Fault]:
    loaded = {v.value.removesuffix(".so") for s in modules.real() for v in s.all if v.name != "autoload"}
    contexts = _contexts(dialplan)
    sounds = settings.voice_prompts / settings.hotline.language / "sounds"
    for name, sections in contexts.items():
        extensions = {_extension(v) for s in sections for v in s.all if v.name == "exten"}
        current = ""
        for value in (v for s in sections for v in s.all):
            if value.name == "include":
                if value.value not in contexts:
                    yield Fault(value.file, value.line, f"there is no context {value.value!r}")
                continue
            if value.name == "exten":
                current = _extension(value)
            if value.name == "same" and not current:
                yield Fault(value.file, value.line, "'same' without an 'exten' before it")
            application = _APPLICATION.match(_after_extension(value))
            if application is None:
                yield Fault(value.file, value.line, f"not 'priority,Application(...)': {value.value[:50]}")
                continue
            module = _MODULES.get(application[1])
            if module and module not in loaded:
                yield Fault(value.file, value.line, f"{application[1]} needs {module}.so in modules.conf")
            for prompt in _PROMPT.findall(value.value):
                if not (sounds / f"{prompt}.alaw").exists():
                    yield Fault(value.file, value.line, f"prompt {prompt} has no sound in {sounds}")
            for target in _targets(value):
                yield from _target(value, target, name, extensions, contexts)


def _targets(value: Value) -> Iterator[str]:
    """Places that a line can go to, where they are written out."""
    return (target for target in _jumps(value) if "$" not in target)


def _jumps(value: Value) -> Iterator[str]:
    for match in _GOTO.finditer(value.value):
        for target in match.groups():
            if target and "=" not in target and "(" not in target:
                yield target


def _target(
    value: Value, target: str, here: str, extensions: set[str], contexts: dict[str, list[Section]]
) -> Iterator[Fault]:
    parts = [part.strip() for part in target.split(",")]
    if len(parts) == 1:  # a priority or label of this extension
        return
    context, extension = (here, parts[0]) if len(parts) == 2 else (parts[0], parts[1])
    if context not in contexts:
        yield Fault(value.file, value.line, f"there is no context {context!r}")
        return
    known = extensions
    if context != here:
        known = {_extension(v) for s in contexts[context] for v in s.all if v.name == "exten"}
    if extension not in known and not any(k.startswith("_") for k in known):
        yield Fault(value.file, value.line, f"context {context!r} has no extension {extension!r}")


def _fraud(dialplan: Parsed) -> Iterator[Fault]:
    """From an entrance, following includes and jumps, no Dial may be reached."""
    contexts = _contexts(dialplan)
    for entrance in ENTRANCES:
        seen: set[str] = set()
        todo = [entrance]
        while todo:
            context = todo.pop()
            if context in seen or context not in contexts:
                continue
            seen.add(context)
            for value in (v for s in contexts[context] for v in s.all):
                if value.name == "include":
                    todo.append(value.value)
                # The extension may be an expression; what counts is the context.
                todo += [t.split(",")[0].strip() for t in _jumps(value) if t.count(",") == 2]
                application = _APPLICATION.match(_after_extension(value))
                if application and application[1] in ("Dial", "Originate", "DISA", "System", "Transfer"):
                    yield Fault(value.file, value.line, f"{application[1]} can be reached from {entrance}")


def _queues(queues: Parsed, pjsip: Parsed) -> Iterator[Fault]:
    for section in queues.real():
        for value in section.all:
            name = value.value.split(",")[0].removeprefix("PJSIP/").strip()
            if value.name == "member" and pjsip.named(name, "endpoint") is None:
                yield Fault(value.file, value.line, f"pjsip.conf has no endpoint {name!r}")


def _outward(parsed: Parsed, key: str) -> Iterator[Fault]:
    general = parsed.named("general")
    for value in general.all if general else ():
        if value.name == key and not _private(value.value):
            yield Fault(
                value.file, value.line, f"{parsed.file.name} would listen to the world: {value.value}"
            )


def _modules(modules: Parsed) -> Iterator[Fault]:
    for section in modules.real():
        if section.get("autoload") != "no":
            yield Fault(section.file, section.line, "autoload is not 'no'")
        for value in section.all:
            if value.name in ("load", "require") and value.value.removesuffix(".so") in _FORBIDDEN_MODULES:
                yield Fault(value.file, value.line, f"{value.value} gives callers a way to run programs")


def _readable(files: tuple[Path, ...]) -> Iterator[Fault]:
    for file in files:
        if file.exists() and file.stat().st_mode & 0o007:
            yield Fault(file, 1, "secrets that everybody may read: chmod 640 or 600")


def _private(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not parsed.is_unspecified and (parsed.is_loopback or parsed.is_private)


def _extension(value: Value) -> str:
    return value.value.split(",", 1)[0].strip()


def _after_extension(value: Value) -> str:
    return value.value if value.name == "same" else value.value.partition(",")[2]
