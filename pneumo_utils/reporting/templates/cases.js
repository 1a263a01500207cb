// What another threshold or prevalence would mean, and whom it concerns, shown; computed by case_measures.js.
"use strict";

const at = id => document.getElementById(id);
const AT_FIRST = 60; // radiographs
let shown = AT_FIRST;

function breakable(words) { // a line may end before an interval, never in it
  const [value, interval] = words.split(" ("), found = document.createDocumentFragment();
  if (!interval) return words;
  const whole = document.createElement("span");
  whole.className = "whole"; whole.textContent = `(${interval}`;
  found.append(`${value} `, whole);
  return found;
}

function row(model, threshold, prevalence, name) {
  const [plain, ...drawn] = judge(model, threshold), risk = odds(model, threshold, prevalence);
  const values = measures(plain, risk, prevalence);
  const bounds = intervals(values, drawn.map(one => measures(one, risk, prevalence)), risk, prevalence);
  const line = document.createElement("tr"), head = document.createElement("th");
  head.scope = "row"; head.className = "text"; head.textContent = name;
  line.append(head);
  const cell = content => { const one = line.insertCell(); one.className = "number"; one.append(content); };
  cell(fixed(threshold));
  values.forEach((value, k) => {
    if (k === 4) cell(fixed(risk / (1 + risk))); // the threshold probability, before the net benefit
    cell(breakable(inWords(value, bounds[k])));
  });
  for (const [kind, outcome] of [["found", "11"], ["missed", "10"], ["alarms", "01"], ["spared", "00"]]) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = plain[kind]; button.ariaLabel = `${name}: show ${plain[kind]} ${kind}`;
    button.addEventListener("click", () => {
      at("network").value = study.models.indexOf(model); at("outcome").value = outcome;
      at("kind").value = at("agreement").value = ""; // the count is of all kinds
      shown = AT_FIRST;
      setThreshold(threshold); update(); at("list").scrollIntoView(); at("list").focus(); // the button is gone
    });
    cell(button);
  }
  return line;
}

function draw(svg, parts) { // [tag, attributes, text] each
  svg.replaceChildren(...parts.map(([tag, given, text]) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(given)) part.setAttribute(name, value);
    if (text) part.textContent = text;
    return part;
  }));
}

const frame = (x, y, top) => [ // the upright axis goes from 0 to top
  ["path", { d: "M0 0V200H200", class: "axis" }],
  ["text", { x: 100, y: 232, "text-anchor": "middle" }, x],
  ["text", { x: -100, y: -20, "text-anchor": "middle", transform: "rotate(-90)" }, y],
  ...[0, 0.5, 1].map(v => ["text", { x: 200 * v, y: 216, "text-anchor": "middle" }, String(v)]),
  ["text", { x: -4, y: 4, "text-anchor": "end" }, String(top)],
];

const place = (alarms, found) => [200 * alarms / size[0], 200 - 200 * found / size[1]];

function curve({ said }) { // of ROC, in one pass from the highest probability down
  const order = said.map((_, i) => i).sort((a, b) => said[b] - said[a]), passed = [0, 0], points = [place(0, 0)];
  order.forEach((i, n) => {
    passed[study.label[i]] += 1;
    if (said[i] !== said[order[n + 1]]) points.push(place(...passed));
  });
  return points.join(" ");
}

function drawCharts(model, threshold) {
  const dot = (cut, kind) => {
    const { alarms, found } = counts(model.said, cut, once), [cx, cy] = place(alarms, found);
    return ["circle", { cx, cy, r: 5, class: kind }];
  };
  draw(at("roc"), [...frame("1 − specificity", "sensitivity", 1),
    ["polyline", { points: model.curve ??= curve(model), class: "line" }], dot(model.frozen, "frozen"), dot(threshold, "now")]);
  const bins = [0, 1].map(() => new Array(20).fill(0));
  model.said.forEach((p, i) => bins[study.label[i]][Math.min(19, Math.floor(20 * p))]++);
  const highest = Math.max(...bins.flat());
  const bars = kind => bins[kind].map((n, k) => ["rect",
    { x: 10 * k + 5 * kind, width: 5, y: 200 - 200 * n / highest, height: 200 * n / highest, class: kind ? "ill" : "well" }]);
  draw(at("histogram"), [...frame("probability", "radiographs", highest), ...bars(0), ...bars(1),
    ["path", { d: `M${200 * threshold} 0V200`, class: "now" }]]);
}

function heatMap(model, i) { // as coarse as the network gives it; the browser enlarges it smoothly
  const [high, wide] = model.grid, canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  [canvas.width, canvas.height] = [wide, high];
  const dots = context.createImageData(wide, high);
  [...model.maps[i]].forEach((digit, k) => dots.data.set([255, 96, 0, 12 * parseInt(digit, 16)], 4 * k));
  context.putImageData(dots, 0, 0);
  canvas.ariaHidden = "true";
  if (model.step) { // else its cells tile the picture
    const [from, share] = [100 * model.begin, 100 * model.step];
    canvas.style.cssText = `left: ${from}%; top: ${from}%; width: ${wide * share}%; height: ${high * share}%`;
  }
  return canvas;
}

