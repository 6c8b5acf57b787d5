// One render function: a snapshot onto the page.

import * as format from "./format.js";
import { byId, draw, empty, list, make, place, setClass, setText, setTone, table, twoLines } from "./page.js";
import { renderExchange } from "./exchange.js";
import { renderMarket } from "./market.js";
import { renderPrices } from "./prices.js";
import { renderRisk } from "./risk.js";

const SPOT_STALE_MS = 3000;
const LIMIT_WORDS = {
  max_daily_loss: "Loss today, if all at risk goes", max_market_exposure: "At risk in one market", max_close_exposure: "At risk in one close",
  max_total_exposure: "At risk in all", max_market_share_bp: "Share of equity, one market", max_close_share_bp: "Share of equity, one close",
  max_total_share_bp: "Share of equity, all", max_order_count: "Largest order at work, contracts", max_orders_per_minute: "Orders in the last minute",
};
const ORDER_TONES = { filled: "good", rejected: "bad", unknown: "warn", accepted: "accent", partly_filled: "accent", sent: "accent", intent: "accent" };
const ORDER_STATES = { intent: "written down", unknown: "asking", accepted: "working", partly_filled: "partly filled" };
const VENUE_TONES = { fresh: "good", stale: "warn", lost: "bad" };
const ORDER_REASONS = { immediate_or_cancel: "what was not filled at once was taken back" };
const MARKETS = { demo: "simulated quarter-hour market", tape: "recorded market", real: "the exchange's own markets, traded on paper" };
const ORDERS_GO = {
  REHEARSAL: "simulated exchange, orders sent for play money",
  PRACTICE: "the exchange's practice site, orders sent for play money",
  LIVE: "the exchange's own markets, orders sent for real money",
};
const reasons = JSON.parse(byId("reasons")?.textContent ?? "{}");
const history = [];

export function render(snapshot) {
  banner(snapshot);
  renderPrices(snapshot);
  renderExchange(snapshot);
  renderRisk(snapshot);
  renderMarket(snapshot);
  if (!byId("live")) return;
  bound(snapshot);
  windows(snapshot.windows ?? []);
  orders(snapshot.orders ?? []);
  fills(snapshot.fills ?? []);
  venues(snapshot.venues ?? []);
  limits(snapshot.limits ?? []);
  funnel(snapshot.funnel ?? {});
  controls(snapshot);
  ended(snapshot);
  spark(snapshot);
  const pnl = snapshot.day?.pnl;
  document.title = `${format.gain(pnl)} · ${snapshot.label} ${snapshot.source?.state === "ended" ? "ended" : snapshot.mode} · Kalshi Bot`;
}

function banner(snapshot) {
  const box = document.querySelector(".banner");
  if (!box) return;
  const source = snapshot.source ?? {};
  const isEnded = source.state === "ended";
  box.dataset.label = snapshot.label;
  box.dataset.mode = isEnded ? "ENDED" : snapshot.mode;
  const say = (name, text) => setText(box.querySelector(`[data-banner="${name}"]`), text);
  setText(box.querySelector(".badge"), snapshot.label);
  const market = ORDERS_GO[snapshot.label] ?? MARKETS[snapshot.market] ?? snapshot.market;
  say("where", snapshot.market === "tape" && source.name ? `${market} ${source.name}` : market);
  const pace = source.speed === 0 ? "as fast as it goes" : source.speed === 1 ? "" : `× ${source.speed}`;
  const clock = source.event_ms ? `${new Date(source.event_ms).toISOString().slice(0, 10)} ${format.clock(source.event_ms)} UTC` : "";
  say("pace", [clock, pace, source.state === "running" ? "" : source.state].filter(Boolean).join(" · "));
  if (isEnded) {
    say("mode", "THE TAPE HAS ENDED");
    say("reason", "nothing more is traded");
    return;
  }
  const isOwnHalt = snapshot.mode === "HALTED" && snapshot.wanted_mode && snapshot.wanted_mode !== "HALTED";
  say("mode", snapshot.mode || format.DASH);
  say("reason", `${snapshot.mode_reason ?? ""}${isOwnHalt ? untilWhen(snapshot) : ""}`);
}

