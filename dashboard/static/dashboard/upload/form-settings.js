/** @file The settings of the upload form: its file inputs, the limits, and the batch. */
import { readSettings } from "../shared/settings.js";

/** @typedef {Pick<import("./resume-state.js").UnfinishedBatch, "id" | "name" | "addresses">} OpenBatch */

/**
 * @typedef {object} UploadSettings
 * @property {string} user id of the signed-in user
 * @property {string} openAddress where a new batch is created
 * @property {import("./file-selection.js").UploadLimits} limits
 * @property {import("./helper-files.js").HelperFiles} helperFiles
 * @property {OpenBatch | null} batch the batch whose page this is; null on the first page
 */

/**
 * Return the form's file inputs.
 * @param {HTMLFormElement} form
 */
export function pickersOf(form) {
  return [...form.querySelectorAll("input")].filter((input) => "pick" in input.dataset);
}

/** @returns {UploadSettings} */
export function readUploadSettings() {
  const { limits, ...settings } = readSettings("upload-settings");
  const { maxFile, maxArchive, quotaBytes, quotaFiles } = limits;
  return {
    ...settings,
    limits: { maxFile, maxArchive, quotaBytes: quotaBytes ?? Infinity, quotaFiles: quotaFiles ?? Infinity },
  };
}
