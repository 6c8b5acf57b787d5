// One socket; while it is down a poll every five seconds; and a countdown that runs at the speed of the source.

import { countdown } from "./format.js";
import { byId, setClass, setText } from "./page.js";
import { render } from "./render.js";

const POLL_MS = 5000;
const SILENT_MS = 3000;
const OLD_POLL_MS = 8000;
const PING_MS = 5000;
const DEAD_MS = 12000;
const LONGEST_WAIT_MS = 15000;
const NOT_SIGNED_IN = 4401;

const link = { state: "connecting", server: "connecting", failures: 0, heardAt: 0, pollTimer: 0, pollAge: null, lag: null };
let latest = null;

// --- what the connection is like, in words -----------------------------------------------------------------------

const WORDS = {
  connecting: () => "connecting…",
  socket: () => "live",
  silent: () => `no word from the trader for ${silence()} s`,
  none: () => "no trader is running",
  stale: () => "live channel is away: numbers are old",
  polling: () => "socket down: polling every 5 s",
  down: () => "server unreachable: trying again",
};

function silence() {
  return latest ? Math.round(sinceSent() / 1000) : 0;
}

function show(state) {
  link.state = state;
  const box = document.querySelector(".link");
  if (!box) return;
  box.dataset.link = state === "none" ? "silent" : state;
  setText(box.querySelector("[data-banner='link']"), WORDS[state]());
  setClass(document.body, "silent", !["socket", "polling"].includes(state) || (state === "polling" && (link.pollAge ?? 0) > OLD_POLL_MS));
  const nobody = byId("nobody");
  if (nobody) nobody.hidden = state !== "none";
}

// --- time --------------------------------------------------------------------------------------------------------

// Our clock and the trader's may differ: the smallest difference seen is the fastest a snapshot ever came.
function sinceSent() {
  return Math.max(0, Date.now() - latest.sent_ms - link.lag);
}

function take(snapshot) {
  if (latest && snapshot.seq === latest.seq && snapshot.sent_ms === latest.sent_ms) return;
  const lag = Date.now() - snapshot.sent_ms - (link.pollAge ?? 0);
  link.lag = link.lag === null || Math.abs(lag - link.lag) > 60000 ? lag : Math.min(link.lag + 0.5, lag);
  latest = snapshot;
  render(snapshot);
  tick();
}

function eventNow() {
  const { event_ms: at, speed, state } = latest.source ?? {};
  if (!Number.isFinite(at)) return null;
  const ahead = link.state === "polling" ? OLD_POLL_MS : SILENT_MS;
  return state === "running" && speed > 0 ? at + Math.min(sinceSent(), ahead) * speed : at;
}

function tick() {
  if (!latest) return;
  const now = eventNow();
  for (const node of document.querySelectorAll(".countdown")) {
    const left = now === null ? null : Number(node.dataset.closeMs) - now;
    setText(node, now !== null && now < Number(node.dataset.openMs) ? "opens" : countdown(left));
    setClass(node, "soon", left !== null && left < 60000);
  }
  if (link.state === "silent") show("silent");
}

// --- the socket --------------------------------------------------------------------------------------------------

let socket = null;

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  try {
    socket = new WebSocket(`${scheme}://${location.host}/ws/live/`);
  } catch {
    lost({ code: 0 });
    return;
  }
  socket.onmessage = (event) => hear(JSON.parse(event.data));
  socket.onclose = lost;
}

function hear(message) {
  link.heardAt = Date.now();
  link.failures = 0;
  stopPolling();
  if (message.kind === "state") {
    link.server = message.state;
    show(message.state === "live" ? "socket" : message.state);
  } else if (message.kind === "snapshot") {
    link.pollAge = null;
    take(message.snapshot);
  }
}

function lost(event) {
  if (event.code === NOT_SIGNED_IN) {
    location.assign(`/login/?next=${encodeURIComponent(location.pathname)}`);
    return;
  }
  socket = null;
  startPolling();
  const wait = Math.min(500 * 2 ** link.failures, LONGEST_WAIT_MS) * (0.8 + 0.4 * Math.random());
  link.failures += 1;
  setTimeout(connect, wait);
}

function watch() {
  if (!socket || socket.readyState !== WebSocket.OPEN) return;
  if (Date.now() - link.heardAt > DEAD_MS) {
    const dead = socket;
    dead.onclose = dead.onmessage = null; // a dead peer may never confirm the close: do not wait for it
    dead.close();
    lost({ code: 0 });
  } else if (Date.now() - link.heardAt > PING_MS) socket.send("ping");
}

// --- the poll ----------------------------------------------------------------------------------------------------

function startPolling() {
  if (link.pollTimer) return;
  link.pollTimer = setInterval(poll, POLL_MS);
  poll();
}

function stopPolling() {
  clearInterval(link.pollTimer);
  link.pollTimer = 0;
}

async function poll() {
  try {
    const reply = await fetch("/live.json", { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (reply.status === 403) return lost({ code: NOT_SIGNED_IN });
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    const snapshot = await reply.json();
    if (!link.pollTimer) return; // the socket is back
    if (snapshot.version) {
      link.pollAge = Number(reply.headers.get("X-Snapshot-Age-Ms") ?? 0);
      take(snapshot);
      show("polling");
    } else show(snapshot.state === "no trader" ? "none" : "stale");
  } catch {
    if (link.pollTimer) show("down");
  }
}

// --- the buttons -------------------------------------------------------------------------------------------------

async function ask(form, action) {
  const body = new FormData(form);
  body.set("action", action);
  const reply = await fetch(form.getAttribute("action"), { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json" } }).catch(() => null);
  if (reply?.status === 409) return askAgain(form, action);
  const words = reply?.ok ? (await reply.json()).said : reply?.status === 403 ? "You are not allowed to change the mode." : "The server did not take it: nothing was changed.";
  setText(byId("said"), words);
  setClass(byId("said"), "bad", !reply?.ok);
}

// The server has a question first, on a page of its own.
function askAgain(form, action) {
  const word = document.createElement("input");
  Object.assign(word, { type: "hidden", name: "action", value: action });
  form.append(word);
  form.submit();
}

function controls() {
  const form = byId("controls");
  const dialog = byId("stop-dialog");
  if (!form || !dialog) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const action = event.submitter?.value;
    if (action === "stop") dialog.showModal();
    else if (action) ask(form, action);
  });
  byId("stop-cancel").addEventListener("click", () => dialog.close());
  byId("stop-form").addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    ask(event.target, "stop");
  });
}

if ("live" in document.body.dataset) {
  controls();
  connect();
  setInterval(tick, 100);
  setInterval(watch, 1000);
}
