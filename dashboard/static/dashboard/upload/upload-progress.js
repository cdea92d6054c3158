// What the sender sees of an upload on its way: how far it is, how fast, what it waits for.
import { FileList } from "./file-list.js";
import { duration, files, number, size } from "../shared/number-words.js";

const REDRAW = 150; // milliseconds
const SLOWEST_REDRAW = 1000;
const WINDOW = 15_000; // milliseconds over which the rate is taken
const PARTS = ["sending", "bar", "count", "pace", "note", "announce", "pause", "cancel", "choice", "again", "without", "list"];

export class UploadView {
  constructor(form) {
    this.parts = Object.fromEntries(PARTS.map((name) => [name, form.querySelector(`[data-${name}]`)]));
    this.list = new FileList(this.parts.list);
    this.title = document.title;
  }

  /** Follow a queue from its start on. */
  follow(queue) {
    this.queue = queue;
    this.samples = [];
    this.quarter = 0;
    this.condition = "running";
    this.list.show(queue.entries);
    this.parts.sending.hidden = false;
    this.ask(null);
    this.redraw();
  }

  /** Draw soon; many changes are drawn at once. */
  changed() {
    this.timer ??= setTimeout(() => { this.timer = null; this.redraw(); }, REDRAW);
  }

  redraw() {
    const { queue, parts } = this;
    if (!queue) return;
    const share = queue.share;
    parts.bar.value = share;
    this.list.refresh();
    if (this.settled) return;
    document.title = `${Math.floor(share * 100)} % · ${this.title}`;
    parts.count.textContent = sentence(queue);
    parts.pace.textContent = queue.open ? this.pace() : "";
    parts.pause.textContent = queue.open || queue.condition === "away" ? "Pause" : "Continue";
    this.tell(queue, share);
  }

  /** What it waits for, and at each quarter how far it is; every file would be a nuisance to hear. */
  tell(queue, share) {
    const flying = queue.condition === "paused" && queue.flying > 0;
    const paused = flying ? "Pausing when the files on their way have arrived…" : "Paused. Uploaded files are kept.";
    const note = queue.condition === "paused" ? paused : queue.sentence;
    this.note(note, queue.condition === "halted");
    if (queue.condition !== this.condition) this.say(note || "Sending again.");
    else if (Math.floor(share * 4) > this.quarter) this.say(sentence(queue));
    this.condition = queue.condition;
    this.quarter = Math.max(this.quarter, Math.floor(share * 4));
  }

  note(text, wrong = false) {
    this.parts.note.hidden = !text;
    this.parts.note.textContent = text;
    this.parts.note.classList.toggle("is-wrong", wrong);
  }

  say(text) { this.parts.announce.textContent = text; }

  /** The last word on this upload, or a step after it. */
  conclude(text, wrong = false) {
    this.settled = true;
    clearInterval(this.clock);
    document.title = this.title;
    this.redraw();
    this.parts.sending.hidden = false;
    this.parts.pause.hidden = this.parts.cancel.hidden = true;
    this.parts.pace.textContent = "";
    this.parts.count.textContent = text;
    this.note("", wrong);
    this.say(text);
  }

  /** Let the sender decide what becomes of files that did not arrive; null takes the question away. */
  ask(options) {
    const { choice, again, without, pause, cancel } = this.parts;
    choice.hidden = !options;
    this.settled = Boolean(options);
    clearInterval(this.clock);
    if (!options) this.clock = setInterval(() => this.changed(), SLOWEST_REDRAW); // also when nothing moves
    pause.hidden = cancel.hidden = Boolean(options);
    if (!options) return;
    again.hidden = !options.again;
    without.hidden = !options.without;
    if (options.again) again.focus();
    else without.focus();
  }

  /** Files and bytes a second over the last while, and how long the rest may take at that rate. */
  pace() {
    const { queue, samples } = this;
    const now = { at: performance.now(), bytes: queue.bytes, requests: queue.requests, work: queue.work };
    samples.push(now);
    while (now.at - samples[0].at > WINDOW) samples.shift();
    const seconds = (now.at - samples[0].at) / 1000;
    const rate = (name) => (now[name] - samples[0][name]) / seconds;
    if (seconds < 1 || now.work <= samples[0].work) return "";
    const left = (queue.total * (1 - queue.share)) / rate("work");
    return `${rate("requests").toFixed(1)} files/s, ${size(rate("bytes"))}/s, about ${duration(left)} left`;
  }
}

function sentence({ sendable, counts }) {
  const { present = 0, rejected = 0, arrived = 0 } = counts;
  const words = [`${number(arrived + rejected + present)} of ${files(sendable)} arrived`];
  if (present) words.push(`${number(present)} were already there`);
  if (rejected) words.push(`${number(rejected)} rejected`);
  if (counts.failed) words.push(`${number(counts.failed)} not sent`);
  return words.join(", ");
}
