/** @file The offer, on the upload form, to continue with the batch whose upload was interrupted. */
import { fetchJson, RequestError } from "../shared/http.js";
import { formatCount, formatFiles } from "../shared/number-words.js";
import { deleteBatch, loadBatch } from "./resume-state.js";

/** The part of the form with the choice between the unfinished batch and a new one. */
export class ResumeOffer {
  /** @type {string} id of the signed-in user */
  user;
  /** @type {HTMLElement | null} null on the page of a batch, which offers nothing else */
  root;
  /** @type {import("./resume-state.js").UnfinishedBatch | null} the batch on offer */
  batch = null;
  /** @type {boolean} whether the user has chosen, so that nothing chooses for them any more */
  isChosenByUser = false;

  /**
   * @param {HTMLFormElement} form
   * @param {string} user id of the signed-in user
   * @param {() => void} onChange is called when the user chooses
   */
  constructor(form, user, onChange) {
    this.user = user;
    this.root = form.querySelector("[data-resume]");
    this.root?.addEventListener("change", () => {
      this.isChosenByUser = true;
      onChange();
    });
  }

  /** Offer the stored batch where it still accepts files; delete its record where it does not. */
  async load() {
    const batch = this.root && loadBatch(this.user);
    if (!batch) return;
    try {
      const { state, total } = await fetchJson(batch.addresses.progress);
      if (state === "open") this.#show(batch, total);
      else deleteBatch(this.user, batch.id);
    } catch (error) {
      if (error instanceof RequestError && error.status === 404) deleteBatch(this.user, batch.id);
    }
  }

  /** The batch to continue with, or null for a new one. */
  get chosenBatch() {
    return this.batch && this.#option("continue").checked ? this.batch : null;
  }

  /**
   * Choose a new batch where the selected files are not those of the interrupted upload, unless the user has chosen.
   * @param {{ folder: string, sendable: unknown[] }} selection
   */
  preselect({ folder, sendable }) {
    if (!this.batch || this.isChosenByUser) return;
    const isSame = folder ? folder === this.batch.folder : sendable.length <= this.batch.files && !this.batch.folder;
    this.#option(isSame ? "continue" : "new").checked = true;
  }

  /**
   * @param {import("./resume-state.js").UnfinishedBatch} batch
   * @param {number} arrived number of its files that the server has
   */
  #show(batch, arrived) {
    const { root } = this;
    if (!root) return;
    this.batch = batch;
    const texts = {
      name: batch.name,
      arrived: `${formatCount(Math.min(arrived, batch.files))} of ${formatFiles(batch.files)} uploaded`,
      what: batch.folder ? `the folder “${batch.folder}”` : "the same files",
    };
    for (const [name, text] of Object.entries(texts)) {
      const element = root.querySelector(`[data-resume-${name}]`);
      if (element) element.textContent = text;
    }
    root.querySelector("a")?.setAttribute("href", batch.addresses.page);
    root.hidden = false;
  }

  /** @param {"continue" | "new"} value */
  #option(value) {
    return /** @type {HTMLInputElement} */ (this.root?.querySelector(`[value=${value}]`));
  }
}
