// Sends files through a few lanes, one a request, after asking which of them the batch has already. Knows no page.
import { canHash, isReadable, sha256 } from "./file-checks.js";
import { backOff, getJson, pause, post } from "../shared/http.js";

const LANES = 4;
const GROUP = 200; // digests a question
const GROUP_TIME = 300; // milliseconds after which a group is asked for though it is not full
const AHEAD = 2 * GROUP; // files checked before the lanes have come to them
const TRIES = 5;
const REQUEST_COST = 32 * 1024; // what a request costs beside its file's bytes, in bytes of the same time
const CLOSED = new Set(["batch_submitted", "batch_cancelled", "not_found"]); // nothing more goes into this batch
const DONE = new Set(["arrived", "present", "rejected", "failed"]);
const LOST = "Connection lost; waiting for it to come back. Nothing that arrived is lost.";
const UNREADABLE = "The file cannot be read any more; was it moved or changed? Choose it again.";

/** A file on its way. `state`: waiting, checking, sending, arrived, present, rejected, failed or unsent. */
export class Entry {
  constructor(file, path) {
    Object.assign(this, { file, path, size: file?.size ?? 0, state: "waiting", note: "", sent: 0, tries: 0, digest: "" });
  }

  get cost() { return this.size + REQUEST_COST; }
}

/** `condition`: running, paused, away (no answer), halted (the server says why), closed (the batch) or cancelled. */
export class UploadQueue {
  constructor(entries, places, changed) {
    Object.assign(this, { entries, places, changed, condition: "running", sentence: "", bytes: 0, requests: 0, flying: 0 });
    this.ready = [];
    this.waiting = [];
    this.seen = new Map();
    this.stop = new AbortController();
    this.counts = {};
    this.total = entries.reduce((sum, entry) => sum + (entry.state === "unsent" ? 0 : entry.cost), 0) || 1;
    this.done = 0;
    for (const entry of entries) this.count(entry, 1);
  }

  get open() { return this.condition === "running"; }

  get over() { return this.condition === "closed" || this.condition === "cancelled"; }

  /** Files that are not kept back by a limit. */
  get sendable() { return this.entries.length - (this.counts.unsent ?? 0); }

  /** Work done since the start, in bytes and what is like them; for the rate. */
  get work() { return this.bytes + this.requests * REQUEST_COST; }

  /** Share of the work that is done, 0..1. */
  get share() {
    let flying = 0;
    for (const entry of this.entries) flying += entry.sent;
    return Math.min(1, (this.done + flying) / this.total);
  }

  /** Send everything that waits; resolves when all is settled, or the queue is over. */
  async run() {
    this.checked = false;
    await Promise.all([this.check(), ...Array.from({ length: LANES }, () => this.lane())]);
  }

  hold() { if (this.open || this.condition === "away") this.become("paused"); }

  goOn() { if (!this.over) this.become("running"); }

  cancel() {
    this.become("cancelled");
    this.stop.abort();
  }

  /** Let those that failed wait again. */
  retryFailed() {
    for (const entry of this.entries) {
      if (entry.state !== "failed") continue;
      entry.tries = 0;
      this.move(entry, "waiting");
    }
  }

  become(condition, sentence = "") {
    this.condition = condition;
    this.sentence = sentence;
    this.wake();
  }

  move(entry, state, note = "") {
    this.count(entry, -1);
    entry.state = state;
    entry.note = note;
    this.count(entry, 1);
    this.wake();
  }

  count(entry, step) {
    this.counts[entry.state] = (this.counts[entry.state] ?? 0) + step;
    if (DONE.has(entry.state)) this.done += step * entry.cost;
  }

  wake() {
    const sleepers = this.waiting;
    this.waiting = [];
    for (const resolve of sleepers) resolve();
    this.changed();
  }

