// The live stream. fetch and not EventSource: the token goes into a header, never into an address.

export const SILENCE_MS = 12_000; // then the line is taken for lost; the server beats every 5 s
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** The time between two attempts, the longer the more have failed in a row. */
export function pause(failures) {
  const ms = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Follow the floor until `stop` is called. `on` has: time(nowMs, knownMs), of each state and each beat, by the
 * server's clock; state(live); lost(); refused(). None of them is called after `stop`.
 */
export function follow(token, on) {
  let stopped = false;
  let failures = 0;
  let abort = new AbortController();

  async function once() {
    abort = new AbortController();
    let watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    try {
      const response = await fetch("/api/v1/live", {
        headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
        signal: abort.signal,
        cache: "no-store",
      });
      if (stopped) return;
      if (response.status === 401 || response.status === 403) {
        stopped = true;
        on.refused();
        return;
      }
      if (!response.ok) return;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        heard();
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          if (stopped) return; // while the line was read, or by what the last event led to
          failures = 0;
          take(event);
        }
      }
    } catch {
      // Whatever broke the line, the answer is the same: say so, try again.
    } finally {
      clearTimeout(watchdog);
    }
  }

  function take(event) {
    const name = /^event: (.*)$/m.exec(event)?.[1];
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (!data) return;
    const body = JSON.parse(data);
    if (name !== "state" && name !== "beat") return;
    try {
      on.time(body.now_ms, body.known_ms);
      if (name === "state") on.state(body);
    } catch (fault) {
      console.error(fault); // a fault of the page, not of the line
    }
  }

  (async () => {
    while (!stopped) {
      await once();
      if (stopped) return;
      on.lost();
      await pause(failures);
      failures += 1;
    }
  })();

  return function stop() {
    stopped = true;
    abort.abort();
  };
}
