// What another threshold or prevalence would mean, and whom it concerns; computed from the probabilities in the page.
"use strict";

const study = JSON.parse(document.getElementById("data").textContent);
const draws = study.draws.map(row => Uint8Array.from(row, count => parseInt(count, 36)));
const once = new Uint8Array(study.label.length).fill(1);
const share = study.label.reduce((sum, one) => sum + one, 0) / study.label.length;
const at = id => document.getElementById(id);
const short = value => Math.abs(value) < 100 ? value.toFixed(3) : value.toExponential(1); // odds of a risk near 1
const fixed = value => Number.isFinite(value) ? short(value).replace("-", "−") : "—";
let shown = 60;

function counts(said, threshold, weight) { // [missed, found] of the ill, [spared, false alarms] of the well
  const found = [[0, 0], [0, 0]];
  for (let i = 0; i < said.length; i++) found[study.label[i]][+(said[i] >= threshold)] += weight[i];
  return { missed: found[1][0], found: found[1][1], spared: found[0][0], alarms: found[0][1] };
}

const logit = p => { const kept = Math.min(Math.max(p, 1e-7), 1 - 1e-7); return Math.log(kept / (1 - kept)); };

function odds(model, threshold, prevalence) { // of the risk that a threshold means: calibrated, then at this prevalence
  return Math.exp(model.slope * logit(threshold) + model.intercept + logit(prevalence) - logit(model.prevalence));
}

function measures({ missed, found, spared, alarms }, risk, prevalence) {
  const sensitivity = found / (found + missed), specificity = spared / (spared + alarms);
  const hit = sensitivity * prevalence, alarm = (1 - specificity) * (1 - prevalence);
  const calm = specificity * (1 - prevalence), miss = (1 - sensitivity) * prevalence;
  return [sensitivity, specificity, hit / (hit + alarm), calm / (calm + miss), hit - alarm * risk];
}