  /** Wait until something is so; it is looked at again whenever anything changes. */
  async until(isSo) {
    while (!isSo()) await new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Go through what waits, a little ahead of the lanes: take digests, and ask for groups of them. */
  async check() {
    const waiting = this.entries.filter((entry) => entry.state === "waiting");
    let group = [];
    let since = performance.now();
    for (let at = 0; at < waiting.length && !this.over; at += LANES) {
      await this.until(() => this.over || (this.open && this.ready.length < AHEAD));
      await Promise.all(waiting.slice(at, at + LANES).map((entry) => this.digest(entry, group)));
      if (group.length < GROUP && performance.now() - since < GROUP_TIME) continue;
      await this.ask(group);
      group = [];
      since = performance.now();
    }
    if (group.length && !this.over) await this.ask(group);
    this.checked = true;
    this.wake();
  }

  async digest(entry, group) {
    if (this.over) return;
    if (!canHash(entry.file)) { this.putBack(entry); return; }
    this.move(entry, "checking");
    try {
      entry.digest ||= await sha256(entry.file);
      group.push(entry);
    } catch {
      this.move(entry, "failed", UNREADABLE);
    }
  }

  /** Of a group, send what the batch does not have. */
  async ask(group) {
    const missing = new Set(await this.missing(group.map((entry) => entry.digest)));
    for (const entry of group) {
      const twin = this.seen.get(entry.digest) ?? entry;
      this.seen.set(entry.digest, twin);
      if (!missing.has(entry.digest) && twin === entry) { this.move(entry, "present"); continue; }
      // Two files of the same bytes: each gets its own row, and only the server knows which has one.
      if (twin.state === "present") this.putBack(twin);
      this.putBack(entry);
    }
  }

  async missing(digests) {
    for (;;) {
      await this.until(() => this.open || this.over);
      if (this.over) return [];
      try {
        return (await post(this.places.missing, { sha256: digests }, { signal: this.stop.signal })).missing;
      } catch (error) {
        if (!this.concernsAll(error) && !error.away) return digests; // send them; the server knows its files
        if (error.away) await this.answering();
      }
    }
  }

  async lane() {
    for (;;) {
      await this.until(() => this.over || (this.open && this.ready.length) || this.exhausted);
      if (this.over || this.exhausted) return;
      const entry = this.ready.shift(); // another lane may have been quicker
      if (entry) await this.send(entry);
    }
  }

  get exhausted() { return this.checked && !this.ready.length && !this.flying; }

  async send(entry) {
    this.flying += 1;
    this.move(entry, "sending");
    const form = new FormData();
    form.append("file", entry.file, entry.file.name);
    if (entry.path.includes("/")) form.append("path", entry.path);
    try {
      const progress = (bytes) => this.progress(entry, bytes);
      const answer = await post(this.places.files, form, { progress, signal: this.stop.signal });
      const [film] = answer.films;
      this.requests += 1;
      entry.sent = 0;
      this.move(entry, film.state === "rejected" ? "rejected" : "arrived", film.reason);
    } catch (error) {
      entry.sent = 0;
      await this.goneWrong(entry, error);
    }
    this.flying -= 1;
    this.wake();
  }

  progress(entry, bytes) {
    const sent = Math.min(bytes, entry.size);
    this.bytes += Math.max(0, sent - entry.sent);
    entry.sent = sent;
    this.changed();
  }

  async goneWrong(entry, error) {
    if (this.over || this.concernsAll(error)) { this.putBack(entry); return; }
    if (!error.again) { this.move(entry, "failed", error.message); return; }
    // A file that was moved looks like a lost connection, so look at it first.
    if (!(await isReadable(entry.file))) { this.move(entry, "failed", UNREADABLE); return; }
    entry.tries += 1;
    if (entry.tries >= TRIES) { this.move(entry, "failed", error.message); return; }
    if (error.away) await this.answering();
    else await pause(backOff(entry.tries));
    this.putBack(entry);
  }

  putBack(entry) {
    this.move(entry, "waiting");
    this.ready.push(entry);
    this.wake();
  }

  /** What no other file would fare better with stops all lanes, until the sender goes on. */
  concernsAll(error) {
    if (this.over) return true;
    if (CLOSED.has(error.code)) { this.become("closed", error.message); this.stop.abort(); return true; }
    const all = ["signed_out", "storage_failed"].includes(error.code) || error.code?.startsWith("quota_")
      || [429, 507].includes(error.status);
    if (all) this.become("halted", error.message);
    return all;
  }

  /** Wait until the server answers again, however long that takes; all lanes wait for the same. */
  async answering() {
    if (!this.open) return;
    this.become("away", "No answer; trying again…");
    for (let attempt = 1; this.condition === "away"; attempt += 1) {
      await Promise.race([pause(backOff(attempt)), online(), this.until(() => this.condition !== "away")]);
      if (this.condition !== "away") return;
      try {
        await getJson(this.places.progress);
      } catch (error) {
        if (error.away) { if (this.condition === "away") this.become("away", LOST); continue; }
      }
      if (this.condition === "away") this.become("running");
    }
  }
}

function online() {
  return new Promise((resolve) => globalThis.addEventListener("online", resolve, { once: true }));
}
