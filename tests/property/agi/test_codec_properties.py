"""Any chunking gives the same events, any truncation a clean end, any flood a bounded refusal."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.agi import codec, commands
from ivr.agi.codec import NEED_DATA, AgiEvent, Connection, RemoteProtocolError

HEADER = (
    b"agi_network: yes\nagi_network_script: call\nagi_channel: PJSIP/trunk-00000001\n"
    b"agi_calleridname: \xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd\nagi_arg_1: secret\nagi_arg_2: 88005553535\n\n"
)
text = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30)
SCRIPTS: list[tuple[codec.Command, bytes]] = [
    (commands.stream_file("hello", "12"), b"200 result=50 endpos=12345\n"),
    (commands.wait_for_digit(3000), b"200 result=0\n"),
    (commands.get_variable("A"), b"200 result=1 (a value) with) many\nlines)\n"),
    (commands.get_variable("B"), b"200 result=0\n"),
    (
        commands.speech_recognize("x", 5),
        '200 result=1 (speech) endpos=0 results=1 score0=90 text0="я не "могу" войти" grammar0=g\n'.encode(),
    ),
    (commands.execute("Dial", "PJSIP/2001", "15", "g"), b"HANGUP\n200 result=-1\n"),
    (commands.stream_file("x"), b"511 Command Not Permitted on a dead channel or intercept routine\n"),
    (
        commands.noop(),
        b"520-Invalid command syntax.  Proper usage follows:\nUsage: X\n 520 no end\n520 End.\n",
    ),
]


def drain(conn: Connection) -> list[AgiEvent]:
    events = []
    while (event := conn.next_event()) is not NEED_DATA:
        assert not isinstance(event, codec.NeedData)
        events.append(event)
        if isinstance(event, codec.ConnectionClosed):
            break
    return events


def play(chunks: list[bytes], script: list[tuple[codec.Command, bytes]]) -> list[AgiEvent]:
    """Feeds the peer's bytes; each command is sent when the one before it has its reply."""
    conn = Connection()
    events: list[AgiEvent] = []
    todo = [command for command, _ in script]
    for chunk in [*chunks, b""]:
        conn.receive_data(chunk)
        while (event := conn.next_event()) is not NEED_DATA:
            assert not isinstance(event, codec.NeedData)
            events.append(event)
            if isinstance(event, codec.ConnectionClosed):
                return events
            if isinstance(event, codec.Environment | codec.Reply) and todo:
                conn.send(todo.pop(0))
    return events


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in pairwise(bounds) if a < b]


scripts = st.lists(st.sampled_from(SCRIPTS), max_size=6)


@given(scripts, st.lists(st.integers(0, 10_000), max_size=40))
def test_any_chunking_gives_the_same_events(
    script: list[tuple[codec.Command, bytes]], places: list[int]
) -> None:
    data = HEADER + b"".join(reply for _, reply in script)
    whole = play([data], script)
    assert sum(isinstance(event, codec.Reply) for event in whole) == len(script)
    assert isinstance(whole[-1], codec.ConnectionClosed)
    assert play(cut(data, places), script) == whole


@given(scripts, st.integers(0, 10_000))
def test_any_truncation_ends_cleanly(script: list[tuple[codec.Command, bytes]], place: int) -> None:
    data = HEADER + b"".join(reply for _, reply in script)
    short = data[: place % len(data)]
    try:
        events = play([short], script)
    except RemoteProtocolError:
        return
    assert isinstance(events[-1], codec.ConnectionClosed)
    assert events[-1].began == bool(short)


@given(st.lists(st.binary(min_size=1, max_size=3_000), max_size=60))
def test_noise_is_refused_within_bounds(chunks: list[bytes]) -> None:
    conn = Connection()
    for chunk in [*chunks, b""]:
        conn.receive_data(chunk)
        try:
            if any(isinstance(event, codec.ConnectionClosed) for event in drain(conn)):
                assert not chunks
        except RemoteProtocolError:
            with pytest.raises(RemoteProtocolError):
                conn.next_event()
            assert conn.kept_bytes == 0
            return
        assert conn.kept_bytes <= codec.MAX_LINE_BYTES + codec.MAX_HEADER_BYTES
    assert not chunks


@given(st.integers(1, 40), st.sampled_from([b"x" * 997, b"agi_a: " + b"y" * 500 + b"\n", b"\0" * 100]))
def test_a_flood_after_a_good_beginning_is_bounded(times: int, flood: bytes) -> None:
    conn = Connection()
    conn.receive_data(b"agi_network: yes\n")
    for _ in range(times * 10):
        conn.receive_data(flood)
        try:
            drain(conn)
        except RemoteProtocolError:
            assert conn.kept_bytes == 0
            return
        assert conn.kept_bytes <= codec.MAX_LINE_BYTES + codec.MAX_HEADER_BYTES


def asterisk_parse(line: str) -> list[str]:
    """How Asterisk takes a command line apart (res_agi.c, parse_args), as a reference for quoting."""
    words: list[str] = []
    current = ""
    quoted = escaped = False
    begun = False
    for char in line:
        if escaped:
            current += char
            escaped = False
        elif char == '"':
            quoted = not quoted
            begun = True
        elif char == "\\":
            escaped = begun = True
        elif char in " \t" and not quoted:
            if begun:
                words.append(current)
            current, begun = "", False
        else:
            current += char
            begun = True
    if begun:
        words.append(current)
    return words


@given(st.lists(text, min_size=1, max_size=5))
def test_every_word_is_read_back_as_it_was(words: list[str]) -> None:
    line = codec.Command(("SET", "VARIABLE", *words)).encode().decode()
    assert line.endswith("\n") and line.count("\n") == 1
    assert asterisk_parse(line[:-1]) == ["SET", "VARIABLE", *words]


@given(st.text(max_size=50))
def test_no_value_can_begin_a_second_command(value: str) -> None:
    assert commands.set_variable("X", value).encode().count(b"\n") == 1


@settings(max_examples=200)
@given(
    st.sampled_from(
        ["200 result=0 endpos=800", "200 result=-1 endpos=0", "200 result=53 endpos=9", None, "HANGUP"]
    )
)
def test_interrupting_never_shifts_a_reply(before: str | None) -> None:
    """Whether the stopped command had ended a moment earlier or not: the next reply is the next command's."""
    conn = Connection()
    conn.receive_data(HEADER)
    conn.next_event()
    conn.send(commands.stream_file("hello", "5"))
    marker = conn.interrupt().decode().split()[3]
    conn.receive_data((f"{before}\n" if before else "").encode() + f"200 result=1 ({marker})\n".encode())
    events = drain(conn)
    interrupted = events[-1]
    assert isinstance(interrupted, codec.Interrupted)
    assert (interrupted.reply is None) == (before in (None, "HANGUP"))
    assert conn.running is None
    conn.send(commands.get_variable("Z"))
    conn.receive_data(b"200 result=1 (zed)\n")
    reply = conn.next_event()
    assert isinstance(reply, codec.Reply) and reply.note == "zed"
