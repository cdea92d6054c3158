// Offers to go on with the batch whose upload was interrupted.
import { getJson } from "../shared/http.js";
import { forget, recall } from "./resume-state.js";
import { files, number } from "../shared/number-words.js";

export class Unfinished {
  constructor(form, changed) {
    this.user = form.dataset.user;
    this.root = form.querySelector("[data-resume]");
    this.batch = null;
    this.touched = false;
    this.root?.addEventListener("change", () => { this.touched = true; changed(); });
  }

  /** See whether there is one, and whether it still takes files. */
  async look() {
    const batch = this.root && recall(this.user);
    if (!batch) return;
    try {
      const { state, total } = await getJson(batch.places.progress);
      if (state !== "open") forget(this.user, batch.id);
      else this.offer(batch, total);
    } catch (error) {
      if (error.status === 404) forget(this.user, batch.id);
    }
  }

  offer(batch, arrived) {
    this.batch = batch;
    const write = (name, text) => { this.root.querySelector(`[data-resume-${name}]`).textContent = text; };
    write("name", batch.name);
    write("arrived", `${number(Math.min(arrived, batch.files))} of ${files(batch.files)} arrived`);
    write("what", batch.folder ? `the folder “${batch.folder}”` : "the same files");
    this.root.querySelector("a").href = batch.places.page;
    this.root.hidden = false;
  }

  /** The batch to go on with, unless the sender wants a new one. */
  get chosen() {
    return this.batch && this.root.querySelector("[value=continue]").checked ? this.batch : null;
  }

  /** Other files than last time are rather meant for a new batch. */
  suggest({ folder, sendable }) {
    if (!this.batch || this.touched) return;
    const same = folder ? folder === this.batch.folder : sendable.length <= this.batch.files && !this.batch.folder;
    this.root.querySelector(`[value=${same ? "continue" : "new"}]`).checked = true;
  }
}
