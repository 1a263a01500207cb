// Tables that sort by a click on a head and offer themselves as CSV; what is cut off can be scrolled by keyboard, and what
// is folded opens for print.
"use strict";

const plain = cell => cell.textContent.trim().replaceAll("−", "-");

function amount(cell) { // the leading number of 0.93 (0.90–0.95), 1,341, 93.1%, ∞ or 2.1×10-5; NaN where there is none
  if (/^[+-]?∞/.test(plain(cell))) return plain(cell).startsWith("-") ? -Infinity : Infinity;
  const [, digits, power = 0] = /^([+-]?[\d.]+)%?(?:×10(-?\d+))?/.exec(plain(cell).replaceAll(",", "")) ?? [];
  return Number(digits) * 10 ** power;
}

function inOrder(rows, column, numbers, falling) { // what is not defined comes last in either direction
  const key = row => numbers ? amount(row.cells[column]) : plain(row.cells[column]);
  const last = value => Number.isNaN(value) || value === "—";
  const compare = numbers ? (a, b) => a === b ? 0 : a - b : (a, b) => a.localeCompare(b, "en", { numeric: true });
  return rows.toSorted((one, other) => {
    const [a, b] = [key(one), key(other)];
    return last(a) || last(b) ? last(a) - last(b) : (falling ? -1 : 1) * compare(a, b);
  });
}

function areNumbers(rows, column) { // differences with an interval, and columns in which something is empty or not defined
  const known = rows.map(row => row.cells[column]).filter(cell => !/^($|—|(p )?not defined)/.test(plain(cell)));
  return known.length > 0 && known.every(cell => /^[+-]?[\d.∞]/.test(plain(cell)) && !Number.isNaN(amount(cell)));
}

function makeSortable(table) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button"), numbers = head.classList.contains("number") || areNumbers(rows, column);
    button.type = "button";
    button.append(...head.childNodes);
    if (!plain(button)) button.ariaLabel = "row names"; // a head without a word
    head.append(button);
    button.addEventListener("click", () => {
      const steps = numbers ? ["descending", "ascending", null] : ["ascending", "descending", null];
      const next = steps[(steps.indexOf(head.ariaSort) + 1) % 3]; // the third click gives the order of the page
      for (const other of heads) other.ariaSort = null;
      head.ariaSort = next;
      body.append(...(next ? inOrder(rows, column, numbers, next === "descending") : rows));
    });
  });
}

function offerAsCsv(table) {
  const number = text => /^-?[\d,.]+(×10-?\d+)?$/.test(text) ? text.replaceAll(",", "").replace("×10", "e") : text;
  const quoted = cell => `"${number(plain(cell)).replaceAll('"', '""')}"`;
  const text = [...table.rows].map(row => [...row.cells].map(quoted).join(",")).join("\n") + "\n";
  const link = document.createElement("a");
  link.className = "csv";
  link.textContent = "CSV";
  link.download = "table.csv";
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  table.caption.append(link);
}

for (const table of document.querySelectorAll("table.data:not(.live)")) {
  if (!table.caption.querySelector(".csv")) offerAsCsv(table);
  if (table.tBodies[0].rows.length > 1) makeSortable(table);
}
const reachable = new ResizeObserver(entries => entries.forEach(({ target }) => {
  if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
  else target.removeAttribute("tabindex");
}));
for (const code of document.querySelectorAll(".highlight, .prose > pre")) {
  code.setAttribute("role", "group");
  code.ariaLabel = "code";
  reachable.observe(code);
}
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details.more:not([open])")];
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => { for (const part of folded) part.open = false; });
for (const figure of document.querySelectorAll(".plate")) reachable.observe(figure);
const regions = new Map(); // by name: how many have it, as two model cards have tables of the same caption
for (const region of document.querySelectorAll(".table-scroll")) {
  const caption = region.querySelector("caption span").textContent, count = (regions.get(caption) ?? 0) + 1;
  regions.set(caption, count);
  region.setAttribute("role", "region");
  region.ariaLabel = count > 1 ? `${caption}, ${count}` : caption;
  reachable.observe(region);
}
