"""Lines as Asterisk 22 sends them."""

from __future__ import annotations

import pytest

from ivr.agi import codec, commands
from ivr.agi.codec import Command, Connection, LocalProtocolError, RemoteProtocolError, Reply, quote


def opened(header: bytes = b"agi_network: yes\nagi_arg_1: token\n\n") -> Connection:
    conn = Connection()
    conn.receive_data(header)
    assert isinstance(conn.next_event(), codec.Environment)
    return conn


def reply_to(command: Command, wire: str) -> Reply:
    conn = opened()
    conn.send(command)
    conn.receive_data(wire.encode())
    event = conn.next_event()
    assert isinstance(event, Reply)
    return event


def test_header() -> None:
    conn = Connection()
    conn.receive_data(
        b"agi_network: yes\r\nagi_network_script: call\nagi_callerid: 79161234567\nagi_calleridname: a: b\n"
        b"agi_arg_1: token\nagi_arg_2: \nagi_arg_3: last one\n\n"
    )
    event = conn.next_event()
    assert isinstance(event, codec.Environment)
    assert event.args == ("token", "", "last one")
    assert event.fields["network_script"] == "call"
    assert event.fields["calleridname"] == "a: b"


def test_a_forged_argument_in_a_name_does_not_win() -> None:
    conn = Connection()
    conn.receive_data(
        b"agi_network: yes\nagi_channel: real\nagi_calleridname: x\nagi_arg_1: forged\nagi_channel: forged\n"
        b"not a header line\nagi_arg_1: real\n\n"
    )
    event = conn.next_event()
    assert isinstance(event, codec.Environment)
    assert event.args == ("real",)
    assert event.fields["channel"] == "real"


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\n", b"\n", b"SSH-2.0-x\r\n"])
def test_what_is_not_fastagi_is_refused_at_its_first_line(first: bytes) -> None:
    conn = Connection()
    conn.receive_data(first)
    with pytest.raises(RemoteProtocolError, match="begin"):
        conn.next_event()
    with pytest.raises(LocalProtocolError):
        conn.send(commands.noop())


@pytest.mark.parametrize(
    ("command", "wire", "expected"),
    [
        (commands.stream_file("a"), "200 result=0 endpos=0\n", ("0", None, {"endpos": "0"})),
        (commands.stream_file("a"), "200 result=-1 endpos=80\n", ("-1", None, {"endpos": "80"})),
        (Command(("GET", "DATA", "a")), "200 result=123 (timeout)\n", ("123", "timeout", {})),
        (Command(("GET", "DATA", "a")), "200 result= (timeout)\n", ("", "timeout", {})),
        (
            commands.record_file("a", "wav", "#", 1, 0, False),
            "200 result=35 (dtmf) endpos=16000\n",
            ("35", "dtmf", {"endpos": "16000"}),
        ),
        (
            commands.record_file("a", "wav", "#", 1, 0, False),
            "200 result=-1 (writefile)\n",
            ("-1", "writefile", {}),
        ),
        (commands.get_variable("V"), "200 result=1 (hangup)\n", ("1", "hangup", {})),
        (commands.get_variable("V"), "200 result=1 (a (b) endpos=5)\n", ("1", "a (b) endpos=5", {})),
        (commands.get_variable("V"), "200 result=1 (one\nHANGUP\nthree)\n", ("1", "one\nHANGUP\nthree", {})),
        (commands.get_variable("V"), "200 result=1 ()\n", ("1", "", {})),
        (commands.get_variable("V"), "200 result=0\n", ("0", None, {})),
        (
            commands.speech_recognize("a", 5000),
            "200 result=1 (digit) digit=4 endpos=0\n",
            ("1", "digit", {"digit": "4", "endpos": "0"}),
        ),
        (
            commands.speech_recognize("a", 5000),
            '200 result=1 (speech) endpos=0 results=1 score0=90 text0="не "могу" войти" grammar0=menu\n',
            (
                "1",
                "speech",
                {
                    "endpos": "0",
                    "results": "1",
                    "score0": "90",
                    "text0": 'не "могу" войти',
                    "grammar0": "menu",
                },
            ),
        ),
    ],
)
def test_replies(command: Command, wire: str, expected: tuple[str, str | None, dict[str, str]]) -> None:
    reply = reply_to(command, wire)
    assert (reply.code, reply.result, reply.note, dict(reply.fields)) == (200, *expected)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        ("510 Invalid or unknown command\n", 510),
        ("511 Command Not Permitted on a dead channel or intercept routine\n", 511),
        ("520 Invalid command syntax.  Proper usage not available.\n", 520),
        (
            "520-Invalid command syntax.  Proper usage follows:\nUsage: X\n510 odd\n520 End.\n",
            520,
        ),
    ],
)
def test_errors_are_one_reply(wire: str, code: int) -> None:
    conn = opened()
    conn.send(commands.noop())
    conn.receive_data(wire.encode())
    event = conn.next_event()
    assert isinstance(event, Reply)
    assert (event.code, event.ok, event.number) == (code, False, -1)
    assert conn.next_event() is codec.NEED_DATA


