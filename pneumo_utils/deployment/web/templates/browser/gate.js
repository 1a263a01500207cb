// Whether a picture may be scored at all; the same as the Python rooms deployment.gate, picture_kinds,
// principal_distance, rarity and picture_remarks. What it has learned comes with the bundle.
import { findLungs } from "./lung_fields.js";
import { describe, measureExposure, measureFrame, measureNoise, measureShades, shrink } from "./picture_statistics.js";

const EASE = [0, 0, Math.log(4)]; // by how much rarer each check's value must be to be refused
const LEAST_AREA = 0.005; // added to the area of the lungs before its logarithm is taken
const NEAR = 0.8; // of the limit: rarer than this is told
const DARK = 20, LIGHT = 235, FLAT = 16; // mean greys, and contrast, beyond which nothing can be seen
const FRAME = 0.06; // share of the side: a wider border of constant grey is told
const SHADES = 32; // of grey, below which a picture is refused
const NOISY = 8, TIMES = 2; // grey levels of noise, or times what is usual, above which a picture is refused
const STRANGE = 8; // standard deviations beyond which the classifier of kinds knows nothing

const sum = values => values.reduce((total, value) => total + value, 0);
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;

function logSum(values) { // logarithm of the sum of exponentials
  const most = Math.max(...values);
  return most + Math.log(sum(values.map(value => Math.exp(value - most))));
}

class PrincipalDistance {
  constructor(arrays, name) {
    [this.mean, this.directions, this.deviation] =
      ["mean", "directions", "deviation"].map(part => arrays[`${name}.${part}`].values);
    this.rest = arrays[`${name}.rest`].values[0];
    this.free = this.mean.length - this.deviation.length;
  }

  project(row) { // along each direction in standard deviations, and last the length of the rest
    const count = this.deviation.length, along = new Float64Array(count);
    let whole = 0;
    row.forEach((value, at) => {
      const centred = Math.fround(value - this.mean[at]);
      whole += centred ** 2;
      for (let n = 0; n < count; n++) along[n] += centred * this.directions[at * count + n];
    });
    const outside = Math.max(whole - sum(along.map(value => value ** 2)), 0);
    return [...along.map((value, n) => value / this.deviation[n]), Math.sqrt(outside / Math.max(this.free, 1)) / this.rest];
  }

  logDistance(row) { // a dimension
    const squares = this.project(row).map(value => value ** 2), rest = squares.pop();
    return Math.log(Math.sqrt((sum(squares) + this.free * rest) / this.mean.length) + 1e-9);
  }
}

class KindClassifier {
  constructor(arrays) {
    this.space = new PrincipalDistance(arrays, "kinds");
    this.layers = [0, 1, 2, 3].map(n => arrays[`kinds.layer${n}`]);
  }

  logProbabilities(description) { // logarithm of each kind's probability
    const found = this.space.project(description).map(value => Math.min(Math.max(value, -STRANGE), STRANGE));
    const [into, one, out, two] = this.layers, [networks, , hidden] = into.shape, kinds = out.shape[2];
    const total = new Float64Array(kinds);
    const apply = (input, weights, bias, network, width) => Array.from({ length: width }, (_, n) =>
      bias.values[network * width + n]
      + sum(input.map((value, at) => value * weights.values[(network * input.length + at) * width + n])));
    for (let network = 0; network < networks; network++) {
      const inner = apply(found, into, one, network, hidden).map(value => Math.max(value, 0));
      const scores = apply(inner, out, two, network, kinds), most = logSum(scores);
      scores.forEach((value, kind) => { total[kind] += (value - most) / networks; });
    }
    return [...total].map(value => value - logSum([...total]));
  }
}

class Rarity {
  constructor([start, excess, share]) { Object.assign(this, { start, excess, share }); }

  rate(value) { return (value - this.start) / this.excess - Math.log(this.share); }

  value(rarity) { return this.start + this.excess * (rarity + Math.log(this.share)); }
}

function findUnseen({ mean, contrast }) {
  if (contrast < FLAT) return `is nearly blank: greys must span at least ${FLAT} of 255 levels, got ${contrast}`;
  if (mean < DARK) return `is too dark: mean grey level must be at least ${DARK} of 255, got ${mean.toFixed(0)}`;
  if (mean > LIGHT) return `is too bright: mean grey level must be at most ${LIGHT} of 255, got ${mean.toFixed(0)}`;
  return "";
}

function findNoisy({ noise: [, high] }, noise) {
  const most = Math.max(NOISY, TIMES * high);
  return noise > most ? `is too noisy: noise must be at most ${most.toFixed(0)} grey levels, got ${noise.toFixed(1)}` : "";
}

