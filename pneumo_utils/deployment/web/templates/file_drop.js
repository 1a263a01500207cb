// How files come onto a page, chosen or dropped, what they are called there, and how a table leaves it.
const at = id => document.getElementById(id);

export const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

const UNPRINTED = /[\0-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SHORT = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escapeOne(one) {
  const code = one.charCodeAt(0).toString(16);
  return SHORT[one] ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
}

// in the table: as `name_safely` of the Python room deployment.input_files
export const nameSafely = name => name.toWellFormed().replaceAll("\\", "\\\\").replace(UNPRINTED, escapeOne);

// of a dropped folder with all folders above it: in those of a hospital files are called alike
export const nameOf = file => file.place ?? file.name;

async function open(entry) { // the files of a folder, at any depth; what cannot be opened is one that cannot be read
  const place = entry.fullPath.slice(1);
  try {
    if (entry.isFile) return [Object.assign(await new Promise((found, failed) => entry.file(found, failed)), { place })];
    const reader = entry.createReader(), inside = [];
    for (let part; (part = await new Promise((found, failed) => reader.readEntries(found, failed))).length;) inside.push(...part);
    return (await Promise.all(inside.filter(one => !one.name.startsWith(".")).map(open))).flat();
  } catch {
    return [Object.assign(new File([], entry.name), { gone: true, place })];
  }
}

export function watchFiles(add) { // which is given a list of files
  at("files").addEventListener("change", ({ target }) => { add(target.files); target.value = ""; });
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, event => event.preventDefault()); // beside the zone: nothing
  document.addEventListener("dragover", () => at("drop").classList.add("over"));
  for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => at("drop").classList.remove("over"));
  document.addEventListener("drop", async ({ dataTransfer }) => {
    const entries = [...dataTransfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean), loose = [...dataTransfer.files];
    add(entries.some(entry => entry.isDirectory) ? (await Promise.all(entries.map(open))).flat() : loose);
  });
}

export function saveTable(...parts) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(new Blob(parts, { type: "text/csv" })), download: "scores.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