function card(i, model, threshold) {
  const one = document.createElement("li"), image = new Image(96, 96), text = document.createElement("p");
  image.loading = shown === Infinity ? "eager" : "lazy"; // in print all are seen
  image.src = `data:image/jpeg;base64,${study.picture[i]}`;
  const called = model.said[i] >= threshold, outcome = study.label[i] ? (called ? "found" : "missed") : called ? "false alarm" : "spared";
  image.alt = `${study.etiology[i]}, ${outcome}: ${model.title} says ${fixed(model.said[i])}`;
  const votes = study.models.map(other => `${other.title} ${fixed(other.said[i])}`).join(", ");
  const patient = study.patient[i] === study.path[i] ? "patient not known" : `patient ${study.patient[i]}`;
  text.textContent = `${study.etiology[i]}, ${outcome}: ${votes}; ${patient}, ${study.path[i]}`;
  one.className = called === Boolean(study.label[i]) ? "right" : "wrong";
  const picture = document.createElement("span");
  picture.className = "picture";
  picture.append(image, ...(model.maps && at("heat").checked ? [heatMap(model, i)] : []));
  one.append(picture, text);
  return one;
}

function listCases(model, threshold) {
  const calls = i => study.models.map(other => +(other.said[i] >= (other === model ? threshold : other.frozen)));
  const wanted = { outcome: at("outcome").value, kind: at("kind").value, agreement: at("agreement").value };
  const sure = i => (study.label[i] ? 1 : -1) * (model.said[i] - threshold);
  const keys = { wrong: sure, high: i => -model.said[i], low: i => model.said[i], unsure: i => Math.abs(sure(i)) };
  const key = keys[at("order").value];
  const found = study.label.map((_, i) => i).filter(i =>
    (!wanted.outcome || wanted.outcome === `${study.label[i]}${+(model.said[i] >= threshold)}`) &&
    (!wanted.kind || wanted.kind === study.etiology[i]) &&
    (!wanted.agreement || (new Set(calls(i)).size === 1) === (wanted.agreement === "agree"))).sort((a, b) => key(a) - key(b));
  const first = found.length > shown ? `, the first ${shown} shown` : "";
  const others = study.models.length > 1 ? ", the others at their frozen operating points" : "";
  at("count").textContent = `${found.length} of ${study.label.length} radiographs${first}; ${model.title} at ${fixed(threshold)}${others}.`;
  at("cards").replaceChildren(...found.slice(0, shown).map(i => card(i, model, threshold)));
  at("more").hidden = found.length <= shown;
}

function setThreshold(value) { at("threshold").value = at("threshold-number").value = even(value).toFixed(3); exact = value; }
function setPrevalence(value) { at("prevalence").value = at("prevalence-number").value = +value.toPrecision(3); rare = value; }
let exact = 0.5, rare = 0.5; // sliders know steps only, a frozen operating point and what is typed any number

function update() {
  const model = study.models[at("network").value], prevalence = rare;
  at("measures").tBodies[0].replaceChildren(...study.models.flatMap(one => [
    row(one, exact, prevalence, one.title), row(one, one.frozen, prevalence, `${one.title}, frozen`)]));
  drawCharts(model, exact);
  listCases(model, exact);
}

const freeze = () => setThreshold(study.models[at("network").value].frozen);

function reset() {
  setPrevalence(share);
  freeze();
  update();
}

function show(count) { shown = count; update(); }

study.models.forEach((model, k) => at("network").add(new Option(model.title, k)));
[...new Set(study.etiology)].forEach(kind => at("kind").add(new Option(kind)));
for (const name of ["threshold", "prevalence"])
  for (const id of [name, `${name}-number`]) {
    at(id).addEventListener("change", () => at(id).reportValidity()); // the browser says what a value must be
    at(id).addEventListener("input", () => {
      if (!at(id).checkValidity() || at(id).value === "") return;
      const value = Number(at(id).value);
      for (const other of [name, `${name}-number`]) if (other !== id) at(other).value = value;
      if (name === "threshold") exact = value; else rare = value;
      update();
    });
  }
for (const id of ["outcome", "kind", "agreement", "order", "heat"]) at(id).addEventListener("change", () => show(AT_FIRST));
at("agreement").parentElement.hidden = study.models.length < 2;
at("network").addEventListener("change", () => { freeze(); update(); });
at("reset").addEventListener("click", reset);
at("more").addEventListener("click", () => {
  const before = at("cards").children.length;
  show(shown + AT_FIRST);
  Object.assign(at("cards").children[before], { tabIndex: -1 }).focus(); // the button may be gone
});
addEventListener("beforeprint", () => show(Infinity));
addEventListener("afterprint", () => show(AT_FIRST));
at("tool").hidden = false;
reset();
