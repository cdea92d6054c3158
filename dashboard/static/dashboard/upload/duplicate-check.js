/** @file The check, before files are sent, which of them the batch already has. It compares SHA-256 digests. */
import { canDigest, computeDigest } from "./file-checks.js";
import { asRequestError } from "../shared/http.js";

/**
 * @import { UploadEntry } from "./upload-entry.js"
 * @import { UploadQueue } from "./upload-queue.js"
 */

const PARALLEL_DIGESTS = 4;
const DIGESTS_PER_REQUEST = 200;
const MAX_DIGEST_WAIT = 300; // milliseconds after which a group that is not full is sent
const MAX_CHECKED_AHEAD = 2 * DIGESTS_PER_REQUEST; // files checked before a sender is free for them

export const UNREADABLE = "The file cannot be read any more; was it moved or changed? Choose it again.";

/** The check of one queue's files. */
export class DuplicateCheck {
  /** @type {UploadQueue} */
  queue;

  /** @type {Map<string, UploadEntry>} the first file with each digest */
  #firstByDigest = new Map();

  /** @param {UploadQueue} queue */
  constructor(queue) {
    this.queue = queue;
  }

  /** Check all waiting files, a limited number ahead of the senders: compute digests and query groups of them. */
  async run() {
    const { queue } = this;
    const waiting = queue.entries.filter((entry) => entry.state === "waiting");
    /** @type {UploadEntry[]} */
    let group = [];
    let since = performance.now();
    for (let start = 0; start < waiting.length && !queue.isEnded; start += PARALLEL_DIGESTS) {
      await queue.waitUntil(() => queue.isEnded || (queue.isRunning && queue.ready.length < MAX_CHECKED_AHEAD));
      await Promise.all(waiting.slice(start, start + PARALLEL_DIGESTS).map((entry) => this.#digestFile(entry, group)));
      if (group.length < DIGESTS_PER_REQUEST && performance.now() - since < MAX_DIGEST_WAIT) continue;
      await this.#queryGroup(group);
      group = [];
      since = performance.now();
    }
    if (group.length && !queue.isEnded) await this.#queryGroup(group);
  }

  /**
   * Compute a file's digest and add the file to a group; one that cannot be digested is sent without a query.
   * @param {UploadEntry} entry
   * @param {UploadEntry[]} group
   */
  async #digestFile(entry, group) {
    const { queue } = this;
    if (queue.isEnded || !entry.file) return;
    if (!canDigest(entry.file)) {
      queue.makeReady(entry);
      return;
    }
    queue.setState(entry, "checking");
    try {
      entry.digest ||= await computeDigest(entry.file);
      group.push(entry);
    } catch {
      queue.setState(entry, "failed", UNREADABLE);
    }
  }

  /**
   * Make those files of a group ready that the batch does not have.
   * @param {UploadEntry[]} group
   */
  async #queryGroup(group) {
    const { queue } = this;
    const missing = new Set(await this.#fetchMissing(group.map((entry) => entry.digest)));
    for (const entry of group) {
      const first = this.#firstByDigest.get(entry.digest) ?? entry;
      this.#firstByDigest.set(entry.digest, first);
      if (!missing.has(entry.digest) && first === entry) {
        queue.setState(entry, "present");
        continue;
      }
      // Two files with the same bytes: each gets its own row, and only the server knows which of them has one.
      if (first.state === "present") queue.makeReady(first);
      queue.makeReady(entry);
    }
  }

  /**
   * Fetch which digests the batch does not have; all of them where the server cannot say.
   * @param {string[]} digests
   * @returns {Promise<string[]>}
   */
  async #fetchMissing(digests) {
    const { queue } = this;
    for (;;) {
      await queue.waitUntil(() => queue.isRunning || queue.isEnded);
      if (queue.isEnded) return [];
      try {
        return (await queue.post(queue.addresses.missing, { sha256: digests })).missing;
      } catch (error) {
        const failure = asRequestError(error);
        if (!queue.stopForAll(failure) && !failure.isUnreachable) return digests;
        if (failure.isUnreachable) await queue.waitForServer();
      }
    }
  }
}
