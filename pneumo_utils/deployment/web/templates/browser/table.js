// The table as the command predict writes it; the same as the Python rooms deployment.scores and score_table.

import { nameSafely } from "./file_drop.js";

const quoted = text => /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const line = cells => `${cells.map(cell => quoted(cell.replace(/[\r\n]+/g, " "))).join(",")}\n`;
const written = value => value === null ? "" : value.toFixed(9);

export const refuse = reason => ({ // an answer without a number, but for the path
  sha256: "", status: "refused", probability: null, calibrated: null, decision: "", unsure: null, flags: [], reason,
});

export function makeTable(answers, { columns, digest, engine }) {
  const rows = answers.map(answer => ({
    ...answer, path: nameSafely(answer.path), probability: written(answer.probability), calibrated: written(answer.calibrated),
    unsure: answer.unsure === null ? "" : String(answer.unsure), flags: answer.flags.join("; "), bundle: digest, engine,
  }));
  return [columns, ...rows.map(row => columns.map(column => row[column]))].map(line).join("");
}
