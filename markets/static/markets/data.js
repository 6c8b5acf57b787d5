// While something is being done, asks how far it is, and loads the page again when something is over.
const box = document.getElementById("jobs");
const EVERY_MS = 1500;
const SLOW_MS = 6000;

async function ask() {
  let wait = document.hidden ? SLOW_MS : EVERY_MS;
  try {
    const answer = await fetch(box.dataset.state, { headers: { Accept: "application/json" }, redirect: "error" });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    for (const job of (await answer.json()).jobs) {
      const words = document.getElementById(`job-${job.id}`);
      if (!words) continue;
      if (job.over) {
        window.location.reload();
        return;
      }
      const text = `${Math.floor(job.progress * 100)} %${job.note ? `, ${job.note}` : ""}`;
      if (words.textContent !== text) words.textContent = text;
    }
  } catch {
    wait = SLOW_MS;
  }
  setTimeout(ask, wait);
}

if (box?.dataset.busy) setTimeout(ask, EVERY_MS);
