"""The hotline helps by itself: answers after hours and while waiting, changed texts and flows, as calls."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import yaml
from click import ClickException

sys.path.insert(0, str(Path(__file__).parent))
from hotline import CLOSED, OPEN, Hotline
from ways import STEP_S, Way, at_ms, heard_share, polled

from desk.contract import TicketDraft
from dozvon.commands.prompts import load_catalogue
from dozvon.parts import make_desk
from dozvon.phones import sound
from dozvon.phones.sipp import place_calls
from dozvon.settings import ROOT
from ivr.dialog.contract import Prompt
from ivr.prompts import audio
from ivr.prompts.synth import find
from ivr.prompts.voice import CatalogueVoice

pytestmark = pytest.mark.e2e
ANSWERS = ROOT / "voice_prompts" / "ru" / "sounds"
QUESTION = "забыл пароль, как восстановить доступ"


@pytest.fixture(scope="module")
def whole_hotline(settings, asterisk, redis_child):
    """With texts of its own, so that they may be changed; the rendered sounds are the shipped ones."""
    texts = settings.home / "voice_prompts"
    shutil.rmtree(texts, ignore_errors=True)
    for language in settings.hotline.languages:
        (texts / language).mkdir(parents=True)
        for shipped in (ROOT / "voice_prompts" / language).iterdir():
            if shipped.is_dir():
                (texts / language / shipped.name).symlink_to(shipped)
            else:
                shutil.copy(shipped, texts / language)
    hotline = Hotline(settings.model_copy(update={"voice_prompts": texts}))
    asyncio.run(hotline.hours(OPEN))
    asyncio.run(hotline.start())
    yield hotline
    asyncio.run(hotline.stop())


def voice_of(text: str) -> sound.array[int]:
    """Somebody's words as a telephone brings them."""
    synthesiser = find("ru")
    assert synthesiser is not None, "no synthesiser here: install RHVoice or espeak-ng"
    return sound.from_alaw(audio.prompt_from_wav(synthesiser.say(text)))


async def speech_ready(hotline: Hotline) -> None:
    """Since the start of the daemon, whatever was marked: models take seconds to load."""
    await polled(lambda: '"action": "speech_ready"' in hotline.log_file.read_text("utf-8"), "speech is ready")


async def leaves_a_request(hotline: Hotline, way: Way) -> None:
    """From «оставить заявку?» until he is told the number of his ticket; then he hangs up."""
    await way.presses("1", after="request.offer")
    await way.hears("request.speak")
    recording = await polled(lambda: recordings(hotline, way), "the microphone is on")
    await way.caller.say(sound.tone(700, 2))
    empty = recording.stat().st_size
    await polled(lambda: recording.stat().st_size > empty + 3 * 16_000, "three seconds are recorded")
    await way.caller.press("#")
    await way.presses("1", after="record.review")
    await way.hears("record.number")
    await way.caller.hang_up()


def recordings(hotline: Hotline, way: Way) -> Path | None:
    return next(hotline.settings.recordings.glob(f"{way.call_id}*.wav"), None)


async def by_keys(hotline: Hotline, way: Way) -> None:
    """«Вход», «восстановить доступ», «забыл пароль»: the answer, heard for some seconds; not helped."""
    await way.presses("1", after="after.ask")
    await way.presses("2", after="answers.ask_access")
    await way.presses("1", after="answers.ask_recover")
    await way.hears("answer.access_recover")
    await way.hears_sound(ANSWERS / "answer.access_recover.alaw", to_s=4)
    await way.caller.press("2")
    await leaves_a_request(hotline, way)


async def by_voice(hotline: Hotline, way: Way) -> None:
    """Asks in his own words while the menu is still being said, listens, says «нет»."""
    await way.hears("after.ask_spoken")
    await way.caller.say(voice_of(QUESTION))
    await way.hears("answer.access_recover")
    assert way.said("answers.ask_access") is None  # understood at once, no menu in between
    await way.hears_sound(ANSWERS / "answer.access_recover.alaw", to_s=4)
    await way.caller.say(voice_of("нет, не помогло"))
    await leaves_a_request(hotline, way)


