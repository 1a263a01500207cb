// One answer a file, by the networks of the bundle; the same steps as the Python room deployment.scoring.
import * as runtime from "./onnxruntime-web.js";
import { averageViews, decide } from "./decision.js";
import { findKind } from "./file_kinds.js";
import { Gate } from "./gate.js";
import { checkBrowser, checkWorth, decode, PictureError, remarkColour, remarkSize, squash, testView } from "./picture.js";
import { refuse } from "./table.js";

const LARGEST = 64; // MB of a file

async function load(name, integrity) {
  const answer = await fetch(name, integrity ? { integrity } : {});
  if (!answer.ok) throw new Error(`${name} must be there, got status ${answer.status}`);
  return answer.arrayBuffer();
}

function unpack(buffer, index) { // arrays by name: { values, shape }
  return Object.fromEntries(Object.entries(index).map(([name, { start, shape }]) =>
    [name, { shape, values: new Float32Array(buffer, start, shape.reduce((size, side) => size * side, 1)) }]));
}

const hex = buffer => Array.from(new Uint8Array(buffer), byte => byte.toString(16).padStart(2, "0")).join("");

export class Scorer {
  static async open() {
    await checkBrowser();
    const told = JSON.parse(new TextDecoder().decode(await load("study.json")));
    const [arrays, engine] = await Promise.all(["arrays.bin", "onnxruntime-web.wasm"].map(name => load(name, told.integrity[name])));
    Object.assign(runtime.env.wasm, { numThreads: 1, wasmBinary: engine }); // more threads need headers of the server
    const sessions = [];
    for (const file of told.networks) {
      const network = new Uint8Array(await load(file, told.integrity[file]));
      sessions.push(await runtime.InferenceSession.create(network, { executionProviders: ["wasm"] }));
    }
    return new Scorer(told, new Gate(told.gate, unpack(arrays, told.arrays)), sessions);
  }

  constructor(told, gate, sessions) { Object.assign(this, { told, gate, sessions, prepared: told.preparation }); }

  async score(file, gone = false) { // the fields of Score in the Python room deployment.scores, but the path
    const answer = refuse("");
    try {
      if (file.size > LARGEST * 2 ** 20)
        throw new PictureError(`file must have at most ${LARGEST} MB, got ${(file.size / 2 ** 20).toFixed(1)}`);
      const data = await (gone ? Promise.reject() : file.arrayBuffer()).catch(() => {
        throw new PictureError("file must be one that the browser can read, got a folder or one that is gone");
      });
      answer.sha256 = hex(await crypto.subtle.digest("SHA-256", data));
      const found = await this.look(new Uint8Array(data), answer);
      if (!answer.reason) Object.assign(answer, { status: "scored" }, decide(found, this.told.decision));
    } catch (error) {
      answer.reason = error instanceof PictureError ? error.message : `not looked at: ${error.message}`;
    }
    return answer;
  }

  async look(data, answer) { // the probability; or none, and the reason in the answer
    const kind = await findKind(data), whole = await decode(new Blob([data]), kind);
    const square = squash(whole, this.prepared.stored_size, kind.reducible);
    checkWorth(whole, this.prepared.smallest_side, this.prepared.least_grey_range);
    const looked = this.gate.look(square);
    const flags = [...remarkColour(whole), ...remarkSize(whole, this.prepared.image_size), ...looked.flags];
    Object.assign(answer, { reason: looked.refused, flags });
    if (answer.reason) return undefined;
    const { probability, features } = await this.judge(square);
    if (!Number.isFinite(probability)) throw new Error("the network gave no number");
    answer.reason = this.gate.lookAtFeatures(features);
    return probability;
  }

  async judge(square) { // averaged over views and networks; features of the first view of each network
    const { image_size: size, views, test_average: average } = this.prepared, area = size * size;
    const pixels = new Float32Array(views.length * area);
    views.forEach((view, n) => pixels.set(testView(square, view, size).pixels, n * area));
    const found = [], features = [];
    for (const session of this.sessions) {
      const said = await session.run({ pixels: new runtime.Tensor("float32", pixels, [views.length, size, size]) });
      found.push(averageViews([...said.probability.data], average));
      features.push(...said.features.data.subarray(0, said.features.dims[1]));
    }
    return { probability: found.reduce((sum, value) => sum + value, 0) / found.length, features };
  }
}