function untilWhen(snapshot) {
  return /daily loss/.test(snapshot.mode_reason ?? "") ? ": until the next UTC day, or a higher limit" : ": the page Risk says until when";
}

function bound(snapshot) {
  for (const node of document.querySelectorAll("#live [data-bind], #ended [data-bind], dialog [data-bind]")) {
    const value = node.dataset.bind.split(".").reduce((at, name) => at?.[name], snapshot);
    const write = format[node.dataset.format] ?? ((text) => text || format.DASH);
    setText(node, write(value));
    if (node.dataset.format === "gain") setTone(node, value);
  }
}

function windows(items) {
  table("windows", items, (item) => item.ticker, [
    ["market", "", market],
    ["num countdowncell", "Closes in", (cell, item) => {
      if (!cell.firstChild) cell.append(make("span", "countdown", format.DASH), make("span", "sub"));
      Object.assign(cell.firstChild.dataset, { openMs: item.open_ms, closeMs: item.close_ms });
      setText(cell.lastChild, format.clock(item.close_ms));
    }],
    ["num", "Strike", (cell, item) => twoLines(cell, format.quote(item.strike), distance(item))],
    ["num", "Spot", (cell, item) => {
      twoLines(cell, format.quote(item.spot), item.spot_age_ms === null ? "never seen" : format.age(item.spot_age_ms));
      setClass(cell, "stale", item.spot_age_ms === null || item.spot_age_ms > SPOT_STALE_MS);
    }],
    ["num", "Bid", (cell, item) => twoLines(cell, format.bid(item.bid), item.bid > 0 ? format.contracts(item.bid_count) : "")],
    ["railcell", "", rail],
    ["num", "Ask", (cell, item) => twoLines(cell, format.ask(item.ask), item.ask < 10000 ? format.contracts(item.ask_count) : "")],
    ["num", "Fair", (cell, item) => twoLines(cell, format.probability(item.fair), item.volatility === null ? "" : "σ " + format.percent(item.volatility))],
    ["num", "Digital", (cell, item) => twoLines(cell, format.probability(item.digital), "")],
    ["num edge", "Net edge", edge],
    ["num", "Confidence", (cell, item) => twoLines(cell, item.confidence === null ? format.DASH : item.confidence.toFixed(0), "")],
    ["why", "Why", (cell, item) => {
      setText(cell, item.reason_text || reasons[item.reason] || format.words(item.reason) || format.DASH);
      setClass(cell, "traded", item.reason === "TRADED");
    }],
    ["num", "Position", (cell, item) => {
      const side = item.position > 0 ? " YES" : item.position < 0 ? " NO" : "";
      twoLines(cell, item.position ? format.contracts(item.position) + side : "0", item.position ? format.money(item.cost) : "");
      setClass(cell, "stale", !item.position);
    }],
    ["num", "Worst case", (cell, item) => twoLines(cell, format.money(item.worst_case), "")],
    ["num", "Open P&L", (cell, item) => setTone(twoLines(cell, format.gain(item.open_pnl), "").firstChild, item.open_pnl)],
  ]);
}

function market(cell, item) {
  if (!cell.firstChild) {
    const link = make("a", "sub", item.ticker);
    link.href = `/markets/${encodeURIComponent(item.ticker)}/`;
    cell.append(make("span", "main", item.asset), " ", make("span", "pill"), link);
  }
  const pill = cell.children[1];
  setText(pill, format.words(item.status));
  pill.hidden = ["", "active", "open"].includes(item.status ?? "");
}

function distance(item) {
  if (item.spot === null || item.strike === null || !item.strike) return "";
  const points = ((item.spot - item.strike) / item.strike) * 1e4;
  return `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(1)} bp`;
}

function edge(cell, item) {
  const isNo = item.side === "no" || (item.side !== "yes" && (item.edge_no ?? -9) > (item.edge_yes ?? -9));
  const [best, other, name, otherName] = isNo ? [item.edge_no, item.edge_yes, "NO", "YES"] : [item.edge_yes, item.edge_no, "YES", "NO"];
  twoLines(cell, best === null ? format.DASH : `${format.edge(best)} ${name}`, other === null ? "" : `${format.edge(other)} ${otherName}`);
  setTone(cell.firstChild, best > 0 ? best : 0);
}

