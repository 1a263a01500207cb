// Sends each file to the program that serves this page, one at a time, and shows what it answers.
import { fillCard, make, makeWaiting, NOT_YET, sentence, summarise } from "./cards.js";
import { nameOf, nameSafely, plural, saveTable, watchFiles } from "./file_drop.js";

const at = id => document.getElementById(id);
const page = at("content").dataset;
const point = { threshold: Number(page.threshold), low: Number(page.low), high: Number(page.high) };
const megabyte = 2 ** 20;
let files = []; // { file, name, row, card, answer }, in the order they came
let waiting = [], wanted = new Set(), done = 0, busy = {}, leftOut = "";

// the table

const quoted = text => /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

function refusedHere(name, reason) { // a file that never reaches the program is in the table, too
  const said = reason.replace(/\s+/g, " "), path = nameSafely(name);
  const told = { path, status: "refused", reason: said, bundle: page.bundle, engine: page.engine };
  const row = page.header.split(",").map(column => quoted(told[column] ?? ""));
  return { score: { status: "refused", reason, flags: [] }, row: `${row.join(",")}\n`, picture: null, error: reason };
}

// cards

function figure(one, picture) {
  const image = make("img"), frame = make("div", "picture", image), caption = make("figcaption");
  image.alt = `Radiograph ${one.name}`;
  image.src = picture;
  Object.assign(one, { frame, caption });
  return make("figure", "", frame, caption);
}

function fill(one, { score, picture }) {
  one.answer = score;
  fillCard(one.card, one.name, score, point);
  one.card.classList.toggle("small", !picture);
  if (picture) one.card.prepend(figure(one, picture));
  if (score.status === "scored" && page.maps === "yes") seen.observe(one.card);
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
  if (done === files.length) finish();
}

async function drawMap(one) {
  wanted.delete(one);
  seen.unobserve(one.card);
  one.mapped = true;
  one.caption.textContent = "Drawing the heat map; the first one takes longest …";
  addMap(one, await send("map", one));
}

function finish() {
  at("status").textContent = `${plural(files.length, "file")} done: ${summarise(files.map(one => one.answer))}.${leftOut}`;
  at("progress").hidden = true;
}

// files

function take(given) {
  const room = Number(page.files) - files.length, taken = [...given].slice(0, Math.max(0, room));
  for (const file of taken) {
    const name = nameOf(file), card = makeWaiting(name);
    const one = { file, name, card, row: refusedHere(name, NOT_YET).row };
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

watchFiles(take);
at("opacity")?.addEventListener("input", ({ target }) => {
  at("opacity-told").textContent = `${target.value}%`;
  document.documentElement.style.setProperty("--opacity", target.value / 100);
});
at("save").addEventListener("click", () => saveTable(`${page.header}\n`, ...files.map(one => one.row)));
at("clear").addEventListener("click", clear);
at("tool").hidden = false;
