// The form for films: takes what is chosen or dropped, sends it into one batch, and hands that to the workers.
import { filesOfDrop, filesOfInput } from "./file-collection.js";
import { getJson, post, postPatiently } from "../shared/http.js";
import { Choice } from "./file-selection.js";
import { UploadQueue } from "./upload-queue.js";
import { Unfinished } from "./resume-offer.js";
import { forget, recall, remember } from "./resume-state.js";
import { UploadView } from "./upload-progress.js";
import { files, number, size } from "../shared/number-words.js";

const PLACES = ["page", "progress", "files", "missing", "submit", "cancel"];
const PARTS = ["drop", "title", "remarks", "clear", "hint", "go", "new", "sending", "pause", "cancel", "again",
  "without", "ask", "stay", "stop"];

class UploadForm {
  constructor(form) {
    this.form = form;
    this.data = form.dataset;
    this.parts = Object.fromEntries(PARTS.map((name) => [name, form.querySelector(`[data-${name}]`)]));
    this.title = this.parts.title.textContent;
    this.words = this.parts.go.textContent;
    this.choice = new Choice(limitsOf(this.data));
    this.view = new UploadView(form);
    this.unfinished = new Unfinished(form, () => this.show());
    this.batch = this.data.files ? batchOf(this.data) : null;
    this.unfinished.look().then(() => this.show());
    this.listen();
  }

