/** @file One file of an upload, its state and the work of sending it. */

/**
 * @typedef {"waiting" | "checking" | "sending" | "arrived" | "present" | "rejected" | "failed" | "unsent"} EntryState
 * present: the batch had it before; rejected: by the server; failed: not sent; unsent: kept back by a limit.
 */

/** The fixed cost of a request, as the number of bytes sent in the same time. */
export const REQUEST_COST = 32 * 1024;

/** A file that was chosen for an upload. */
export class UploadEntry {
  /** @type {File | null} null where the browser could not read it */
  file;
  /** @type {string} path inside the chosen folder */
  path;
  /** @type {number} bytes */
  size;
  /** @type {EntryState} */
  state = "waiting";
  /** @type {string} the reason for the state, for the user */
  note = "";
  /** @type {number} bytes sent of the current request */
  sent = 0;
  /** @type {number} failed attempts */
  tries = 0;
  /** @type {string} SHA-256 in hexadecimal, or "" as long as it is not computed */
  digest = "";

  /**
   * @param {File | null} file
   * @param {string} path
   */
  constructor(file, path) {
    this.file = file;
    this.path = path;
    this.size = file?.size ?? 0;
  }

  /** The work of sending it, in bytes. */
  get cost() {
    return this.size + REQUEST_COST;
  }
  /** Return the form that carries it. */
  toFormData() {
    const form = new FormData();
    if (this.file) form.append("file", this.file, this.file.name);
    if (this.path.includes("/")) form.append("path", this.path);
    return form;
  }
}
