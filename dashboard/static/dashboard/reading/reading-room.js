// The reading room: keys for its buttons, a heartbeat while the page is open, and the next film's picture beforehand.
import { isTaken, singleKeys } from "../shared/single-keys.js";
import { post } from "../shared/http.js";

const room = document.body;
const form = document.querySelector("[data-verdict]");
const note = document.querySelector("[data-note]");
const live = document.querySelector("[data-live]");
const help = document.querySelector("[data-room-help]");
const heading = document.querySelector("[data-heading]");
let sent = false;

/** What a single key does; nothing where it is not ours. */
function actionOf(key) {
  if (key === "?") return () => help.showModal();
  if (key === "n") return () => note.focus();
  const button = form.querySelector(`button[data-key="${CSS.escape(key.toUpperCase())}"]`);
  return button && (() => button.click());
}

// On its way down, before the viewer's own keys, of which some would be the same.
document.addEventListener("keydown", (event) => {
  if (event.target === note && event.key === "Escape") heading.focus();
  if (isTaken(event) || !singleKeys()) return;
  const action = actionOf(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!action) return;
  event.preventDefault();
  if (!event.repeat) action(); // a key held down is not a verdict on the next film
}, true);

form.addEventListener("submit", (event) => {
  if (sent) { event.preventDefault(); return; }
  sent = true;
  event.submitter?.setAttribute("data-chosen", "");
  say(event.submitter?.name === "answer" ? "Entered; the next film comes." : "One moment.");
});

// A page that the browser kept shows a film that may not be ours any more.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
document.querySelector("[data-help-open]").addEventListener("click", () => help.showModal());

function say(words) {
  live.textContent = words;
}

/** What came of the last verdict is on the page from the start; readers of screens hear only what changes. */
function announce() {
  const words = live.textContent.trim();
  say("");
  setTimeout(() => { if (!sent) say(words); }, 150);
}

async function beat() {
  if (sent) return;
  try {
    await post(room.dataset.beat, new FormData());
  } catch (error) {
    if (!sent && !error.again) say(error.message);
  }
}

async function loadAhead() {
  try {
    const { picture } = await post(room.dataset.ahead, new FormData());
    if (picture) new Image().src = picture;
  } catch {
    // Then the next film's picture is loaded with its page.
  }
}

heading.focus({ preventScroll: true });
announce();
setInterval(beat, Number(room.dataset.beatSeconds) * 1000);
if (document.readyState === "complete") loadAhead();
else window.addEventListener("load", loadAhead);