function rail(cell, item) {
  if (!cell.firstChild) {
    const svg = draw("svg", { class: "railbox", role: "img" });
    svg.append(
      draw("rect", { class: "track", x: 0, y: 9, width: "100%", height: 4, rx: 2 }), draw("rect", { class: "half", x: "50%", y: 7, width: 1, height: 8 }),
      draw("rect", { class: "book", y: 6, height: 10, rx: 2 }), draw("circle", { class: "digital", cy: 11, r: 4 }),
      draw("rect", { class: "fair", y: 2, width: 4, height: 18, rx: 2 }),
    );
    cell.append(svg);
  }
  const svg = cell.firstChild;
  const [, , book, digital, fair] = svg.children;
  const isEmpty = item.bid <= 0 && item.ask >= 10000;
  place(book, { x: `${item.bid / 100}%`, width: `${Math.max(item.ask - item.bid, 0) / 100}%`, visibility: isEmpty ? "hidden" : "visible" });
  place(digital, { cx: `${(item.digital ?? 0) * 100}%`, visibility: item.digital === null ? "hidden" : "visible" });
  place(fair, { x: `${(item.fair ?? 0) * 99}%`, visibility: item.fair === null ? "hidden" : "visible" });
  place(svg, { "aria-label": `bid ${format.bid(item.bid)}, ask ${format.ask(item.ask)}, fair ${format.probability(item.fair)} cents` });
}

function side(item) {
  return item.is_bid ? "Buy YES" : "Sell YES";
}

function asset(item) {
  return (cell) => {
    if (!cell.firstChild) cell.append(make("a"));
    cell.firstChild.href = `/markets/${encodeURIComponent(item.ticker)}/`;
    setText(cell.firstChild, item.ticker);
  };
}

function orders(items) {
  table("orders", items, (item) => item.number, [
    ["nowrap", "", (cell, item) => setText(cell, format.clock(item.sent_ms))],
    ["nowrap", "", (cell, item) => asset(item)(cell)],
    ["nowrap", "", (cell, item) => setText(cell, side(item))],
    ["num", "", (cell, item) => setText(cell, format.price(item.price))],
    ["num", "", (cell, item) => setText(cell, `${format.contracts(item.filled)} of ${format.contracts(item.count)}`)],
    ["", "", (cell, item) => {
      if (!cell.firstChild) cell.append(make("span"), " ", make("span", "muted small"));
      cell.firstChild.className = `pill ${ORDER_TONES[item.status] ?? ""}`;
      setText(cell.firstChild, ORDER_STATES[item.status] ?? item.status);
      const known = ORDER_REASONS[item.reason];
      setText(cell.lastChild, known ? "" : format.words(item.reason));
      cell.title = known ?? format.words(item.reason);
    }],
  ]);
}

function fills(items) {
  table("fills", items, (item) => item.trade_id, [
    ["nowrap", "", (cell, item) => setText(cell, format.clock(item.event_ms))],
    ["nowrap", "", (cell, item) => asset(item)(cell)],
    ["nowrap", "", (cell, item) => setText(cell, side(item))],
    ["num", "", (cell, item) => setText(cell, format.price(item.price))],
    ["num", "", (cell, item) => setText(cell, format.contracts(item.count))],
    ["num", "", (cell, item) => setText(cell, format.fee(item.fee))],
  ]);
}

function venues(items) {
  const isOld = (cell, item) => setClass(cell, "stale", item.state !== "fresh");
  table("venues", items, (item) => `${item.venue} ${item.asset}`, [
    ["", "", (cell, item) => setText(cell, item.venue)],
    ["", "", (cell, item) => setText(cell, item.asset)],
    ["num", "", (cell, item) => (setText(cell, format.quote(item.price)), isOld(cell, item))],
    ["num", "", (cell, item) => (setText(cell, format.age(item.age_ms)), isOld(cell, item))],
    ["", "", (cell, item) => {
      if (!cell.firstChild) cell.append(make("span"));
      cell.firstChild.className = `pill ${VENUE_TONES[item.state] ?? ""}`;
      setText(cell.firstChild, item.state);
    }],
  ]);
}

