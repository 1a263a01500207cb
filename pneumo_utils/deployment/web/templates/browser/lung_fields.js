// Where the lungs are: the small U-Net of the Python room imaging.lung_fields, in plain loops.
// Maps are { values: Float32Array (height, width, channels), side, channels }.
import { SIDE } from "./picture_statistics.js";

const LEVELS = 3, SEEN = 0.5; // probability from which a place counts as lung

function convolve({ values, side, channels }, kernel, bias) { // 3 x 3, or 1 x 1 by the kernel's shape; no ReLU yet
  const [rows, columns, , out] = kernel.shape, weights = kernel.values, made = new Float32Array(side * side * out);
  const reach = (rows - 1) / 2;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const sums = made.subarray((y * side + x) * out, (y * side + x + 1) * out);
      sums.set(bias.values);
      for (let row = Math.max(0, reach - y); row < Math.min(rows, side + reach - y); row++) {
        for (let column = Math.max(0, reach - x); column < Math.min(columns, side + reach - x); column++) {
          const from = ((y + row - reach) * side + x + column - reach) * channels;
          const first = (row * columns + column) * channels * out;
          for (let channel = 0; channel < channels; channel++) {
            const value = values[from + channel], start = first + channel * out;
            if (value) for (let n = 0; n < out; n++) sums[n] += value * weights[start + n];
          }
        }
      }
    }
  }
  return { values: made, side, channels: out };
}

function pool({ values, side, channels }) { // the largest of 2 x 2
  const half = side / 2, made = new Float32Array(half * half * channels).fill(-Infinity);
  values.forEach((value, at) => {
    const place = Math.floor(at / channels), x = place % side >> 1, y = Math.floor(place / side) >> 1;
    const to = (y * half + x) * channels + at % channels;
    if (value > made[to]) made[to] = value;
  });
  return { values: made, side: half, channels };
}

function join(coarse, fine) { // the coarse map twice as large, and the fine one
  const { side } = fine, channels = coarse.channels + fine.channels, made = new Float32Array(side * side * channels);
  for (let place = 0; place < side * side; place++) {
    const from = ((Math.floor(place / side) >> 1) * coarse.side + (place % side >> 1)) * coarse.channels;
    made.set(coarse.values.subarray(from, from + coarse.channels), place * channels);
    made.set(fine.values.subarray(place * fine.channels, (place + 1) * fine.channels), place * channels + coarse.channels);
  }
  return { values: made, side, channels };
}

function standardise(pixels) {
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  const deviation = Math.sqrt(pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length);
  return Float32Array.from(pixels, value => (value - mean) / (deviation + 1e-3));
}

export function findLungs({ pixels }, weights) { // share of the picture that is lung, and of its outermost pixels
  const layer = (map, name) => convolve(map, weights[`lungs.${name}.kernel`], weights[`lungs.${name}.bias`]);
  const block = (map, name) => ["a", "b"].reduce((before, part) => {
    const after = layer(before, name + part);
    return { ...after, values: after.values.map(value => Math.max(value, 0)) };
  }, map);
  let map = { values: standardise(pixels), side: SIDE, channels: 1 };
  const skips = [];
  for (let level = 0; level < LEVELS; level++) {
    skips.push(block(map, `down${level}`));
    map = pool(skips[level]);
  }
  map = block(map, "deep");
  for (let level = LEVELS - 1; level >= 0; level--) map = block(join(map, skips[level]), `up${level}`);
  const lung = Array.from(layer(map, "fields").values, value => 1 / (1 + Math.exp(-value)) > SEEN);
  const rim = lung.filter((_, at) => [0, SIDE - 1].includes(at % SIDE) || at < SIDE || at >= SIDE * (SIDE - 1));
  const share = places => places.filter(Boolean).length / places.length;
  return { area: share(lung), edge: share(rim) };
}
