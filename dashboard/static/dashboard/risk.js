// The page of risk: the use and the age of every limit and breaker, and what to do to trade again.

import * as format from "./format.js";
import { byId, setClass, setText } from "./page.js";

const LIMIT_AGE_MS = 2000;
const WRITE = {
  money: (value) => (Math.abs(value) < 10000 && value ? format.fee(value) : format.money(value)),
  share: (value) => `${(value / 100).toFixed(value % 10 ? 2 : 1)} %`,
  count: format.contracts,
  number: (value) => format.integer(Math.round(value)),
  ms: (value) => `${format.integer(Math.round(value))} ms`,
};

export function renderRisk(snapshot) {
  if (!byId("risk-page") || !snapshot.risk) return;
  const risk = snapshot.risk;
  setText(byId("risk-again"), risk.again);
  const mode = byId("risk-mode");
  setText(mode, risk.mode);
  mode.className = `pill ${risk.mode === "ACTIVE" ? "good" : risk.mode === "REDUCING" ? "warn" : "bad"}`;
  setClass(mode.closest(".again"), "stopped", risk.mode !== "ACTIVE");
  for (const item of risk.limits) gauge(item);
  for (const item of risk.breakers) breaker(item);
}

function gauge(item) {
  const row = document.querySelector(`[data-limit="${item.name}"]`);
  if (!row) return;
  const [, value, bar, age] = row.children;
  const isLeast = item.name.startsWith("min_");
  const isUnused = !item.is_required && item.age_ms === null;
  setClass(row, "unused", isUnused);
  setText(value, isUnused ? `not required here (${written(item, item.limit)})` : `${written(item, item.use)} of ${isLeast ? "at least " : ""}${written(item, item.limit)}`);
  const share = shareOf(item, isLeast);
  if (bar.value !== share) bar.value = share;
  bar.className = item.is_full ? "full" : !isLeast && share >= 0.75 ? "high" : "";
  bar.setAttribute("aria-valuetext", value.textContent);
  stamp(age, item, LIMIT_AGE_MS, "evaluated ");
}

function shareOf(item, isLeast) {
  if (!Number.isFinite(item.use) || !Number.isFinite(item.limit)) return 0;
  if (isLeast) return Math.min(1, item.use / 10000);
  return item.limit > 0 ? Math.min(1, Math.max(0, item.use / item.limit)) : item.is_full ? 1 : 0;
}

function breaker(item) {
  const row = document.querySelector(`[data-breaker="${item.code}"]`);
  if (!row) return;
  const state = row.querySelector(".state");
  const isUnused = !item.is_required && item.age_ms === null;
  setText(state, item.is_tripped ? `since ${format.clock(item.since_ms)}` : isUnused ? "not required here" : item.age_ms === null ? "never told" : "well");
  state.className = `pill state ${item.is_tripped ? "bad" : isUnused ? "" : item.age_ms === null ? "warn" : "good"}`;
  setClass(row, "tripped", item.is_tripped);
  setText(row.querySelector(".use"), Number.isFinite(item.use) ? `${written(item, item.use)} of ${written(item, item.limit)}` : format.DASH);
  setText(row.querySelector(".text"), item.is_tripped ? item.text : "");
  stamp(row.querySelector(".age"), item, item.max_age_ms, "");
}

function stamp(node, item, oldAfterMs, before) {
  const isNever = item.age_ms === null;
  setText(node, isNever ? (item.is_required ? "never evaluated" : format.DASH) : `${before}${format.age(item.age_ms)} ago`);
  setClass(node, "old", item.is_required && (isNever || item.age_ms > oldAfterMs));
}

function written(item, value) {
  return Number.isFinite(value) ? (WRITE[item.unit] ?? String)(value) : format.DASH;
}
