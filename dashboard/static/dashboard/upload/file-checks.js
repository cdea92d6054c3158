// Digests by which the server knows a file it has.

const LARGEST = 64 * 1024 * 1024; // the browser's digest wants the whole file in memory

/** Whether a file's digest can be had: only a secure page may compute one, and not of a large file. */
export function canHash(file) {
  return Boolean(globalThis.crypto?.subtle) && file.size <= LARGEST;
}

/** The sha256 of a file's bytes as 64 hexadecimal digits. */
export async function sha256(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether a file can still be read; one that was moved or changed since it was chosen cannot. */
export async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Whether a file is a ZIP by its first bytes, as the server sees it. */
export async function isArchive(file) {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return head[0] === 0x50 && head[1] === 0x4b && [0x03, 0x05].includes(head[2]);
}
