// Takes files, has them scored one at a time in a worker, and shows what comes of it. No file leaves this device.
import { fillCard, makeWaiting, NOT_YET, summarise } from "./cards.js";
import { nameOf, plural, saveTable, watchFiles } from "./file_drop.js";
import { keepOffline } from "./offline.js";
import { showPicture } from "./pictures.js";
import { makeTable, refuse } from "./table.js";

const MOST = 200; // files at once: each is held until the page is cleared
const at = id => document.getElementById(id);
const page = at("content").dataset;
const point = { threshold: Number(page.threshold), low: Number(page.low), high: Number(page.high) };
const told = { columns: page.columns.split(","), digest: page.bundle, engine: page.engine };
const say = text => { at("status").textContent = text; };
let files = []; // { file, card, answer }, in the order they came
let worker, ready = false, busy = null, leftOut = "";

// scoring

function next() {
  busy = ready ? files.find(one => !one.answer) ?? null : null;
  if (busy) worker.postMessage({ file: busy.file, gone: Boolean(busy.file.gone) });
}

function take({ answer, seconds }) {
  const one = busy;
  if (files.includes(one)) { // not cleared meanwhile
    one.answer = answer;
    one.card.dataset.seconds = seconds.toFixed(3);
    fillCard(one.card, nameOf(one.file), answer, point);
    showPicture(one.card, one.file);
    const done = files.filter(each => each.answer).length;
    at("progress").value = done;
    at("save").disabled = false;
    if (done === files.length) finish();
  }
  next();
}

function finish() {
  say(`${plural(files.length, "file")} done: ${summarise(files.map(one => one.answer))}.${leftOut}`);
  at("progress").hidden = true;
}

function fail(sentence) {
  ready = false;
  at("tool").classList.add("failed");
  at("files").disabled = true;
  at("loading").hidden = at("progress").hidden = true;
  say(`This page cannot score: ${sentence.replace(/\.$/, "")}.`);
}

// files

function add(given) {
  const taken = [...given].slice(0, Math.max(0, MOST - files.length)), left = given.length - taken.length;
  if (at("files").disabled || !given.length) return;
  const done = files.filter(one => one.answer).length;
  for (const file of taken) {
    const card = makeWaiting(nameOf(file));
    files.push({ file, card });
    at("cards").append(card);
  }
  if (left) leftOut = ` ${plural(left, "file")} left out: this page takes ${MOST}, the command predict any number.`;
  at("results").hidden = !files.length;
  Object.assign(at("progress"), { hidden: done === files.length, max: files.length, value: done });
  say(`${plural(taken.length, "file")} to be scored.${leftOut}`);
  if (!busy) next();
}

function clear() {
  for (const image of document.querySelectorAll("#cards img")) URL.revokeObjectURL(image.src);
  files = [];
  leftOut = "";
  at("cards").replaceChildren();
  at("results").hidden = at("progress").hidden = at("save").disabled = true;
  say("Cleared.");
  at("files").focus();
}

function save() {
  saveTable(makeTable(files.map(({ file, answer }) => ({ path: nameOf(file), ...answer ?? refuse(NOT_YET) })), told));
}

watchFiles(add);
at("save").addEventListener("click", save);
at("clear").addEventListener("click", clear);

// the start

async function start() {
  at("tool").hidden = false;
  if (!isSecureContext) return fail("it must be opened over https or on localhost, got an address that browsers do not trust");
  const kept = await keepOffline();
  worker = new Worker("worker.js", { type: "module" });
  worker.addEventListener("error", event => fail(event.message || "its program could not be loaded"));
  worker.addEventListener("message", ({ data }) => {
    if (data.failed) return fail(data.failed);
    if (!data.ready) return take(data);
    ready = true;
    at("loading").hidden = true;
    at("kept").textContent = kept;
    if (!files.length) say("Ready.");
    return next();
  });
  return undefined;
}

start();