  listen() {
    const { parts } = this;
    for (const input of this.form.querySelectorAll("[data-pick]")) {
      input.removeAttribute("required"); // a folder or a drop serves as well
      input.addEventListener("change", () => this.take(input));
      if (input.files.length) this.take(input); // chosen before this script was there
    }
    this.listenToDrops();
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.start(); });
    parts.clear.addEventListener("click", () => { this.choice.clear(); this.show(); });
    parts.pause.addEventListener("click", () => (this.queue.open || this.queue.condition === "away" ? this.queue.hold() : this.queue.goOn()));
    parts.cancel.addEventListener("click", () => parts.ask.showModal());
    parts.stay.addEventListener("click", () => parts.ask.close());
    parts.stop.addEventListener("click", () => this.cancel());
    parts.again.addEventListener("click", () => { this.queue.retryFailed(); this.send(); });
    parts.without.addEventListener("click", () => this.finish());
  }

  async take(input) {
    const found = filesOfInput(input);
    input.value = ""; // or choosing the same again would go unnoticed
    await this.choose(found);
  }

  /** A drop counts anywhere on the page; the browser would open the file and leave. */
  listenToDrops() {
    const over = (is) => this.parts.drop.classList.toggle("is-over", is && !this.busy);
    const brings = (event) => this.form.isConnected && event.dataTransfer?.types.includes("Files");
    document.addEventListener("dragover", (event) => { if (brings(event)) { event.preventDefault(); over(true); } });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
    document.addEventListener("drop", async (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      over(false);
      if (this.busy) return;
      const counted = (count) => { this.parts.title.textContent = `Reading the folder: ${files(count)}…`; };
      await this.choose(await filesOfDrop(event.dataTransfer, counted));
    });
  }

  async choose(found) {
    this.form.closest("details")?.setAttribute("open", "");
    await this.choice.add(found);
    this.unfinished.suggest(this.choice);
    this.show();
  }

  /** What is chosen, before it is sent. */
  show() {
    const { parts, choice } = this;
    const { sendable, entries, remarks } = choice;
    const any = entries.length > 0;
    const into = this.unfinished.chosen;
    parts.title.textContent = any ? `${files(sendable.length)}, ${size(choice.bytes)}` : this.title;
    this.data.step = any ? "chosen" : "choose";
    parts.clear.hidden = !any;
    parts.remarks.replaceChildren(...remarks.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    if (parts.new) parts.new.hidden = Boolean(into);
    parts.go.textContent = into ? "Resume upload" : this.words;
    this.hint(entries.length || !choice.hidden ? "" : "There are only hidden files; choose other files.");
    this.view.list.show(entries);
  }

  hint(text) {
    this.parts.hint.hidden = !text;
    this.parts.hint.textContent = text;
  }

  async start() {
    if (this.busy) return;
    if (!this.choice.sendable.length) { this.hint("Choose at least one file that can be sent."); return; }
    this.lock(true);
    try {
      this.batch ??= this.unfinished.chosen ?? await this.open();
    } catch (error) {
      this.lock(false);
      this.show();
      this.hint(error.message);
      return;
    }
    this.note();
    this.queue = new UploadQueue(this.choice.entries, this.batch.places, () => this.view.changed());
    this.view.follow(this.queue);
    this.parts.sending.focus();
    await this.send();
  }

  async open() {
    const { id, name, ...places } = await postPatiently(this.data.open, this.fields("name", "model"));
    return { id, name, places };
  }

  /** Remember the batch until it is submitted, so that a lost page costs nothing. */
  note() {
    const { choice, batch } = this;
    const before = recall(this.data.user);
    this.expected = before?.id === batch.id ? before.files : 0;
    const most = Math.max(this.expected, choice.sendable.length);
    remember(this.data.user, { ...batch, files: most, bytes: choice.bytes, folder: choice.folder || before?.folder || "" });
  }

  async send() {
    const leave = (event) => event.preventDefault();
    this.view.ask(null);
    window.addEventListener("beforeunload", leave);
    await this.queue.run();
    window.removeEventListener("beforeunload", leave);
    const { condition, sentence, counts } = this.queue;
    if (condition === "cancelled") return;
    if (condition === "closed") { this.view.conclude(sentence); this.forget(); return; }
    if (counts.failed) this.askAboutFailed();
    else await this.finishIfComplete();
  }

  /** Some files did not arrive: the sender decides, so that nothing goes missing unnoticed. */
  askAboutFailed() {
    const { counts, sendable } = this.queue;
    const arrived = (counts.arrived ?? 0) + (counts.present ?? 0) + (counts.rejected ?? 0);
    this.view.conclude(`${number(counts.failed)} of ${files(sendable)} could not be sent.`);
    this.view.ask({ again: true, without: arrived > 0 || Boolean(this.data.files) });
  }

  /** When fewer files were chosen than last time, what is missing would not be missed by anybody else. */
  async finishIfComplete() {
    const { total } = this.expected ? await getJson(this.batch.places.progress).catch(() => ({ total: 0 })) : {};
    if (!this.expected || total >= this.expected) { await this.finish(); return; }
    this.view.conclude(`${number(total)} of the ${files(this.expected)} chosen the first time are there. Choose the rest, or screen what is there.`);
    this.view.ask({ again: false, without: true });
    this.choice.clear();
    this.lock(false);
  }

  async finish() {
    this.view.ask(null);
    this.view.conclude("Handing the batch to the workers…");
    try {
      await postPatiently(this.batch.places.submit, this.fields());
    } catch (error) {
      if (error.code !== "batch_submitted") {
        this.view.conclude(error.message);
        this.view.ask({ again: false, without: true });
        return;
      }
    }
    this.forget();
    window.location.assign(this.batch.places.page);
  }

  async cancel() {
    this.parts.ask.close();
    this.queue.cancel();
    this.view.conclude("Cancelling…");
    try {
      await post(this.batch.places.cancel, this.fields());
    } catch (error) {
      if (error.code === "batch_finished") { this.forget(); window.location.assign(this.batch.places.page); return; }
      this.view.conclude(`${error.message} The upload has stopped, but the batch is not cancelled; do that on its page.`);
      return;
    }
    this.forget();
    window.location.assign(this.batch.places.page);
  }

  forget() { forget(this.data.user, this.batch.id); }

  fields(...names) {
    const form = new FormData();
    for (const name of names) form.append(name, this.form.elements[name].value);
    return form;
  }

  lock(locked) {
    this.busy = locked;
    this.data.step = locked ? "sending" : "choose";
    for (const control of this.form.querySelectorAll("[type=submit], [data-pick]")) control.disabled = locked;
  }
}

function limitsOf({ maxFile, maxArchive, quotaBytes, quotaFiles }) {
  const limit = (value) => (value ? Number(value) : Infinity);
  return { maxFile: limit(maxFile), maxArchive: limit(maxArchive), quotaBytes: limit(quotaBytes), quotaFiles: limit(quotaFiles) };
}

/** The batch whose page this is. */
function batchOf(data) {
  return { id: data.batch, name: data.name, places: Object.fromEntries(PLACES.map((name) => [name, data[name]])) };
}

for (const form of document.querySelectorAll("form[data-upload]")) new UploadForm(form);
