// The files chosen so far, held against the limits before anything is sent.
import { isArchive } from "./file-checks.js";
import { Entry } from "./upload-queue.js";
import { files, size } from "../shared/number-words.js";

export class Choice {
  /** `limits`: bytes a file, bytes an archive, and what is left of the user's own: bytes and files. */
  constructor(limits) {
    this.limits = limits;
    this.clear();
  }

  clear() {
    Object.assign(this, { entries: [], hidden: 0, known: new Set() });
  }

  /** Add what was collected, each file once. */
  async add({ files: found, hidden, unreadable }) {
    this.hidden += hidden;
    for (const { file, path } of found) {
      const key = `${path}\n${file.size}\n${file.lastModified}`;
      if (this.known.has(key)) continue;
      this.known.add(key);
      const entry = new Entry(file, path);
      entry.note = await this.objection(file);
      if (entry.note) entry.state = "unsent";
      this.entries.push(entry);
    }
    for (const path of unreadable) {
      const entry = new Entry(null, path);
      this.entries.push(Object.assign(entry, { state: "unsent", note: "The browser could not read it." }));
    }
  }

  /** Files that will be sent. */
  get sendable() { return this.entries.filter(({ state }) => state === "waiting"); }

  get bytes() { return this.sendable.reduce((sum, entry) => sum + entry.size, 0); }

  /** The one folder that all files come from, or nothing. */
  get folder() {
    const tops = new Set(this.entries.map(({ path }) => (path.includes("/") ? path.split("/", 1)[0] : "")));
    return tops.size === 1 ? [...tops][0] : "";
  }

  /** What the sender should know before sending, one sentence each. */
  get remarks() {
    const sendable = this.sendable;
    const unsent = this.entries.length - sendable.length;
    const { quotaBytes, quotaFiles } = this.limits;
    return [
      this.hidden && `${this.hidden === 1 ? "1 hidden file" : `${files(this.hidden).replace(" ", " hidden ")}`} skipped.`,
      unsent && `${files(unsent)} will not be sent; the list says why.`,
      this.bytes > quotaBytes && `Of your quota only ${size(quotaBytes)} are left; not all files will fit.`,
      sendable.length > quotaFiles && `Of your quota only ${files(quotaFiles)} are left; not all files will fit.`,
    ].filter(Boolean);
  }

  async objection(file) {
    const { maxFile, maxArchive } = this.limits;
    if (file.size <= maxFile) return "";
    if (!(await isArchive(file).catch(() => false))) return `A film may have at most ${size(maxFile)}.`;
    return file.size <= maxArchive ? "" : `An archive may have at most ${size(maxArchive)}.`;
  }
}
