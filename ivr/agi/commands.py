"""The AGI commands that Dozvon uses. Names, arguments and results as Asterisk 22's ``agi show commands``.

Which of them stop when another command arrives was tried on Asterisk 22; the others run to their end.
"""

from __future__ import annotations

from ivr.agi.codec import Command, LocalProtocolError

KEYS = "0123456789*#"


def answer() -> Command:
    return Command(("ANSWER",))


def hangup() -> Command:
    return Command(("HANGUP",))


def noop() -> Command:
    return Command(("NOOP",))


def stream_file(sound: str, escape_keys: str = "", offset: int = 0) -> Command:
    """Plays from ``offset`` (samples) on.

    ``result``: 0 played to its end, the ASCII code of the key that stopped it, -1 failed or hung up;
    ``endpos`` in samples.
    """
    since = (str(offset),) if offset else ()
    return Command(("STREAM", "FILE", sound, escape_keys, *since), interruptible=True)


def wait_for_digit(timeout_ms: int) -> Command:
    """``result``: ASCII code of the key, 0 timeout, -1 hung up. Music on hold goes on meanwhile."""
    return Command(("WAIT", "FOR", "DIGIT", str(max(1, timeout_ms))), interruptible=True)


def music(music_class: str | None) -> Command:
    """Music while the channel waits for keys; it has to be set again after every STREAM FILE."""
    return Command(("SET", "MUSIC", "ON", music_class) if music_class else ("SET", "MUSIC", "OFF"))


def record_file(path: str, sound_format: str, keys: str, max_ms: int, silence_s: int, beep: bool) -> Command:
    """Ends at a key, after ``max_ms`` or ``silence_s`` of silence; ``endpos`` in samples, 8 a ms."""
    words = ["RECORD", "FILE", path, sound_format, keys, str(max_ms), "0"]
    if beep:
        words.append("BEEP")
    if silence_s > 0:
        words.append(f"s={silence_s}")
    return Command(tuple(words))


def get_variable(name: str) -> Command:
    """``note``: the value, of which Asterisk tells the first 1023 bytes."""
    return Command(("GET", "VARIABLE", name), reads_variable=True)


def set_variable(name: str, value: str) -> Command:
    """The value is taken literally; line ends and NUL in it become spaces."""
    return Command(("SET", "VARIABLE", name, " ".join(value.replace("\0", " ").splitlines())))


def execute(application: str, *arguments: str) -> Command:
    """A dialplan application; its arguments are joined by commas and therefore must not hold any."""
    if any("," in argument for argument in arguments[:-1]):
        raise LocalProtocolError(f"{application}: a comma inside an argument")
    return Command(("EXEC", application, ",".join(arguments)))


def speech_create(engine: str) -> Command:
    """``result``: 1 created, 0 not to be had."""
    return Command(("SPEECH", "CREATE", engine))


def speech_set(name: str, value: str) -> Command:
    return Command(("SPEECH", "SET", name, value))


def speech_recognize(sound: str, timeout_s: int, offset: int = 0) -> Command:
    """Plays from ``offset`` (samples) on and listens; the timeout begins with the sound's end.

    Notes: speech, digit, timeout, hangup. A sound that is not there is silence without an error.
    """
    return Command(("SPEECH", "RECOGNIZE", sound, str(timeout_s), str(offset)))


def speech_destroy() -> Command:
    return Command(("SPEECH", "DESTROY"))
