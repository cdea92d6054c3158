/** @file The record of the batch whose upload is not finished, kept in the browser's storage, one for each user. */

/**
 * @typedef {object} BatchAddresses
 * @property {string} page
 * @property {string} progress
 * @property {string} files
 * @property {string} missing
 * @property {string} submit
 * @property {string} cancel
 */

/**
 * @typedef {object} UnfinishedBatch
 * @property {string} id
 * @property {string} name
 * @property {BatchAddresses} addresses
 * @property {number} files number of files that were to be sent
 * @property {number} bytes their size
 * @property {string} folder name of the folder they came from, or ""
 */

const storageKey = (/** @type {string} */ user) => `unfinished-upload-${user}`;

/**
 * Store a batch in place of the one before.
 * @param {string} user id of the signed-in user
 * @param {UnfinishedBatch} batch
 */
export function storeBatch(user, batch) {
  try {
    localStorage.setItem(storageKey(user), JSON.stringify(batch));
  } catch {
    // The storage is full or turned off; then the user finds the batch in the list of batches.
  }
}

/**
 * Load the stored batch.
 * @param {string} user
 * @returns {UnfinishedBatch | null} null where there is none, or where the record is not one of this version
 */
export function loadBatch(user) {
  try {
    const batch = JSON.parse(localStorage.getItem(storageKey(user)) ?? "null");
    return batch?.id && batch.addresses ? batch : null;
  } catch {
    return null;
  }
}

/**
 * Delete the stored batch where it is this one.
 * @param {string} user
 * @param {string} id of a batch that is submitted, cancelled or deleted
 */
export function deleteBatch(user, id) {
  if (loadBatch(user)?.id === id) localStorage.removeItem(storageKey(user));
}
