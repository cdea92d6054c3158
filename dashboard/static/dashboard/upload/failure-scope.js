/** @file The scope of a failed request: whether other files of the upload would fail for the same reason. */

/** @import { RequestError } from "../shared/http.js" */

const CLOSED_CODES = new Set(["batch_submitted", "batch_cancelled", "not_found"]);
const ALL_FILES_CODES = new Set(["signed_out", "storage_failed"]); // and those that begin with "quota_"
const ALL_FILES_STATUSES = new Set([429, 507]); // too many requests, no space left

/**
 * Return the scope of a failed request.
 * @param {RequestError} error
 * @returns {"batch" | "all files" | "file"} batch: it accepts no more files; all files: none can be sent until the user
 *   has removed the cause; file: another file may well be sent
 */
export function failureScope({ code, status }) {
  if (CLOSED_CODES.has(code)) return "batch";
  const concernsAll = ALL_FILES_CODES.has(code) || code.startsWith("quota_") || ALL_FILES_STATUSES.has(status);
  return concernsAll ? "all files" : "file";
}
