// Asks how far the run is, and puts the result into the page when it is over: nothing is loaded anew, nothing jumps.
const box = document.getElementById("progress");
const EVERY_MS = 1000;
const SLOW_MS = 5000;
let tag = "";

function say(text) {
  // a screen reader repeats what is set again: only say what is new
  const words = document.getElementById("progress-words");
  if (words.textContent !== text) words.textContent = text;
}

function show(state) {
  document.getElementById("progress-bar").value = state.progress;
  say(state.words);
  const pill = document.querySelector(".page-head .pill");
  if (pill && pill.textContent !== state.status) {
    pill.textContent = state.status;
    pill.classList.toggle("accent", state.status === "running");
  }
  const cancel = document.getElementById("cancel");
  if (cancel && state.cancel_wanted) {
    cancel.disabled = true;
    cancel.textContent = "Stopping…";
  }
}

async function finish() {
  const answer = await fetch(window.location.href, { headers: { Accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const whole = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = document.querySelector("#about details")?.open;
  const typed = Object.fromEntries([...document.querySelectorAll("#annotate [name=label], #annotate [name=note]")].map((field) => [field.id, field.value]));
  document.getElementById("content").replaceChildren(...whole.getElementById("content").childNodes);
  document.title = whole.title;
  const about = document.querySelector("#about details");
  if (about && open) about.open = true; // what somebody was writing stays
  for (const [id, value] of Object.entries(typed)) document.getElementById(id).value = value;
  const here = new Set([...document.scripts].map((script) => script.src));
  for (const script of whole.querySelectorAll("script[src]")) {
    const address = new URL(script.getAttribute("src"), window.location.href).href;
    if (here.has(address)) continue;
    const added = document.createElement("script");
    added.type = script.type || "text/javascript";
    added.src = address;
    document.body.append(added);
  }
}

async function ask() {
  let wait = document.hidden ? SLOW_MS : EVERY_MS;
  try {
    const headers = { Accept: "application/json", ...(tag && { "If-None-Match": tag }) };
    const answer = await fetch(box.dataset.state, { headers, redirect: "error" });
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const state = await answer.json();
      if (state.over) {
        await finish();
        return;
      }
      tag = answer.headers.get("ETag") ?? "";
      show(state);
    }
  } catch {
    say("The server does not answer; trying again. The run goes on without this page.");
    tag = "";
    wait = SLOW_MS;
  }
  setTimeout(ask, wait);
}

if (box) setTimeout(ask, EVERY_MS);