async def test_after_hours_a_question_an_answer_and_a_request(hotline, caller_phone):
    """Two callers at the same time, one with keys, one with his voice."""
    await speech_ready(hotline)
    await hotline.hours(CLOSED)
    helped = {each["answer_id"]: each for each in (await hotline.api("/answers"))["items"]}
    seen = helped.get("access_recover", {"given": 0, "helped": 0, "not_helped": 0})
    tickets = {each["number"] for each in (await hotline.api("/tickets"))["items"]}
    try:
        speaker = await Way.begin(hotline, await caller_phone(number="79161230002"))
        presser = await Way.begin(hotline, await caller_phone(number="79161230001"))
        await asyncio.gather(by_voice(hotline, speaker), by_keys(hotline, presser))
        for way in (speaker, presser):
            ended = await way.ended()
            assert (ended["outcome"], ended["tickets"]) == ("left", 1)
            assert ended["prompts_missing"] == 0
        new = [each for each in (await hotline.api("/tickets"))["items"] if each["number"] not in tickets]
        assert [(each["kind"], each["has_recording"]) for each in new] == [("request", True)] * 2
        notes = (await hotline.api(f"/interactions/{speaker.call_id}"))["notes"]
        assert notes["answer.access_recover"] == "not_helped"
        counted = (await hotline.api("/answers"))["items"][0]
        assert counted["answer_id"] == "access_recover"
        assert counted["given"] - seen["given"] == counted["not_helped"] - seen["not_helped"] == 2
        assert counted["helped"] == seen["helped"]
    finally:
        await hotline.hours(OPEN)


async def waits(hotline: Hotline, caller) -> Way:
    """Dial, «вход», «не получается войти»: has a place for ``access``."""
    way = await Way.begin(hotline, caller)
    before = {call["call_id"] for call in await hotline.calls()}
    await way.presses("1", after="topics.ask")
    await way.presses("1", after="access.ask")
    deadline = time.monotonic() + STEP_S
    while {call["call_id"] for call in await hotline.calls()} == before:
        assert time.monotonic() < deadline, way.last()
        await asyncio.sleep(0.05)
    return way


def pressed(way: Way, times: int) -> bool:
    return sum(line.get("action") == "pressed" for line in way.lines) >= times


async def place(hotline: Hotline, way: Way) -> int:
    """As the API tells it; 0 without a place."""
    for call in await hotline.calls():
        if call["call_id"] == way.call_id and call["state"] == "queued":
            return int(call["wait"]["place"])
    return 0


async def test_who_waits_third_asks_hears_the_answer_and_is_still_third(hotline, caller_phone):
    first = await waits(hotline, await caller_phone(number="79161230001"))
    await waits(hotline, await caller_phone(number="79161230002"))
    third = await waits(hotline, await caller_phone(number="79161230003"))
    assert await place(hotline, third) == 3
    since_ms = (await hotline.api(f"/calls/{third.call_id}"))["first_queued_ms"]
    places: list[int] = []

    async def watch() -> None:
        while True:
            places.append(await place(hotline, third))
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    await third.presses("0", after="talks.begin")  # no questions before the specialist, thank you
    await polled(lambda: pressed(third, 3), "he holds the line")
    await third.caller.press("1")  # he knows it from his last call
    await third.presses("2", after="answers.ask_access")
    await third.presses("1", after="answers.ask_recover")
    await third.hears("answer.access_recover")
    await third.hears_sound(ANSWERS / "answer.access_recover.alaw", to_s=4)
    await third.caller.press("2")
    await third.hears("queue.you_wait_on")
    assert await place(hotline, third) == 3
    await first.caller.hang_up()
    await first.ended()
    await polled(lambda: places[-1] == 2, "the one before has left")
    watching.cancel()
    assert len(places) > 20
    assert places == sorted(places, reverse=True), places  # never worse, never without
    assert set(places) == {3, 2}
    assert (await hotline.api(f"/calls/{third.call_id}"))["first_queued_ms"] == since_ms


MUSIC = ROOT / "asterisk-config" / "sounds" / "moh" / "waiting.alaw"


@pytest.fixture
def no_guided_talk(hotline):
    """However long the wait may seem: nothing comes between him and the music."""
    queue = hotline.config / "flows" / "queue.yaml"
    shipped = queue.read_text("utf-8")
    taken = flows_taken(hotline)
    changed = shipped.replace("talk_min_wait_s: 45", "talk_min_wait_s: 3600")
    assert changed != shipped
    queue.write_text(changed, "utf-8")
    asyncio.run(polled(lambda: flows_taken(hotline) > taken, "the flow is taken"))
    yield
    queue.write_text(shipped, "utf-8")


def flows_taken(hotline: Hotline) -> int:
    lines = [line for line in hotline.lines if line.get("action") == "reloaded"]
    return sum(line.get("what") == "flows" for line in lines)


