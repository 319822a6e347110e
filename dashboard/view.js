// From a state of the floor to the page. Nothing here talks to the server. Texts from outside are set as
// text, never as markup.

import { range, stopwatch, word } from "./words.js";

const byId = (id) => document.getElementById(id);

export function showState(live, about, titleOf, nowMs) {
  showFigures(live, about, nowMs);
  showCalls(live, about, titleOf, nowMs);
  showAgents(live, titleOf, nowMs);
}

function showFigures(live, about, nowMs) {
  const today = live.today;
  // A first caller who has not been answered yet is no bad day: nothing is known of it.
  const level = today.answered + today.abandoned ? today.service_level : null;
  byId("level-title").textContent = word("level_title", { target: about.target_s });
  byId("level").textContent = level === null ? "–" : String(Math.round(level * 100));
  byId("level-sign").hidden = level === null;
  byId("ring").style.strokeDasharray = `${(level ?? 0) * 100} 100`;
  byId("ring").closest(".level").dataset.grade =
    level === null ? "none" : level >= 0.8 ? "good" : level >= 0.6 ? "fair" : "poor";
  byId("level-of").textContent =
    level === null
      ? word("level_none")
      : word("level_of", { numerator: today.numerator, denominator: today.denominator });
  byId("level-of").title = today.formula;

  const waiting = live.calls.filter((call) => waits(call) && call.channel !== "chat");
  const longest = waiting.length ? nowMs - Math.min(...waiting.map((call) => call.first_queued_ms)) : 0;
  byId("waiting").textContent = String(Math.max(today.waiting, waiting.length));
  byId("longest").textContent = stopwatch(longest);
  byId("longest").parentElement.dataset.warmth = warmth(longest, about.target_s);
  byId("asa").textContent = stopwatch(today.asa_ms);
  byId("answered").textContent = String(today.answered);
  byId("abandoned").textContent = String(today.abandoned);
}

function showCalls(live, about, titleOf, nowMs) {
  const waiting = live.calls.filter(waits);
  const rows = keyed(byId("calls"), waiting, (call) => call.call_id, newCallRow);
  waiting.forEach((call, index) => {
    const [place, wait, topic, left] = rows[index].children;
    const waited = nowMs - call.first_queued_ms;
    rows[index].dataset.warmth = warmth(waited, about.target_s);
    rows[index].dataset.offered = String(call.state === "offered");
    rows[index].style.setProperty("--filled", `${Math.min(100, waited / about.target_s / 10)}%`);
    place.textContent = String(index + 1);
    wait.firstChild.textContent = stopwatch(waited);
    topic.firstChild.textContent = titleOf(call.topic);
    const marks = call.channel === "chat" ? [word("chat")] : [];
    if (call.language !== "ru") marks.push(call.language.toUpperCase());
    topic.lastChild.textContent = marks.join(" ");
    topic.lastChild.hidden = marks.length === 0;
    left.textContent = expected(call);
  });
  byId("queue-empty").hidden = waiting.length > 0;
  byId("calls").closest("table").hidden = waiting.length === 0;
  const hidden = live.calls_total - live.calls.length;
  const beside = hidden > 0 ? [word("more", { number: hidden })] : [];
  if (live.today.callbacks > 0) beside.push(word("callbacks", { number: live.today.callbacks }));
  byId("queue-more").textContent = beside.join(" · ");
}

function newCallRow() {
  const row = document.createElement("tr");
  for (const name of ["place", "wait", "topic", "left"]) {
    const cell = document.createElement("td");
    cell.className = name;
    row.append(cell);
  }
  row.children[1].append(document.createElement("b"), document.createElement("i"));
  row.children[2].append(document.createElement("span"), document.createElement("em"));
  return row;
}

function expected(call) {
  if (call.state === "offered") return word("offered").toLowerCase();
  if (!call.wait) return "";
  return call.wait.servable ? range(call.wait.low_ms, call.wait.high_ms) : word("unservable");
}

