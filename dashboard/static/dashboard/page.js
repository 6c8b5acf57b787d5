// Small pieces of the document, changed only where something is new: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

export function setClass(node, name, on) {
  if (node) node.classList.toggle(name, Boolean(on));
}

export function setTone(node, value) {
  setClass(node, "good", value > 0);
  setClass(node, "bad", value < 0);
}

export function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function draw(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  place(node, attributes);
  return node;
}

export function place(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

// Keeps one child of `parent` for each item, in order: `build(item)` makes it, `fill(node, item)` writes it.
export function list(parent, items, key, build, fill) {
  const old = new Map(Array.from(parent.children, (node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let node = old.get(name);
    old.delete(name);
    if (!node) {
      node = build(item);
      node.dataset.key = name;
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
    fill(node, item);
  }
  for (const node of old.values()) node.remove();
}

// A table body: `columns` are [class, label, write(cell, item)].
export function table(id, items, key, columns) {
  const body = byId(id);
  const build = () => {
    const row = make("tr");
    for (const [className, label] of columns) {
      const cell = make("td", className);
      if (label) cell.dataset.label = label;
      row.append(cell);
    }
    return row;
  };
  const fill = (row, item) => columns.forEach(([, , write], index) => write(row.children[index], item));
  list(body, items, key, build, fill);
  empty(id, items.length === 0);
}

export function empty(id, isEmpty) {
  const note = byId(id + "-empty");
  if (note) note.hidden = !isEmpty;
}

// The two lines of a cell, made once.
export function twoLines(cell, main, sub) {
  if (!cell.firstChild) cell.append(make("span", "main"), make("span", "sub"));
  setText(cell.children[0], main);
  setText(cell.children[1], sub);
  return cell;
}
