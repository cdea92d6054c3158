/** @file The files of a drop or of a file input as a flat list, each with its path inside the chosen folder. */

const FOUND_STEP = 500; // files between two reports while a folder is read
const PATH_ORDER = new Intl.Collator("en", { numeric: true });

/**
 * @typedef {object} FoundFile
 * @property {File} file
 * @property {string} path from the chosen folder on, as in "Ward 3/left/0001.png"
 */

/**
 * @typedef {object} Collection
 * @property {FoundFile[]} files in the order of their paths
 * @property {string[]} unreadable paths of files and folders that the browser could not read
 */

/**
 * Collect the files of a drop, folders included.
 * @param {DataTransfer} transfer
 * @param {(count: number) => void} [onFound] is told the number of files while a large folder is read
 * @returns {Promise<Collection>}
 */
export async function collectDrop(transfer, onFound = () => {}) {
  // The browser empties the list of items at the first wait, so read all entries first.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  if (!entries.length) return sortFiles([...transfer.files].map((file) => ({ file, path: file.name })), []);
  const files = [];
  const unreadable = [];
  const pending = entries.reverse();
  for (let entry = pending.pop(); entry; entry = pending.pop()) {
    const path = entry.fullPath.replace(/^\//, "");
    try {
      if (entry.isFile) files.push({ file: await readFile(entry), path });
      else for (const inner of (await readFolder(entry)).reverse()) pending.push(inner);
    } catch {
      unreadable.push(path);
    }
    if (files.length % FOUND_STEP === 0) onFound(files.length);
  }
  return sortFiles(files, unreadable);
}

/**
 * Collect the files of a file input, which may be one for folders.
 * @param {HTMLInputElement} input
 * @returns {Collection}
 */
export function collectInput(input) {
  return sortFiles([...input.files ?? []].map((file) => ({ file, path: file.webkitRelativePath || file.name })), []);
}

/**
 * Sort files by path.
 * @param {FoundFile[]} found
 * @param {string[]} unreadable
 * @returns {Collection}
 */
export function sortFiles(found, unreadable) {
  const files = [...found].sort((first, second) => PATH_ORDER.compare(first.path, second.path));
  return { files, unreadable };
}

/**
 * @param {FileSystemEntry} entry of a file
 * @returns {Promise<File>}
 */
function readFile(entry) {
  return new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
}

/**
 * @param {FileSystemEntry} folder
 * @returns {Promise<FileSystemEntry[]>}
 */
async function readFolder(folder) {
  const reader = /** @type {FileSystemDirectoryEntry} */ (folder).createReader();
  const found = [];
  for (;;) {
    // A reader returns about a hundred entries at a time, and an empty list at the end.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return found;
    found.push(...entries);
  }
}
