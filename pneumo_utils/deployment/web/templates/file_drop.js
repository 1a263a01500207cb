// How files come onto a page, chosen or dropped, and how a table leaves it.
const at = id => document.getElementById(id);

export const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

async function open(entry) { // the files of a folder, at any depth; what cannot be opened is one that cannot be read
  try {
    if (entry.isFile) return [await new Promise((found, failed) => entry.file(found, failed))];
    const reader = entry.createReader(), inside = [];
    for (let part; (part = await new Promise((found, failed) => reader.readEntries(found, failed))).length;) inside.push(...part);
    return (await Promise.all(inside.filter(one => !one.name.startsWith(".")).map(open))).flat();
  } catch {
    return [Object.assign(new File([], entry.name), { gone: true })];
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
