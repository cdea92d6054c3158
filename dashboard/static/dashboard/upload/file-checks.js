/** @file Checks of a chosen file: its digest, by which the server knows it, its kind, and whether it is readable. */

// A first file, an empty archive, and an archive that was to be split.
const ZIP_HEADS = ["PK\x03\x04", "PK\x05\x06", "PK\x07\x08PK\x03\x04", "PK00PK\x03\x04"];
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
 * Return whether a file is a ZIP archive by its first bytes, the same rule as on the server.
 * @param {Blob} file
 */
export async function isZip(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, 8).arrayBuffer());
  return ZIP_HEADS.some((start) => head.startsWith(start));
}
