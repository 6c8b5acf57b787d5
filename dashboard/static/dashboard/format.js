// Numbers to text. Money is micro-dollars, prices 1/10 000 dollar, counts 1/100 contract; what is unknown is a dash.

export const DASH = "–";
const MINUS = "−";
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
const grouped = (value, decimals) =>
  value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

function dollars(value, decimals, plus) {
  if (!known(value)) return DASH;
  const text = grouped(Math.abs(value) / 1e6, decimals);
  const isZero = !/[1-9]/.test(text);
  return (isZero ? "" : value < 0 ? MINUS : plus ? "+" : "") + "$" + text;
}

export const money = (value) => dollars(value, 2, false);
export const gain = (value) => dollars(value, 2, true);
export const fee = (value) => dollars(value, 4, false);
export const integer = (value) => (known(value) ? grouped(value, 0) : DASH);
export const rate = (value) => (known(value) ? value.toFixed(1) : DASH);
export const short = (value) => (value ? String(value).slice(0, 12) : DASH);
export const price = (value) => (known(value) ? (value / 100).toFixed(1) : DASH);
export const bid = (value) => (value > 0 ? price(value) : DASH);
export const ask = (value) => (value < 10000 ? price(value) : DASH);
export const probability = (value) => (known(value) ? (value * 100).toFixed(1) : DASH);
export const percent = (value) => (known(value) ? (value * 100).toFixed(0) + " %" : DASH);

export function edge(value) {
  if (!known(value)) return DASH;
  const text = Math.abs(value * 100).toFixed(1);
  return (text === "0.0" ? "" : value < 0 ? MINUS : "+") + text;
}

export function contracts(value) {
  if (!known(value)) return DASH;
  return grouped(Math.abs(value) / 100, value % 100 ? 2 : 0);
}

export function quote(value) {
  if (!known(value)) return DASH;
  return grouped(value, value >= 1000 ? 2 : value >= 1 ? 4 : 6);
}

export function age(ms) {
  if (!known(ms)) return DASH;
  if (ms < 60000) return (ms / 1000).toFixed(1) + " s";
  return ms < 3600000 ? Math.floor(ms / 60000) + " min" : Math.floor(ms / 3600000) + " h";
}

export function micro(value) {
  if (!known(value)) return DASH;
  return value < 1000 ? Math.round(value) + " µs" : (value / 1000).toFixed(1) + " ms";
}

export function duration(seconds) {
  if (!known(seconds)) return DASH;
  const whole = Math.floor(seconds);
  const pad = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600) % 24;
  const days = Math.floor(whole / 86400);
  const clock = `${pad(hours)}:${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
  return days ? `${days} d ${clock}` : clock;
}

export function countdown(ms) {
  if (!known(ms)) return DASH;
  const whole = Math.max(0, Math.ceil(ms / 1000));
  return String(Math.floor(whole / 60)).padStart(2, "0") + ":" + String(whole % 60).padStart(2, "0");
}

export const clock = (ms) => (known(ms) ? new Date(ms).toISOString().slice(11, 19) : DASH);
export const words = (code) => String(code || "").replaceAll("_", " ").toLowerCase();
export const date = (ms) => (known(ms) ? new Date(ms).toISOString().slice(0, 16).replace("T", " ") : DASH);

export function bytes(value) {
  if (!known(value)) return DASH;
  const units = ["B", "kB", "MB", "GB", "TB"];
  const place = Math.min(units.length - 1, value > 0 ? Math.floor(Math.log10(value) / 3) : 0);
  return `${(value / 1000 ** place).toFixed(place > 2 ? 2 : 0)} ${units[place]}`;
}
