/** @file The form for films: it selects files, sends them into one batch, and submits the batch for screening. */
import { asRequestError, fetchJson, postBody, postWithRetries } from "../shared/http.js";
import { formatBytes, formatCount, formatFiles } from "../shared/number-words.js";
import { connectDropZone } from "./drop-zone.js";
import { collectInput } from "./file-collection.js";
import { FileSelection } from "./file-selection.js";
import { pickersOf, readUploadSettings } from "./form-settings.js";
import { ResumeOffer } from "./resume-offer.js";
import { deleteBatch, loadBatch, storeBatch } from "./resume-state.js";
import { UploadProgress } from "./upload-progress.js";
import { UploadQueue } from "./upload-queue.js";

const PART_NAMES = ["drop", "title", "remarks", "clear", "hint", "go", "new", "sending", "pause", "cancel", "again",
  "without", "ask", "stay", "stop"];

/** @import { OpenBatch, UploadSettings } from "./form-settings.js" */

/** One form for films. */
class UploadForm {
  /** @type {HTMLFormElement} */
  form;
  /** @type {UploadSettings} */
  settings;
  /** @type {Record<string, any>} elements by the names of their data attributes; null where the page lacks one */
  parts;
  /** @type {string} the title while nothing is selected */
  emptyTitle;
  /** @type {string} the text of the send button for a batch that is not resumed */
  sendText;
  /** @type {FileSelection} */
  selection;
  /** @type {UploadProgress} */
  progress;
  /** @type {ResumeOffer} */
  offer;
  /** @type {OpenBatch | null} the batch to send to; null until one is created or resumed */
  batch;
  /** @type {UploadQueue | null} null before the first start */
  queue = null;
  /** @type {number} number of files of the interrupted upload that is resumed, else 0 */
  expectedFiles = 0;
  /** @type {boolean} whether the form is locked while files are sent */
  isLocked = false;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.settings = readUploadSettings();
    this.parts = Object.fromEntries(PART_NAMES.map((name) => [name, form.querySelector(`[data-${name}]`)]));
    this.emptyTitle = this.parts.title.textContent;
    this.sendText = this.parts.go.textContent;
    this.selection = new FileSelection(this.settings.limits, this.settings.helperFiles);
    this.progress = new UploadProgress(form);
    this.offer = new ResumeOffer(form, this.settings.user, () => this.showSelection());
    this.batch = this.settings.batch;
    this.offer.load().then(() => this.showSelection());
    this.connectControls();
    connectDropZone(form, this.parts.drop, {
      isLocked: () => this.isLocked,
      onFound: (count) => {
        this.parts.title.textContent = `Reading the folder: ${formatFiles(count)}…`;
      },
      onFiles: (collection) => this.addFiles(collection),
    });
  }

  get user() {
    return this.settings.user;
  }

  connectControls() {
    const { form, parts } = this;
    for (const input of pickersOf(form)) {
      input.removeAttribute("required"); // a folder or a drop serves as well
      input.addEventListener("change", () => this.addInput(input));
      if (input.files?.length) this.addInput(input); // chosen before this script was loaded
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.startUpload();
    });
    parts.clear.addEventListener("click", () => {
      this.selection.clear();
      this.showSelection();
    });
    parts.pause.addEventListener("click", () => (this.queue?.isActive ? this.queue.pause() : this.queue?.resume()));
    parts.cancel.addEventListener("click", () => parts.ask.showModal());
    parts.stay.addEventListener("click", () => parts.ask.close());
    parts.stop.addEventListener("click", () => this.cancelBatch());
    parts.again.addEventListener("click", () => {
      this.queue?.retryFailed();
      this.sendFiles();
    });
    parts.without.addEventListener("click", () => this.submitBatch());
  }

  /** @param {HTMLInputElement} input */
  async addInput(input) {
    const collection = collectInput(input);
    input.value = ""; // otherwise the browser reports no change when the same files are chosen again
    await this.addFiles(collection);
  }

  /** @param {import("./file-collection.js").Collection} collection */
  async addFiles(collection) {
    this.form.closest("details")?.setAttribute("open", "");
    await this.selection.addFiles(collection);
    this.offer.preselect(this.selection);
    this.showSelection();
  }

  /** Show what is selected, before it is sent. */
  showSelection() {
    const { parts, selection } = this;
    const { sendable, entries, remarks } = selection;
    const hasFiles = entries.length > 0;
    const resumed = this.offer.chosenBatch;
    parts.title.textContent = hasFiles
      ? `${formatFiles(sendable.length)}, ${formatBytes(selection.bytes)}` : this.emptyTitle;
    this.form.dataset.step = hasFiles ? "chosen" : "choose";
    parts.clear.hidden = !hasFiles;
    parts.remarks.replaceChildren(...remarks.map(createListItem));
    if (parts.new) parts.new.hidden = Boolean(resumed);
    parts.go.textContent = resumed ? "Resume upload" : this.sendText;
    this.showHint(hasFiles || !selection.skipped ? "" : "There are only helper files or hidden files; choose the films.");
    this.progress.list.showEntries(entries);
  }

  /** @param {string} text */
  showHint(text) {
    this.parts.hint.hidden = !text;
    this.parts.hint.textContent = text;
  }

  async startUpload() {
    if (this.isLocked) return;
    const { entries, sendable } = this.selection;
    if (!sendable.length) {
      this.showHint("Choose at least one file that can be uploaded.");
      return;
    }
    this.setLocked(true);
    try {
      this.batch ??= this.offer.chosenBatch ?? await this.createBatch();
    } catch (error) {
      this.setLocked(false);
      this.showSelection();
      this.showHint(asRequestError(error).message);
      return;
    }
    this.storeUnfinished(this.batch);
    this.queue = new UploadQueue(entries, this.batch.addresses, () => this.progress.scheduleRedraw());
    this.progress.followQueue(this.queue, this.selection.skipped);
    this.parts.sending.focus();
    await this.sendFiles();
  }

  /** @returns {Promise<OpenBatch>} */
  async createBatch() {
    const { id, name, ...addresses } = await postWithRetries(this.settings.openAddress, this.formData("name", "model"));
    return { id, name, addresses };
  }

  /**
   * Store the batch until it is submitted, so that the upload can be resumed when the page is lost.
   * @param {OpenBatch} batch
   */
  storeUnfinished(batch) {
    const { bytes, folder, sendable } = this.selection;
    const before = loadBatch(this.user);
    this.expectedFiles = before?.id === batch.id ? before.files : 0;
    const files = Math.max(this.expectedFiles, sendable.length);
    storeBatch(this.user, { ...batch, files, bytes, folder: folder || before?.folder || "" });
  }

  async sendFiles() {
    const { queue } = this;
    if (!queue) return;
    const confirmLeaving = (/** @type {Event} */ event) => event.preventDefault();
    this.progress.hideChoice();
    window.addEventListener("beforeunload", confirmLeaving);
    await queue.run();
    window.removeEventListener("beforeunload", confirmLeaving);
    if (queue.condition === "cancelled") return;
    if (queue.condition === "closed") {
      this.progress.conclude(queue.sentence);
      this.deleteUnfinished();
    } else if (queue.counts.failed) this.askAboutFailed(queue);
    else await this.submitIfComplete();
  }

  /**
   * Let the user decide about files that failed, so that none is lost unnoticed.
   * @param {UploadQueue} queue
   */
  askAboutFailed({ counts, sendable }) {
    const { arrived = 0, present = 0, rejected = 0, failed = 0 } = counts;
    this.progress.conclude(`${formatCount(failed)} of ${formatFiles(sendable)} could not be uploaded.`);
    this.progress.showChoice({ again: true, without: arrived + present + rejected > 0 || this.settings.batch !== null });
  }

  /** Submit the batch, unless fewer files were selected than before the interruption; then ask the user first. */
  async submitIfComplete() {
    const total = this.expectedFiles ? await this.countArrived() : 0;
    if (total >= this.expectedFiles) {
      await this.submitBatch();
      return;
    }
    this.progress.conclude(`${formatCount(total)} of the ${formatFiles(this.expectedFiles)} chosen the first time are`
      + " uploaded. Choose the others, or screen without them.");
    this.progress.showChoice({ again: false, without: true });
    this.selection.clear();
    this.setLocked(false);
  }

  /** @returns {Promise<number>} files of the batch that the server has; 0 where it does not say */
  async countArrived() {
    try {
      return (await fetchJson(this.openBatch.addresses.progress)).total;
    } catch {
      return 0;
    }
  }

  /** Submit the batch for screening and go to its page. */
  async submitBatch() {
    const { addresses } = this.openBatch;
    this.progress.hideChoice();
    this.progress.conclude("Submitting the batch for screening…");
    try {
      await postWithRetries(addresses.submit, this.formData());
    } catch (error) {
      const failure = asRequestError(error);
      if (failure.code !== "batch_submitted") {
        this.progress.conclude(failure.message);
        this.progress.showChoice({ again: false, without: true });
        return;
      }
    }
    this.deleteUnfinished();
    window.location.assign(addresses.page);
  }

  /** Stop sending, cancel the batch and go to its page. */
  async cancelBatch() {
    const { addresses } = this.openBatch;
    this.parts.ask.close();
    this.queue?.cancel();
    this.progress.conclude("Cancelling…");
    try {
      await postBody(addresses.cancel, this.formData());
    } catch (error) {
      const failure = asRequestError(error);
      if (failure.code !== "batch_finished") {
        this.progress.conclude(
          `${failure.message} The upload has stopped, but the batch is not cancelled; cancel it on its page.`);
        return;
      }
    }
    this.deleteUnfinished();
    window.location.assign(addresses.page);
  }

  get openBatch() {
    if (!this.batch) throw new Error("There is no batch before the upload has started.");
    return this.batch;
  }

  deleteUnfinished() {
    deleteBatch(this.user, this.openBatch.id);
  }

  /**
   * Return a form with the named fields.
   * @param {...string} names
   */
  formData(...names) {
    const data = new FormData();
    for (const name of names) {
      data.append(name, /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name)).value);
    }
    return data;
  }

  /** @param {boolean} isLocked */
  setLocked(isLocked) {
    this.isLocked = isLocked;
    this.form.dataset.step = isLocked ? "sending" : "choose";
    for (const input of pickersOf(this.form)) input.disabled = isLocked;
    for (const button of this.form.querySelectorAll("button")) if (button.type === "submit") button.disabled = isLocked;
  }
}

/** @param {string} text */
function createListItem(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

for (const form of document.querySelectorAll("form")) if ("upload" in form.dataset) new UploadForm(form);
