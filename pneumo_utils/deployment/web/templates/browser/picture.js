// From the bytes of a picture to the grey squares that a network sees; the same steps as the Python rooms
// imaging.decoding and imaging.augmentation. A picture is { pixels: Uint8Array, width, height }, 0 black.

const STRIP = 2 ** 22; // pixels that are drawn at once: telephones allow no large canvas
const LARGEST = 89478485; // pixels
const NARROW = 4; // times that one side may be the other
const TEST_SIDE = 0.875; // share of the side that a cropped test view keeps
const HALVED = 1.75; // pixels of the picture to one of the view from which it is first averaged to half its side
const CORNERS = [[0, 0], [-1, -1], [1, -1], [-1, 1], [1, 1]]; // rightwards and downwards
const CUBIC = -0.75;

const COLOUR = 4; // grey levels: more than a grey picture that is saved as a colour JPEG gains by rounding

export class PictureError extends Error {}

// decoding

function toGrey(colours, into, start, truncate) { // luma, ITU-R BT.601, in 15 bits
  const half = truncate ? 0 : 16384;
  for (let from = 0, to = start; from < colours.length; from += 4, to++)
    into[to] = (colours[from] * 9798 + colours[from + 1] * 19235 + colours[from + 2] * 3735 + half) >> 15;
}

function sumColour(colours) { // of all pixels: the largest less the smallest channel
  let sum = 0;
  for (let at = 0; at < colours.length; at += 4)
    sum += Math.max(colours[at], colours[at + 1], colours[at + 2]) - Math.min(colours[at], colours[at + 1], colours[at + 2]);
  return sum;
}

export function readPixels(bitmap, truncate = false) {
  const { width, height } = bitmap, pixels = new Uint8Array(width * height);
  const rows = Math.max(1, Math.min(height, Math.floor(STRIP / width)));
  const canvas = new OffscreenCanvas(width, rows);
  const brush = canvas.getContext("2d", { alpha: false, willReadFrequently: true }); // transparency lies over black
  let colour = 0;
  for (let top = 0; top < height; top += rows) {
    const high = Math.min(rows, height - top);
    brush.fillRect(0, 0, width, rows);
    brush.drawImage(bitmap, 0, -top);
    const { data } = brush.getImageData(0, 0, width, high);
    toGrey(data, pixels, top * width, truncate);
    colour += sumColour(data) / (width * height);
  }
  return { pixels, width, height, colour };
}

export async function decode(blob, { name, truncate }) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", imageOrientation: "from-image" });
  } catch {
    throw new PictureError(`damaged or unsupported ${name}: it cannot be decoded`);
  }
  try {
    if (bitmap.width * bitmap.height > LARGEST)
      throw new PictureError(`too large: it must have at most ${LARGEST.toLocaleString("en")} pixels`);
    return readPixels(bitmap, truncate);
  } finally {
    bitmap.close();
  }
}

export async function checkBrowser() { // some alter what a page reads, so that it cannot be told from others
  const drawn = new ImageData(256, 16);
  for (let at = 0; at < 4096; at++) drawn.data.set([at, at, at, 255].map(value => value & 255), 4 * at);
  const read = readPixels(await createImageBitmap(drawn));
  if (read.pixels.some((value, at) => value !== (at & 255)))
    throw new PictureError("browser must give pixels as they are, got altered ones: allow this page to read a canvas");
}

export function remarkColour({ colour }) {
  const differ = `channels differ by ${colour.toFixed(0)} grey levels on average`;
  return colour > COLOUR ? [`in colour: ${differ}, and only its brightness is looked at`] : [];
}

export function remarkSize({ width, height }, seenSide) {
  const small = `small: ${width} x ${height} pixels, enlarged to the ${seenSide} that the network looks at`;
  return Math.min(width, height) < seenSide ? [small] : [];
}

export function checkWorth({ pixels, width, height }, smallestSide, leastGreyRange) {
  if (Math.min(width, height) < smallestSide)
    throw new PictureError(`too small: sides must be at least ${smallestSide} pixels, got ${width} x ${height}`);
  if (Math.max(width, height) > NARROW * Math.min(width, height))
    throw new PictureError(`too narrow: sides may differ by ${NARROW} times at most, got ${width} x ${height}`);
  const counts = new Float64Array(256);
  for (const value of pixels) counts[value] += 1;
  const nearest = share => {
    const place = Math.round(share * (pixels.length - 1));
    for (let value = 0, passed = 0; ; value++) if ((passed += counts[value]) > place) return value;
  };
  const range = nearest(0.99) - nearest(0.01);
  if (range < leastGreyRange)
    throw new PictureError(`blank: its grey levels must span at least ${leastGreyRange}, got ${range} of 256`);
}

// squares

function roundHalfToEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

