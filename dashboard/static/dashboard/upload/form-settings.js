/** @file The settings that the server writes into the upload form: its file inputs, the limits, and the batch. */

/** @typedef {Pick<import("./resume-state.js").UnfinishedBatch, "id" | "name" | "addresses">} OpenBatch */

/**
 * Return the form's file inputs.
 * @param {HTMLFormElement} form
 */
export function pickersOf(form) {
  return [...form.querySelectorAll("input")].filter((input) => "pick" in input.dataset);
}

/**
 * @param {DOMStringMap} data
 * @returns {import("./file-selection.js").UploadLimits}
 */
export function limitsOf({ maxFile, maxArchive, quotaBytes, quotaFiles }) {
  const toLimit = (/** @type {string | undefined} */ text) => (text ? Number(text) : Infinity);
  return {
    maxFile: toLimit(maxFile),
    maxArchive: toLimit(maxArchive),
    quotaBytes: toLimit(quotaBytes),
    quotaFiles: toLimit(quotaFiles),
  };
}

/**
 * Return the batch whose page this is.
 * @param {DOMStringMap} data
 * @returns {OpenBatch}
 */
export function batchOf(data) {
  const { batch = "", name = "", page = "", progress = "", files = "", missing = "", submit = "", cancel = "" } = data;
  return { id: batch, name, addresses: { page, progress, files, missing, submit, cancel } };
}
