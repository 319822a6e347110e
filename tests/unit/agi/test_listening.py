"""Speech and keys at once, and keys when speech is not to be had."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from acd.contract import CallQueued, OfferAccepted, OfferCall
from ivr.agi.listening import make_silence
from ivr.dialog.contract import (
    Action,
    Ask,
    CallStarted,
    Digits,
    Disconnect,
    Enqueue,
    Hold,
    Input,
    NoInput,
    Play,
    Prompt,
    RememberLanguage,
    SpeechFailed,
    Utterance,
)
from ivr.dialog.ports import Hearing
from ivr.speech.contract import ENGINES

SILENCE = "/sounds/silence"
BYE = (Play((Prompt("bye"),)), Disconnect())
ASK = Ask((Prompt("menu"),), speech=True, timeout_ms=100, interdigit_ms=50, phrases=("статус", "вход"))


def asks(ask: Ask = ASK) -> Any:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        return (ask,) if isinstance(event, CallStarted | SpeechFailed) else BYE

    return script


def heard(text: str, score: int = 90, more: str = "") -> str:
    """``more``: another way to hear it; Asterisk gives the last result first."""
    results = [(40, more, "other")] * bool(more) + [(score, text, "speech")]
    fields = (f'score{n}={s} text{n}="{t}" grammar{n}={kind}' for n, (s, t, kind) in enumerate(results))
    return f"(speech) endpos=0 results={len(results)} {' '.join(fields)}"


async def answer(hall: Any, soon: Any, results: Any, ask: Ask = ASK, keys: str = "") -> tuple[Any, Any]:
    node = hall(asks(ask), silence=SILENCE)
    peer = node.connect()
    peer.speech = results
    peer.sounds["/voice/ru/menu"] = 0.1
    await peer.open("0123456789abcdef-token", "88005553535")
    if keys:
        await soon(lambda: bool(peer.said))
        peer.key(keys)
    await soon(lambda: peer.closed.is_set())
    return node, peer


async def test_words(hall: Any, soon: Any) -> None:
    results = [(0.01, heard("@onset")), (0.01, heard('статус "заявления"', 93, "стату"))]
    node, peer = await answer(hall, soon, results)
    assert node.hotline.heard[1] == Utterance('статус "заявления"', 0.93, (Hearing("стату", 6.0),))
    assert peer.said == ["/voice/ru/menu", SILENCE, "/voice/ru/bye"]  # the prompt went silent at the onset
    settings = dict(peer.speech_settings)
    assert (settings["phrases"], settings["expects"], settings["turn"]) == ("статус|вход", "choice", "1")
    assert settings["language"] == "ru" and settings["call"].startswith("n1-")
    assert peer.speech_settings[-1][0] == "turn"


@pytest.mark.parametrize(
    ("ask", "digits"),
    [
        (Ask((), speech=True, expects="digits", max_digits=11), "11"),
        (Ask((), speech=True, expects="yes_no", corrects=7), "7"),
        (ASK, "0"),
    ],
)
async def test_how_many_digits_an_answer_may_have(hall: Any, soon: Any, ask: Ask, digits: str) -> None:
    _, peer = await answer(hall, soon, [(0.01, heard("да"))], ask)
    assert dict(peer.speech_settings)["digits"] == digits


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (heard("@nothing"), Utterance("", 0.0)),
        (heard("@too_long"), Utterance("", 0.0)),
        (heard("@busy"), SpeechFailed("busy")),
        ("(speech) endpos=0 results=0", SpeechFailed("died")),
        ("", SpeechFailed("failed")),
    ],
)
async def test_results_without_words(hall: Any, soon: Any, result: str, expected: Input) -> None:
    node, _ = await answer(hall, soon, [(0.01, result)])
    assert node.hotline.heard[1] == expected
    if isinstance(expected, SpeechFailed):  # the same question is asked once more, for keys alone
        assert node.hotline.heard[2] == NoInput()


@pytest.mark.parametrize(("keys", "digits"), [("4", 1), ("12345#", 11)])
async def test_keys_while_listening(hall: Any, soon: Any, keys: str, digits: int) -> None:
    ask = Ask((Prompt("menu"),), speech=True, max_digits=digits, interdigit_ms=50)
    node, _ = await answer(hall, soon, [], ask, keys)
    assert node.hotline.heard[1] == Digits(keys.rstrip("#"))


async def test_a_language_that_nobody_understands_has_keys_and_the_others_keep_their_speech(
    hall: Any, soon: Any
) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        match event:
            case CallStarted() | SpeechFailed():
                return (RememberLanguage("tt"), ASK)
            case NoInput():
                return (RememberLanguage("ru"), ASK)
            case _:
                return BYE

    node = hall(script, silence=SILENCE)
    peer = node.connect()
    peer.speech, peer.deaf_to = [(0.01, heard("да"))], {"tt"}
    peer.sounds |= {"/voice/ru/menu": 0.1, "/voice/tt/menu": 0.1}
    await peer.open("0123456789abcdef-token", "88005553535")
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1:] == [SpeechFailed("not_set"), NoInput(), Utterance("да", 0.9)]


@pytest.mark.parametrize("there", [True, False])
async def test_who_changes_the_language_is_told_once_more_that_nobody_hears_him(
    hall: Any, soon: Any, there: bool
) -> None:
    languages = iter(("tt", "ru", "ru", "tt", "tt"))

    def script(_event: Input, _session: Any) -> tuple[Action, ...]:
        language = next(languages, "")
        return (RememberLanguage(language), ASK) if language else BYE

    node = hall(script, silence=SILENCE)
    peer = node.connect()
    peer.speech, peer.deaf_to = ([(0.01, heard("да"))] * 2 if there else None), {"tt"}
    peer.sounds |= {"/voice/ru/menu": 0.1, "/voice/tt/menu": 0.1}
    await peer.open("0123456789abcdef-token", "88005553535")
    await soon(lambda: peer.closed.is_set())
    why = "not_set" if there else "no_connection"
    in_russian = [Utterance("да", 0.9)] * 2 if there else [SpeechFailed(why), NoInput()]
    assert node.hotline.heard[1:] == [SpeechFailed(why), *in_russian, SpeechFailed(why), NoInput()]


async def test_silence(hall: Any, soon: Any) -> None:
    node, _ = await answer(hall, soon, [])
    assert node.hotline.heard[1] == NoInput()


async def test_a_notice_is_heard_out_before_anybody_listens(hall: Any, soon: Any) -> None:
    ask = Ask((Prompt("menu"),), speech=True, barge_in=False)
    node, peer = await answer(hall, soon, [(0.01, heard("да"))], ask)
    assert peer.said[:2] == ["/voice/ru/menu", SILENCE]
    assert node.hotline.heard[1] == Utterance("да", 0.9)


async def test_no_server(hall: Any, soon: Any) -> None:
    node, peer = await answer(hall, soon, None)
    assert node.hotline.heard[1:] == [SpeechFailed("no_connection"), NoInput()]
    created = [command for command in peer.commands if "SPEECH CREATE" in command]
    assert [command.split()[-1].strip('"') for command in created] == list(ENGINES)  # each once


async def test_the_second_server(hall: Any, soon: Any) -> None:
    node = hall(asks(), silence=SILENCE)
    peer = node.connect()
    peer.speech, peer.engines = [(0.01, heard("да"))], ENGINES[1:]
    await peer.open("0123456789abcdef-token", "88005553535")
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == Utterance("да", 0.9)


async def test_a_server_known_to_be_down_is_not_tried(hall: Any, soon: Any) -> None:
    node = hall(asks(), silence=SILENCE)
    object.__setattr__(node.house, "speech_engines", tuple)
    peer = await node.call()
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == SpeechFailed("server_down")
    assert not any("SPEECH" in command for command in peer.commands)


async def test_a_hangup_while_listening(hall: Any, soon: Any) -> None:
    node = hall(asks(), silence=SILENCE)
    peer = node.connect()
    peer.speech = []
    peer.sounds["/voice/ru/menu"] = 9.0
    await peer.open("0123456789abcdef-token", "88005553535")
    await soon(lambda: bool(peer.said))
    await peer.hang_up()
    await soon(lambda: peer.closed.is_set())
    assert node.desk.interactions[0].outcome == "left"


async def test_an_offer_ends_listening(hall: Any, soon: Any) -> None:
    """RECOGNIZE takes no command: the manager presses a key that nobody has."""

    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        match event:
            case CallStarted():
                return (Enqueue("main", "access", "ru"),)
            case Digits("1"):
                return (ASK,)
            case NoInput():
                return (Hold(),)
        return BYE

    class Phones:
        async def press(self, channel: str, key: str) -> None:
            assert (channel, key) == ("PJSIP/trunk-1", "D")
            peer.key(key)

    async def dial(_peer: Any, _arguments: str) -> tuple[str, str, str]:
        return "ANSWER", "16", "1"

    node = hall(script, silence=SILENCE)
    object.__setattr__(node.house, "phones", Phones())
    peer = node.connect()
    peer.dial, peer.speech = dial, []
    peer.sounds["/voice/ru/menu"] = 9.0
    await peer.open("0123456789abcdef-token", "88005553535")
    queued = await node.fact(CallQueued)
    await soon(lambda: peer.music == "default")
    peer.key("1")
    await soon(lambda: "/voice/ru/menu" in peer.said)
    node.distributor.orders.put_nowait(OfferCall("o1", queued.call_id, "n1", "anna", "PJSIP/2001", 9_000))
    await node.fact(OfferAccepted)
    await soon(lambda: peer.closed.is_set())
    assert Digits("D") not in node.hotline.heard and NoInput() not in node.hotline.heard


async def test_the_silence_is_silent(tmp_path: Path) -> None:
    path = await asyncio.to_thread(make_silence, tmp_path / "sounds")
    assert path == str(tmp_path / "sounds" / "silence")
    assert (tmp_path / "sounds" / "silence.alaw").read_bytes() == b"\xd5" * 800


GREETED = Ask((Prompt("hello"), Prompt("menu")), speech=True, lead=1, timeout_ms=100, interdigit_ms=50)


@pytest.mark.parametrize(
    ("results", "again"),
    [
        (None, True),  # no server answers
        ([(0.01, "(speech) endpos=0 results=0")], True),  # it dies as the prompt begins
        ([(0.01, heard("@onset")), (0.01, "(speech) endpos=0 results=0")], False),  # he interrupted it
    ],
)
async def test_the_greeting_is_heard_though_speech_fails(
    hall: Any, soon: Any, results: Any, again: bool
) -> None:
    node, peer = await answer(hall, soon, results, GREETED)
    assert isinstance(node.hotline.heard[1], SpeechFailed)
    assert ("/voice/ru/hello" in peer.said) is again
