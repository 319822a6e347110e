"""An Asterisk of our own: a folder made from ``asterisk-config/``, and a child process.

home/asterisk/
  etc/    a copy of asterisk-config/ with secrets and this machine's addresses and paths
  run/    control socket, pid file, astdb       log/   Asterisk's logs
  spool/  Asterisk's own spool                  share/ what Asterisk looks for below astdatadir
  dozvon-emergency   the script that Asterisk starts by itself when no daemon answers
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from dozvon.machine import secrets
from dozvon.machine.asterisk_root import Toolbox, locate
from dozvon.machine.children import Child, ChildFailed
from dozvon.settings import ROOT, Settings
from ivr.speech.contract import ENGINES

CONFIG = ROOT / "asterisk-config"
LOCAL_FILE = "dozvon-local.conf"
_READY_TIMEOUT_S = 60.0
_CONSOLE_TIMEOUT_S = 10.0
_SOCKET_PATH_MAX = 100  # a Unix socket's path may be 107 bytes long


class AsteriskChild:
    """Starts Asterisk, or adopts the one that a former daemon started: its calls are still going on."""

    def __init__(self, settings: Settings, toolbox: Toolbox | None = None) -> None:
        self.settings = settings
        self.folder = settings.home.absolute() / "asterisk"
        self.run_folder = _short(self.folder / "run")
        self.config = self.folder / "etc" / "asterisk.conf"
        self._toolbox = toolbox
        self._child: Child | None = None

    @property
    def toolbox(self) -> Toolbox:
        """Raises AsteriskMissing."""
        if self._toolbox is None:
            self._toolbox = locate()
        return self._toolbox

    @property
    def child(self) -> Child:
        if self._child is None:
            self._child = Child(
                "Asterisk",
                [*self.toolbox.command(self.toolbox.asterisk), "-f", "-C", str(self.config)],
                pid_file=self.folder / "child.pid",
                marker=str(self.config),
                log=self.folder / "log" / "console.log",
            )
        return self._child

    @property
    def running(self) -> bool:
        return self.child.running

    @property
    def adopted(self) -> bool:
        return self.child.adopted

    async def start(self) -> None:
        """Write the folder, start or adopt, wait for the manager; raises AsteriskMissing, ChildFailed.

        An adopted Asterisk is told to read the files again; its calls go on.
        """
        was_running = self.child.running
        build(self)
        if not was_running:
            (self.run_folder / "asterisk.ctl").unlink(missing_ok=True)
        await self.child.start(self.ready, _READY_TIMEOUT_S)
        if was_running:
            await self.console("core reload")

    async def stop(self) -> None:
        """Ends every call that is still on."""
        await self.child.stop()

    async def ready(self) -> bool:
        """The manager port answers, and every module has been loaded."""
        asterisk = self.settings.asterisk
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(asterisk.ami_host, asterisk.ami_port)
                try:
                    greeting = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        if not greeting.startswith(b"Asterisk Call Manager"):
            raise ChildFailed(f"port {asterisk.ami_port} belongs to another program; choose another ami_port")
        return "fully booted" in await self.console("core waitfullybooted")

    async def console(self, command: str) -> str:
        """What Asterisk's console says to ``command``; "" when it says nothing in time."""
        process = await asyncio.create_subprocess_exec(
            *self.toolbox.command(self.toolbox.asterisk),
            "-C",
            str(self.config),
            "-rx",
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_CONSOLE_TIMEOUT_S):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return ""
        return said.decode("utf-8", "replace")


