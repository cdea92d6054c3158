/**
 * @file The queue that sends files to one batch: several requests at a time with one file each, after asking the
 * server which of the files it already has. It knows nothing of the page.
 */
import { ChangeSignal } from "../shared/change-signal.js";
import { asRequestError, delay, fetchJson, nextOnlineEvent, postBody, retryDelay } from "../shared/http.js";
import { DuplicateCheck, UNREADABLE } from "./duplicate-check.js";
import { failureScope } from "./failure-scope.js";
import { isReadable } from "./file-checks.js";

const CONCURRENT_SENDS = 4;
const MAX_TRIES = 5; // of one file
const FINAL_STATES = new Set(["arrived", "present", "rejected", "failed"]);
const NO_ANSWER = "No answer; trying again…";
const CONNECTION_LOST = "Connection lost; waiting for it to come back. Uploaded files are kept.";

/**
 * @import { RequestError } from "../shared/http.js"
 * @import { EntryState, UploadEntry } from "./upload-entry.js"
 *
 * @typedef {"running" | "paused" | "unreachable" | "halted" | "closed" | "cancelled"} Condition
 * unreachable: the server does not answer; halted: the server refuses every file and says why; closed: the batch
 * accepts no more files.
 *
 * @typedef {Pick<import("./resume-state.js").BatchAddresses, "files" | "missing" | "progress">} QueueAddresses
 *
 * @typedef {{ postBody: typeof postBody, fetchJson: typeof fetchJson, delay: typeof delay }} Transport
 */

/** A queue of files for one batch. */
export class UploadQueue {
  /** @type {UploadEntry[]} */
  entries;
  /** @type {QueueAddresses} */
  addresses;
  /** @type {() => void} is called after every change */
  onChange;
  /** @type {Transport} */
  transport;
  /** @type {Condition} */
  condition = "running";
  /** @type {string} the reason for the condition, for the user */
  sentence = "";
  /** @type {Partial<Record<EntryState, number>>} number of files in each state */
  counts = {};
  /** @type {number} bytes of files sent since the start, repeated ones included */
  bytes = 0;
  /** @type {number} requests answered since the start */
  requests = 0;
  /** @type {number} files that are being sent */
  inFlight = 0;
  /** @type {number} work of all files together, in bytes */
  totalCost;
  /** @type {number} work of the files in a final state, in bytes */
  #finishedCost = 0;
  /** @type {UploadEntry[]} checked files that wait for a sender */
  ready = [];
  /** @type {boolean} whether all files have been checked */
  #isChecked = false;
  /** @type {DuplicateCheck} */
  #duplicateCheck = new DuplicateCheck(this);
  /** @type {ChangeSignal} */
  #changes = new ChangeSignal();
  /** @type {AbortController} aborts all requests */
  #abortion = new AbortController();

  /**
   * @param {UploadEntry[]} entries
   * @param {QueueAddresses} addresses of the batch
   * @param {() => void} onChange is called after every change
   * @param {Partial<Transport>} [transport] replaces the requests, for tests
   */
  constructor(entries, addresses, onChange, transport = {}) {
    this.entries = entries;
    this.addresses = addresses;
    this.onChange = onChange;
    this.transport = { postBody, fetchJson, delay, ...transport };
    this.totalCost = entries.reduce((sum, entry) => sum + (entry.state === "unsent" ? 0 : entry.cost), 0);
    for (const entry of entries) this.#countEntry(entry, 1);
  }

  get isRunning() {
    return this.condition === "running";
  }

  /** Whether it sends, or would send if the server answered. */
  get isActive() {
    return this.condition === "running" || this.condition === "unreachable";
  }

  /** Whether it has ended before all files were sent. */
  get isEnded() {
    return this.condition === "closed" || this.condition === "cancelled";
  }

  /** Number of files that are not kept back by a limit. */
  get sendable() {
    return this.entries.length - (this.counts.unsent ?? 0);
  }

  /** Share of the work that is done, 0 to 1. */
  get share() {
    if (!this.totalCost) return 0;
    const sent = this.entries.reduce((sum, entry) => sum + entry.sent, 0);
    return Math.min(1, (this.#finishedCost + sent) / this.totalCost);
  }

  /** Send all waiting files; resolve when every file has a final state or the queue has ended. */
  async run() {
    this.#isChecked = false;
    await Promise.all([this.#checkFiles(), ...Array.from({ length: CONCURRENT_SENDS }, () => this.#sendFiles())]);
  }

  /** Start no more requests; those in flight are completed. */
  pause() {
    if (this.isActive) this.#setCondition("paused");
  }

  /** Continue after a pause or a halt. */
  resume() {
    if (!this.isEnded) this.#setCondition("running");
  }

  /** End the queue and abort its requests. */
  cancel() {
    this.#setCondition("cancelled");
    this.#abortion.abort();
  }

  /** Set failed files to waiting again, for another run. */
  retryFailed() {
    for (const entry of this.entries) {
      if (entry.state !== "failed") continue;
      entry.tries = 0;
      this.setState(entry, "waiting");
    }
  }

  /**
   * @param {Condition} condition
   * @param {string} [sentence]
   */
  #setCondition(condition, sentence = "") {
    this.condition = condition;
    this.sentence = sentence;
    this.#notify();
  }

  /**
   * Change a file's state.
   * @param {UploadEntry} entry
   * @param {EntryState} state
   * @param {string} [note] the reason, for the user
   */
  setState(entry, state, note = "") {
    this.#countEntry(entry, -1);
    entry.state = state;
    entry.note = note;
    this.#countEntry(entry, 1);
    this.#notify();
  }

  /**
   * @param {UploadEntry} entry
   * @param {1 | -1} step
   */
  #countEntry(entry, step) {
    this.counts[entry.state] = (this.counts[entry.state] ?? 0) + step;
    if (FINAL_STATES.has(entry.state)) this.#finishedCost += step * entry.cost;
  }

  #notify() {
    this.#changes.notify();
    this.onChange();
  }

  /**
   * Wait until a condition holds.
   * @param {() => boolean} isTrue is evaluated again after every change
   */
  waitUntil(isTrue) {
    return this.#changes.waitUntil(isTrue);
  }

  async #checkFiles() {
    await this.#duplicateCheck.run();
    this.#isChecked = true;
    this.#notify();
  }

