// Requests of our own pages to our own server.

const RETRIES = 5;
const STALLED = 90_000; // milliseconds without a byte leaving: a line that broke without a word
const SLOWEST_ANSWER = 600_000; // after the last byte has left; a large archive takes the server a while
const AWAY = new Set([0, 502, 503, 504]); // no answer, or a proxy's that the server gave none
const TRY_AGAIN = new Set([...AWAY, 408, 429, 500]);

/** What went wrong with a request: a stable code, a sentence for people, and whether trying again may help. */
export class RequestError extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
    this.away = AWAY.has(status);
    this.again = TRY_AGAIN.has(status);
  }
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Send a form, or an object as JSON, once; resolves to the JSON of the answer.
 * `progress` is told how many bytes have left, `signal` aborts.
 */
export function post(address, body, { progress = () => {}, signal = null } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const silent = () => reject(new RequestError(0, "no_answer", "The server did not answer."));
    const watch = watchdog(() => { silent(); request.abort(); });
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.addEventListener("progress", (event) => { watch(STALLED); progress(event.loaded); });
    request.upload.addEventListener("load", () => watch(SLOWEST_ANSWER));
    request.addEventListener("load", () => settle(request, resolve, reject));
    request.addEventListener("error", silent);
    request.addEventListener("abort", () => reject(new RequestError(0, "aborted", "The request was stopped.")));
    request.addEventListener("loadend", () => { watch(0); signal?.removeEventListener("abort", stop); });
    const stop = () => request.abort();
    if (signal?.aborted) { reject(new RequestError(0, "aborted", "The request was stopped.")); return; }
    signal?.addEventListener("abort", stop);
    watch(STALLED);
    if (body instanceof FormData) request.send(body);
    else {
      request.setRequestHeader("Content-Type", "application/json");
      request.send(JSON.stringify(body));
    }
  });
}

/** Send a form, and again after a growing pause while the failure may be a passing one. */
export async function postPatiently(address, form) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post(address, form);
    } catch (error) {
      if (!error.again || attempt >= RETRIES) throw error;
      await pause(backOff(attempt));
    }
  }
}

/** Milliseconds to wait before an attempt: doubled each time up to half a minute, and not the same for everybody. */
export function backOff(attempt) {
  return Math.min(30_000, 500 * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
}

/** Get JSON from our own server. */
export async function getJson(address) {
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "manual" });
  } catch {
    throw new RequestError(0, "no_answer", "The server did not answer.");
  }
  if (answer.type === "opaqueredirect") throw signedOut();
  if (!answer.ok) throw new RequestError(answer.status, "refused", `The server answered ${answer.status}.`);
  return answer.json();
}

function settle(request, resolve, reject) {
  let answer = null;
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // Not ours: a proxy's page, or the login page after the session ended.
  }
  if (request.status >= 200 && request.status < 300 && answer) return resolve(answer);
  if (answer?.code === "csrf_token") return reject(signedOut());
  if (answer?.detail) return reject(new RequestError(request.status, answer.code, answer.detail));
  if ([200, 401, 403].includes(request.status)) return reject(signedOut());
  const why = request.status === 413 ? "A server on the way takes no file of this size" : "The server refused it";
  return reject(new RequestError(request.status, "refused", `${why} (${request.status}).`));
}

function signedOut() {
  return new RequestError(403, "signed_out", "You are signed out. Sign in again in another tab, then go on here.");
}

/** The token as it is now: signing in again in another tab changes it. */
function csrfToken() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie?.slice("csrftoken=".length) ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

/** A timer to be set anew; with 0 it is off. */
function watchdog(bark) {
  let timer = 0;
  return (milliseconds) => {
    clearTimeout(timer);
    timer = milliseconds ? setTimeout(bark, milliseconds) : 0;
  };
}
