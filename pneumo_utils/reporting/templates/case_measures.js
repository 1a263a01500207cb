// What another threshold or prevalence would mean: the measures of the tables, from the probabilities in the page.
"use strict";

const study = JSON.parse(document.getElementById("data").textContent);
const draws = study.draws.map(row => Uint8Array.from(row, count => parseInt(count, 36)));
const once = new Uint8Array(study.label.length).fill(1);
const size = [0, 1].map(one => study.label.filter(label => label === one).length);
const share = size[1] / study.label.length;
const even = value => Math.abs(16 * value % 2) === 1 ? 2 * Math.round(500 * value) / 1000 : value; // ties, as in Python
const short = value => Math.abs(value) < 100 ? even(value).toFixed(3) : value.toExponential(1); // odds of a risk near 1
const fixed = value => Number.isFinite(value) ? short(value).replace(/^-(?=0\.000$)/, "").replace("-", "−") : "—";

function counts(said, threshold, weight) { // [missed, found] of the ill, [spared, false alarms] of the well
  const found = [[0, 0], [0, 0]];
  for (let i = 0; i < said.length; i++) found[study.label[i]][+(said[i] >= threshold)] += weight[i];
  return { missed: found[1][0], found: found[1][1], spared: found[0][0], alarms: found[0][1] };
}

const logit = p => { const kept = Math.min(Math.max(p, 1e-7), 1 - 1e-7); return Math.log(kept / (1 - kept)); };

function odds(model, threshold, prevalence) { // of the risk that a threshold means: calibrated, then at this prevalence
  return Math.exp(model.slope * logit(threshold) + model.intercept + logit(prevalence) - logit(model.prevalence));
}

function judge(model, threshold) { // first as they are, then under each draw; the frozen point once and for all
  const found = () => [once, ...draws].map(weight => counts(model.said, threshold, weight));
  return threshold === model.frozen ? model.judged ??= found() : found();
}

function weigh(sensitivity, specificity, risk, prevalence) { // both, and PPV, NPV and net benefit
  const hit = sensitivity * prevalence, alarm = (1 - specificity) * (1 - prevalence);
  const calm = specificity * (1 - prevalence), miss = (1 - sensitivity) * prevalence;
  return [sensitivity, specificity, hit / (hit + alarm), calm / (calm + miss), hit - alarm * risk];
}

const measures = ({ missed, found, spared, alarms }, risk, prevalence) =>
  weigh(found / (found + missed), spared / (spared + alarms), risk, prevalence);

function quantile(sorted, level) { // linear between the neighbours, as numpy's
  const place = level * (sorted.length - 1), low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

function percentiles(values) { // none where more than a twentieth is undefined
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  return known.length < 0.95 * values.length ? [NaN, NaN] : [0.025, 0.975].map(level => quantile(known, level));
}

const patients = [1, 0].map(one => new Set(study.patient.filter((_, i) => study.label[i] === one)).size);
const Z = 1.959963984540054;

function wilson(rate, cases) { // as proportions.wilson
  const middle = rate + Z ** 2 / (2 * cases), half = Z * Math.sqrt(rate * (1 - rate) / cases + (Z / (2 * cases)) ** 2);
  return [-1, 1].map(side => Math.min(1, Math.max(0, (middle + side * half) / (1 + Z ** 2 / cases))));
}

function boundsOfRate(rate, drawn, count) { // percentiles, no surer than so many patients allow, as intervals.interval
  const perfect = 0.025 ** (1 / count), found = percentiles(drawn), known = drawn.filter(Number.isFinite);
  if (rate === 1) return [perfect, 1];
  if (rate === 0) return [0, 1 - perfect];
  const mean = known.reduce((sum, one) => sum + one, 0) / known.length;
  const varied = known.reduce((sum, one) => sum + (one - mean) ** 2, 0) / known.length * count / Math.max(1, count - 1);
  const score = varied > 0 ? wilson(rate, rate * (1 - rate) / varied) : found;
  return [Math.min(found[0], score[0], perfect), Math.max(found[1], score[1], 1 - perfect)];
}

function intervals(values, drawn, risk, prevalence) { // of the two rates, and of what is made of them
  const found = values.map((_, k) => percentiles(drawn.map(one => one[k])));
  patients.forEach((count, k) => {
    const before = found[k];
    found[k] = boundsOfRate(values[k], drawn.map(one => one[k]), count);
    if (found[k].every((end, side) => end === before[side])) return;
    for (const end of found[k]) {
      const corner = weigh(...values.slice(0, 2).with(k, end), risk, prevalence);
      for (const n of [2, 3, 4]) if (Number.isFinite(corner[n]))
        found[n] = [Math.min(found[n][0], corner[n]), Math.max(found[n][1], corner[n])];
    }
  });
  return found;
}

function inWords(value, [low, high]) {
  if (!Number.isFinite(value)) return "not defined";
  const wide = high - low > 1e-9 * Math.max(1, Math.abs(high)); // no interval claims certainty
  return `${fixed(value)} (${wide ? `${fixed(low)}${low < 0 ? " to " : "–"}${fixed(high)}` : "no interval"})`;
}
