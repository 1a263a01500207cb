// What a file is before a browser decodes it, and whether it is whole: browsers show what is left of a damaged one.
// The same rules as the Python room imaging.image_files, as far as a page can follow them.
import { checkScans } from "./jpeg_scan.js";
import { PictureError } from "./picture.js";

const HERE = "JPEG, PNG, WebP or BMP", ELSEWHERE = "score it with python -m pneumo_utils predict";
const OTHERS = [["GIF8", "a GIF"], ["%PDF", "a PDF"], ["PK\x03\x04", "a zip archive"], ["\x1f\x8b", "a gzip archive"]];
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }; // of a PNG, by colour type
const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

const text = (data, start, end) => String.fromCharCode(...data.subarray(start, end));
const view = data => new DataView(data.buffer, data.byteOffset, data.byteLength);

const BEGINNING = 2 ** 15; // bytes of an EXIF block, in which the orientation stands
const ORIENTATION = /\x01\x12[^]{6}\0[\x02-\x08]|\x12\x01[^]{6}[\x02-\x08]\0/; // other than upright, in either byte order

function isWebpTurned(data) {
  for (let at = 12; at + 8 <= data.length; at += 8 + view(data).getUint32(at + 4, true) + data[at + 4] % 2) {
    const end = at + 8 + view(data).getUint32(at + 4, true);
    if (text(data, at, at + 4) === "EXIF" && ORIENTATION.test(text(data, at + 8, Math.min(end, at + 8 + BEGINNING)))) return true;
  }
  return false;
}

function* segments(data) { // of a JPEG before its picture: [marker, where it stands]
  for (let at = 2; at + 4 <= data.length && data[at] === 255 && data[at + 1] !== 0xda;) {
    if (data[at + 1] === 255) { at += 1; continue; } // as many as a camera likes may stand before a marker
    yield [data[at + 1], at];
    at += 2 + view(data).getUint16(at + 2);
  }
}

function isTurned(data) { // by an EXIF orientation other than upright
  for (const [marker, at] of segments(data)) {
    if (marker !== 0xe1 || text(data, at + 4, at + 8) !== "Exif") continue;
    const size = view(data).getUint16(at + 2);
    if (ORIENTATION.test(text(data, at, at + 2 + Math.min(size, BEGINNING)))) return true;
  }
  return false;
}

function checkInk(data) { // four channels without Adobe's marker: in some 255 is paper, in others ink
  const found = [...segments(data)], frames = [0xc0, 0xc1, 0xc2];
  const inks = found.some(([marker, at]) => frames.includes(marker) && data[at + 9] === 4);
  if (inks && !found.some(([marker, at]) => marker === 0xee && text(data, at + 4, at + 9) === "Adobe"))
    throw new PictureError("a CMYK JPEG without Adobe's marker, which may be a negative: save it in grey");
}

function findMarker(data, marker, from = 0) { // -1: there is none
  for (let at = data.indexOf(255, from); at >= 0; at = data.indexOf(255, at + 1)) if (data[at + 1] === marker) return at;
  return -1;
}

function holdsAnother(data) { // JPEG behind the first, as a film; cameras announce theirs beforehand, and it is none
  let at = 2;
  for (const [marker, place] of segments(data)) {
    if (marker === 0xe2 && text(data, place + 4, place + 8) === "MPF\0") return false;
    at = place + 2 + view(data).getUint16(place + 2);
  }
  const end = findMarker(data, 0xd9, at), rest = data.subarray(end + 2);
  return end >= 0 && findMarker(rest, 0xd8) >= 0 && findMarker(rest, 0xda) >= 0;
}

function checkJpeg(data) { // neither marker occurs inside compressed data: no scan starts behind the last end but by chance
  checkInk(data);
  let scan = -1, end = -1;
  for (let at = data.indexOf(255); at >= 0; at = data.indexOf(255, at + 1)) {
    if (data[at + 1] === 0xda) scan = at;
    if (data[at + 1] === 0xd9) end = at;
  }
  if (scan < 0) throw new PictureError("truncated: the JPEG ends early");
  let whole = false;
  try {
    whole = checkScans(data);
  } catch (error) {
    throw scan > end ? new PictureError("truncated: the JPEG ends early") : error;
  }
  if (scan > end && !whole) throw new PictureError("truncated: the JPEG ends early");
  if (holdsAnother(data)) throw new PictureError("holds 2 pictures: a radiograph is one");
  return { name: "JPEG", truncate: false, reducible: !isTurned(data) };
}

