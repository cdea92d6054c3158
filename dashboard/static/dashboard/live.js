// Keeps a batch's page up to date while its films are screened, without reloading it.
import { getJson, pause } from "./http.js";

const SOONEST = 1000;
const LATEST = 8000;
const LIST_EVERY = 3000;

const page = document.querySelector("[data-live]");
const find = (name) => page.querySelector(`[data-${name}]`);
const number = (value) => value.toLocaleString("en");

function showNumbers(now) {
  find("headline").textContent = now.headline;
  // Read aloud at each quarter only; every second would be a nuisance.
  const quarter = now.final ? "final" : String(Math.floor(now.percent / 25));
  const announce = find("announce");
  if (announce.dataset.quarter !== quarter) announce.textContent = now.headline;
  announce.dataset.quarter = quarter;
  find("progress").max = now.total;
  find("progress").value = now.finished;
  find("percent").textContent = now.percent;
  find("pace").textContent = now.pace;
  find("total").textContent = number(now.total);
  find("review").textContent = number(now.to_review);
  for (const chip of page.querySelectorAll("[data-chip]")) {
    const films = now.counts[chip.dataset.chip];
    chip.querySelector("b").textContent = number(films);
    chip.classList.toggle("is-nil", films === 0);
  }
  now.bars.forEach(([y, height, films], index) => {
    const bar = page.querySelector(`[data-bar="${index}"]`);
    bar.setAttribute("y", y);
    bar.setAttribute("height", height);
    bar.querySelector("title").textContent = String(films);
    page.querySelector(`[data-bar-films="${index}"]`).textContent = films;
  });
}

/** Take the server's list of films, but keep every tile that has not changed: its picture stays put. */
async function renewList() {
  const list = find("list");
  const answer = await fetch(page.dataset.films + window.location.search, { redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const oldFilms = list.querySelector("[data-films-list]");
  const newFilms = fresh.querySelector("[data-films-list]");
  if (!oldFilms || !newFilms) {
    list.replaceChildren(...fresh.body.childNodes);
    return;
  }
  const known = new Map([...oldFilms.children].map((film) => [film.dataset.film, film]));
  const merged = [...newFilms.children].map((film) => {
    const old = known.get(film.dataset.film);
    return old && old.dataset.version === film.dataset.version ? old : film;
  });
  const unchanged = merged.length === oldFilms.children.length
    && merged.every((film, index) => film === oldFilms.children[index]);
  if (!unchanged && !oldFilms.contains(document.activeElement)) oldFilms.replaceChildren(...merged);
  else if (!unchanged) merged.forEach((film) => swapInPlace(known.get(film.dataset.film), film));
  renewRefusals(list, fresh);
}

/** Somebody stands on a tile: renew the others, move none. */
function swapInPlace(old, film) {
  if (old && old !== film && !old.contains(document.activeElement)) old.replaceWith(film);
}

function renewRefusals(list, fresh) {
  const old = list.querySelector("[data-part=refusals]");
  const now = fresh.querySelector("[data-part=refusals]");
  if (now && old && old.textContent !== now.textContent) old.replaceWith(now);
  else if (now && !old) list.prepend(now);
}

function close(now) {
  page.dataset.final = "";
  for (const part of page.querySelectorAll("[data-while-running]")) part.remove();
  const badge = find("state-badges").querySelector(".badge");
  badge.className = `badge is-${now.state}`;
  badge.lastChild.textContent = now.state === "done" ? "Finished" : "Cancelled";
  badge.querySelector("use").setAttribute("href", now.state === "done" ? "#i-check" : "#i-dash");
}

async function follow() {
  let wait = SOONEST;
  let seen = -1;
  let listed = 0;
  for (;;) {
    await pause(wait);
    if (document.hidden) continue;
    try {
      const now = await getJson(page.dataset.live);
      const changed = now.finished !== seen;
      showNumbers(now);
      if (now.final || (changed && Date.now() - listed > LIST_EVERY)) {
        await renewList();
        listed = Date.now();
        seen = now.finished;
      }
      if (now.final) return close(now);
      wait = changed ? SOONEST : Math.min(LATEST, wait * 1.3);
    } catch {
      wait = Math.min(LATEST, wait * 2); // the server restarts, or the network is away
    }
  }
}

if (page && !("final" in page.dataset)) follow();
