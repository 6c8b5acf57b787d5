// Asks once a second how far the study is, and loads the page again when it is over.
const box = document.getElementById("progress");
const bar = document.getElementById("progress-bar");
const words = document.getElementById("progress-words");
const EVERY_MS = 1000;
const SLOW_MS = 5000;

function say(text) {
  // a screen reader repeats what is set again: only say what is new
  if (words.textContent !== text) words.textContent = text;
}

function show(state) {
  bar.value = state.progress;
  if (state.cancel_wanted) say("Stopping…");
  else if (state.status === "queued") say(`Waiting for a worker: ${state.note}`);
  else say(`${Math.floor(state.progress * 100)} % played${state.note ? `, ${state.note}` : ""}`);
}

async function ask() {
  let wait = document.hidden ? SLOW_MS : EVERY_MS;
  try {
    const answer = await fetch(box.dataset.state, { headers: { Accept: "application/json" }, redirect: "error" });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const state = await answer.json();
    if (state.over) {
      window.location.reload();
      return;
    }
    show(state);
  } catch {
    say("The server does not answer; trying again. The study goes on without this page.");
    wait = SLOW_MS;
  }
  setTimeout(ask, wait);
}

if (box) setTimeout(ask, EVERY_MS);