function readChunks(data) { // of a PNG, each with its checksum seen to: [name, contents]
  const chunks = [], numbers = view(data);
  for (let at = 8; at + 12 <= data.length;) {
    const size = numbers.getUint32(at), name = text(data, at + 4, at + 8), end = at + 8 + size;
    if (end + 4 > data.length) break;
    let sum = ~0;
    for (const byte of data.subarray(at + 4, end)) sum = CHECKSUMS[(sum ^ byte) & 255] ^ (sum >>> 8);
    if (~sum >>> 0 !== numbers.getUint32(end)) throw new PictureError(`damaged PNG: broken part ${name}`);
    chunks.push([name, data.subarray(at + 8, end)]);
    if (name === "IEND") return chunks;
    at = end + 4;
  }
  throw new PictureError("truncated: the PNG ends early");
}

async function checkRows(header, packed) { // a PNG may hold fewer or more rows than its header says
  const [width, height] = [0, 4].map(at => view(header).getUint32(at)), [depth, kind, , , interlaced] = header.subarray(8);
  if (interlaced) return; // those hold theirs in another order
  const unpacked = new Blob(packed).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const wanted = height * (1 + Math.ceil(width * CHANNELS[kind] * depth / 8));
  let held = 0;
  try {
    for (let part; held <= wanted && !(part = await unpacked.read()).done;) held += part.value.length;
  } catch {
    throw new PictureError("damaged PNG: its pixels cannot be unpacked");
  }
  unpacked.cancel().catch(() => {});
  if (held < wanted) throw new PictureError(`truncated: the PNG holds ${Math.floor(100 * held / wanted)}% of its rows`);
  if (held > wanted) throw new PictureError("damaged PNG: it holds more than its rows");
}

async function checkPng(data) {
  const chunks = readChunks(data), [first, header] = chunks[0], named = name => chunks.filter(chunk => chunk[0] === name);
  if (first !== "IHDR" || header.length !== 13) throw new PictureError("damaged PNG: it must begin with its header");
  if (named("acTL").length) throw new PictureError("holds several pictures: a radiograph is one");
  if (header[8] === 16) throw new PictureError(`PNG must have 8 bits here, got 16, of which browsers keep 8: ${ELSEWHERE}`);
  await checkRows(header, named("IDAT").map(chunk => chunk[1]));
  const transparent = header[9] & 4 || named("tRNS").length > 0;
  return { name: "PNG", truncate: !transparent }; // as libpng weighs colours
}

function checkWebp(data) {
  if (data.length < 30 || view(data).getUint32(4, true) + 8 > data.length)
    throw new PictureError("truncated: the WebP ends early");
  if (text(data, 12, 16) === "VP8X" && data[20] & 2) throw new PictureError("holds several pictures: a radiograph is one");
  if (isWebpTurned(data)) throw new PictureError(`a WebP that its EXIF turns, which browsers leave as it lies: ${ELSEWHERE}`);
  return { name: "WebP", truncate: false };
}

function checkBmp(data) {
  const said = at => view(data).getUint32(at, true);
  let needed = data.length < 54 ? 54 : said(2);
  if (data.length >= 54 && said(14) >= 40 && [0, 3].includes(said(30))) { // not packed: rows of whole words
    const row = 4 * Math.ceil(said(18) * view(data).getUint16(28, true) / 32);
    needed = Math.max(needed, said(10) + row * Math.abs(view(data).getInt32(22, true)));
  }
  if (needed > data.length) throw new PictureError("truncated: the BMP ends early");
  return { name: "BMP", truncate: false };
}

export async function findKind(data) { // { name, truncate }: what it is, and whether its luma is truncated
  const begins = start => text(data, 0, start.length) === start;
  if (!data.length) throw new PictureError("empty file (0 bytes)");
  if (begins("\xff\xd8\xff")) return checkJpeg(data);
  if (begins("\x89PNG\r\n\x1a\n")) return checkPng(data);
  if (begins("RIFF") && text(data, 8, 12) === "WEBP") return checkWebp(data);
  if (begins("BM")) return checkBmp(data);
  if (text(data, 128, 132) === "DICM") throw new PictureError(`a DICOM file, must be ${HERE} here: ${ELSEWHERE}`);
  if (["II*\0", "MM\0*"].some(begins)) throw new PictureError(`a TIFF, must be ${HERE} here: ${ELSEWHERE}`);
  const other = OTHERS.find(([start]) => begins(start));
  throw new PictureError(other ? `${other[1]}, must be ${HERE}` : `not an image (none of ${HERE})`);
}
