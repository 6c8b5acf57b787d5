// The page of one market: every model side by side, as long as the window lives.

import * as format from "./format.js";
import { byId, setClass, setText, table } from "./page.js";

const CERTAIN = 10000;
const MODELS = [
  ["digital", "N(d2)", "naive: the spot against the strike at the close, no average"],
  ["abm_avg", "abm", "the average of the last minute, arithmetic, normal tails"],
  ["gbm_avg", "gbm", "the average of the last minute, lognormal, normal tails"],
  ["gbm_avg_t", "gbm t", "the same with Student’s tails"],
  ["gbm_avg_mix", "gbm mix", "the same with a mixture of two normals"],
  ["gbm_avg_emp", "gbm found", "the same with tails as past windows had them"],
];
const OWN = [
  ["fair", "set model", "the model that is configured"],
  ["calibrated", "calibrated", "after the calibration map in force; the same where there is none"],
  ["pooled", "pooled (traded on)", "after hearing the market"],
];

export function renderMarket(snapshot) {
  const card = byId("models-card");
  if (!card) return;
  const found = (snapshot.windows ?? []).find((each) => each.ticker === card.dataset.ticker);
  card.hidden = !found;
  if (!found) return;
  const middle = middleOf(found);
  const say = (name, text) => setText(card.querySelector(`[data-model="${name}"]`), text);
  say("bid", format.bid(found.bid));
  say("ask", format.ask(found.ask));
  say("middle", format.probability(middle));
  say("weight", `${format.percent(found.pooling_weight)}${found.is_measurable === false ? ": no measurable edge" : ""}`);
  const models = found.models ?? {};
  const rows = [
    ...MODELS.map(([name, title, words]) => ({ name, title, words, value: models[name] })),
    ...OWN.map(([name, title, words]) => ({ name, title, words, value: found[name] })),
  ];
  table("models", rows.some((row) => Number.isFinite(row.value)) ? rows : [], (row) => row.name, [
    ["nowrap", "", (cell, row) => (setText(cell, row.title), setClass(cell, "chosen", row.name === "pooled"))],
    ["num", "YES, ¢", (cell, row) => setText(cell, format.probability(row.value))],
    ["num", "From the middle, ¢", (cell, row) => setText(cell, fromMiddle(row.value, middle))],
    ["words", "What it is", (cell, row) => setText(cell, row.words)],
  ]);
  setText(byId("models-reason"), found.reason_text ?? "");
}

// A book that waits for a snapshot has no opinion, as the engine has it.
function middleOf({ bid, ask, reason }) {
  return reason !== "FEED_LOST" && bid > 0 && ask < CERTAIN && bid < ask ? (bid + ask) / (2 * CERTAIN) : null;
}

function fromMiddle(value, middle) {
  return Number.isFinite(value) && middle !== null ? format.edge(value - middle) : format.DASH;
}
