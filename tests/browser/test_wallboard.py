from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from acd.contract import AgentStatusDeclared, CallLeft, CallQueued, OfferAccepted, RulesLoaded

from .conftest import Board
from .rehearsal import OPENS

pytestmark = pytest.mark.browser


async def everybody_on_break(board: Board) -> None:
    for agent_id in ("2001", "2002", "2003"):
        await board.floor.report(AgentStatusDeclared(agent_id, "on_break", "обед"))


async def test_a_caller_who_waits_is_seen_at_once_and_goes_when_he_leaves(board: Board) -> None:
    await everybody_on_break(board)
    await board.open()
    await expect(board.page.locator("#queue-empty")).to_be_visible()
    await expect(board.page.locator("#queue-empty")).to_have_text("Никто не ждёт")
    await board.floor.report(CallQueued("caller", "node-1", "hotline", "documents", "en"))
    row = board.page.locator("#calls tr")
    await expect(row).to_have_count(1)
    await expect(row.locator(".topic")).to_have_text("ДокументыEN")
    await expect(row.locator(".wait b")).to_have_text("0:02", timeout=5_000)  # the clock goes on by itself
    await expect(board.page.locator("#waiting")).to_have_text("1")
    await board.floor.report(CallLeft("caller", "abandoned"))
    await expect(row).to_have_count(0)


async def test_who_waits_longer_is_higher_and_warmer(board: Board) -> None:
    await everybody_on_break(board)
    now_ms = board.floor.now_ms
    for name, waited_s in (("young", 5), ("late", 130), ("middle", 70)):
        await board.floor.report(
            CallQueued(name, "node-1", "hotline", "status", first_queued_ms=now_ms - waited_s * 1000)
        )
    await board.open()
    rows = board.page.locator("#calls tr")
    await expect(rows).to_have_count(3)
    assert [await row.get_attribute("data-key") for row in await rows.all()] == ["late", "middle", "young"]
    assert [await row.get_attribute("data-warmth") for row in await rows.all()] == ["5", "3", "1"]
    await expect(board.page.locator("#longest")).to_contain_text("2:1")


async def test_agents_are_shown_with_what_they_do(board: Board) -> None:
    await board.open()
    cards = board.page.locator("#agents li")
    await expect(cards).to_have_count(3)
    await expect(cards.nth(0)).to_contain_text("Анна Ветрова")
    await expect(cards.nth(0)).to_contain_text("Ждёт звонка")
    await board.floor.report(AgentStatusDeclared("2001", "on_break", "обед"))
    await expect(cards.nth(0)).to_contain_text("Перерыв · обед")
    await board.floor.report(AgentStatusDeclared("2003", "logged_out"))
    await expect(cards).to_have_count(2)
    await expect(board.page.locator("#away")).to_contain_text("Ольга Кравец")
    await board.floor.report(CallQueued("c1", "node-1", "hotline", "account"))
    await expect(board.page.locator("#agents li[data-state=offered]")).to_have_count(1)
    offer = next(iter(board.floor.engine.offers.values()))
    await board.floor.report(OfferAccepted(offer.offer_id, "c1", offer.agent_id))
    talking = board.page.locator("#agents li[data-state=talking]")
    await expect(talking).to_contain_text("Разговор · Учётная запись")
    await expect(board.page.locator("#level")).to_have_text("100")


async def test_the_level_shows_the_numbers_of_the_formula_that_was_chosen(board: Board) -> None:
    """Who was not answered may count as helped; who still waits counts as offered."""
    await everybody_on_break(board)
    await board.floor.report(RulesLoaded("other", {"service_level": "abandoned_in_target_helped"}))
    for name in ("first", "second", "third"):
        await board.floor.report(CallQueued(name, "node-1", "hotline", "status"))
    for name in ("first", "second"):
        await board.floor.report(CallLeft(name, "abandoned"))
    await board.open()
    await expect(board.page.locator("#level")).to_have_text("67")
    await expect(board.page.locator("#level-of")).to_have_text("сегодня 2 из 3")


async def test_a_lost_line_is_said_clearly_and_found_again(board: Board) -> None:
    await board.open()
    await expect(board.page.locator("#link")).to_have_attribute("data-state", "connected")
    board.floor.connected = False
    await expect(board.page.locator("#lost")).to_contain_text("Распределитель звонков недоступен")
    board.floor.connected = True
    await expect(board.page.locator("#lost")).to_be_hidden()
    await board.page.context.set_offline(True)
    await board.server.stop()
    await expect(board.page.locator("#lost")).to_contain_text("Нет связи с сервером")
    assert await board.page.get_attribute("body", "data-old") == "true"


