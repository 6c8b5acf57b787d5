// Says how much is chosen, and chooses a whole day at once.
const box = document.getElementById("tapes");
const words = document.getElementById("tapes-chosen");

function said() {
  const chosen = [...box.querySelectorAll(".day input:checked")];
  const isAll = box.querySelector(".all input")?.checked;
  if (!chosen.length) return isAll ? "All recorded tapes are chosen." : "No tape is chosen.";
  const sum = (name) => chosen.reduce((total, input) => total + Number(input.dataset[name]), 0);
  const minutes = Math.round(sum("seconds") / 60);
  const length = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const tapes = `${chosen.length} ${chosen.length === 1 ? "tape is" : "tapes are"} chosen: ${length}, ${sum("events").toLocaleString("en-US")} events`;
  return isAll ? `All recorded tapes are chosen, and by name ${chosen.length}.` : `${tapes}.`;
}

function show() {
  words.textContent = said();
  for (const day of box.querySelectorAll(".day")) {
    const isWhole = [...day.querySelectorAll("input")].every((input) => input.checked);
    day.querySelector("[data-whole-day]").textContent = isWhole ? "choose none of the day" : "choose the whole day";
  }
}

box.addEventListener("change", show);
box.addEventListener("click", (event) => {
  const button = event.target.closest("[data-whole-day]");
  if (!button) return;
  const inputs = [...button.closest(".day").querySelectorAll("input")];
  const isWhole = inputs.every((input) => input.checked);
  for (const input of inputs) input.checked = !isWhole;
  show();
});
for (const line of box.querySelectorAll(".whole")) line.hidden = false;
show();
