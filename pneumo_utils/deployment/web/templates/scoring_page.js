// Sends each file to the program that serves this page, one at a time, and shows what it answers.
"use strict";

const at = id => document.getElementById(id);
const page = at("content").dataset;
const megabyte = 2 ** 20;
let files = []; // { file, name, row, card, state }, in the order they came
let waiting = [], wanted = new Set(), done = 0, busy = {}, leftOut = "";

const make = (tag, name, ...content) => {
  const one = document.createElement(tag);
  if (name) one.className = name;
  one.append(...content);
  return one;
};

const number = value => value < 0.001 ? "< 0.001" : value > 0.999 ? "> 0.999" : value.toFixed(3);
const sentence = text => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

// the table

const quoted = text => /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

function refusedHere(name, reason) { // a file that never reaches the program is in the table, too
  const told = { path: name, status: "refused", reason, bundle: page.bundle, engine: page.engine };
  const row = page.header.split(",").map(column => quoted((told[column] ?? "").replace(/\s+/g, " ")));
  return { score: { status: "refused", reason, flags: [] }, row: `${row.join(",")}\n`, picture: null, error: reason };
}

function save() {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([`${page.header}\n`, ...files.map(one => one.row)], { type: "text/csv" }));
  link.download = "scores.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// cards

function drawScale(probability) { // where the probability lies, the operating point and the referral band
  const width = 300, x = value => 6 + (width - 12) * value;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const low = Number(page.low), high = Number(page.high), cut = Number(page.threshold);
  const parts = [
    ["rect", { x: x(low), y: 7, width: x(high) - x(low), height: 14, class: "band" }],
    ["path", { d: `M${x(0)} 14H${x(1)}`, class: "line" }],
    ["path", { d: `M${x(cut)} 5V23`, class: "cut" }],
    ["circle", { cx: x(probability), cy: 14, r: 5.5, class: "here" }],
    ["text", { x: x(0), y: 35 }, "0"], ["text", { x: x(1), y: 35, "text-anchor": "end" }, "1"],
    ["text", { x: x((low + high) / 2), y: 35, "text-anchor": "middle" }, low < high ? "unsure" : ""],
  ];
  svg.setAttribute("viewBox", `0 0 ${width} 38`);
  svg.setAttribute("class", "scale");
  svg.setAttribute("aria-hidden", "true"); // the numbers beside it say the same
  svg.append(...parts.map(([tag, given, text]) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(given)) part.setAttribute(name, value);
    if (text) part.textContent = text;
    return part;
  }));
  return svg;
}

function numbers(score) {
  const list = make("dl", "numbers");
  for (const [name, value] of [["Probability", score.probability], ["Calibrated", score.calibrated]])
    list.append(make("div", "", make("dt", "", name), make("dd", "", number(value))));
  return list;
}

function verdict(score) {
  const called = score.decision === "pneumonia" ? "Pneumonia" : "Normal";
  if (score.status === "refused") return ["Refused", sentence(score.reason)];
  if (score.unsure) return ["Unsure: leave it to a human", `By the operating point alone it would be called ${score.decision}.`];
  return [called, ""];
}

function figure(one, picture) {
  const image = make("img"), frame = make("div", "picture", image), caption = make("figcaption");
  image.alt = `Radiograph ${one.name}`;
  image.src = picture;
  Object.assign(one, { frame, caption });
  return make("figure", "", frame, caption);
}

function fill(one, { score, picture }) {
  const [said, why] = verdict(score), scored = score.status === "scored";
  const answer = make("div", "", make("h3", "", one.name), make("p", "verdict", said));
  if (why) answer.append(make("p", "", why));
  if (scored) answer.append(drawScale(score.probability), numbers(score));
  if (score.flags.length) answer.append(make("ul", "flags", ...score.flags.map(flag => make("li", "", sentence(flag)))));
  one.card.className = !scored ? "refused" : score.unsure ? "unsure" : score.decision;
  one.card.classList.toggle("small", !picture);
  one.card.replaceChildren(...(picture ? [figure(one, picture)] : []), answer);
  one.status = score.status;
  if (scored && page.maps === "yes") seen.observe(one.card);
}

function addMap(one, { map, error }) {
  if (map) {
    const image = make("img", "heat");
    image.alt = `Heat map over ${one.name}`;
    image.src = map;
    one.frame.append(image);
  }
  one.caption.textContent = map ? "" : sentence(error ?? "no place speaks for pneumonia: the heat map is empty");
}

// what is asked of the program: scores first, then heat maps of what is in sight

const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const one = files.find(({ card }) => card === entry.target);
    if (!one || one.mapped) continue;
    if (entry.isIntersecting) wanted.add(one); else wanted.delete(one);
  }
  work();
}, { rootMargin: "50%" });

