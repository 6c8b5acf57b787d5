// The page of the exchange: how it is heard, its windows, whether its contracts have changed, its index, our budgets.

import * as format from "./format.js";
import { byId, list, make, setClass, setText, table } from "./page.js";

const STATE_TONES = { up: "good", syncing: "accent", connecting: "accent", lost: "bad", unavailable: "warn" };
const WINDOW_TONES = { open: "good", "awaiting strike": "accent", paused: "warn", disputed: "warn" };
const HOW = { socket: "WebSocket, signed", polled: "public pages, polled" };

export function renderExchange(snapshot) {
  if (!byId("exchange-page")) return;
  const exchange = snapshot.exchange;
  byId("exchange-page").hidden = !exchange;
  byId("exchange-none").hidden = Boolean(exchange);
  if (!exchange) return;
  for (const node of document.querySelectorAll("#exchange-page [data-bind]")) {
    const value = node.dataset.bind.split(".").reduce((at, name) => at?.[name], snapshot);
    setText(node, (format[node.dataset.format] ?? ((text) => text || format.DASH))(value));
  }
  connection(exchange);
  windows(exchange.windows);
  contracts(exchange);
  indices(exchange);
  budgets(exchange.budgets);
}

function connection(exchange) {
  byId("polled").hidden = exchange.how !== "polled";
  const state = byId("exchange-state");
  state.className = `pill ${STATE_TONES[exchange.state] ?? ""}`;
  setText(state, exchange.state);
  setText(byId("exchange-how"), HOW[exchange.how] ?? exchange.how);
  const offset = exchange.clock_offset_ms;
  const clock = Number.isFinite(offset) ? `${offset < 0 ? "−" : "+"}${(Math.abs(offset) / 1000).toFixed(2)} s ± ${((exchange.clock_uncertainty_ms ?? 0) / 1000).toFixed(2)} s` : format.DASH;
  setText(byId("exchange-clock"), clock);
  setClass(byId("exchange-clock"), "bad", Math.abs(offset ?? 0) - (exchange.clock_uncertainty_ms ?? 0) > 2000);
  const shards = exchange.shards.map((each) => (each.is_trading ? `shard ${each.shard}: yes` : `shard ${each.shard}: no${each.reason ? `, ${each.reason}` : ""}`));
  setText(byId("exchange-shards"), shards.join("; ") || format.DASH);
  setClass(byId("exchange-shards"), "warn", exchange.shards.some((each) => !each.is_trading));
  const [from, to] = exchange.next_maintenance_ms;
  setText(byId("exchange-maintenance"), exchange.maintenance || (from ? `${format.date(from)} to ${format.clock(to)}` : format.DASH));
  setText(byId("exchange-words"), [exchange.state === "up" ? "" : exchange.reason, exchange.words.at(-1) ?? ""].filter(Boolean).join(" · "));
}

function windows(items) {
  table("exchange-windows", items, (item) => item.ticker, [
    ["nowrap", "", (cell, item) => setText(cell, item.ticker)],
    ["nowrap", "State", (cell, item) => {
      if (!cell.firstChild) cell.append(make("span"));
      cell.firstChild.className = `pill ${WINDOW_TONES[item.state] ?? ""}`;
      setText(cell.firstChild, item.state);
    }],
    ["num", "Opens", (cell, item) => setText(cell, format.clock(item.open_ms))],
    ["num", "Closes", (cell, item) => setText(cell, format.clock(item.close_ms))],
    ["num", "Strike", (cell, item) => setText(cell, format.quote(item.strike))],
    ["num", "Shard", (cell, item) => setText(cell, format.integer(item.shard))],
    ["words", "In words", (cell, item) => setText(cell, item.words)],
  ]);
}

function contracts(exchange) {
  sentences("drift", exchange.drift);
  sentences("notices", exchange.notices);
  byId("drift-empty").hidden = exchange.drift.length > 0;
  byId("notices-title").hidden = !exchange.notices.length;
  const notice = byId("drift-notice");
  notice.hidden = !exchange.drift.length;
  setText(notice, exchange.drift.length ? `New orders are stopped: ${exchange.drift.join("; ")}.` : "");
}

function sentences(id, items) {
  list(byId(id), items, (text) => text, () => make("li"), setText);
}

function indices(exchange) {
  setText(byId("index-words"), exchange.index_words || "as the exchange publishes it");
  table("indices", exchange.indices, (item) => item.asset, [
    ["nowrap", "", (cell, item) => setText(cell, item.asset)],
    ["num", "Value", (cell, item) => setText(cell, format.quote(item.value))],
    ["num", "Age", (cell, item) => setText(cell, format.age(item.age_ms))],
    ["num", "Average of the last minute", (cell, item) => setText(cell, format.quote(item.average))],
    ["num", "Average of the closing minute", (cell, item) => setText(cell, format.quote(item.window_average))],
    ["num", "Values in it", (cell, item) => setText(cell, item.window_samples ? `${item.window_samples} of 60` : format.DASH)],
  ]);
}

function budgets(items) {
  table("budgets", items, (item) => item.name, [
    ["nowrap", "", (cell, item) => setText(cell, item.name)],
    ["num", "Tokens left", (cell, item) => setText(cell, format.integer(item.left))],
    ["num", "Holds", (cell, item) => setText(cell, format.integer(item.capacity))],
    ["num", "Refill / s", (cell, item) => setText(cell, format.integer(item.rate))],
    ["num", "Waiting", (cell, item) => (setText(cell, format.integer(item.waiting)), setClass(cell, "warn", item.waiting > 0))],
    ["num", "Refused", (cell, item) => (setText(cell, format.integer(item.throttled)), setClass(cell, "warn", item.throttled > 0))],
  ]);
}
