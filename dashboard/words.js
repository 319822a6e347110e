// Words of the page. Russian first; a word that is missing in one language is a fault that a test finds.

export const WORDS = {
  ru: {
    agents: "Специалисты",
    abandoned: "Не дождались",
    answered: "Отвечено",
    asa: "В среднем",
    callbacks: "перезвонить: {number}",
    connecting: "Соединение…",
    connected: "На связи",
    enter: "Войти",
    expected: "Прогноз",
    leave: "Выйти",
    longest: "Дольше всех",
    lost: "Нет связи",
    lost_line: "Нет связи с сервером. Показано состояние на {time}; соединяемся снова.",
    lost_journal: "Распределитель звонков недоступен. Показано состояние на {time}.",
    lost_unknown: "Распределитель звонков недоступен. Кто ждёт и кто на смене, пока неизвестно.",
    level_title: "Ответили за {target} с",
    level_of: "сегодня {numerator} из {denominator}",
    level_none: "сегодня звонков ещё не было",
    logged_out: "Не на смене: {names}",
    more: "и ещё {number}",
    never: "ни разу",
    nobody_waits: "Никто не ждёт",
    no_agents: "Никто не на смене",
    now: "сейчас",
    on_break: "Перерыв",
    offered: "Вызов",
    chat: "чат",
    chatting: "Чаты",
    paused: "Пропущен вызов",
    queue: "Очередь",
    ready: "Ждёт звонка",
    sign_in: "Вход на табло",
    talking: "Разговор",
    tally_on_break: "на перерыве",
    tally_offered: "вызов",
    tally_paused: "после пропуска",
    tally_chatting: "в чатах",
    tally_ready: "ждут звонка",
    tally_talking: "говорят",
    tally_unreachable: "без телефона",
    tally_wrap_up: "оформляют",
    token: "Ключ доступа",
    token_hint: "Ключ выдаёт администратор: dozvon tokens create ИМЯ",
    token_refused: "Этот ключ не подходит.",
    token_later: "Слишком много попыток. Подождите минуту.",
    token_line: "Сервер не отвечает. Попробуйте ещё раз.",
    topic: "Тема",
    unreachable: "Телефон не отвечает",
    unservable: "некому ответить",
    waiting_now: "Ждут сейчас",
    waits: "Ждёт",
    wrap_up: "Оформление",
    minute: "мин",
    second: "с",
    under_minute: "< 1 мин",
  },
  en: {
    agents: "Agents",
    abandoned: "Abandoned",
    answered: "Answered",
    asa: "Average wait",
    callbacks: "to call back: {number}",
    connecting: "Connecting…",
    connected: "Connected",
    enter: "Sign in",
    expected: "Expected",
    leave: "Sign out",
    longest: "Longest wait",
    lost: "No connection",
    lost_line: "No connection to the server. You see the state of {time}; reconnecting.",
    lost_journal: "The call distributor cannot be reached. You see the state of {time}.",
    lost_unknown: "The call distributor cannot be reached. Who waits and who is on shift is not known yet.",
    level_title: "Answered within {target} s",
    level_of: "{numerator} of {denominator} today",
    level_none: "no calls yet today",
    logged_out: "Off shift: {names}",
    more: "and {number} more",
    never: "never",
    nobody_waits: "Nobody is waiting",
    no_agents: "Nobody is on shift",
    now: "now",
    on_break: "On break",
    offered: "Ringing",
    paused: "Missed a call",
    queue: "Queue",
    ready: "Ready",
    chat: "chat",
    chatting: "Chats",
    sign_in: "Wallboard sign-in",
    talking: "Talking",
    tally_on_break: "on break",
    tally_offered: "ringing",
    tally_paused: "after a miss",
    tally_chatting: "in chats",
    tally_ready: "ready",
    tally_talking: "talking",
    tally_unreachable: "no phone",
    tally_wrap_up: "wrapping up",
    token: "Access token",
    token_hint: "An administrator makes one: dozvon tokens create NAME",
    token_refused: "This token is not accepted.",
    token_later: "Too many attempts. Wait a minute.",
    token_line: "The server does not answer. Try again.",
    topic: "Topic",
    unreachable: "Phone unreachable",
    unservable: "nobody can answer",
    waiting_now: "Waiting now",
    waits: "Waits",
    wrap_up: "Wrap-up",
    minute: "min",
    second: "s",
    under_minute: "< 1 min",
  },
};

let language = localStorage.getItem("dozvon-language") === "en" ? "en" : "ru";

export function currentLanguage() {
  return language;
}

export function toggleLanguage() {
  language = language === "ru" ? "en" : "ru";
  localStorage.setItem("dozvon-language", language);
}

export function word(key, values = {}) {
  const text = WORDS[language][key] ?? key; // a newer server may know states that this page does not
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** Minutes and seconds as on a stopwatch; hours only when there are some. */
export function stopwatch(ms) {
  const total = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** A range of waiting time, in minutes as it is announced to the caller. */
export function range(lowMs, highMs) {
  const high = Math.ceil(highMs / 60000);
  const low = Math.floor(lowMs / 60000);
  if (high <= 1) return word("under_minute");
  return low > 0 && low !== high ? `${low}–${high} ${word("minute")}` : `≤ ${high} ${word("minute")}`;
}
