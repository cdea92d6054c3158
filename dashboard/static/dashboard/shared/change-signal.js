/** @file A signal for changes, on which asynchronous functions wait until a condition holds. */

/** A signal that wakes all waiting functions at every change. */
export class ChangeSignal {
  /** @type {(() => void)[]} resolve the promises of those that wait */
  #waiters = [];

  /** Let every waiting function evaluate its condition again. */
  notify() {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /**
   * Wait until a condition holds.
   * @param {() => boolean} isTrue is evaluated at once and after every change
   */
  async waitUntil(isTrue) {
    while (!isTrue()) await this.#nextChange();
  }

  /** @returns {Promise<void>} */
  #nextChange() {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}
