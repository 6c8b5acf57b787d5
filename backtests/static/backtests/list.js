// Keeps the rows of runs that are not over up to date, and lets two to six be chosen for comparison.
const form = document.getElementById("runs");
const EVERY_MS = 1500;
const SLOW_MS = 6000;
const TONES = { done: "good", failed: "bad", running: "accent", cancelled: "warn" };
const MOST = 6;
let tag = "";

function rows() {
  return [...form.querySelectorAll("tr[data-run]")];
}

function put(row, name, text) {
  const cell = row.querySelector(name);
  if (cell && cell.textContent !== text) cell.textContent = text;
}

function show(row, state) {
  const pill = row.querySelector(".pill");
  pill.textContent = state.status;
  pill.className = `pill ${TONES[state.status] ?? ""}`;
  const far = state.status === "running" ? `${Math.floor(state.progress * 100)} %` : state.status === "queued" ? `${state.ahead} before it` : "";
  put(row, ".how-far", far);
  put(row, ".fills", state.fills);
  put(row, ".windows", state.windows || "–");
  put(row, ".net", state.net);
  if (!state.over) return;
  if (state.tone) row.querySelector(".net").classList.add(state.tone);
  if (state.status === "done") {
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", name: "ids", value: row.dataset.run });
    box.setAttribute("aria-label", `Compare run ${row.dataset.run}`);
    row.cells[0].replaceChildren(box);
  }
  delete row.dataset.run;
}

async function ask() {
  const waiting = rows();
  if (!waiting.length) return;
  let wait = document.hidden ? SLOW_MS : EVERY_MS;
  try {
    const query = new URLSearchParams(waiting.map((row) => ["id", row.dataset.run]));
    const headers = { Accept: "application/json", ...(tag && { "If-None-Match": tag }) };
    const answer = await fetch(`${form.dataset.states}?${query}`, { headers, redirect: "error" });
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const told = await answer.json();
      tag = answer.headers.get("ETag") ?? "";
      for (const row of waiting) if (told[row.dataset.run]) show(row, told[row.dataset.run]);
      if (rows().length !== waiting.length) tag = "";
    }
  } catch {
    tag = "";
    wait = SLOW_MS;
  }
  setTimeout(ask, wait);
}

function choose() {
  const chosen = form.querySelectorAll("input[name=ids]:checked").length;
  for (const box of form.querySelectorAll("input[name=ids]")) box.disabled = !box.checked && chosen >= MOST;
  document.getElementById("compare").disabled = chosen < 2;
}

if (form) {
  form.addEventListener("change", choose);
  choose();
  setTimeout(ask, EVERY_MS);
}
