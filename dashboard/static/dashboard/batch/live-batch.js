/**
 * @file The live update of a batch's page while its films are screened, without a reload. A few numbers are fetched
 * often; when they have changed, the page is fetched and the parts that differ are updated.
 */
import { delay, fetchJson, RequestError, statusError } from "../shared/http.js";
import { morphNode } from "./morph.js";

const MIN_INTERVAL = 1000; // milliseconds between two requests for the numbers
const MAX_INTERVAL = 8000;
const MIN_PAGE_INTERVAL = 3000; // milliseconds between two requests for the page

const page = /** @type {HTMLElement | null} */ (document.querySelector("[data-live]"));
if (page && !("final" in page.dataset)) followBatch(page);

/**
 * Keep the page up to date until it shows the final state.
 * @param {HTMLElement} page
 */
async function followBatch(page) {
  let interval = MIN_INTERVAL;
  let updatedAt = 0;
  for (let isComplete = true; !isComplete || !("final" in page.dataset);) {
    await delay(interval);
    if (document.hidden || isUploading(page)) continue;
    try {
      const progress = await fetchJson(page.dataset.live ?? "");
      const hasChanged = progress.version !== page.dataset.version;
      interval = hasChanged ? MIN_INTERVAL : Math.min(MAX_INTERVAL, interval * 1.3);
      const isTooSoon = Date.now() - updatedAt < MIN_PAGE_INTERVAL && !(progress.final && isComplete);
      if (!hasChanged || isTooSoon) continue;
      isComplete = await updatePage(page);
      updatedAt = Date.now();
      announceProgress(page, progress);
    } catch {
      interval = Math.min(MAX_INTERVAL, interval * 2); // the server restarts, or the network is down
    }
  }
}

/**
 * Return whether files are being sent from this page; then the upload form shows the state and leads to the next page.
 * @param {HTMLElement} page
 */
function isUploading(page) {
  return page.querySelector("[data-upload][data-step=sending]") !== null;
}

/**
 * Update the page to what the server renders now.
 * @param {HTMLElement} page
 * @returns {Promise<boolean>} false where a list could not be reordered yet
 */
async function updatePage(page) {
  const fetched = await fetchPage();
  const wanted = fetched.querySelector("[data-live]");
  if (!wanted) throw new RequestError(0, "no_answer", "The answer is another page.");
  const { version } = page.dataset;
  const isComplete = morphNode(page, wanted);
  if (!isComplete) page.dataset.version = version; // the old version, so that the next round fetches the rest
  const [navigation, wantedNavigation] = [document, fetched].map((tree) => tree.querySelector(".site-nav"));
  if (navigation && wantedNavigation) morphNode(navigation, wantedNavigation);
  return isComplete;
}

async function fetchPage() {
  const address = window.location.pathname + window.location.search;
  const answer = await fetch(address, { headers: { "X-Live": "1" }, redirect: "error", cache: "no-store" });
  if (!answer.ok) throw statusError(answer.status);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/**
 * Announce the headline to screen readers when another quarter of the films is finished.
 * @param {HTMLElement} page
 * @param {{ final: boolean, percent: number }} progress
 */
function announceProgress(page, { final, percent }) {
  const announcement = /** @type {HTMLElement} */ (page.querySelector("[data-announce]"));
  const quarter = final ? "final" : String(Math.floor(percent / 25));
  const headline = page.querySelector("[data-headline]")?.textContent ?? "";
  if (announcement.dataset.quarter !== quarter) announcement.textContent = headline;
  announcement.dataset.quarter = quarter;
}
