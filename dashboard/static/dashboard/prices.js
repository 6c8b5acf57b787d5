// The page of prices: every method side by side, every venue, every connection, and the recorder's disk.

import * as format from "./format.js";
import { byId, make, setClass, setText, table, twoLines } from "./page.js";

const METHODS = ["fusion", "vwap", "median", "replica"];
const FEED_TONES = { up: "good", syncing: "accent", connecting: "accent", lost: "bad", unavailable: "warn" };
const STEPS = [1, 2, 5, 10, 15, 30, 60];
const MINUS = "−";

export function renderPrices(snapshot) {
  if (!byId("prices-page")) return;
  for (const node of document.querySelectorAll("#prices-page [data-bind]")) {
    const value = node.dataset.bind.split(".").reduce((at, name) => at?.[name], snapshot);
    setText(node, (format[node.dataset.format] ?? ((text) => text || format.DASH))(value));
  }
  prices(snapshot.prices ?? []);
  matrix(snapshot.venues ?? [], snapshot.prices ?? []);
  volatility(snapshot.prices ?? []);
  feeds(snapshot.feeds ?? []);
  disk(snapshot.tape ?? {});
}

function basisPoints(value, from) {
  if (!Number.isFinite(value) || !from) return "";
  const points = ((value - from) / from) * 1e4;
  const text = Math.abs(points).toFixed(1);
  return `${text === "0.0" ? "" : points < 0 ? MINUS : "+"}${text} bp`;
}

function prices(items) {
  const method = (name) => (cell, item) => {
    const found = item.methods.find((each) => each.method === name);
    const isChosen = item.method === name;
    setClass(cell, "chosen", isChosen);
    const parts = found && found.value !== null
      ? [isChosen ? "" : basisPoints(found.value, item.value), Number.isFinite(found.sigma_bp) ? `± ${found.sigma_bp.toFixed(1)} bp` : "", format.age(found.age_ms)]
      : [found?.reason ?? ""];
    twoLines(cell, format.quote(found?.value), parts.filter(Boolean).join(" · "));
    const measured = Number.isFinite(found?.nu_bp) ? `measured ± ${found.nu_bp.toFixed(1)} bp` : "";
    cell.title = [measured, found?.note, (found?.venues ?? []).join(", ")].filter(Boolean).join(": ");
  };
  table("prices", items, (item) => item.asset, [
    ["asset", "", (cell, item) => setText(cell, item.asset)],
    ...METHODS.map((name) => ["num", name, method(name)]),
    ["in", "In", (cell, item) => setText(cell, (chosen(item)?.venues ?? []).join(", ") || format.DASH)],
    ["out", "Left out", (cell, item) => setText(cell, leftOut(item) || format.DASH)],
  ]);
}

const chosen = (item) => item.methods.find((each) => each.method === item.method);

function leftOut(item) {
  return (chosen(item)?.left_out ?? []).map((each) => `${each.venue}: ${each.text || format.words(each.code)}`).join("; ");
}

function matrix(venues, items) {
  const assets = [...new Set(venues.map((each) => each.asset))];
  const names = [...new Set(venues.map((each) => each.venue))];
  const level = Object.fromEntries(items.map((item) => [item.asset, item.value]));
  const head = byId("matrix-head");
  if (head.dataset.assets !== assets.join()) {
    head.dataset.assets = assets.join();
    const row = make("tr");
    row.append(make("th", "", "Venue"), ...assets.map((asset) => make("th", "num", asset)));
    head.replaceChildren(row);
    byId("matrix").replaceChildren();
  }
  const rows = names.map((name) => ({ name, cells: assets.map((asset) => venues.find((each) => each.venue === name && each.asset === asset)) }));
  table("matrix", rows, (row) => row.name, [
    ["", "", (cell, row) => setText(cell, row.name)],
    ...assets.map((asset, index) => ["num", asset, (cell, row) => {
      const found = row.cells[index];
      const notes = found ? [basisPoints(found.price, level[asset]), found.state === "fresh" ? format.age(found.age_ms) : found.state] : [];
      twoLines(cell, found ? format.quote(found.price) : format.DASH, notes.filter(Boolean).join(" · "));
      setClass(cell, "stale", !found || found.state !== "fresh");
    }]),
  ]);
}