@pytest.mark.usefixtures("no_guided_talk")
async def test_a_question_over_the_music_is_answered_and_the_place_kept(hotline, caller_phone):
    """Without a key on the telephone: he speaks while the music plays."""
    await speech_ready(hotline)
    await waits(hotline, await caller_phone(number="79161230001"))
    way = await waits(hotline, await caller_phone(number="79161230002"))
    since_ms = (await hotline.api(f"/calls/{way.call_id}"))["first_queued_ms"]
    await way.hears("queue.first")
    await way.hears_sound(MUSIC, to_s=3)
    answered = len([line for line in hotline.lines if line.get("action") == "heard"])
    await way.caller.say(voice_of(QUESTION))
    await way.hears("answer.access_recover")
    await way.hears_sound(ANSWERS / "answer.access_recover.alaw", to_s=4)
    assert await place(hotline, way) == 2
    await way.caller.say(voice_of("нет"))
    await way.hears("queue.you_wait_on")
    assert await place(hotline, way) == 2
    assert (await hotline.api(f"/calls/{way.call_id}"))["first_queued_ms"] == since_ms
    heard = len(way.caller.heard())
    await polled(lambda: len(way.caller.heard()) - heard > 12 * sound.RATE, "twelve seconds of music")
    turns = [line for line in hotline.lines if line.get("action") == "heard"]
    assert not [line for line in turns[answered:] if line["mark"]], "music was taken for speech"


async def asks_for(hotline: Hotline, way: Way, number: str) -> None:
    """«Документы», «ваша заявка», its number, «верно»."""
    await way.presses("2", after="topics.ask")
    await way.presses("3", after="papers.ask")
    await way.presses(number, after="state.ask")
    await way.presses("1", after="state.confirm")


async def test_how_a_request_stands_is_told_to_its_own_telephone(hotline, caller_phone):
    desk = make_desk(hotline.settings)
    await desk.start()
    try:
        draft = TicketDraft("state-1", "access", caller_number="79161230001")
        number = (await desk.open_ticket(draft)).number
    finally:
        await desk.stop()
    own = await Way.begin(hotline, await caller_phone(number="79161230001"))
    await asks_for(hotline, own, number)
    await own.hears("state.new")
    await own.presses("2", after="answers.more")
    assert (await own.ended())["prompts_missing"] == 0
    other = await Way.begin(hotline, await caller_phone(number="79161230002"))
    await asks_for(hotline, other, number)
    await other.hears("state.not_found")
    await other.caller.hang_up()
    await other.ended()


def greeting_of(hotline: Hotline, way: Way, cache: Path) -> Path:
    """The greeting of this call, rendered apart from the daemon from the texts as they are now."""
    said = way.lines[0]["prompts"][0]
    assert said.startswith("greeting.")
    texts = hotline.settings.voice_prompts
    voice = CatalogueVoice(lambda: load_catalogue(hotline.config, texts), texts, cache)
    return Path(voice.sound((Prompt(said),), "ru") + ".alaw")


async def test_a_changed_text_is_heard_in_the_next_call(hotline, caller_phone, tmp_path):
    before = await Way.begin(hotline, await caller_phone())
    old = greeting_of(hotline, before, tmp_path)
    await before.hears_sound(old, to_s=60)
    await before.caller.hang_up()
    await before.ended()

    file = hotline.settings.voice_prompts / "ru" / "texts.yaml"
    was = file.read_text("utf-8")
    changed_s = time.monotonic()
    file.write_text(
        was.replace("Это служба поддержки Госуслуг.", "Вы позвонили в помощь по Госуслугам."), "utf-8"
    )
    try:
        await polled(
            lambda: any(x.get("action") == "reloaded" and x["what"] == "prompts" for x in hotline.lines),
            "the new texts are taken",
        )
        taken_s = time.monotonic()
        after = await Way.begin(hotline, await caller_phone())
        new = greeting_of(hotline, after, tmp_path)
        await after.hears_sound(new, to_s=60)
        heard_s = time.monotonic()
        line = await after.hears("greeting.")
        assert "Вы позвонили в помощь" in line["text"] and "служба поддержки" not in line["text"]
        shares = [heard_share(way.caller.heard(), it) for way in (before, after) for it in (old, new)]
        print("heard of old and new, in the call before and after:", [f"{share:.0%}" for share in shares])
        assert max(shares[1], shares[2]) < 0.1 < 0.5 <= min(shares[0], shares[3])
        await after.caller.hang_up()
        assert (await after.ended())["prompts_missing"] == 0
        print(f"taken after {taken_s - changed_s:.1f} s, heard after {heard_s - changed_s:.1f} s")
        assert heard_s - changed_s < 60
    finally:
        file.write_text(was, "utf-8")