function quantile(sorted, level) { // linear between the neighbours, as numpy's
  const place = level * (sorted.length - 1), low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

function interval(values) { // none where more than a twentieth is undefined, or where it would have no width
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  const [low, high] = [quantile(known, 0.025), quantile(known, 0.975)];
  if (known.length < 0.95 * values.length || !(high - low > 1e-9)) return "no interval";
  return `${fixed(low)}${low < 0 ? " to " : "–"}${fixed(high)}`;
}

const patients = [0, 1].map(one => new Set(study.patient.filter((_, i) => study.label[i] === one)).size);

function bounds(value, k, drawn) { // of sensitivity and specificity of exactly 0 or 1: Clopper and Pearson's
  const edge = 0.025 ** (1 / patients[1 - k]);
  if (k < 2 && value === 1) return `${fixed(edge)}–1.000`;
  return k < 2 && value === 0 ? `0.000–${fixed(1 - edge)}` : interval(drawn.map(one => one[k]));
}

function row(model, threshold, prevalence, name) {
  const plain = counts(model.said, threshold, once), risk = odds(model, threshold, prevalence);
  const drawn = draws.map(weight => measures(counts(model.said, threshold, weight), risk, prevalence));
  const line = document.createElement("tr"), head = document.createElement("th");
  head.scope = "row"; head.className = "text"; head.textContent = name;
  line.append(head);
  const cell = content => { const one = line.insertCell(); one.className = "number"; one.append(content); };
  cell(threshold.toFixed(3));
  measures(plain, risk, prevalence).forEach((value, k) => cell(Number.isFinite(value) ? `${fixed(value)} (${bounds(value, k, drawn)})` : "not defined"));
  for (const [kind, outcome] of [["found", "11"], ["missed", "10"], ["alarms", "01"], ["spared", "00"]]) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = plain[kind]; button.ariaLabel = `${name}: show ${plain[kind]} ${kind}`;
    button.addEventListener("click", () => {
      at("network").value = study.models.indexOf(model); at("outcome").value = outcome;
      at("kind").value = at("agreement").value = ""; // the count is of all kinds
      shown = 60;
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

const frame = (x, y) => [
  ["path", { d: "M0 0V200H200", class: "axis" }],
  ["text", { x: 100, y: 232, "text-anchor": "middle" }, x],
  ["text", { x: -100, y: -20, "text-anchor": "middle", transform: "rotate(-90)" }, y],
  ...[0, 0.5, 1].map(v => ["text", { x: 200 * v, y: 216, "text-anchor": "middle" }, String(v)]),
];

function drawCharts(model, threshold) {
  const place = cut => {
    const { missed, found, spared, alarms } = counts(model.said, cut, once);
    return [200 * alarms / (alarms + spared), 200 - 200 * found / (found + missed)];
  };
  const cuts = [...new Set(model.said)].sort((a, b) => b - a);
  const dot = (cut, kind) => ["circle", { cx: place(cut)[0], cy: place(cut)[1], r: 5, class: kind }];
  draw(at("roc"), [...frame("1 − specificity", "sensitivity"),
    ["polyline", { points: `0,200 ${cuts.map(cut => place(cut).join()).join(" ")} 200,0`, class: "line" }],
    dot(model.frozen, "frozen"), dot(threshold, "now")]);
  const bins = [0, 1].map(() => new Array(20).fill(0));
  model.said.forEach((p, i) => bins[study.label[i]][Math.min(19, Math.floor(20 * p))]++);
  const highest = Math.max(...bins.flat());
  const bars = kind => bins[kind].map((n, k) => ["rect",
    { x: 10 * k + 5 * kind, width: 5, y: 200 - 196 * n / highest, height: 196 * n / highest, class: kind ? "ill" : "well" }]);
  draw(at("histogram"), [...frame("probability", `radiographs, at most ${highest}`), ...bars(0), ...bars(1),
    ["path", { d: `M${200 * threshold} 0V200`, class: "now" }]]);
}

function heatMap(model, i) { // as coarse as the network gives it; the browser enlarges it smoothly
  const [high, wide] = model.grid, canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  [canvas.width, canvas.height] = [wide, high];
  const dots = context.createImageData(wide, high);
  [...model.maps[i]].forEach((digit, k) => dots.data.set([255, 96, 0, 12 * parseInt(digit, 16)], 4 * k));
  context.putImageData(dots, 0, 0);
  canvas.ariaHidden = "true";
  return canvas;
}

function card(i, model, threshold) {
  const one = document.createElement("li"), image = new Image(96, 96), text = document.createElement("p");
  image.loading = "lazy";
  image.src = `data:image/jpeg;base64,${study.picture[i]}`;
  const called = model.said[i] >= threshold, outcome = study.label[i] ? (called ? "found" : "missed") : called ? "false alarm" : "spared";
  image.alt = `${study.etiology[i]}, ${outcome}: ${model.title} says ${fixed(model.said[i])}`;
  const votes = study.models.map(other => `${other.title} ${fixed(other.said[i])}`).join(", ");
  text.textContent = `${study.etiology[i]}, ${outcome}: ${votes}; patient ${study.patient[i]}, ${study.path[i]}`;
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
  at("count").textContent = `${found.length} of ${study.label.length} radiographs${first}; ${model.title} at ${threshold.toFixed(3)}, the others at their frozen operating points.`;
  at("cards").replaceChildren(...found.slice(0, shown).map(i => card(i, model, threshold)));
  at("more").hidden = found.length <= shown;
}

function setThreshold(value) { at("threshold").value = at("threshold-number").value = value.toFixed(3); exact = value; }
function setPrevalence(value) { at("prevalence").value = at("prevalence-number").value = value.toFixed(2); rare = value; }
let exact = 0.5, rare = 0.5; // sliders know steps only, a frozen operating point and what is typed any number

function update() {
  const model = study.models[at("network").value], prevalence = rare;
  at("measures").tBodies[0].replaceChildren(...study.models.flatMap(one => [
    row(one, exact, prevalence, one.title), row(one, one.frozen, prevalence, `${one.title}, frozen`)]));
  drawCharts(model, exact);
  listCases(model, exact);
}

function reset() {
  setPrevalence(Number(share.toFixed(2)));
  setThreshold(study.models[at("network").value].frozen);
}

study.models.forEach((model, k) => at("network").add(new Option(model.title, k)));
[...new Set(study.etiology)].forEach(kind => at("kind").add(new Option(kind)));
for (const name of ["threshold", "prevalence"])
  for (const id of [name, `${name}-number`]) at(id).addEventListener("input", () => {
    if (!at(id).reportValidity() || at(id).value === "") return; // the browser says what a value must be
    const value = Number(at(id).value);
    for (const other of [name, `${name}-number`]) if (other !== id) at(other).value = value;
    if (name === "threshold") exact = value; else rare = value;
    update();
  });
for (const id of ["outcome", "kind", "agreement", "order", "heat"]) at(id).addEventListener("change", () => { shown = 60; update(); });
at("network").addEventListener("change", () => { reset(); update(); });
at("reset").addEventListener("click", () => { reset(); update(); });
at("more").addEventListener("click", () => { shown += 60; update(); });
at("tool").hidden = false;
reset();
update();
