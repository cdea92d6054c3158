/** @file The view of an upload in progress: share, rate, remaining time, and what it waits for. */
import {
  formatBytes, formatCount, formatDuration, formatFiles, formatWholePercent,
} from "../shared/number-words.js";
import { FileList } from "./file-list.js";
import { REQUEST_COST } from "./upload-entry.js";

const REDRAW_DELAY = 150; // milliseconds in which changes are collected
const REDRAW_INTERVAL = 1000; // milliseconds between two redraws when nothing changes
const RATE_SPAN = 15_000; // milliseconds over which the rate is measured
const PART_NAMES = ["sending", "bar", "count", "pace", "note", "announce", "pause", "cancel", "choice", "again",
  "without", "list"];

/** @import { UploadQueue } from "./upload-queue.js" */

/**
 * @typedef {object} RateSample
 * @property {number} time milliseconds
 * @property {number} bytes bytes of files sent so far
 * @property {number} requests requests answered so far
 * @property {number} work work of sending them, in bytes
 */

/** The part of the upload form that is shown from the start of the upload on. */
export class UploadProgress {
  /** @type {Record<string, any>} elements by the names of their data attributes */
  parts;
  /** @type {FileList} */
  list;
  /** @type {string} the page's title without the share */
  pageTitle = document.title;
  /** @type {UploadQueue | null} */
  queue = null;
  /** @type {string} which helper files were skipped, or "" */
  skipped = "";
  /** @type {RateSample[]} of the last RATE_SPAN */
  samples = [];
  /** @type {number} the quarter announced last, 0 to 4 */
  quarter = 0;
  /** @type {string} the queue's condition that was announced last */
  condition = "running";
  /** @type {boolean} whether the text is final and no longer follows the queue */
  isConcluded = false;
  /** @type {number | null} timer of the next redraw */
  redrawTimer = null;
  /** @type {number} timer of the redraws when nothing changes */
  clock = 0;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.parts = Object.fromEntries(PART_NAMES.map((name) => [name, form.querySelector(`[data-${name}]`)]));
    this.list = new FileList(this.parts.list);
  }

  /**
   * Show a queue from its start on.
   * @param {UploadQueue} queue
   * @param {string} [skipped] which helper files were skipped
   */
  followQueue(queue, skipped = "") {
    this.queue = queue;
    this.skipped = skipped;
    this.samples = [];
    this.quarter = 0;
    this.condition = "running";
    this.list.showEntries(queue.entries);
    this.parts.sending.hidden = false;
    this.hideChoice();
    this.redraw();
  }

  /** Redraw soon; many changes are drawn at once. */
  scheduleRedraw() {
    this.redrawTimer ??= setTimeout(() => {
      this.redrawTimer = null;
      this.redraw();
    }, REDRAW_DELAY);
  }

  /** Show the queue as it is now. */
  redraw() {
    const { queue, parts } = this;
    if (!queue) return;
    const { share } = queue;
    parts.bar.value = share;
    this.list.refresh();
    if (this.isConcluded) return;
    document.title = `${formatWholePercent(share)} · ${this.pageTitle}`;
    parts.count.textContent = [summaryOf(queue), this.skipped].filter(Boolean).join("; ");
    parts.pace.textContent = queue.isRunning ? this.#rateText(queue) : "";
    parts.pause.textContent = queue.isActive ? "Pause" : "Continue";
    this.#showCondition(queue, share);
  }

  /**
   * Show a final text in place of the progress.
   * @param {string} text
   */
  conclude(text) {
    this.isConcluded = true;
    clearInterval(this.clock);
    document.title = this.pageTitle;
    this.redraw();
    this.parts.sending.hidden = false;
    this.parts.pause.hidden = true;
    this.parts.cancel.hidden = true;
    this.parts.pace.textContent = "";
    this.parts.count.textContent = text;
    this.#showNote("");
    this.#announce(text);
  }

  /**
   * Let the user decide about files that were not sent.
   * @param {{ again: boolean, without: boolean }} options whether they can be sent again, and whether the batch can be
   *   screened without them
   */
  showChoice({ again, without }) {
    const { parts } = this;
    this.isConcluded = true;
    clearInterval(this.clock);
    parts.choice.hidden = false;
    parts.pause.hidden = true;
    parts.cancel.hidden = true;
    parts.again.hidden = !again;
    parts.without.hidden = !without;
    if (again) parts.again.focus();
    else parts.without.focus();
  }

  /** Hide the choice and follow the queue again. */
  hideChoice() {
    const { parts } = this;
    this.isConcluded = false;
    clearInterval(this.clock);
    this.clock = setInterval(() => this.scheduleRedraw(), REDRAW_INTERVAL);
    parts.choice.hidden = true;
    parts.pause.hidden = false;
    parts.cancel.hidden = false;
  }

  /**
   * Show what the queue waits for. Announce that, and each quarter of the work, to screen readers.
   * @param {UploadQueue} queue
   * @param {number} share 0 to 1
   */
  #showCondition(queue, share) {
    const note = noteOf(queue);
    const quarter = Math.floor(share * 4);
    this.#showNote(note, queue.condition === "halted");
    if (queue.condition !== this.condition) this.#announce(note || "The upload continues.");
    else if (quarter > this.quarter) this.#announce(summaryOf(queue));
    this.condition = queue.condition;
    this.quarter = Math.max(this.quarter, quarter);
  }

  /**
   * @param {string} text
   * @param {boolean} [isError]
   */
  #showNote(text, isError = false) {
    this.parts.note.hidden = !text;
    this.parts.note.textContent = text;
    this.parts.note.classList.toggle("is-error", isError);
  }

  /** @param {string} text */
  #announce(text) {
    this.parts.announce.textContent = text;
  }

  /**
   * Return files and bytes a second over the last seconds, and the remaining time at that rate; "" at the start.
   * @param {UploadQueue} queue
   */
  #rateText({ bytes, requests, totalCost, share }) {
    const work = bytes + requests * REQUEST_COST;
    const now = { time: performance.now(), bytes, requests, work };
    this.samples.push(now);
    while (now.time - this.samples[0].time > RATE_SPAN) this.samples.shift();
    const [start] = this.samples;
    const seconds = (now.time - start.time) / 1000;
    if (seconds < 1 || work <= start.work) return "";
    const files = ((requests - start.requests) / seconds).toFixed(1);
    const remaining = (totalCost * (1 - share)) / ((work - start.work) / seconds);
    const data = formatBytes((bytes - start.bytes) / seconds);
    return `${files} files/s, ${data}/s, about ${formatDuration(remaining)} left`;
  }
}

/** @param {UploadQueue} queue */
function noteOf({ condition, inFlight, sentence }) {
  if (condition !== "paused") return sentence;
  return inFlight ? "Pausing after the current files…" : "Paused. Uploaded files are kept.";
}

/** @param {UploadQueue} queue */
function summaryOf({ sendable, counts }) {
  const { present = 0, rejected = 0, arrived = 0, failed = 0 } = counts;
  const parts = [`${formatCount(arrived + rejected + present)} of ${formatFiles(sendable)} uploaded`];
  if (present) parts.push(`${formatCount(present)} already uploaded`);
  if (rejected) parts.push(`${formatCount(rejected)} rejected`);
  if (failed) parts.push(`${formatCount(failed)} not uploaded`);
  return parts.join(", ");
}
