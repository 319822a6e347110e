"""The script that Asterisk runs by itself, talked to as Asterisk does: by lines on its standard input."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from dozvon.phones import sound
from ivr import emergency

SCRIPT = Path(emergency.__file__)
SPOKEN = sound.tone(500, 1.5)


class Switch:
    """The far side of the script: answers each command by a rule, notes what was said."""

    def __init__(self, home: Path, *arguments: str, name: str = "Иван", keys: dict[str, str] | None = None):
        self.spool = home / "spool"
        self.spool.mkdir(exist_ok=True)
        self.voice = home / "voice"
        sounds = self.voice / "ru" / "sounds"
        sounds.mkdir(parents=True)
        for prompt in (
            "busy",
            "choice",
            "still_busy",
            "nobody",
            "wait",
            "speak",
            "empty",
            "saved",
            "not_saved",
        ):
            (sounds / f"emergency.{prompt}.alaw").write_bytes(b"\xd5" * 80)
        (sounds / "emergency.goodbye.alaw").write_bytes(b"\xd5" * 80)
        self.keys = keys or {}  # prompt -> key pressed while it plays
        self.recordings: list[array[int] | str] = []  # what the caller says; "hangup", "full"
        self.said: list[str] = []
        self.variables: dict[str, str] = {}
        self._name = name
        self._arguments = arguments
        self._gone = False

    def run(self) -> int:
        process = subprocess.Popen(
            [sys.executable, "-I", str(SCRIPT), str(self.spool), str(self.voice), "xx", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin and process.stdout and process.stderr
        with process:
            head = f"agi_request: x\nagi_callerid: 79161234567\nagi_calleridname: {self._name}\n\n"
            process.stdin.write(head.encode("utf-8", "surrogateescape"))
            process.stdin.flush()
            for line in process.stdout:
                process.stdin.write(self.answer(line.decode().strip()).encode() + b"\n")
                process.stdin.flush()
            process.stdin.close()
            assert process.stderr.read() == b""
        return process.returncode

    def answer(self, command: str) -> str:
        word, *rest = command.split(" ")
        if self._gone:
            return "511 Command Not Permitted on a dead channel or intercept routine"
        if word == "STREAM":
            prompt = rest[1].strip('"').rpartition("emergency.")[2]
            self.said.append(prompt)
            key = self.keys.get(prompt, "")
            return f"200 result={ord(key) if key and key in rest[2] else 0} endpos=80"
        if word == "WAIT":
            key = self.keys.get("silence", "")
            return f"200 result={ord(key) if key else 0}"
        if word == "GET":
            return "200 result=0"
        if word == "SET":
            self.variables[rest[1].strip('"')] = rest[2].strip('"')
            return "200 result=1"
        if word == "RECORD":
            return self.record(Path(rest[1].strip('"') + ".wav"))
        return "200 result=1"

    def record(self, path: Path) -> str:
        spoken = self.recordings.pop(0)
        if spoken == "full":
            return "200 result=-1 (writefile)"
        if spoken == "hangup":
            sound.write_wav(path, SPOKEN)
            self._gone = True
            return "200 result=-1 (hangup) endpos=12000"
        sound.write_wav(path, spoken)
        return "200 result=0 (timeout) endpos=12000"

    def requests(self) -> list[dict]:
        return [json.loads(f.read_text("utf-8")) for f in self.spool.glob("*.json")]


def test_silence_means_waiting_for_a_specialist(tmp_path):
    switch = Switch(tmp_path, "1")
    assert switch.run() == 0
    assert switch.said == ["busy", "choice", "wait"]
    assert switch.variables == {"DOZVON_NEXT": "queue"}
    assert list(switch.spool.iterdir()) == []


def test_a_request_is_whole_and_private(tmp_path):
    switch = Switch(tmp_path, "1", keys={"choice": "2"})
    switch.recordings = [SPOKEN]
    assert switch.run() == 0
    assert switch.said == ["busy", "choice", "speak", "saved"]
    assert switch.variables["DOZVON_NEXT"] == "hangup"
    (request,) = switch.requests()
    assert request["caller_number"] == "79161234567"
    assert request["kind"] == "request"
    assert request["topic"] == "other"
    recording = switch.spool / request["recording"]
    assert sound.tone_seconds(sound.read_sound(recording), 500) > 1
    assert {f.suffix for f in switch.spool.iterdir()} == {".json", ".wav"}
    assert all(f.stat().st_mode & 0o077 == 0 for f in switch.spool.iterdir())


def test_who_says_nothing_is_called_back(tmp_path):
    switch = Switch(tmp_path, "1", keys={"busy": "2"})
    switch.recordings = [array("h", [0] * 8000), array("h", [0] * 8000)]
    assert switch.run() == 0
    assert switch.said == ["busy", "speak", "empty", "speak", "saved"]
    (request,) = switch.requests()
    assert request["kind"] == "callback"
    assert request["recording"] == ""
    assert not list(switch.spool.glob("*.wav"))


def test_what_was_said_before_a_hang_up_counts(tmp_path):
    switch = Switch(tmp_path, "1", keys={"choice": "2"})
    switch.recordings = ["hangup"]
    assert switch.run() == 1
    (request,) = switch.requests()
    assert request["kind"] == "request"
    assert (switch.spool / request["recording"]).exists()


@pytest.mark.parametrize("why", ["JOINUNAVAIL", "LEAVEUNAVAIL"])
def test_nobody_at_the_phones_leads_to_a_request(tmp_path, why):
    switch = Switch(tmp_path, "2", why)
    switch.recordings = [SPOKEN]
    assert switch.run() == 0
    assert switch.said == ["nobody", "speak", "saved"]
    assert switch.requests()[0]["fields"]["queue_said"] == why


def test_after_long_waiting_a_request_is_taken(tmp_path):
    switch = Switch(tmp_path, str(emergency.ASK_ROUNDS + 1), "TIMEOUT")
    switch.recordings = [SPOKEN]
    assert switch.run() == 0
    assert switch.said[0] == "nobody"


def test_waiting_again_is_asked_shorter(tmp_path):
    switch = Switch(tmp_path, "2", "TIMEOUT", keys={"still_busy": "1"})
    assert switch.run() == 0
    assert switch.said == ["still_busy", "wait"]


def test_a_full_disk_is_told_and_the_caller_waits(tmp_path):
    switch = Switch(tmp_path, "1", keys={"choice": "2"})
    os.rmdir(switch.spool)
    switch.spool.write_text("no folder")
    assert switch.run() == 0
    assert switch.said == ["busy", "choice", "not_saved"]
    assert switch.variables["DOZVON_NEXT"] == "queue"


def test_a_disk_that_fills_up_while_he_speaks_still_keeps_his_number(tmp_path):
    switch = Switch(tmp_path, "1", keys={"choice": "2"})
    switch.recordings = ["full"]
    assert switch.run() == 0
    assert switch.said[-1] == "saved"
    (request,) = switch.requests()
    assert request["kind"] == "callback"


@pytest.mark.parametrize("name", ['"; rm -rf /', "${SHELL(id)}", "\udcff\udcfe", "a: b: c", "x" * 5000])
def test_hostile_names_change_nothing(tmp_path, name):
    switch = Switch(tmp_path, "1", name=name)
    assert switch.run() == 0
    assert switch.variables["DOZVON_NEXT"] == "queue"


def test_voice_is_told_from_silence_even_with_a_wrong_length_in_the_header(tmp_path):
    path = sound.write_wav(tmp_path / "x.wav", SPOKEN)
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 0)
    path.write_bytes(data)
    assert emergency.voice_ms(path) >= 1400
    assert emergency.voice_ms(sound.write_wav(tmp_path / "y.wav", array("h", [20] * 16000))) == 0
    assert emergency.voice_ms(tmp_path / "none.wav") == 0
    (tmp_path / "z.wav").write_bytes(b"RIFF")
    assert emergency.voice_ms(tmp_path / "z.wav") == 0


def test_a_nearly_full_disk_is_noticed_before_the_caller_speaks(tmp_path, monkeypatch):
    monkeypatch.setattr(emergency, "FREE_BYTES_MIN", 1 << 60)
    with pytest.raises(emergency.CannotStore, match="full"):
        emergency.Request(tmp_path, {})
    assert list(tmp_path.iterdir()) == []