function volatility(items) {
  const rows = items.filter((item) => item.volatility).flatMap((item) => [
    { asset: item.asset, kind: "our estimate", found: item.volatility, points: item.volatility.signature },
    { asset: item.asset, kind: "the index", found: item.volatility, points: item.volatility.index_signature },
  ]).filter((row) => row.kind === "our estimate" || row.points.length);
  const first = (write) => (cell, row) => (row.kind === "our estimate" ? write(cell, row.found, row) : setText(cell, ""));
  table("volatility", rows, (row) => `${row.asset} ${row.kind}`, [
    ["asset", "", first((cell, found, row) => setText(cell, row.asset))],
    ["num", "Now", first((cell, found) => twoLines(cell, tenth(found.now), found.is_warm ? `± ${format.percent(found.error)}` : "cold"))],
    ["num", "Fast, middle, slow", first((cell, found) => setText(cell, [found.fast, found.middle, found.slow].map(tenth).join(" · ")))],
    ["num", "Hour", first((cell, found) => setText(cell, `× ${found.multiplier.toFixed(2)}`))],
    ["of", "Of", (cell, row) => setText(cell, row.kind)],
    ...STEPS.map((step) => ["num", `${step} s`, (cell, row) => {
      const point = row.points.find((each) => each.step_s === step);
      setText(cell, tenth(point?.annualised));
      cell.title = point ? `${format.integer(point.seconds)} returns` : "";
    }]),
    ["news", "News", first((cell, found) => setText(cell, (found.news ?? []).map(news).join("; ") || format.DASH))],
  ]);
}

const tenth = (value) => (Number.isFinite(value) ? `${(value * 100).toFixed(1)} %` : format.DASH);
const news = (item) => `${item.name} × ${item.multiplier} ${item.is_on ? "until" : "from"} ${format.date(item.is_on ? item.end_ms : item.start_ms)}`;

function feeds(items) {
  const number = (name) => (cell, item) => setText(cell, format.integer(item[name]));
  const trouble = (name) => (cell, item) => (number(name)(cell, item), setClass(cell, "warn", item[name] > 0));
  table("feeds", items, (item) => item.feed, [
    ["nowrap", "", (cell, item) => twoLines(cell, item.title, item.feed)],
    ["nowrap", "State", (cell, item) => {
      if (!cell.firstChild) cell.append(make("span"));
      cell.firstChild.className = `pill ${FEED_TONES[item.state] ?? ""}`;
      setText(cell.firstChild, item.state);
    }],
    ["num", "Last frame", (cell, item) => setText(cell, format.age(item.last_frame_age_ms))],
    ["num", "Lag", (cell, item) => setText(cell, Number.isFinite(item.lag_ms) ? `${Math.round(item.lag_ms)} ms` : format.DASH)],
    ["num", "Frames / s", (cell, item) => setText(cell, Number.isFinite(item.frames_per_s) ? item.frames_per_s.toFixed(1) : format.DASH)],
    ["num", "Trades", number("trades")], ["num", "Quotes", number("quotes")], ["num", "Book changes", number("books")],
    ["num", "Gaps", trouble("gaps")], ["num", "Resyncs", trouble("resyncs")], ["num", "Unreadable", trouble("unreadable")],
    ["num", "Odd fields", (cell, item) => {
      const odd = Object.entries({ ...item.unknown, ...item.missing });
      setText(cell, format.integer(odd.reduce((sum, [, count]) => sum + count, 0)));
      cell.title = odd.map(([name, count]) => `${name}: ${count}`).join("\n");
      setClass(cell, "warn", odd.length > 0);
    }],
    ["num", "Connects", number("connects")],
    ["words", "In words", (cell, item) => {
      const again = Number.isFinite(item.retry_in_s) ? `; again in ${format.duration(item.retry_in_s)}` : "";
      setText(cell, item.state === "up" ? (item.words ?? []).at(-1) ?? "" : `${item.reason || ""}${again}`);
    }],
  ]);
}

function disk(tape) {
  const bar = byId("disk");
  const share = tape.bound ? Math.min(1, tape.bytes / tape.bound) : 0;
  if (bar.value !== share) bar.value = share;
  bar.className = share >= 0.98 ? "full" : share >= 0.9 ? "high" : "";
}
