// From what was dropped or chosen to a flat list of files.

/** Files of a drop, folders included. */
export async function filesOfDrop(transfer) {
  // The list of items is emptied as soon as we wait, so take all entries first.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return visible([...transfer.files]);
  const found = [];
  for (const entry of entries) found.push(...(await filesOfEntry(entry)));
  return visible(found);
}

/** Files without those that systems hide in folders. */
export function visible(files) {
  return files.filter((file) => !file.name.startsWith(".") && file.name !== "Thumbs.db");
}

async function filesOfEntry(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader hands out a hundred entries at a time.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return found;
    for (const inner of entries) found.push(...(await filesOfEntry(inner)));
  }
}