async function send(where, one) {
  let data;
  if (one.file.size > page.bytes) {
    const got = (one.file.size / megabyte).toFixed(1);
    return refusedHere(one.name, `file must have at most ${page.bytes / megabyte} MB, got ${got}`);
  }
  try {
    data = await (one.file.gone ? Promise.reject() : one.file.arrayBuffer());
  } catch {
    return refusedHere(one.name, "file must be one that the browser can read, got a folder or one that is gone");
  }
  const headers = { "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(one.name.toWellFormed()) };
  try {
    const answer = await fetch(where, { method: "POST", body: data, headers }), told = await answer.json();
    return answer.ok ? told : refusedHere(one.name, told.error);
  } catch {
    return refusedHere(one.name, "not looked at: the program that serves this page does not answer");
  }
}

async function oneByOne(name, next, act) {
  if (busy[name]) return;
  busy[name] = true;
  try {
    for (let one; (one = next());) await act(one);
  } finally {
    busy[name] = false;
  }
}

function work() { // heat maps wait while there are scores to come, and no score waits for a heat map
  oneByOne("scores", () => waiting.shift(), score).then(() =>
    oneByOne("maps", () => waiting.length ? undefined : wanted.values().next().value, drawMap));
}

async function score(one) {
  const answer = await send("score", one);
  if (!files.includes(one)) return; // cleared meanwhile
  one.row = answer.row;
  fill(one, answer);
  done += 1;
  at("progress").value = done;
  if (done === files.length) tell();
}

async function drawMap(one) {
  wanted.delete(one);
  seen.unobserve(one.card);
  one.mapped = true;
  one.caption.textContent = "Drawing the heat map; the first one takes longest …";
  addMap(one, await send("map", one));
}

function tell() {
  const refused = files.filter(one => one.status === "refused").length, scored = files.length - refused;
  const unsure = files.filter(one => one.card.className === "unsure").length;
  const parts = [`${scored} scored`, unsure ? `${unsure} of them left to a human` : "", refused ? `${refused} refused` : ""];
  const said = files.length === 1 ? files[0].card.querySelector(".verdict").textContent : parts.filter(Boolean).join(", ");
  at("status").textContent = `${plural(files.length, "file")} done: ${said}.${leftOut}`;
  at("progress").hidden = true;
}

// files

async function open(entry) { // the files of a folder, at any depth; what cannot be opened is one that cannot be read
  try {
    if (entry.isFile) return [await new Promise((found, failed) => entry.file(found, failed))];
    const reader = entry.createReader(), inside = [];
    for (let part; (part = await new Promise((found, failed) => reader.readEntries(found, failed))).length;) inside.push(...part);
    return (await Promise.all(inside.filter(one => !one.name.startsWith(".")).map(open))).flat();
  } catch {
    return [Object.assign(new File([], entry.name), { gone: true })];
  }
}

function take(given) {
  const room = Number(page.files) - files.length, taken = [...given].slice(0, Math.max(0, room));
  for (const file of taken) {
    const card = make("li", "waiting small", make("h3", "", file.name), make("p", "verdict", "Waiting …"));
    const one = { file, name: file.name, card, row: "" };
    files.push(one);
    waiting.push(one);
    at("cards").append(card);
  }
  const left = given.length - taken.length;
  if (left) leftOut = ` ${plural(left, "file")} left out: this page takes ${plural(Number(page.files), "file")}, the command predict any number.`;
  at("results").hidden = !files.length;
  Object.assign(at("progress"), { hidden: done === files.length, max: files.length, value: done });
  at("status").textContent = `${plural(taken.length, "file")} to be scored.${leftOut}`;
  work();
}

function clear() {
  files = []; waiting = []; wanted.clear(); done = 0; leftOut = "";
  seen.disconnect();
  at("cards").replaceChildren();
  at("results").hidden = at("progress").hidden = true;
  at("status").textContent = "Cleared.";
  at("files").focus();
}

at("files").addEventListener("change", event => { take(event.target.files); event.target.value = ""; });
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, event => event.preventDefault()); // beside the zone: nothing
document.addEventListener("dragover", () => at("drop").classList.add("over"));
for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => at("drop").classList.remove("over"));
document.addEventListener("drop", async event => {
  const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  const loose = [...event.dataTransfer.files];
  take(entries.some(entry => entry.isDirectory) ? (await Promise.all(entries.map(open))).flat() : loose);
});
at("opacity")?.addEventListener("input", ({ target }) => {
  at("opacity-told").textContent = `${target.value}%`;
  document.documentElement.style.setProperty("--opacity", target.value / 100);
});
at("save").addEventListener("click", save);
at("clear").addEventListener("click", clear);
at("tool").hidden = false;