async def versions(hotline: Hotline) -> dict[str, int]:
    """Version to its calls."""
    return {each["version"]: each["calls"] for each in (await hotline.api("/flow"))["items"]}


async def current(hotline: Hotline) -> str:
    return next(each["version"] for each in (await hotline.api("/flow"))["items"] if each["current"])


async def taken_now(hotline: Hotline) -> str:
    """The version in force after the files were asked for, which the daemon may just be reading by itself."""
    deadline = time.monotonic() + STEP_S
    while True:
        try:
            items = (await hotline.api("/flow/reload", "POST"))["items"]
        except ClickException as error:
            assert "being reloaded already" in error.message and time.monotonic() < deadline, error.message
            await asyncio.sleep(0.2)
        else:
            return next(each["version"] for each in items if each["current"])


async def test_two_versions_side_by_side_under_load(hotline, server, caller_phone, tmp_path, until):
    old = await current(hotline)
    silence = tmp_path / "silence.alaw"
    silence.write_bytes(audio.silence(1000))
    early = await Way.begin(hotline, await caller_phone())
    await early.hears("topics.ask")
    load = asyncio.create_task(place_calls(server, "88005553535", silence, calls=24, per_second=3, talk_s=5))
    try:
        await until(lambda: on(hotline, old, 8), STEP_S)
        file = hotline.config / "flows" / "main.yaml"
        flow = yaml.safe_load(file.read_text("utf-8"))
        choices = flow["nodes"]["topics"]["options"]
        choices[1]["go"], choices[2]["go"] = choices[2]["go"], choices[1]["go"]
        changed_ms = time.time_ns() // 1_000_000
        file.write_text(yaml.safe_dump(flow, allow_unicode=True, sort_keys=False), "utf-8")
        new = await taken_now(hotline)
        taken_ms = time.time_ns() // 1_000_000
        assert new != old
        await until(lambda: on(hotline, new, 3), STEP_S)
        assert (await versions(hotline))[old] >= 1  # side by side
    finally:
        result = await load
    late = await Way.begin(hotline, await caller_phone(number="79161230002"))
    await late.presses("1", after="topics.ask")
    await late.hears("papers.ask")
    await early.caller.press("1")  # began before the change, and still goes the old way
    await early.hears("access.ask")
    for way in (early, late):
        await way.caller.hang_up()
        await way.ended()
    assert (result.successful, result.failed) == (24, 0), result.errors
    ended = await polled(lambda: all_ended(hotline, 26), "every call ended")
    assert all(line["outcome"] == "left" and line["prompts_missing"] == 0 for line in ended.values())
    first_word = {}
    for line in hotline.lines:
        if line.get("action") == "said":
            first_word.setdefault(line["call_id"], at_ms(line))
    before = {ended[call]["flow_version"] for call, ms in first_word.items() if ms < changed_ms}
    # A call's first word is some milliseconds younger than its version.
    after = {
        ended[call]["flow_version"]
        for call, line in ended.items()
        if at_ms(line) - line["lasted_ms"] > taken_ms
    }
    assert (before, after) == ({old}, {new})
    of_new = sum(line["flow_version"] == new for line in ended.values())
    print(f"{len(ended)} calls, {len(ended) - of_new} on the old flow, {of_new} on the new; none lost")
    assert min(of_new, len(ended) - of_new) >= 5
    await hotline.api("/flow/rollback", "POST", {})
    again = await Way.begin(hotline, await caller_phone())
    await again.caller.hang_up()
    assert (await again.ended())["flow_version"] == old


async def on(hotline: Hotline, version: str, calls: int) -> bool:
    return (await versions(hotline)).get(version, 0) >= calls


def all_ended(hotline: Hotline, calls: int) -> dict[str, dict[str, object]]:
    found = {line["call_id"]: line for line in hotline.lines if line.get("action") == "call_ended"}
    return found if len(found) >= calls else {}


async def test_a_signal_takes_the_files_at_once(hotline, until):
    """Last: what the test before left rolled back is in force again."""
    pinned = await current(hotline)
    os.kill(hotline.daemon.child.pid, signal.SIGHUP)
    everything = {"prompts", "hours", "flows", "understanding", "agents", "rules"}

    def taken():
        return {line["what"] for line in hotline.lines if line.get("action") == "reloaded"} >= everything

    await until(taken, STEP_S)
    assert await current(hotline) != pinned
    assert hotline.daemon.child.running