function findPoor(shades) {
  return shades >= SHADES ? ""
    : `has too few shades of grey: there must be as many as ${SHADES} equally common ones, got ${shades.toFixed(0)}`;
}

const blameFrame = frame => frame > FRAME
  ? `; perhaps only for its border of constant grey (${percent(frame)} of a side): cut it off` : "";

const tooFar = (value, limit) => "is too far from the chest radiographs that this network knows: distance at most "
  + `${Math.exp(limit).toFixed(2)}, got ${Math.exp(value).toFixed(2)}`;

export class Gate {
  constructor(told, arrays) { // what study.json says of the gate, and arrays by name as { values, shape }
    Object.assign(this, told); // limits, usual, advice
    this.arrays = arrays;
    this.rarities = told.rarities.map(row => new Rarity(row));
    this.kinds = new KindClassifier(arrays);
    [this.pictures, this.features] = ["pictures", "features"].map(name => new PrincipalDistance(arrays, name));
  }

  look(square) { // before the network runs: { refused, flags }
    const small = shrink(square), exposure = measureExposure(small), frame = measureFrame(small);
    const noise = measureNoise(square);
    const unfit = findUnseen(exposure) || findNoisy(this.usual, noise) || findPoor(measureShades(square));
    if (unfit) return { refused: unfit, flags: [] };
    const lungs = findLungs(small, this.arrays), description = describe(small);
    const logProbabilities = this.kinds.logProbabilities(description);
    const values = [
      logSum(logProbabilities.slice(1)) - logProbabilities[0], this.pictures.logDistance(description), -Math.log(lungs.area + LEAST_AREA),
    ];
    const rare = values.map((value, n) => this.rarities[n].rate(value) - EASE[n]), [limit] = this.limits;
    const flags = this.remark(exposure, lungs, frame, noise);
    const check = rare.findIndex(value => !(value <= limit)); // what is no number is refused, too
    if (check >= 0) {
      const reason = this.reason(check, values[check], logProbabilities, lungs);
      return { refused: reason + blameFrame(frame), flags };
    }
    if (Math.max(...rare) > NEAR * limit)
      flags.push("unusual among the radiographs of the study, but not enough to be refused");
    return { refused: "", flags };
  }

  lookAtFeatures(features) { // what the network makes of a picture: why it is refused; empty where it is not
    if (features.length !== this.features.mean.length)
      throw new Error(`features must be ${this.features.mean.length}, got ${features.length}`);
    const value = this.features.logDistance(features), last = this.rarities.at(-1);
    return last.rate(value) <= this.limits[1] ? "" : tooFar(value, last.value(this.limits[1]));
  }

  reason(check, value, logProbabilities, lungs) {
    const limit = this.rarities[check].value(this.limits[0] + EASE[check]);
    if (check === 0) {
      const others = logProbabilities.slice(1);
      return this.advice[others.indexOf(Math.max(...others))] ?? "cannot be judged"; // where one is no number
    }
    if (check === 1) return `the picture ${tooFar(value, limit)}`;
    const least = Math.max(Math.exp(-limit) - LEAST_AREA, 0);
    return `no lungs found: they must fill at least ${percent(least, 1)} of the picture, got ${percent(lungs.area, 1)}`;
  }

  remark({ mean, contrast }, { edge }, frame, noise) {
    const { mean: [low, high], contrast: least, edge: most, noise: [smooth, noisy] } = this.usual, grey = value => value.toFixed(0);
    return [
      [mean < low, `darker than usual: mean grey level ${grey(mean)}, usually at least ${grey(low)}`],
      [mean > high, `brighter than usual: mean grey level ${grey(mean)}, usually at most ${grey(high)}`],
      [contrast < least, `low contrast: ${grey(contrast)} grey levels, usually at least ${grey(least)}`],
      [edge > most, `lungs touch the edge of the picture (${percent(edge)} of it, usually at most ${percent(most)}): `
        + "a part may be cut off"],
      [frame > FRAME, `a border of constant grey takes ${percent(frame)} of a side`],
      [noise < smooth, `little fine detail (${noise.toFixed(2)} grey levels, usually at least ${smooth.toFixed(2)}): `
        + "blurred, enlarged or saved at a low quality"],
      [noise > noisy, `much noise or sharpening: ${noise.toFixed(1)} grey levels, usually at most ${noisy.toFixed(1)}`],
    ].filter(([holds]) => holds).map(([, text]) => text);
  }
}
