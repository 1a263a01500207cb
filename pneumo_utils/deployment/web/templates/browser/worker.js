// Scores files beside the page, so that it can be read meanwhile.
import { Scorer } from "./scorer.js";

const opened = Scorer.open();
opened.then(() => postMessage({ ready: true }), error => postMessage({ failed: error.message }));

onmessage = async ({ data: { file, gone } }) => {
  const started = performance.now(), answer = await (await opened).score(file, gone);
  postMessage({ answer, seconds: (performance.now() - started) / 1000 });
};