async def test_a_lost_line_leaves_what_the_last_beat_confirmed(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing happens for a while: the last state is old, what it says has held until the last beat."""
    monkeypatch.setattr("web.live._BEAT_S", 0.2)
    await everybody_on_break(board)
    await board.floor.report(CallQueued("caller", "node-1", "hotline", "documents"))
    await board.open()
    wait = board.page.locator("#calls tr .wait b")
    await expect(wait).to_have_text("0:05", timeout=10_000)
    await board.page.context.set_offline(True)
    await board.server.stop()
    lost_ms = board.floor.snapshot().now_ms
    await expect(board.page.locator("#lost")).to_contain_text("Нет связи с сервером")
    assert await wait.inner_text() in ("0:04", "0:05", "0:06")
    assert 0 <= lost_ms - await said_ms(board) < 3_000


async def test_a_lost_journal_has_the_same_time_after_a_reload(board: Board) -> None:
    await board.open()
    board.floor.connected = False
    await expect(board.page.locator("#lost")).to_contain_text("Распределитель звонков недоступен")
    said = await board.text("#lost")
    await board.page.wait_for_timeout(2_500)
    await board.page.reload()
    await expect(board.page.locator("#lost")).to_have_text(said)


async def test_a_journal_that_was_never_there_has_no_time(board: Board) -> None:
    board.floor.connected = False
    await board.open()
    await expect(board.page.locator("#lost")).to_have_text(
        "Распределитель звонков недоступен. Кто ждёт и кто на смене, пока неизвестно."
    )


async def said_ms(board: Board) -> int:
    """The time that the banner names, on the day of the rehearsal."""
    found = re.search(r"на (\d\d):(\d\d):(\d\d)", await board.text("#lost"))
    assert found, await board.text("#lost")
    hour, minute, second = map(int, found.groups())
    return int(OPENS.replace(hour=hour, minute=minute, second=second).timestamp() * 1000)


async def test_one_signs_in_with_a_token_and_the_address_keeps_none(board: Board) -> None:
    page = board.page
    await page.goto(board.address)
    await expect(page.locator("#sign-in")).to_be_visible()
    await page.fill("#token", "dzv_wrong")
    await page.press("#token", "Enter")
    await expect(page.locator("#sign-in-fault")).to_have_text("Этот ключ не подходит.")
    await page.fill("#token", board.secret)
    await page.press("#token", "Enter")
    await expect(page.locator("#board")).to_be_visible()
    await page.reload()
    await expect(page.locator("#board")).to_be_visible()
    await page.click("#leave")
    await expect(page.locator("#sign-in")).to_be_visible()
    await board.open()  # by a link that carries the token
    assert board.secret not in page.url
    assert await page.evaluate("Object.keys(localStorage)") in ([], ["dozvon-language"])


async def test_two_quick_submits_follow_once_and_signing_out_is_final(board: Board) -> None:
    page = board.page
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/api/v1/live" in request.url else None)
    await page.goto(board.address)
    await page.fill("#token", board.secret)
    disabled = await page.evaluate(
        """() => {
          const form = document.getElementById("sign-in-form");
          form.requestSubmit();
          form.requestSubmit();
          return document.getElementById("enter").disabled;
        }"""
    )
    assert disabled
    await expect(page.locator("#board")).to_be_visible()
    await page.wait_for_timeout(500)
    assert streams == [f"{board.address}/api/v1/live"]
    await page.click("#leave")
    await board.floor.report(CallQueued("late", "node-1", "hotline", "status"))
    await page.wait_for_timeout(1_000)
    await expect(page.locator("#sign-in")).to_be_visible()
    await expect(page.locator("#enter")).to_be_enabled()
    await expect(page.locator("#board")).to_be_hidden()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_an_answer_after_signing_out_signs_nobody_in(board: Board) -> None:
    page = board.page
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        asked.set()
        await let_go.wait()
        await route.continue_()

    await page.route("**/api/v1/about", late)
    await page.goto(f"{board.address}/#token={board.secret}")
    await asked.wait()
    await page.click("#leave")
    async with page.expect_response("**/api/v1/about"):
        let_go.set()
    await page.wait_for_timeout(500)
    await expect(page.locator("#sign-in")).to_be_visible()
    await expect(page.locator("#board")).to_be_hidden()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_what_was_read_before_the_stop_is_not_told_after_it(board: Board) -> None:
    """Two states come in one piece and the first makes the page stop."""
    await board.page.goto(board.address)
    told = await board.page.evaluate(
        """async () => {
          const state = 'event: state\\ndata: {"now_ms": 1, "known_ms": 1}\\n\\n';
          window.fetch = async () => new Response(state + state);
          const { follow } = await import("/live.js");
          const told = [];
          const tell = (what) => () => told.push(what);
          const on = { time: tell("time"), lost: tell("lost"), refused: tell("refused") };
          const stop = follow("token", { ...on, state: () => { told.push("state"); stop(); } });
          await new Promise((resolve) => setTimeout(resolve, 800));
          return told;
        }"""
    )
    assert told == ["time", "state"]


@pytest.mark.parametrize("fault", [502, 429, 0])
async def test_a_kept_token_waits_for_a_server_that_fails(board: Board, fault: int) -> None:
    """A wall screen has nobody to type the token again; status 0 stands for a broken line."""
    page = board.page
    await board.open()
    failed = 0

    async def fail(route: Route) -> None:
        nonlocal failed
        failed += 1
        await (route.fulfill(status=fault, body="bad gateway") if fault else route.abort())

    await page.route("**/api/v1/about", fail, times=2)
    await page.reload()
    await expect(page.locator("#link")).to_have_text("Соединение…")
    await expect(page.locator("#sign-in")).to_be_hidden()
    await expect(page.locator("#board")).to_be_visible()
    assert failed == 2


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_the_head_has_two_lines_on_a_phone_also_while_it_connects(board: Board, language: str) -> None:
    page = board.page
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.route("**/api/v1/about", lambda route: route.fulfill(status=502))
    await page.goto(f"{board.address}/#token={board.secret}")
    if language == "en":
        await page.click("#language")
    await expect(page.locator("#leave")).to_be_visible()
    parts = [await page.locator(name).bounding_box() for name in ("#link", "#clock", "#language", "#leave")]
    middles = [part["y"] + part["height"] / 2 for part in parts if part]
    assert len(middles) == 4 and max(middles) - min(middles) < 3


async def test_a_kept_token_that_is_refused_brings_the_form(board: Board) -> None:
    page = board.page
    await board.open()
    await page.route("**/api/v1/about", lambda route: route.fulfill(status=401))
    await page.reload()
    await expect(page.locator("#sign-in-fault")).to_have_text("Этот ключ не подходит.")
    await expect(page.locator("#enter")).to_be_enabled()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_the_page_speaks_english_and_remembers_it(board: Board) -> None:
    await board.open()
    await board.page.click("#language")
    await expect(board.page.locator("#agents-title")).to_have_text("Agents")
    await expect(board.page.locator("#agents li").nth(0)).to_contain_text("Ready")
    assert await board.page.get_attribute("html", "lang") == "en"
    await board.page.reload()
    await expect(board.page.locator("#agents-title")).to_have_text("Agents")


async def test_a_hostile_name_is_only_text(board: Board) -> None:
    from acd.contract import AgentDefined

    name = '<img src=x onerror="document.title=1"><script>alert(1)</script>'
    await board.floor.report(AgentDefined("2001", name, "PJSIP/2001", {"status": 1}))
    await board.open()
    await expect(board.page.locator("#agents li .name").nth(0)).to_have_text(name)
    assert await board.page.locator("#agents img, #agents script").count() == 0


@pytest.mark.parametrize("width", [1920, 1280, 900, 390, 320])
async def test_nothing_hangs_over_the_edge_on_any_screen(board: Board, width: int) -> None:
    await everybody_on_break(board)
    for n in range(12):
        await board.floor.report(CallQueued(f"c{n}", "node-1", "hotline", "status", "en"))
    await board.page.set_viewport_size({"width": width, "height": 800})
    await board.open()
    await expect(board.page.locator("#calls tr")).to_have_count(12)
    assert await board.page.evaluate("document.documentElement.scrollWidth") <= width
    cut = await board.page.evaluate(
        """[...document.querySelectorAll('#agents li, #calls tr, .figures .panel, .bar > *')]
           .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth + 1)
           .map(e => e.className + e.id)"""
    )
    assert cut == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_every_text_has_contrast_enough(board: Board, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, large text 3 to 1; the ground is found by walking up."""
    await everybody_on_break(board)
    now_ms = board.floor.now_ms
    for n, waited_s in enumerate((5, 40, 70, 100, 150)):
        call = CallQueued(f"c{n}", "node-1", "hotline", "status", first_queued_ms=now_ms - waited_s * 1000)
        await board.floor.report(call)
    await board.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await board.open()
    await expect(board.page.locator("#calls tr")).to_have_count(5)
    poor = await board.page.evaluate(CONTRAST)
    assert poor == []


CONTRAST = """() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return rgba(getComputedStyle(document.body).backgroundColor);
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(style.color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.7 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${element.textContent.trim()} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
