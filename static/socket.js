// One connection that never gives up: it connects, resumes, notices silence, and comes back with
// full jitter. It knows close codes and timers; what the messages mean is none of its business.
//
// It reports a link: { status, reason?, retryAt?, offline }. Status is connecting, live, waiting
// (for the next try), replaced (by another tab) or removed (by the host); the last two are final
// until `retry()`.

const SEATED_CAP = 4000; // at most so far apart (ms) are the tries of somebody who holds a seat
const OTHER_CAP = 20000;
const CONNECT_TIMEOUT = 10000;
const ANSWER_TIMEOUT = 4000;
const SEATED_SILENCE = 6000; // after so long without a word (ms) the server is asked for one
const OTHER_SILENCE = 25000;
const STEADY = 5000;
const HANG_UP = 4000; // our code for a line that is dead: any but 1000, which would give up the seat

const REASONS = { 1001: "restart", 1008: "busy", 1012: "restart", 1013: "store", 4008: "slow" };
const FINAL = { 4001: "replaced", 4002: "removed" };

export function openLink({ url, protocols, seated, onMessage, onLink }) {
  let socket = null;
  let link = {};
  let attempts = 0;
  let wentLive = 0;
  let retryTimer;
  let guardTimer;

  function report(change) {
    link = { status: link.status, ...change, offline: !navigator.onLine };
    onLink(link);
  }

  function connect(reason = link.reason) {
    clearTimeout(retryTimer);
    report({ status: "connecting", reason });
    const current = new WebSocket(url, protocols());
    socket = current;
    let opened = false;
    guard(CONNECT_TIMEOUT);
    current.addEventListener("open", () => (opened = true));
    current.addEventListener("message", ({ data }) => {
      if (socket !== current) return;
      const first = link.status !== "live";
      onMessage(JSON.parse(data), first);
      if (first) {
        wentLive = Date.now();
        report({ status: "live" });
      }
      guard();
    });
    current.addEventListener("close", ({ code }) => {
      if (socket === current) lost(code, opened);
    });
  }

  function lost(code, opened) {
    clearTimeout(guardTimer);
    socket = null;
    if (FINAL[code]) return report({ status: FINAL[code] });
    if (link.status === "live" && Date.now() - wentLive > STEADY) attempts = 0;
    const cap = seated() ? SEATED_CAP : OTHER_CAP;
    const delay = Math.random() * Math.min(cap, 500 * 2 ** attempts++);
    const reason = REASONS[code] ?? (opened ? "lost" : (link.reason ?? "unreachable"));
    report({ status: "waiting", reason, retryAt: Date.now() + delay });
    retryTimer = setTimeout(connect, delay);
    if (!opened && attempts > 1) void diagnose();
  }

  // A refused handshake looks like any other failure to a script; the server's health tells more.
  async function diagnose() {
    let reason = "unreachable";
    try {
      const { ok } = await fetch("/readyz", { cache: "no-store" });
      reason = ok ? "full" : "store";
    } catch {
      // Unreachable it is.
    }
    if (link.status === "waiting") report({ ...link, reason });
  }

  // After a silence, ask; when there is no answer, hang up and come back.
  function guard(timeout) {
    clearTimeout(guardTimer);
    if (timeout) {
      guardTimer = setTimeout(drop, timeout);
      return;
    }
    guardTimer = setTimeout(ask, seated() ? SEATED_SILENCE : OTHER_SILENCE);
  }

  function ask() {
    if (send({ action: "sendInfo" })) guard(ANSWER_TIMEOUT);
  }

  function drop() {
    const dead = socket;
    if (!dead) return;
    lost(0, link.status === "live");
    dead.close(HANG_UP, "silent");
  }

  function send(message) {
    if (socket?.readyState !== WebSocket.OPEN || link.status !== "live") return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  function retry() {
    if (socket === null) connect();
  }

  function wake() {
    if (FINAL_STATES.has(link.status)) return;
    if (link.status === "live") ask();
    else retry();
    report(link);
  }

  addEventListener("online", wake);
  addEventListener("offline", wake);
  addEventListener("pageshow", ({ persisted }) => persisted && wake());
  document.addEventListener("visibilitychange", () => document.hidden || wake());

  connect();
  return { send, retry };
}

const FINAL_STATES = new Set(Object.values(FINAL));
