// Reads a JPEG through to its end, as decoders do (ITU-T T.81), and takes what is odd for what it is: damage in the
// middle, which browsers pass over in silence. Progressive files are not read through.
import { PictureError } from "./picture.js";

const SEQUENTIAL = [0xc0, 0xc1];
const damage = () => new PictureError("damaged JPEG: its pixels cannot be read through to the end");

class Bits { // of a scan, up to the next marker
  constructor(data, at) { Object.assign(this, { data, at, bits: 0, count: 0, beyond: 0 }); }

  fill() { // to more than 16 bits
    while (this.count <= 16) {
      let byte = this.data[this.at];
      if (byte !== 255) this.at += 1;
      else if (this.data[this.at + 1] === 0) this.at += 2; // a stuffed byte
      else {
        byte = 0;
        this.beyond += 8;
      }
      this.bits = this.bits << 8 | byte;
      this.count += 8;
    }
  }

  decode(table) { // the next symbol
    this.fill();
    const found = table[this.bits >>> this.count - 16 & 0xffff];
    if (!found) throw damage();
    this.count -= found >> 8;
    return found & 255;
  }

  skip(count) {
    this.fill();
    this.count -= count;
  }

  end() { // none too few, and no whole byte too many; where the marker is
    const left = this.count - this.beyond;
    if (left < 0 || left >= 8 || this.data[this.at] !== 255) throw damage();
    return this.at;
  }
}

function readTables(part, tables) { // Huffman's: by the next 16 bits the length of the code and its symbol
  for (let at = 0; at + 17 <= part.length;) {
    const name = part[at], counts = part.subarray(at + 1, at + 17), table = new Uint16Array(65536);
    at += 17;
    for (let length = 1, start = 0; length <= 16; length++) {
      for (let n = 0; n < counts[length - 1]; n++, start += 65536 >> length)
        table.fill(length << 8 | part[at++], start, start + (65536 >> length));
    }
    tables[name] = table;
  }
}

function readFrame(part) { // sides, and of each component its sampling
  const parts = Array.from({ length: part[5] }, (_, n) => part.subarray(6 + 3 * n, 9 + 3 * n));
  const sampling = Object.fromEntries(parts.map(([name, factors]) => [name, { across: factors >> 4, down: factors & 15 }]));
  return { height: part[1] << 8 | part[2], width: part[3] << 8 | part[4], sampling };
}

function planScan(part, { width, height, sampling }, tables) { // how many units, and the tables of the blocks of each
  const parts = Array.from({ length: part[0] }, (_, n) => part.subarray(1 + 2 * n, 3 + 2 * n));
  const [across, down] = ["across", "down"].map(way => Math.max(...Object.values(sampling).map(one => one[way])));
  const side = (size, own, most) => Math.ceil(Math.ceil(size * own / most) / 8);
  const blocks = parts.flatMap(([name, chosen]) => {
    const count = parts.length > 1 ? sampling[name].across * sampling[name].down : 1;
    return Array(count).fill([tables[chosen >> 4], tables[0x10 | chosen & 15]]);
  });
  const alone = sampling[parts[0][0]]; // its units are its own blocks
  const units = parts.length === 1
    ? side(width, alone.across, across) * side(height, alone.down, down)
    : Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
  return { blocks, units };
}

function readBlock(bits, [first, others]) {
  bits.skip(bits.decode(first));
  for (let n = 1; n < 64; n++) {
    const symbol = bits.decode(others), size = symbol & 15;
    if (size) bits.skip(size);
    else if (symbol !== 0xf0) return; // no more in this block
    n += symbol >> 4;
  }
}

function readScan(data, start, { blocks, units }, interval) { // where its last marker is
  let bits = new Bits(data, start);
  for (let unit = 0, restarts = 0; unit < units; unit++) {
    if (interval && unit && unit % interval === 0) {
      const at = bits.end();
      if (data[at + 1] !== 0xd0 + restarts++ % 8) throw damage();
      bits = new Bits(data, at + 2);
    }
    for (const tables of blocks) readBlock(bits, tables);
  }
  return bits.end();
}

export function checkScans(data) { // of a JPEG; whether it was read through to its end
  const tables = {};
  let frame, interval = 0;
  for (let at = 2; at + 4 <= data.length;) {
    const marker = data[at + 1];
    if (data[at] !== 255) throw damage();
    if (marker === 0xd9) return true;
    if (marker === 255) { at += 1; continue; } // padding
    const part = data.subarray(at + 4, at + 2 + (data[at + 2] << 8 | data[at + 3]));
    at += 4 + part.length;
    if (marker === 0xc4) readTables(part, tables);
    else if (SEQUENTIAL.includes(marker)) frame = readFrame(part);
    else if (marker === 0xdd) interval = part[0] << 8 | part[1];
    else if (marker === 0xda) {
      if (!frame) return false; // progressive
      const plan = planScan(part, frame, tables);
      if (!plan.blocks.every(pair => pair.every(Boolean))) throw damage();
      at = readScan(data, at, plan, interval);
    }
  }
  return false;
}
