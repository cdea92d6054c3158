/** @file The loading of pictures, and of a film's pixel values, for which the server may need a while. */
import { delay, RequestError, statusError } from "../shared/http.js";
import { PixelValues } from "./pixel-values.js";

const MIN_INTERVAL = 500; // milliseconds between two requests
const MAX_INTERVAL = 4000;
const MAX_WAIT = 120_000; // milliseconds until no worker is expected any more

/**
 * Load and decode a picture.
 * @param {string} address
 * @returns {Promise<HTMLImageElement>} rejects where there is none
 */
export async function loadPicture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/**
 * Read the grey levels of a picture of the film, once it is loaded.
 * @param {HTMLImageElement} picture
 * @param {number} filmSide pixels of the film's longer side, from its header
 */
export async function readPicture(picture, filmSide) {
  await picture.decode();
  return PixelValues.fromPicture(picture, Math.max(picture.naturalWidth, picture.naturalHeight, filmSide));
}

/**
 * Load a film's pixel values; repeat the request until a worker has rendered them.
 * @param {string} address
 * @param {AbortSignal} signal ends the loading
 * @param {() => void} onWait is called once where they are not there at the first request
 * @returns {Promise<PixelValues>} rejects with a RequestError
 */
export async function loadPixelValues(address, signal, onWait) {
  const end = Date.now() + MAX_WAIT;
  for (let interval = MIN_INTERVAL; Date.now() < end; interval = Math.min(MAX_INTERVAL, interval * 1.4)) {
    const answer = await fetchPixels(address, signal);
    if (answer?.status === 200) return PixelValues.unpack(await answer.arrayBuffer());
    if (answer && answer.status !== 202) throw await errorOf(answer);
    if (interval === MIN_INTERVAL) onWait();
    await delay(interval);
    while (document.hidden && !signal.aborted) await delay(MIN_INTERVAL);
  }
  throw new RequestError(0, "no_worker", "No worker was free to render it.");
}

/**
 * Return the server's answer, or null where the server or its storage does not answer at the moment.
 * @param {string} address
 * @param {AbortSignal} signal
 */
async function fetchPixels(address, signal) {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error", signal });
    return answer.status < 500 ? answer : null;
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

/**
 * Return the error that an answer stands for.
 * @param {Response} answer
 */
async function errorOf(answer) {
  const { code = "refused", detail = "" } = await answer.json().catch(() => ({}));
  return detail ? new RequestError(answer.status, code, detail) : statusError(answer.status);
}
