// Keeps a batch's page up to date while its films are screened, without reloading it. A few numbers are asked for
// often; when they have changed, the page itself is fetched and what differs is taken from it.
import { getJson, pause, RequestError } from "../shared/http.js";
import { morph } from "./morph.js";

const SOONEST = 1000;
const LATEST = 8000;
const RENEW_EVERY = 3000;
const PARTS = ["[data-live]", ".nav"];

const page = document.querySelector("[data-live]");
const announce = page?.querySelector("[data-announce]");

/** Take what the server renders now. Returns whether all of it was taken. */
async function renew() {
  const fresh = await fetchPage();
  const [now, nav] = PARTS.map((part) => fresh.querySelector(part));
  if (!now) throw new RequestError(0, "no_answer", "The answer is another page.");
  const { version } = page.dataset;
  const whole = morph(page, now);
  if (!whole) page.dataset.version = version; // so that the rest is fetched again
  if (nav) morph(document.querySelector(".nav"), nav);
  return whole;
}

async function fetchPage() {
  const address = window.location.pathname + window.location.search;
  const answer = await fetch(address, { headers: { "X-Live": "1" }, redirect: "error", cache: "no-store" });
  if (!answer.ok) throw new RequestError(answer.status, "refused", `The server answered ${answer.status}.`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** Read aloud at each quarter only; every second would be a nuisance. */
function tell({ final, percent }) {
  const quarter = final ? "final" : String(Math.floor(percent / 25));
  const words = page.querySelector("[data-headline]").textContent;
  if (announce.dataset.quarter !== quarter) announce.textContent = words;
  announce.dataset.quarter = quarter;
}

/** While films are being sent from this very page, the upload form says how it stands and leads on. */
const isSending = () => page.querySelector("[data-upload][data-step=sending]") !== null;

async function follow() {
  let wait = SOONEST;
  let renewed = 0;
  for (let whole = true; !whole || !("final" in page.dataset);) {
    await pause(wait);
    if (document.hidden || isSending()) continue;
    try {
      const now = await getJson(page.dataset.live);
      const changed = now.version !== page.dataset.version;
      wait = changed ? SOONEST : Math.min(LATEST, wait * 1.3);
      if (!changed || (Date.now() - renewed < RENEW_EVERY && !(now.final && whole))) continue;
      whole = await renew();
      renewed = Date.now();
      tell(now);
    } catch {
      wait = Math.min(LATEST, wait * 2); // the server restarts, or the network is away
    }
  }
}

if (page && !("final" in page.dataset)) follow();
