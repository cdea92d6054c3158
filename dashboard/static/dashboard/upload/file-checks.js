/** @file Checks of a chosen file: its digest, by which the server knows it, its kind, and whether it is readable. */

const MAX_DIGEST_BYTES = 64 * 1024 * 1024; // the browser's digest needs the whole file in memory

/**
 * Return whether a file's digest can be computed: only on a secure page, and not of a large file.
 * @param {Blob} file
 */
export function canDigest(file) {
  return Boolean(globalThis.crypto?.subtle) && file.size <= MAX_DIGEST_BYTES;
}

/**
 * Compute the SHA-256 digest of a file's bytes.
 * @param {Blob} file
 * @returns {Promise<string>} 64 hexadecimal digits; rejects where the file can no longer be read
 */
export async function computeDigest(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Return whether a file can still be read; one that was moved or changed since it was chosen cannot.
 * @param {Blob} file
 */
export async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/**
 * Return whether a file is a ZIP archive by its first four bytes, the same rule as on the server.
 * @param {Blob} file
 */
export async function isZip(file) {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return head[0] === 0x50 && head[1] === 0x4b && [0x03, 0x05].includes(head[2]);
}