function areaWeights(from, to, step = from / to) { // of each new pixel: [first old one, weights], as OpenCV rounds them
  return Array.from({ length: to }, (_, place) => {
    const start = place * step, end = Math.min(start + step, from), first = Math.floor(start + 1e-3);
    const last = Math.max(Math.ceil(end - 1e-3), first + 1);
    return [first, Array.from({ length: last - first }, (_, n) =>
      Math.fround((Math.min(end, first + n + 1) - Math.max(start, first + n)) / (end - start)))];
  });
}

const wholeWeights = (step, to) => Array.from({ length: to }, (_, place) => [place * step, Array(step).fill(1)]);

function cubicWeights(from, to) { // four each; beyond the edge it is repeated
  const near = t => ((CUBIC + 2) * t - (CUBIC + 3)) * t * t + 1, far = t => ((CUBIC * t - 5 * CUBIC) * t + 8 * CUBIC) * t - 4 * CUBIC;
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * from / to - 0.5, first = Math.floor(centre), t = centre - first;
    return [first - 1, [far(t + 1), near(t), near(1 - t), far(2 - t)]];
  });
}

function combine({ pixels, width, height }, across, down, round, Sums = Float64Array) { // along rows, then along columns
  const wide = across.length, made = new Uint8ClampedArray(wide * down.length), rows = new Map();
  const inside = (at, size) => Math.min(Math.max(at, 0), size - 1);
  const row = y => {
    if (!rows.has(y)) {
      rows.set(y, Sums.from(across, ([first, weights]) =>
        weights.reduce((sum, weight, n) => sum + weight * pixels[y * width + inside(first + n, width)], 0)));
    }
    return rows.get(y);
  };
  down.forEach(([first, weights], y) => {
    const sums = new Sums(wide);
    weights.forEach((weight, n) => row(inside(first + n, height)).forEach((value, x) => { sums[x] += weight * value; }));
    for (const known of rows.keys()) if (known < first) rows.delete(known);
    sums.forEach((value, x) => { made[y * wide + x] = round(value); });
  });
  return { pixels: made, width: wide, height: down.length };
}

export function average(picture, width, height) { // sides may shrink only
  if (picture.width === width && picture.height === height) return picture;
  const across = picture.width / width, down = picture.height / height, share = Math.fround(1 / (across * down));
  if (!Number.isInteger(across) || !Number.isInteger(down))
    return combine(picture, areaWeights(picture.width, width), areaWeights(picture.height, height), roundHalfToEven, Float32Array);
  const halved = across === 2 && down === 2; // OpenCV rounds these upwards
  const round = halved ? sum => Math.floor(sum / 4 + 0.5) : sum => roundHalfToEven(Math.fround(sum * share));
  return combine(picture, wholeWeights(across, width), wholeWeights(down, height), round);
}

export function resize(picture, size) { // a side that shrinks is averaged, one that grows is bicubic
  const small = average(picture, Math.min(picture.width, size), Math.min(picture.height, size));
  if (small.width === size && small.height === size) return small;
  return combine(small, cubicWeights(small.width, size), cubicWeights(small.height, size), roundHalfToEven);
}

export function squash(picture, size, reducible) { // of a JPEG in two steps, as decoders do it that reduce it themselves
  const { width, height } = picture, least = Math.min(width, height);
  const factor = reducible ? [8, 4, 2].find(one => least >= one * size) : undefined;
  if (!factor) return resize(picture, size);
  const blocks = side => wholeWeights(factor, Math.ceil(side / factor)); // beyond the edge it is repeated
  const reduced = combine(picture, blocks(width), blocks(height), sum => Math.floor(sum / factor ** 2 + 0.5));
  if (!(width % (factor * size)) && !(height % (factor * size))) return average(reduced, size, size);
  const across = areaWeights(reduced.width, size, width / (factor * size));
  return combine(reduced, across, areaWeights(reduced.height, size, height / (factor * size)), roundHalfToEven, Float32Array);
}

// test views

function mirror({ pixels, width, height }) {
  return { pixels: pixels.map((_, at) => pixels[at - at % width + width - 1 - at % width]), width, height };
}

function cropCorner(picture, [right, down], size) {
  if (picture.height * TEST_SIDE >= HALVED * size)
    picture = average(picture, Math.floor(picture.width / 2), Math.floor(picture.height / 2));
  const linear = (from, towards) => { // of each pixel of the view: the old one before it, and how far beyond that it lies
    const step = TEST_SIDE * from / size, centre = (0.5 + towards * (1 - TEST_SIDE) / 2) * from - 0.5;
    return Array.from({ length: size }, (_, at) => {
      const place = centre + step * (at - (size - 1) / 2), first = Math.floor(place);
      return [first, [1 - (place - first), place - first]];
    });
  };
  return combine(picture, linear(picture.width, right), linear(picture.height, down), roundHalfToEven);
}

export function testView(square, number, size) {
  const seen = number < 2 ? average(square, size, size) : cropCorner(square, CORNERS[Math.floor(number / 2) - 1], size);
  return number % 2 ? mirror(seen) : seen;
}