  /** Send ready files one after the other until none are left. */
  async #sendFiles() {
    for (;;) {
      await this.waitUntil(() => this.isEnded || (this.isRunning && this.ready.length > 0) || this.#isDrained);
      if (this.isEnded || this.#isDrained) return;
      const entry = this.ready.shift(); // none where another sender was faster
      if (entry) await this.#sendFile(entry);
    }
  }

  get #isDrained() {
    return this.#isChecked && !this.ready.length && !this.inFlight;
  }

  /**
   * Post to the server; the end of the queue aborts the request.
   * @param {string} address
   * @param {FormData | object} body
   * @param {(bytes: number) => void} [onProgress] is told how many bytes of the request have been sent
   */
  post(address, body, onProgress) {
    return this.transport.postBody(address, body, { onProgress, signal: this.#abortion.signal });
  }

  /** @param {UploadEntry} entry */
  async #sendFile(entry) {
    this.inFlight += 1;
    this.setState(entry, "sending");
    try {
      const onProgress = (/** @type {number} */ bytes) => this.#recordProgress(entry, bytes);
      const [film] = (await this.post(this.addresses.files, entry.toFormData(), onProgress)).films;
      this.requests += 1;
      entry.sent = 0;
      this.setState(entry, ["rejected", "skipped"].includes(film.state) ? "rejected" : "arrived", film.reason);
    } catch (error) {
      entry.sent = 0;
      await this.#handleFailure(entry, asRequestError(error));
    }
    this.inFlight -= 1;
    this.#notify();
  }

  /**
   * @param {UploadEntry} entry
   * @param {number} bytes of the request, which is a little larger than the file
   */
  #recordProgress(entry, bytes) {
    const sent = Math.min(bytes, entry.size);
    this.bytes += Math.max(0, sent - entry.sent);
    entry.sent = sent;
    this.onChange();
  }

  /**
   * Decide what becomes of a file that could not be sent: another attempt, or the state "failed".
   * @param {UploadEntry} entry
   * @param {RequestError} error
   */
  async #handleFailure(entry, error) {
    if (this.isEnded || this.stopForAll(error)) return this.makeReady(entry);
    if (!error.isTransient) return this.setState(entry, "failed", error.message);
    // The browser reports a file that was moved like a lost connection, so check the file first.
    if (!entry.file || !(await isReadable(entry.file))) return this.setState(entry, "failed", UNREADABLE);
    entry.tries += 1;
    if (entry.tries >= MAX_TRIES) return this.setState(entry, "failed", error.message);
    if (error.isUnreachable) await this.waitForServer();
    else await this.transport.delay(retryDelay(entry.tries));
    return this.makeReady(entry);
  }

  /**
   * Hand a file to the next free sender.
   * @param {UploadEntry} entry
   */
  makeReady(entry) {
    this.ready.push(entry);
    this.setState(entry, "waiting");
  }

  /**
   * Close or halt the queue for an error that every other file would meet, too; return whether it is such an error.
   * @param {RequestError} error
   */
  stopForAll(error) {
    if (this.isEnded) return true;
    const scope = failureScope(error);
    if (scope === "batch") {
      this.#setCondition("closed", error.message);
      this.#abortion.abort();
    }
    if (scope === "all files") this.#setCondition("halted", error.message);
    return scope !== "file";
  }

  /** Wait until the server answers again, however long that takes; the first caller asks for all of them. */
  async waitForServer() {
    if (!this.isRunning) return;
    const isUnreachable = () => this.condition === "unreachable";
    this.#setCondition("unreachable", NO_ANSWER);
    for (let attempt = 1; isUnreachable(); attempt += 1) {
      const pause = this.transport.delay(retryDelay(attempt));
      await Promise.race([pause, nextOnlineEvent(), this.waitUntil(() => !isUnreachable())]);
      if (!isUnreachable()) return;
      const answers = await this.transport.fetchJson(this.addresses.progress)
        .then(() => true, (error) => !asRequestError(error).isUnreachable);
      if (isUnreachable()) this.#setCondition(answers ? "running" : "unreachable", answers ? "" : CONNECTION_LOST);
    }
  }
}