def build(instance: AsteriskChild) -> secrets.AsteriskSecrets:
    """Write the instance's folder from ``asterisk-config/``; safe to repeat while it runs."""
    settings, folder = instance.settings, instance.folder
    for name in ("etc", "log", "spool", "share", "keys", "lib"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    instance.run_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.recordings.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = secrets.ensure(settings.secrets, CONFIG)
    for source in CONFIG.glob("*.conf"):
        shutil.copyfile(source, folder / "etc" / source.name)
    write_private(
        folder / "etc" / secrets.FILE_NAME, (settings.secrets / secrets.FILE_NAME).read_text("utf-8")
    )
    (folder / "etc" / "aeap.conf").write_text(aeap_conf(settings), "utf-8")
    script = folder / "dozvon-emergency"
    write_private(script, emergency_script(), mode=0o700)
    (folder / "etc" / LOCAL_FILE).write_text(local_conf(settings, script), "utf-8")
    (folder / "etc" / "asterisk.conf").write_text(
        _directories(instance) + (CONFIG / "asterisk.conf").read_text("utf-8"), "utf-8"
    )
    _share(instance)
    return known


def local_conf(settings: Settings, emergency: Path) -> str:
    """This machine's ``dozvon-local.conf``, from the settings."""
    asterisk = settings.asterisk
    sections: dict[str, list[str]] = {
        "local-udp": [f"bind = {asterisk.sip_bind}:{asterisk.sip_port}"],
        "local-trunk": [f"match = {address}" for address in asterisk.trunk_match],
        "local-trunk-aor": [f"contact = sip:{asterisk.trunk_match[0]}:{asterisk.trunk_port}"]
        if asterisk.trunk_match
        else [],
        "local-rtp": [f"rtpstart = {asterisk.rtp_start}", f"rtpend = {asterisk.rtp_end}"],
        "local-numbers": number_lines(settings.hotline.number),
        "local-globals": [
            f"DOZVON_NODE_1 = {settings.agi.host}:{settings.agi.port}",
            f"DOZVON_NODE_2 = {settings.agi.second}".rstrip(),
            "DOZVON_PATIENCE_S = 20",
            f"DOZVON_EMERGENCY = {emergency}",
            f"DOZVON_SPOOL = {settings.spool.absolute()}",
            f"DOZVON_VOICE = {settings.voice_prompts.absolute()}",
            f"DOZVON_FIRST_LANGUAGE = {settings.hotline.language}",
        ],
        "local-ami": [f"bindaddr = {asterisk.ami_host}", f"port = {asterisk.ami_port}"],
        "local-speech": [f"url = ws://{speech_servers(settings)[0]}"],
        "local-music": [f"directory = {CONFIG / 'sounds' / 'moh'}"],
    }
    lines = ["; Written by Dozvon at each start, from its settings: changes here are lost."]
    for name, body in sections.items():
        lines += ["", f"[{name}](!)", *body]
    return "\n".join(lines) + "\n"


def speech_servers(settings: Settings) -> tuple[str, ...]:
    """HOST:PORT, as Asterisk's engines ``ivr.speech.contract.ENGINES`` go to them in order."""
    return settings.speech.servers or (f"{settings.speech.host}:{settings.speech.port}",)


def aeap_conf(settings: Settings) -> str:
    """The shipped ``aeap.conf``, which knows one speech server, and a section for each further one."""
    text = (CONFIG / "aeap.conf").read_text("utf-8")
    for engine, server in list(zip(ENGINES, speech_servers(settings), strict=False))[1:]:
        text += f"\n[{engine}](secret-speech)\ntype = client\nurl = ws://{server}\n"
        text += "codecs = !all,slin\nprotocol = speech_to_text\n@language = ru\n"
    return text


def number_lines(number: str) -> list[str]:
    """Dialplan lines for the hotline's number and for other ways in which a carrier may spell it."""
    digits = "".join(c for c in number if c.isdigit())
    lines = [f"exten => {digits},1,Set(DOZVON_DIALLED={digits})", " same => n,Goto(hotline,start,1)"]
    if len(digits) == 11 and digits[0] in "78":
        spellings = (f"8{digits[1:]}", f"7{digits[1:]}", f"+7{digits[1:]}", digits[1:])
        lines += [f"exten => {other},1,Goto({digits},1)" for other in spellings if other != digits]
    return lines


def _directories(instance: AsteriskChild) -> str:
    folder, toolbox = instance.folder, instance.toolbox
    places = {
        "astetcdir": folder / "etc",
        "astmoddir": toolbox.modules,
        "astvarlibdir": folder / "lib",
        "astdbdir": instance.run_folder,
        "astkeydir": folder / "keys",
        "astdatadir": folder / "share",
        "astagidir": folder,
        "astspooldir": folder / "spool",
        "astrundir": instance.run_folder,
        "astlogdir": folder / "log",
        "astsbindir": toolbox.asterisk.parent,
    }
    return "[directories]\n" + "".join(f"{key} => {path}\n" for key, path in places.items()) + "\n"


def _share(instance: AsteriskChild) -> None:
    """astdatadir: Asterisk's own XML documentation (modules want it) and our sounds in place of its own."""
    share = instance.folder / "share"
    for link, target in (
        (share / "documentation", instance.toolbox.data / "documentation"),
        (share / "sounds", CONFIG / "sounds"),
    ):
        if link.is_symlink():
            link.unlink()
        link.symlink_to(target)


def emergency_script() -> str:
    """A plain shell script around ``ivr/emergency.py``: it names the Python that has pyst2."""
    program = ROOT / "ivr" / "emergency.py"
    return f'#!/bin/sh\nexec "{sys.executable}" -I "{program}" "$@"\n'


def write_private(file: Path, text: str, mode: int = 0o600) -> None:
    """Atomically; nobody else can read it at any moment."""
    handle, scratch = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(scratch, mode)
    os.replace(scratch, file)


def _short(folder: Path) -> Path:
    """``folder``, or a short name of our own for it: a Unix socket's path has a limit."""
    if len(os.fsencode(folder / "asterisk.ctl")) <= _SOCKET_PATH_MAX:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"dozvon-{os.getuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    owner = short.lstat()
    if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o077:
        raise ChildFailed(f"{short} belongs to somebody else; choose a shorter home than {folder}")
    return short
