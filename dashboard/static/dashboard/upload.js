// Sends films one a request, so that each file succeeds or fails by itself, then hands the batch to the workers.
import { filesOfDrop, visible } from "./collect.js";
import { post, postPatiently } from "./http.js";

const LANES = 4;

class Upload {
  constructor(form) {
    this.form = form;
    this.chosen = [];
    this.failed = [];
    this.addresses = form.dataset.files
      ? { files: form.dataset.files, submit: form.dataset.submit, page: form.dataset.page }
      : null;
    const part = (name) => form.querySelector(`[data-${name}]`);
    this.parts = Object.fromEntries(
      ["drop", "chosen", "sending", "bar", "count", "announce", "problems", "choice", "again", "without"].map((n) => [n, part(n)]),
    );
    this.listen();
  }

  listen() {
    for (const input of this.form.querySelectorAll("[data-pick]")) {
      input.removeAttribute("required"); // a folder or a drop serves as well
      input.addEventListener("change", () => this.choose(visible([...input.files])));
    }
    const { drop, again, without } = this.parts;
    for (const kind of ["dragenter", "dragover"]) {
      drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
    }
    drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
    drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      drop.classList.remove("is-over");
      this.choose(await filesOfDrop(event.dataTransfer));
    });
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.start(); });
    again.addEventListener("click", () => this.send(this.failed));
    without.addEventListener("click", () => this.finish());
  }

  choose(files) {
    this.chosen = files;
    const size = files.reduce((sum, file) => sum + file.size, 0) / 1e6;
    this.parts.chosen.textContent = files.length
      ? `${files.length} ${files.length === 1 ? "file" : "files"} chosen, ${size.toFixed(1)} MB`
      : "Nothing in there to send; choose other files";
  }

  async start() {
    if (!this.chosen.length) {
      this.say("Choose at least one file first.");
      return;
    }
    this.lock(true);
    try {
      this.addresses ??= await post(this.form.dataset.open, this.fields("name", "model"));
    } catch (error) {
      this.lock(false);
      this.say(error.message);
      return;
    }
    await this.send(this.chosen);
  }

  /** Send files through a few lanes; every lane takes the next file when it is free. */
  async send(files) {
    this.failed = [];
    this.parts.choice.hidden = true;
    this.parts.problems.replaceChildren();
    const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
    const state = { queue: [...files], settled: 0, refused: 0, bytes: 0, flying: new Map(), all: files.length, total };
    const leave = (event) => event.preventDefault();
    window.addEventListener("beforeunload", leave);
    await Promise.all(Array.from({ length: LANES }, () => this.lane(state)));
    window.removeEventListener("beforeunload", leave);
    if (this.failed.length) this.ask(state);
    else await this.finish();
  }

  async lane(state) {
    for (let file = state.queue.shift(); file; file = state.queue.shift()) {
      await this.one(file, state);
      state.settled += 1;
      state.bytes += file.size;
      state.flying.delete(file);
      this.show(state);
    }
  }

  async one(file, state) {
    const form = this.fields();
    form.append("file", file, file.name);
    const progress = (bytes) => { state.flying.set(file, Math.min(bytes, file.size)); this.show(state); };
    try {
      const answer = await postPatiently(this.addresses.files, form, progress);
      const [film] = answer.films;
      if (film.state === "rejected") { state.refused += 1; this.problem(film.name, film.reason); }
    } catch (error) {
      this.failed.push(file);
      this.problem(file.name, `not sent: ${error.message}`);
    }
  }

  show(state) {
    const flying = [...state.flying.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.parts.bar.value = Math.min(1, (state.bytes + flying) / state.total);
    const refused = state.refused ? `, ${state.refused} rejected` : "";
    const quarter = Math.floor((4 * state.settled) / state.all);
    this.say(`${state.settled} of ${state.all} files sent${refused}`, quarter !== state.quarter);
    state.quarter = quarter;
  }

  /** Some files did not arrive: the sender decides, so that nothing goes missing unnoticed. */
  ask(state) {
    const arrived = state.all - this.failed.length;
    this.say(`${this.failed.length} of ${state.all} files could not be sent.`);
    this.parts.choice.hidden = false;
    this.parts.without.hidden = arrived === 0 && !this.form.dataset.files;
    this.parts.again.focus();
  }

  async finish() {
    this.say("Handing the batch to the workers…");
    try {
      await post(this.addresses.submit, this.fields());
    } catch (error) {
      if (error.code !== "batch_submitted") { this.say(error.message); this.lock(false); return; }
    }
    window.location.assign(this.addresses.page);
  }

  fields(...names) {
    const form = new FormData();
    for (const name of ["csrfmiddlewaretoken", ...names]) form.append(name, this.form.elements[name].value);
    return form;
  }

  problem(name, sentence) {
    const line = document.createElement("li");
    const strong = document.createElement("b");
    strong.textContent = name;
    line.append(strong, `: ${sentence}`);
    this.parts.problems.append(line);
  }

  /** Show a sentence, and have it read aloud unless it is one of many. */
  say(sentence, aloud = true) {
    this.parts.sending.hidden = false;
    this.parts.count.textContent = sentence;
    if (aloud) this.parts.announce.textContent = sentence;
  }

  lock(locked) {
    for (const control of this.form.querySelectorAll("[type=submit], [data-pick]")) control.disabled = locked;
  }
}

for (const form of document.querySelectorAll("form[data-upload]")) new Upload(form);
