"""What a caller hears while no daemon answers: Asterisk runs this script by itself (plain AGI, pyst2).

    AGI(dozvon-emergency,SPOOL,VOICE,LANGUAGE,ROUND,QUEUE_SAID)

SPOOL is the folder for requests, VOICE holds rendered prompts by language, ROUND is how often this caller
came here, QUEUE_SAID why the fall-back queue let him go (empty when he has not been there). The script
tells the dialplan in DOZVON_NEXT what is next: ``queue``, ``hangup``, or nothing when it failed (then the
queue).

It needs no daemon, Redis or network, and of the project's code nothing but this file. A request becomes one
JSON file beside its recording (``ivr.spool`` imports it later); it is whole or not there:

    ID.recording   the caller's data while he speaks, so that a crash in the middle loses nothing
    ID.wav         what he says
    ID.json        renamed into place at the very end
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
import time
import uuid
import wave
from array import array
from pathlib import Path
from typing import Any

from asterisk.agi import AGI, AGIAppError, AGIException, AGIHangup

ANSWER_TIMEOUT_MS = 5000
ANY_KEY = "0123456789*#"
RECORD_MAX_MS = 120_000
SILENCE_ENDS_S = 4
VOICE_MIN_MS = 600  # of sound, or nobody has spoken
VOICE_RMS = 200.0
FREE_BYTES_MIN = 16 * 1024 * 1024  # a recording is 2 MB at most
ASK_ROUNDS = 5  # so often "wait or leave a request?" is asked; then a request is taken
NOBODY_THERE = ("JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "FULL")


class CannotStore(Exception):
    """The spool takes nothing: full, read-only, gone."""


class Request:
    """A request on its way into the spool; blocking file calls only, each as small as possible."""

    def __init__(self, spool: Path, facts: dict[str, Any]) -> None:
        """Raises CannotStore before the caller is asked to speak into nothing."""
        self.source_id = f"emergency-{uuid.uuid4().hex}"
        self.spool = spool
        self.sound = spool / f"{self.source_id}.wav"
        self._draft = spool / f"{self.source_id}.recording"
        self._facts = {**facts, "source_id": self.source_id}
        try:
            disk = os.statvfs(spool)
            if disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
                raise CannotStore("disk full")
            self._write(self._draft, recording=self.sound.name)
        except OSError as error:
            raise CannotStore(str(error)) from None

    def finish(self, **facts: Any) -> None:
        """Make it final; raises CannotStore and leaves the draft for the importer."""
        self._facts.update(facts)
        has_sound = voice_ms(self.sound) >= VOICE_MIN_MS
        try:
            if has_sound:
                with self.sound.open("rb") as handle:
                    os.fsync(handle.fileno())
                self.sound.chmod(0o600)
            else:
                self.sound.unlink(missing_ok=True)
            partial = self.spool / f".{self.source_id}.part"
            self._write(partial, recording=self.sound.name if has_sound else "")
            partial.rename(self.spool / f"{self.source_id}.json")
            self._sync_folder()
        except OSError as error:
            raise CannotStore(str(error)) from None
        self._draft.unlink(missing_ok=True)

    def drop(self) -> None:
        """Nothing was said and nobody can be called back."""
        self.sound.unlink(missing_ok=True)
        self._draft.unlink(missing_ok=True)

    def _write(self, path: Path, recording: str) -> None:
        body = json.dumps({**self._facts, "recording": recording}, ensure_ascii=False).encode()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())

    def _sync_folder(self) -> None:
        folder = os.open(self.spool, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def voice_ms(path: Path) -> int:
    """How much of a recording is louder than a quiet line; 0 for no file or an unreadable one.

    The length in the header is not believed: after a hang-up Asterisk may not have corrected it.
    """
    try:
        data = path.read_bytes()
        with wave.open(io.BytesIO(data), "rb") as wav:
            if (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) != (1, 2, 8000):
                return 0
    except (OSError, wave.Error, EOFError):
        return 0
    body = data[44:]
    samples = array("h", body[: len(body) // 2 * 2])
    frame = 160
    loud = 0
    for start in range(0, len(samples) - frame + 1, frame):
        piece = samples[start : start + frame]
        if math.sqrt(sum(s * s for s in piece) / frame) > VOICE_RMS:
            loud += 1
    return loud * 20


class Emergency:
    """One visit of one caller."""

    def __init__(
        self, agi: Any, spool: Path, voice: Path, language: str, visit: int, queue_said: str
    ) -> None:
        self.agi = agi
        self.spool = spool
        self.language = language
        self.voice = voice / language / "sounds"
        self.visit = visit
        self.queue_said = queue_said

    def run(self) -> str:
        """What is next: ``queue`` or ``hangup``. Raises AGIException when the caller has hung up."""
        if self.queue_said in NOBODY_THERE:
            self.say("emergency.nobody")
            return self.take_request(then="hangup")
        if self.visit > ASK_ROUNDS:
            self.say("emergency.nobody")
            return self.take_request(then="hangup")
        pressed = self.ask()
        if pressed == "2":
            return self.take_request(then="queue")
        # One, silence or any other key: he came to speak with somebody.
        self.say("emergency.wait")
        return "queue"

    def ask(self) -> str:
        if self.visit == 1:
            pressed = self.say("emergency.busy", keys="12") or self.say("emergency.choice", keys="12")
        else:
            pressed = self.say("emergency.still_busy", keys="12")
        return pressed or self.key(ANSWER_TIMEOUT_MS)

    def take_request(self, then: str) -> str:
        """Record it; ``then`` is what follows if it cannot be stored."""
        try:
            request = Request(self.spool, self.facts())
        except CannotStore as error:
            return self.give_up(then, error)
        try:
            try:
                self.record(request)
            finally:  # also when he hangs up while he speaks: what he said counts
                heard = voice_ms(request.sound) >= VOICE_MIN_MS
                if heard or self.number():
                    request.finish(kind="request" if heard else "callback")
                else:
                    request.drop()
        except CannotStore as error:
            return self.give_up(then, error)
        self.say("emergency.saved" if heard or self.number() else "emergency.goodbye")
        return "hangup"

    def record(self, request: Request) -> None:
        """Twice at most; a silent recording is no request."""
        name = str(request.sound.with_suffix(""))
        for attempt in (1, 2):
            self.say("emergency.speak", keys=ANY_KEY)  # who knows it need not hear it out
            # No `record_file` of pyst2: a disk that fills up and a hang-up shall look different.
            command = f'"{name}" wav "#*" {RECORD_MAX_MS} BEEP s={SILENCE_ENDS_S}'
            try:
                self.agi.execute("RECORD FILE", command)
            except AGIHangup:
                raise
            except AGIAppError:  # the file cannot be written; his number can still be kept
                return
            if voice_ms(request.sound) >= VOICE_MIN_MS:
                return
            if attempt == 1:
                self.say("emergency.empty")

    def give_up(self, then: str, error: CannotStore) -> str:
        self.agi.verbose(f"dozvon-emergency: request not stored: {error}".replace('"', "'"))
        self.say("emergency.not_saved")
        if then == "hangup":
            self.say("emergency.goodbye")
        return then

    # ------------------------------------------------------------------------------------- the caller
    def say(self, prompt: str, keys: str = "") -> str:
        """The key that stopped it, or "". A missing prompt is silence, not the end of the call."""
        if not (self.voice / f"{prompt}.alaw").exists():
            return ""
        return str(self.agi.stream_file(f'"{self.voice / prompt}"', keys))

    def key(self, timeout_ms: int) -> str:
        return str(self.agi.wait_for_digit(timeout_ms))

    def number(self) -> str:
        """Digits only, whatever the carrier has sent."""
        return "".join(c for c in str(self.agi.env.get("agi_callerid", "")) if c in "0123456789")[:20]

    def variable(self, name: str, limit: int = 80) -> str:
        return str(self.agi.get_variable(name) or "")[:limit]

    def facts(self) -> dict[str, Any]:
        return {
            "topic": self.variable("DOZVON_TOPIC") or "other",
            "language": self.language,
            "kind": "request",
            "caller_number": self.number(),
            "text": "",
            "fields": {
                "taken_by": "emergency",
                "call_id": self.variable("DOZVON_CALL_ID"),
                "dialled": self.variable("DOZVON_DIALLED"),
                "queue_said": self.queue_said,
            },
            "created_ms": int(time.time() * 1000),
        }


def main(arguments: list[str]) -> int:
    """0 when the dialplan was told what is next."""
    if len(arguments) < 3:
        print("usage: emergency.py SPOOL VOICE LANGUAGE [ROUND [QUEUE_SAID]]", file=sys.stderr)
        return 2
    spool, voice = Path(arguments[0]), Path(arguments[1])
    language = arguments[2] if (voice / arguments[2] / "sounds").is_dir() else "ru"
    visit = int(arguments[3]) if len(arguments) > 3 and arguments[3].isdigit() else 1
    queue_said = arguments[4] if len(arguments) > 4 else ""
    # pyst2 writes everything to standard error, callers' numbers too; and a name that is not UTF-8 would
    # stop a reader of Python's default kind.
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        heard = io.TextIOWrapper(sys.stdin.buffer, "utf-8", errors="replace", newline="\n")
        agi = AGI(stdin=heard, stderr=nowhere)
        with contextlib.suppress(AGIException, BrokenPipeError):
            following = Emergency(agi, spool, voice, language, visit, queue_said).run()
            agi.set_variable("DOZVON_NEXT", following)
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