function showAgents(live, titleOf, nowMs) {
  const present = live.agents.filter((agent) => agent.status !== "logged_out");
  const topics = new Map(live.calls.map((call) => [call.call_id, call.topic]));
  const cards = keyed(byId("agents"), present, (agent) => agent.agent_id, newAgentCard);
  const counts = new Map();
  present.forEach((agent, index) => {
    const [mark, name, since, line] = cards[index].children;
    const shown = shownState(agent);
    counts.set(shown, (counts.get(shown) ?? 0) + 1);
    cards[index].dataset.state = shown;
    mark.textContent = MARKS[shown] ?? "?";
    name.textContent = agent.name || agent.agent_id;
    line.firstChild.textContent = word(shown);
    since.textContent = stopwatch(nowMs - agent.since_ms);
    const topic = topics.get(agent.call_id);
    const chats = agent.chats > 0 ? `${agent.chats}/${agent.chat_capacity}` : "";
    const doing = shown === "on_break" ? agent.reason : topic ? titleOf(topic) : chats;
    line.lastChild.textContent = doing && ` · ${doing}`;
  });
  byId("agents-empty").hidden = present.length > 0;
  showTally(counts);
  const away = live.agents.filter((agent) => agent.status === "logged_out");
  const names = away.slice(0, 12).map((agent) => agent.name || agent.agent_id);
  const rest = away.length > 12 ? ` ${word("more", { number: away.length - 12 })}` : "";
  byId("away").textContent = away.length ? word("logged_out", { names: names.join(", ") }) + rest : "";
}

// A sign beside the colour: states can be told apart without seeing colours.
const MARKS = { ready: "✓", offered: "↻", talking: "●", chatting: "≡", wrap_up: "✎", paused: "–", on_break: "‖", unreachable: "!" };

function shownState(agent) {
  if (["talking", "offered", "chatting"].includes(agent.state)) return agent.state;
  if (agent.status === "on_break") return "on_break";
  return agent.reachable ? agent.state : "unreachable";
}

function newAgentCard() {
  const card = document.createElement("li");
  for (const [tag, name] of [
    ["i", "mark"],
    ["b", "name"],
    ["time", "since"],
    ["p", "line"],
  ]) {
    const part = document.createElement(tag);
    part.className = name;
    card.append(part);
  }
  card.children[0].setAttribute("aria-hidden", "true");
  card.children[3].append(document.createElement("b"), document.createElement("span"));
  return card;
}

function showTally(counts) {
  const states = Object.keys(MARKS).filter((state) => counts.has(state));
  const items = keyed(byId("tally"), states, (state) => state, () => {
    const item = document.createElement("li");
    item.append(document.createElement("b"), document.createElement("span"));
    return item;
  });
  states.forEach((state, index) => {
    items[index].dataset.state = state;
    items[index].firstChild.textContent = String(counts.get(state));
    items[index].lastChild.textContent = word(`tally_${state}`);
  });
}

/** Rows of `parent`, one per item in order; a row stays with its key, so nothing flickers or jumps. */
function keyed(parent, items, keyOf, make) {
  const old = new Map([...parent.children].map((row) => [row.dataset.key, row]));
  const rows = items.map((item) => {
    const key = keyOf(item);
    const row = old.get(key) ?? make();
    row.dataset.key = key;
    old.delete(key);
    return row;
  });
  for (const row of old.values()) row.remove();
  rows.forEach((row, index) => {
    if (parent.children[index] !== row) parent.insertBefore(row, parent.children[index] ?? null);
  });
  return rows;
}

function waits(call) {
  return !call.callback && (call.state === "queued" || call.state === "offered");
}

/** Five steps of warmth: the last one when the target is missed. */
function warmth(waitedMs, targetS) {
  const share = waitedMs / 1000 / targetS;
  if (share >= 1) return "5";
  if (share >= 0.75) return "4";
  if (share >= 0.5) return "3";
  return share >= 0.25 ? "2" : "1";
}
