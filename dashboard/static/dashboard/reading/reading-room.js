/**
 * @file The page of a film in the reading room: keys for its buttons, renewal of the claim while the page is open, and
 * the next film's picture loaded beforehand.
 */
import { asRequestError, postBody } from "../shared/http.js";
import { readSettings } from "../shared/settings.js";
import { areSingleKeysOn, isKeyTaken } from "../shared/single-keys.js";

const ANNOUNCE_DELAY = 150; // milliseconds after which screen readers notice a change of the text

/** @type {{ renewAddress: string, renewSeconds: number, prefetchAddress: string }} */
const settings = readSettings("reading-settings");
const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-verdict]"));
const note = /** @type {HTMLTextAreaElement} */ (document.querySelector("[data-note]"));
const status = /** @type {HTMLElement} */ (document.querySelector("[data-live]"));
const help = /** @type {HTMLDialogElement} */ (document.querySelector("[data-room-help]"));
const heading = /** @type {HTMLElement} */ (document.querySelector("[data-heading]"));
let isSubmitted = false;

/**
 * Return what a single key does, or null where it does nothing.
 * @param {string} key in lower case where it is a letter
 * @returns {(() => void) | null}
 */
function actionOf(key) {
  if (key === "?") return () => help.showModal();
  if (key === "n") return () => note.focus();
  const button = form.querySelector(`button[data-key="${CSS.escape(key.toUpperCase())}"]`);
  return button instanceof HTMLElement ? () => button.click() : null;
}

/** @param {KeyboardEvent} event */
function handleKey(event) {
  if (event.target === note && event.key === "Escape") heading.focus();
  if (isKeyTaken(event) || !areSingleKeysOn()) return;
  const action = actionOf(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!action) return;
  event.preventDefault();
  if (!event.repeat) action(); // a key that is held down must not give a verdict on the next film
}

/** @param {SubmitEvent} event */
function handleSubmit(event) {
  if (isSubmitted) {
    event.preventDefault();
    return;
  }
  isSubmitted = true;
  event.submitter?.setAttribute("data-chosen", "");
  const isVerdict = event.submitter?.getAttribute("name") === "answer";
  showStatus(isVerdict ? "Saving; the next film is loading." : "Please wait.");
}

/** @param {string} text */
function showStatus(text) {
  status.textContent = text;
}

/** Write the result of the last verdict again: it is there from the start, and screen readers read only changes. */
function announceResult() {
  const text = (status.textContent ?? "").trim();
  showStatus("");
  setTimeout(() => { if (!isSubmitted) showStatus(text); }, ANNOUNCE_DELAY);
}

/** Renew the claim on the film, so that nobody else gets it while the page is open. */
async function renewClaim() {
  if (isSubmitted) return;
  try {
    await postBody(settings.renewAddress, new FormData());
  } catch (error) {
    const { isTransient, message } = asRequestError(error);
    if (!isSubmitted && !isTransient) showStatus(message);
  }
}

async function prefetchNextPicture() {
  try {
    const { picture } = await postBody(settings.prefetchAddress, new FormData());
    if (picture) new Image().src = picture;
  } catch {
    // Then the next film's picture is loaded together with its page.
  }
}

// In the capture phase, before the viewer's own keys, some of which are the same.
document.addEventListener("keydown", handleKey, true);
form.addEventListener("submit", handleSubmit);
document.querySelector("[data-help-open]")?.addEventListener("click", () => help.showModal());
// A page from the browser's back-forward cache shows a film that may have been released since.
window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
heading.focus({ preventScroll: true });
announceResult();
setInterval(renewClaim, settings.renewSeconds * 1000);
if (document.readyState === "complete") prefetchNextPicture();
else window.addEventListener("load", prefetchNextPicture);
