// Numbers that say what a picture looks like; the same as the Python room deployment.picture_statistics.
// A small picture is { pixels, width, height } with SIDE pixels a side.
import { resize } from "./picture.js";

export const SIDE = 64;
const THUMBNAIL = 16, CELLS = 8, DIRECTIONS = 8;
const GAMMAS = [0.4, 2.5]; // least and largest exponent that brings the median grey to the middle
const FLAT = 0.02; // share of the grey range: edges fainter than this are noise
const FRAME = 2.0; // grey levels: a row whose standard deviation is below is one of a constant border

export const shrink = picture => resize(picture, SIDE);
const clip = (value, least, most) => Math.min(Math.max(value, least), most);

function spread(values) { // mean and standard deviation
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
}

function percentiles(pixels, shares) { // the first grey level at or below which each share of the pixels lies
  const counts = new Uint32Array(256);
  for (const value of pixels) counts[value] += 1;
  return shares.map(share => {
    let level = 0, passed = counts[0];
    while (passed / pixels.length < share) passed += counts[++level];
    return level;
  });
}

export function measureExposure({ pixels }) {
  const [dark, light] = percentiles(pixels, [0.01, 0.99]);
  return { mean: pixels.reduce((sum, value) => sum + value, 0) / pixels.length, contrast: light - dark };
}

export function measureNoise({ pixels, width, height }) { // of the picture at its stored size, grey levels
  let sum = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let at = y * width + 1; at < (y + 1) * width - 1; at++) {
      const across = place => pixels[place - 1] - 2 * pixels[place] + pixels[place + 1];
      sum += Math.abs(across(at - width) - 2 * across(at) + across(at + width));
    }
  }
  return Math.sqrt(Math.PI / 2) / 6 * sum / ((width - 2) * (height - 2));
}

export function measureShades({ pixels }) { // equally common grey levels that would tell as much
  const counts = new Float64Array(256);
  for (const pixel of pixels) counts[pixel]++;
  counts[counts.indexOf(Math.max(...counts))] = 0; // a border may be of the most common one
  const rest = counts.reduce((sum, count) => sum + count, 0), shares = counts.filter(count => count).map(count => count / rest);
  return 2 ** -shares.reduce((sum, share) => sum + share * Math.log2(share), 0);
}

export function measureFrame({ pixels }) { // widest border of constant grey at any side, share of the side
  const places = [...Array(SIDE).keys()], flat = values => spread(values)[1] < FRAME;
  const rows = places.map(y => flat(places.map(x => pixels[y * SIDE + x])));
  const columns = places.map(x => flat(places.map(y => pixels[y * SIDE + x])));
  const widths = [rows, [...rows].reverse(), columns, [...columns].reverse()].map(one => one.indexOf(false));
  return Math.max(...widths.map(width => width < 0 ? SIDE : width)) / SIDE;
}

function evenOut({ pixels }) { // grey levels in [0, 1] with the median near the middle
  const [dark, median, light] = percentiles(pixels, [0.01, 0.5, 0.99]), span = Math.max(light - dark, 1);
  const gamma = clip(Math.log(0.5) / Math.log(clip((median - dark) / span, 0.02, 0.98)), ...GAMMAS);
  return Float32Array.from(pixels, value => clip((value - dark) / span, 0, 1) ** gamma);
}

function makeThumbnail(even) {
  const step = SIDE / THUMBNAIL, found = new Float32Array(THUMBNAIL ** 2);
  even.forEach((value, at) => {
    const x = Math.floor(at % SIDE / step), y = Math.floor(Math.floor(at / SIDE) / step);
    found[y * THUMBNAIL + x] += value / step ** 2;
  });
  const [mean, deviation] = spread(found);
  return found.map(value => (value - mean) / (deviation + 1e-3));
}

const reflect = (at, size) => at < 0 ? -at : at >= size ? 2 * size - 2 - at : at;

function findEdges(even) { // how strong edges of each direction are in each cell; one between two counts for both
  const cells = new Float64Array(CELLS ** 2 * DIRECTIONS), side = SIDE / CELLS;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const near = (right, down) => even[reflect(y + down, SIDE) * SIDE + reflect(x + right, SIDE)];
      const right = (near(1, -1) + 2 * near(1, 0) + near(1, 1) - near(-1, -1) - 2 * near(-1, 0) - near(-1, 1)) / 8;
      const down = (near(-1, 1) + 2 * near(0, 1) + near(1, 1) - near(-1, -1) - 2 * near(0, -1) - near(1, -1)) / 8;
      const strength = Math.hypot(right, down) / side ** 2, angle = Math.atan2(down, right) / (2 * Math.PI);
      const place = (angle < 0 ? angle + 1 : angle) * DIRECTIONS, first = Math.floor(place), after = place - first;
      const cell = (Math.floor(y / side) * CELLS + Math.floor(x / side)) * DIRECTIONS;
      cells[cell + first % DIRECTIONS] += strength * (1 - after);
      cells[cell + (first + 1) % DIRECTIONS] += strength * after;
    }
  }
  return cells;
}

function compareEdges(cells) { // against those nearby
  const strength = (x, y) => {
    const start = (reflect(y, CELLS) * CELLS + reflect(x, CELLS)) * DIRECTIONS;
    return cells.subarray(start, start + DIRECTIONS).reduce((sum, value) => sum + value ** 2, 0);
  };
  const around = [-1, 0, 1];
  return cells.map((value, at) => {
    const cell = Math.floor(at / DIRECTIONS), x = cell % CELLS, y = Math.floor(cell / CELLS);
    const nearby = around.reduce((sum, dy) => sum + around.reduce((row, dx) => row + strength(x + dx, y + dy), 0), 0) / 9;
    return Math.sqrt(value / Math.sqrt(nearby + FLAT ** 2 / DIRECTIONS));
  });
}

export function describe(small) { // a thumbnail and the directions of edges, each of mean square 1
  const even = evenOut(small), edges = compareEdges(findEdges(even));
  const size = Math.sqrt(edges.reduce((sum, value) => sum + value ** 2, 0) / edges.length) + 1e-6;
  return Float32Array.from([...makeThumbnail(even), ...edges.map(value => value / size)]);
}