function bars(id, items) {
  const build = () => {
    const row = make("div", "bar");
    const bar = make("progress");
    bar.max = 1;
    row.append(make("span"), make("span", "value"), bar);
    return row;
  };
  list(byId(id), items, (item) => item.key, build, (row, item) => {
    row.className = `bar ${item.className ?? ""}`;
    setText(row.children[0], item.name);
    setText(row.children[1], item.value);
    const bar = row.children[2];
    if (bar.value !== item.share) bar.value = item.share;
    bar.setAttribute("aria-label", `${item.name}: ${item.value}`);
    bar.className = item.isLimit && item.share >= 1 ? "full" : item.isLimit && item.share >= 0.75 ? "high" : "";
  });
  empty(id, items.length === 0);
}

function limits(items) {
  bars("limits", items.map((item) => {
    const isShare = item.name.endsWith("_bp");
    const write = item.unit === "money" ? format.money : isShare ? (value) => (value / 100).toFixed(1) + " %" : item.unit === "count" ? format.contracts : format.integer;
    const share = item.use === null ? 0 : item.limit > 0 ? Math.min(1, Math.max(0, item.use / item.limit)) : item.use > 0 ? 1 : 0;
    const use = item.use === null ? format.DASH : write(item.use);
    return { key: item.name, name: LIMIT_WORDS[item.name] ?? format.words(item.name), value: `${use} of ${write(item.limit)}`, share, isLimit: true };
  }));
}

function funnel(counts) {
  const total = Object.values(counts).reduce((sum, value) => sum + value, 0);
  const entries = Object.entries(counts).sort((one, two) => two[1] - one[1]);
  bars("funnel", entries.map(([code, count]) => ({
    key: code, name: reasons[code] ?? format.words(code), value: format.integer(count), share: total ? count / total : 0,
    className: code === "TRADED" ? "traded" : "",
  })));
}

function controls(snapshot) {
  const isEnded = snapshot.source?.state === "ended"; // then it stands still whatever is wanted
  for (const button of document.querySelectorAll("[data-mode-button]")) {
    const isWanted = !isEnded && button.dataset.modeButton === (snapshot.wanted_mode || snapshot.mode);
    button.setAttribute("aria-pressed", String(isWanted));
    setClass(button, "wanted", isWanted && snapshot.wanted_mode !== snapshot.mode);
  }
}

function ended(snapshot) {
  const isEnded = snapshot.source?.state === "ended";
  byId("ended").hidden = !isEnded;
  setText(byId("windows-next"), isEnded ? "The tape holds no more of them." : snapshot.market === "tape" ? "The tape goes on." : "The next one begins at the quarter hour.");
  const day = snapshot.market === "tape" && snapshot.source?.event_ms ? new Date(snapshot.source.event_ms).toISOString().slice(0, 10) : "";
  setText(byId("day-title"), day ? `Profit and loss of ${day}, UTC` : "Today’s profit and loss");
  setText(byId("trades-title"), day ? "Trades of that day" : "Trades today");
}

function spark(snapshot) {
  const pnl = snapshot.day?.pnl;
  const last = history.at(-1);
  if (!Number.isFinite(pnl) || (last && snapshot.sent_ms - last[0] < 1000)) return;
  history.push([snapshot.sent_ms, pnl]);
  if (history.length > 1200) history.shift();
  const values = history.map(([, value]) => value);
  const low = Math.min(...values);
  const span = Math.max(Math.max(...values) - low, 10000); // a cent is the least that fills the picture
  const start = history[0][0];
  const width = Math.max(snapshot.sent_ms - start, 60000);
  const at = ([ms, value]) => `${(((ms - start) / width) * 240).toFixed(1)} ${(46 - ((value - low) / span) * 44).toFixed(1)}`;
  place(document.querySelector(".spark .line"), { d: snapshot.sent_ms - start > 5000 ? "M" + history.map(at).join("L") : "" });
  const zero = Number(at([start, 0]).split(" ")[1]);
  place(document.querySelector(".spark .zero"), { d: zero >= 0 && zero <= 48 ? `M0 ${zero}H240` : "" });
}