def test_a_hangup_line_is_no_reply() -> None:
    conn = opened()
    conn.send(commands.wait_for_digit(1000))
    conn.receive_data(b"HANGUP\n200 result=-1\nHANGUP\n")
    assert isinstance(conn.next_event(), codec.HangupSeen)
    assert isinstance(conn.next_event(), Reply)
    assert conn.next_event() is codec.NEED_DATA
    assert conn.hung_up


def test_a_reply_to_nothing_ends_the_connection() -> None:
    conn = opened()
    conn.receive_data(b"200 result=0\n")
    with pytest.raises(RemoteProtocolError, match="nothing"):
        conn.next_event()


def test_one_command_at_a_time() -> None:
    conn = opened()
    conn.send(commands.execute("Wait", "5"))
    with pytest.raises(LocalProtocolError, match="while EXEC"):
        conn.send(commands.noop())
    with pytest.raises(LocalProtocolError, match="interrupted"):
        conn.interrupt()
    conn.receive_data(b"200 result=0\n")
    assert isinstance(conn.next_event(), Reply)  # our mistake did the connection no harm


@pytest.mark.parametrize("natural", [b"", b"200 result=1\n", b"200 result=0 endpos=4\n", b"511 dead\n"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_interrupting(natural: bytes, times: int) -> None:
    conn = opened()
    command = commands.stream_file("a", "1")
    conn.send(command)
    markers = [conn.interrupt().split()[-1] for _ in range(times)]
    if natural:
        conn.receive_data(natural)
    for marker in markers:
        assert conn.interrupting
        assert conn.next_event() is codec.NEED_DATA
        conn.receive_data(b"200 result=1 (" + marker + b")\n")
    event = conn.next_event()
    assert isinstance(event, codec.Interrupted)
    assert event.command is command
    assert (event.reply is None) == (natural == b"")
    assert conn.running is None and not conn.interrupting


def test_two_replies_to_one_interrupted_command() -> None:
    conn = opened()
    conn.send(commands.wait_for_digit(1000))
    conn.interrupt()
    conn.receive_data(b"200 result=1\n200 result=0\n")
    with pytest.raises(RemoteProtocolError, match="two replies"):
        conn.next_event()


@pytest.mark.parametrize(
    "words",
    [
        ("SET", "VARIABLE", "A", "a\nHANGUP"),
        ("SET", "VARIABLE", "A", "a\rb"),
        ("X", "\0"),
        (),
        ("X", "y" * 3000),
        ("a",) * 200,
    ],
)
def test_what_cannot_be_said(words: tuple[str, ...]) -> None:
    with pytest.raises(LocalProtocolError):
        opened().send(Command(words))


def test_quoting() -> None:
    assert quote("PJSIP/2001") == "PJSIP/2001"
    assert quote("") == '""'
    assert quote('say "hi" \\ ${SHELL(id)}') == '"say \\"hi\\" \\\\ ${SHELL(id)}"'
    assert commands.set_variable("A", "a\nHANGUP").encode() == b'SET VARIABLE A "a HANGUP"\n'
    with pytest.raises(LocalProtocolError, match="comma"):
        commands.execute("Dial", "PJSIP/1,2", "5")


def test_a_name_for_the_log_shows_no_values() -> None:
    assert commands.set_variable("DOZVON_X", "79161234567").name == "SET VARIABLE DOZVON_X"
    assert commands.stream_file("/secret/Path", "").name == "STREAM FILE"


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (b"agi_network: yes\n" + b"agi_x: y\n" * 300, "header too large"),
        (b"agi_network: yes\n" + b"agi_x: " + b"y" * 9000 + b"\n", "line"),
        (b"agi_network: " + b"y" * 9000, "line"),
    ],
)
def test_headers_are_bounded(header: bytes, match: str) -> None:
    conn = Connection()
    conn.receive_data(header)
    with pytest.raises(RemoteProtocolError, match=match):
        conn.next_event()


def test_replies_are_bounded() -> None:
    conn = opened()
    conn.send(commands.noop())
    conn.receive_data(b"520-usage\n" + b"more\n" * 10_000)
    with pytest.raises(RemoteProtocolError, match="without end"):
        conn.next_event()


def test_unread_bytes_are_bounded() -> None:
    conn = Connection()
    for _ in range(300):
        conn.receive_data(b"a" * 4096)
    assert conn.kept_bytes <= codec.MAX_UNREAD_BYTES
    with pytest.raises(RemoteProtocolError):
        conn.next_event()


@pytest.mark.parametrize("data", [b"", b"agi_network: yes\nagi_x: y\n\n"])
def test_a_clean_end(data: bytes) -> None:
    conn = Connection()
    conn.receive_data(data or b"")
    if data:
        conn.next_event()
        conn.receive_data(b"")
    event = conn.next_event()
    assert event == codec.ConnectionClosed(began=bool(data))
    assert conn.next_event() == event


def test_closed_while_a_command_runs() -> None:
    conn = opened()
    conn.send(commands.execute("Dial", "PJSIP/1"))
    conn.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="while EXEC"):
        conn.next_event()
