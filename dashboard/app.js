// The wallboard: sign in, follow the floor, show it, say clearly when what is shown is old.

import { SILENCE_MS, follow, pause } from "./live.js";
import { showState } from "./view.js";
import { currentLanguage, toggleLanguage, word } from "./words.js";

const byId = (id) => document.getElementById(id);
const KEY = "dozvon-token";

let about = { name: "", number: "", timezone: "Europe/Moscow", target_s: 120, topics: {} };
let live = null; // the last state
let skewMs = 0; // the server's clock less ours
let knownMs = 0; // until when the last state is known to hold, by the server's clock; 0: nothing is known
let line = "connecting"; // connecting, connected, lost
let stop = () => {};
let attempt = 0; // to sign in; one that is no longer the last has nothing to say

start();

function start() {
  byId("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    enter(byId("token").value.trim());
  });
  byId("leave").addEventListener("click", () => leave());
  byId("language").addEventListener("click", () => {
    toggleLanguage();
    showWords();
    show();
  });
  showWords();
  setInterval(show, 250);
  addEventListener("hashchange", enterByLink);
  if (enterByLink()) return;
  const kept = sessionStorage.getItem(KEY);
  if (kept) enter(kept, { patient: true });
  else showSignIn();
}

/** A link may carry its token behind "#": that part is never sent to a server, nor kept in the address. */
function enterByLink() {
  const linked = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!linked) return false;
  history.replaceState(null, "", location.pathname);
  sessionStorage.setItem(KEY, linked);
  enter(linked, { patient: true });
  return true;
}

/**
 * `patient`: the token is kept and a wall screen has nobody to type it again; only a refusal brings the form.
 */
async function enter(token, { patient = false } = {}) {
  letGo();
  const mine = attempt;
  byId("sign-in").hidden = patient;
  byId("sign-in-fault").textContent = "";
  byId("enter").disabled = true;
  byId("leave").hidden = !patient;
  show();
  for (let failures = 0; ; failures += 1) {
    const { status, facts } = await askAbout(token);
    if (mine !== attempt) return;
    if (facts) {
      about = facts;
      break;
    }
    if (!patient || isRefusal(status)) return leave(faultOf(status));
    await pause(failures);
    if (mine !== attempt) return;
  }
  sessionStorage.setItem(KEY, token);
  byId("token").value = "";
  byId("sign-in").hidden = true;
  byId("leave").hidden = false;
  stop = follow(token, {
    time(serverMs, untilMs) {
      skewMs = serverMs - Date.now();
      knownMs = untilMs;
    },
    state(state) {
      live = state;
      line = "connected";
      byId("board").hidden = false;
      show();
    },
    lost() {
      line = "lost";
      show();
    },
    refused() {
      leave("token_refused");
    },
  });
  show();
}

/** What the hotline says of itself to the owner of this token; status 0: no whole answer came. */
async function askAbout(token) {
  try {
    const response = await fetch("/api/v1/about", {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(SILENCE_MS),
    });
    return { status: response.status, facts: response.ok ? await response.json() : null };
  } catch {
    return { status: 0, facts: null };
  }
}

function isRefusal(status) {
  return status === 401 || status === 403;
}

function faultOf(status) {
  if (status === 429) return "token_later";
  return isRefusal(status) ? "token_refused" : "token_line";
}

function leave(fault) {
  letGo();
  sessionStorage.removeItem(KEY);
  showSignIn(fault);
}

/** Nothing is followed any more, and no answer that is still on its way will be heard. */
function letGo() {
  attempt += 1;
  stop();
  live = null;
  line = "connecting";
  byId("board").hidden = true;
}

function showSignIn(fault) {
  byId("leave").hidden = true;
  byId("sign-in").hidden = false;
  byId("enter").disabled = false;
  byId("sign-in-fault").textContent = fault ? word(fault) : "";
  byId("token").focus();
  show();
}

function showWords() {
  const language = currentLanguage();
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = word(element.dataset.text);
  }
  const other = language === "ru" ? "en" : "ru";
  byId("language").textContent = other === "en" ? "English" : "Русский";
  byId("language").lang = other;
}

function show() {
  const nowMs = Date.now() + skewMs;
  byId("clock").textContent = timeOf(nowMs, { hour: "2-digit", minute: "2-digit" });
  if (about.name) {
    byId("hotline").textContent = about.name;
    byId("hotline-number").textContent = spaced(about.number);
  }
  showLine();
  if (!live) return;
  document.title = `${live.today.waiting} · ${about.name}`;
  // An old state stands still: clocks that went on would pretend to know.
  showState(live, about, titleOf, isOld() ? knownMs : nowMs);
}

function isOld() {
  return line !== "connected" || !live?.connected;
}

function showLine() {
  const signedIn = byId("sign-in").hidden;
  byId("link").hidden = !signedIn;
  const state = line === "connected" && live && !live.connected ? "lost" : line;
  byId("link").dataset.state = state;
  byId("link").lastElementChild.textContent = word(state);
  const lost = signedIn && live !== null && state === "lost";
  document.body.dataset.old = String(lost);
  byId("lost").hidden = !lost;
  if (lost) {
    const time = timeOf(knownMs, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    const what = knownMs === 0 ? "lost_unknown" : line === "lost" ? "lost_line" : "lost_journal";
    byId("lost").textContent = word(what, { time });
  }
}

function titleOf(topic) {
  const titles = about.topics[topic];
  return titles?.[currentLanguage()] ?? titles?.ru ?? topic;
}

function timeOf(ms, parts) {
  return new Intl.DateTimeFormat("ru-RU", { ...parts, timeZone: about.timezone }).format(new Date(ms));
}

/** 8 800 555-35-35 as people write it. */
function spaced(number) {
  const parts = /^(\d)(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(number);
  return parts ? `${parts[1]} ${parts[2]} ${parts[3]}-${parts[4]}-${parts[5]}` : number;
}
