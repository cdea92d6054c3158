/** @file The files chosen so far, checked against the size limits and the user's quota before anything is sent. */
import { formatBytes, formatCount, formatFiles } from "../shared/number-words.js";
import { isZip } from "./file-checks.js";
import { countKinds, helperFileKind } from "./helper-files.js";
import { UploadEntry } from "./upload-entry.js";

/**
 * @typedef {object} UploadLimits
 * @property {number} maxFile bytes of a film
 * @property {number} maxArchive bytes of a ZIP archive
 * @property {number} quotaBytes bytes left of the user's quota
 * @property {number} quotaFiles files left of the user's quota
 */

/** A growing selection of files, each of them once. */
export class FileSelection {
  /** @type {UploadLimits} */
  limits;
  /** @type {UploadEntry[]} in the order in which they were added */
  entries = [];
  /** @type {import("./helper-files.js").HelperFiles} */
  helperFiles;
  /** @type {string[]} kinds of the helper files that were skipped */
  skippedKinds = [];
  /** @type {Set<string>} path, size and time of every file added */
  #known = new Set();

  /**
   * @param {UploadLimits} limits Infinity where there is no limit
   * @param {import("./helper-files.js").HelperFiles} helperFiles
   */
  constructor(limits, helperFiles) {
    this.limits = limits;
    this.helperFiles = helperFiles;
  }

  /** Remove all files. */
  clear() {
    this.entries = [];
    this.skippedKinds = [];
    this.#known = new Set();
  }

  /**
   * Add collected files; skip those that are already here, and helper files.
   * @param {import("./file-collection.js").Collection} collection
   */
  async addFiles({ files, unreadable }) {
    for (const { file, path } of files) {
      const key = `${path}\n${file.size}\n${file.lastModified}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      const kind = helperFileKind(path, this.helperFiles);
      if (kind) {
        this.skippedKinds.push(kind);
        continue;
      }
      const entry = new UploadEntry(file, path);
      entry.note = await this.#findObjection(file);
      if (entry.note) entry.state = "unsent";
      this.entries.push(entry);
    }
    for (const path of unreadable.filter((path) => !helperFileKind(path, this.helperFiles))) {
      const entry = new UploadEntry(null, path);
      entry.state = "unsent";
      entry.note = "The browser could not read it.";
      this.entries.push(entry);
    }
  }

  /** The files that will be sent. */
  get sendable() {
    return this.entries.filter(({ state }) => state === "waiting");
  }

  /** The size in bytes of the files that will be sent. */
  get bytes() {
    return this.sendable.reduce((sum, entry) => sum + entry.size, 0);
  }

  /** The name of the one folder that all files come from, or "". */
  get folder() {
    const tops = new Set(this.entries.map(({ path }) => (path.includes("/") ? path.split("/", 1)[0] : "")));
    return tops.size === 1 ? [...tops][0] : "";
  }

  /** Which helper files were skipped, as text: "3 skipped: 2 × @eaDir, 1 × Thumbs.db"; "" for none. */
  get skipped() {
    const { length } = this.skippedKinds;
    return length ? `${formatCount(length)} skipped: ${countKinds(this.skippedKinds)}` : "";
  }

  /** What the user should know before sending, one sentence each. */
  get remarks() {
    const { sendable, bytes } = this;
    const unsent = this.entries.length - sendable.length;
    const { quotaBytes, quotaFiles } = this.limits;
    const remarks = [];
    if (this.skipped) remarks.push(`${this.skipped}. These helper files and hidden files are no films.`);
    if (unsent) remarks.push(`${formatFiles(unsent)} will not be uploaded; the list says why.`);
    if (bytes > quotaBytes) {
      remarks.push(`Only ${formatBytes(quotaBytes)} are left in your quota; not all files will fit.`);
    }
    if (sendable.length > quotaFiles) {
      remarks.push(`Only ${formatFiles(quotaFiles)} are left in your quota; not all files will fit.`);
    }
    return remarks;
  }

  /**
   * Return why a file cannot be sent, or "".
   * @param {File} file
   */
  async #findObjection(file) {
    const { maxFile, maxArchive } = this.limits;
    if (file.size <= maxFile) return "";
    if (!(await isZip(file).catch(() => false))) return `A film may have at most ${formatBytes(maxFile)}.`;
    return file.size <= maxArchive ? "" : `A ZIP archive may have at most ${formatBytes(maxArchive)}.`;
  }
}
