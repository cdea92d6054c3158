// From what was dropped or chosen to a flat list of files, each with its place in the folder it came from.

const ORDER = new Intl.Collator("en", { numeric: true });
const HIDDEN = new Set(["thumbs.db", "desktop.ini", "__macosx"]);

/**
 * Files of a drop, folders included: `files` as `{file, path}`, how many `hidden` ones were left out, and the paths
 * of `unreadable` ones. `found` is told the number of files while a large folder is read.
 */
export async function filesOfDrop(transfer, found = () => {}) {
  // The list of items is emptied as soon as we wait, so take all entries first.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return sift([...transfer.files].map((file) => ({ file, path: file.name })), []);
  const files = [];
  const unreadable = [];
  const open = entries.reverse();
  while (open.length) {
    const entry = open.pop();
    try {
      if (entry.isFile) files.push({ file: await fileOf(entry), path: entry.fullPath.replace(/^\//, "") });
      else for (const inner of (await entriesOf(entry)).reverse()) open.push(inner);
    } catch {
      unreadable.push(entry.fullPath.replace(/^\//, ""));
    }
    if (files.length % 500 === 0) found(files.length);
  }
  return sift(files, unreadable);
}

/** Files of an input, which may be one for folders; in the same form. */
export function filesOfInput(input) {
  return sift([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })), []);
}

/** In the order of their names; without files that systems hide in folders, or that lie in a hidden folder. */
function sift(found, unreadable) {
  const files = found.filter(({ path }) => !path.split("/").some(isHidden)).sort((a, b) => ORDER.compare(a.path, b.path));
  return { files, hidden: found.length - files.length, unreadable };
}

function isHidden(name) {
  return name.startsWith(".") || HIDDEN.has(name.toLowerCase());
}

function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    // A reader hands out a hundred entries at a time.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return found;
    found.push(...entries);
  }
}
