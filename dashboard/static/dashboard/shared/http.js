/** @file Requests of the pages to their own server: sending with progress, retries, and errors with a stable code. */

const MAX_ATTEMPTS = 5;
const STALL_TIMEOUT = 90_000; // milliseconds without a byte sent, after which a connection counts as broken
const ANSWER_TIMEOUT = 600_000; // milliseconds after the last byte; the server needs a while for a large archive
const MAX_RETRY_DELAY = 30_000; // milliseconds
// No answer, or a proxy reports that the server did not answer.
const UNREACHABLE_STATUSES = new Set([0, 502, 503, 504]);
const TRANSIENT_STATUSES = new Set([...UNREACHABLE_STATUSES, 408, 429, 500]);

/** A failed request. */
export class RequestError extends Error {
  /** @type {number} HTTP status; 0 if there was no answer */
  status;
  /** @type {string} stable code, from the server or of this module */
  code;
  /** @type {boolean} whether the server cannot be reached at all */
  isUnreachable;
  /** @type {boolean} whether another attempt may succeed */
  isTransient;

  /**
   * @param {number} status HTTP status; 0 if there was no answer
   * @param {string} code stable code
   * @param {string} detail what is wrong, for the user
   */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
    this.isUnreachable = UNREACHABLE_STATUSES.has(status);
    this.isTransient = TRANSIENT_STATUSES.has(status);
  }
}

/**
 * Return a promise that resolves after a time.
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function delay(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Return a promise that resolves when the browser is connected to a network again.
 * @returns {Promise<Event>}
 */
export function nextOnlineEvent() {
  return new Promise((resolve) => globalThis.addEventListener("online", resolve, { once: true }));
}

/**
 * Return the delay before the next attempt: doubled each time up to a limit, with a random part of a quarter.
 * @param {number} attempt attempts that have failed so far, from 1
 * @returns {number} milliseconds
 */
export function retryDelay(attempt) {
  return Math.min(MAX_RETRY_DELAY, 500 * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
}

/**
 * Send a form, or an object as JSON, once.
 * @param {string} address
 * @param {FormData | object} body
 * @param {object} [options]
 * @param {(bytes: number) => void} [options.onProgress] is told how many bytes of the request have been sent
 * @param {AbortSignal | null} [options.signal] aborts the request
 * @returns {Promise<any>} the answer's JSON; rejects with a RequestError
 */
export function postBody(address, body, { onProgress = () => {}, signal = null } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const rejectAborted = () => reject(new RequestError(0, "aborted", "The request was stopped."));
    if (signal?.aborted) return rejectAborted();
    const rejectUnanswered = () => reject(unansweredError());
    const abort = () => request.abort();
    const setTimer = createTimer(() => {
      rejectUnanswered();
      abort();
    });
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.addEventListener("progress", (event) => {
      setTimer(STALL_TIMEOUT);
      onProgress(event.loaded);
    });
    request.upload.addEventListener("load", () => setTimer(ANSWER_TIMEOUT));
    request.addEventListener("load", () => {
      try {
        resolve(parseAnswer(request.status, request.responseText));
      } catch (error) {
        reject(error);
      }
    });
    request.addEventListener("error", rejectUnanswered);
    request.addEventListener("abort", rejectAborted);
    request.addEventListener("loadend", () => {
      setTimer(0);
      signal?.removeEventListener("abort", abort);
    });
    signal?.addEventListener("abort", abort);
    setTimer(STALL_TIMEOUT);
    return sendBody(request, body);
  });
}

/**
 * Send a form; repeat after a growing delay while the failure is transient.
 * @param {string} address
 * @param {FormData} form
 * @returns {Promise<any>} the answer's JSON; rejects with a RequestError
 */
export async function postWithRetries(address, form) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await postBody(address, form);
    } catch (error) {
      if (!(error instanceof RequestError && error.isTransient) || attempt >= MAX_ATTEMPTS) throw error;
      await delay(retryDelay(attempt));
    }
  }
}

/**
 * Fetch JSON.
 * @param {string} address
 * @returns {Promise<any>} the answer's JSON; rejects with a RequestError
 */
export async function fetchJson(address) {
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "manual" });
  } catch {
    throw unansweredError();
  }
  if (answer.type === "opaqueredirect") throw signedOutError();
  if (!answer.ok) throw statusError(answer.status);
  return answer.json();
}

/**
 * Return the error for an answer with a status and no detail.
 * @param {number} status HTTP status
 */
export function statusError(status) {
  return new RequestError(status, "refused", `The server answered ${status}.`);
}

/**
 * Return an error of a request; any other error comes from an answer of an unexpected form.
 * @param {unknown} error
 */
export function asRequestError(error) {
  if (error instanceof RequestError) return error;
  return new RequestError(200, "unexpected_answer", `The server's answer could not be read: ${error}.`);
}

/**
 * Return an answer's JSON, or throw the RequestError that it stands for.
 * @param {number} status HTTP status
 * @param {string} text the answer's body
 */
function parseAnswer(status, text) {
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Not an answer of this server: a proxy's page, or the login page after the session ended.
  }
  if (status >= 200 && status < 300 && answer) return answer;
  if (answer?.code === "csrf_token") throw signedOutError();
  if (answer?.detail) throw new RequestError(status, answer.code, answer.detail);
  if ([200, 401, 403].includes(status)) throw signedOutError();
  if (status === 413) {
    throw new RequestError(status, "refused", "A proxy before the server refuses files of this size (413).");
  }
  throw statusError(status);
}

/**
 * @param {XMLHttpRequest} request
 * @param {FormData | object} body
 */
function sendBody(request, body) {
  if (body instanceof FormData) {
    request.send(body);
    return;
  }
  request.setRequestHeader("Content-Type", "application/json");
  request.send(JSON.stringify(body));
}

function unansweredError() {
  return new RequestError(0, "no_answer", "The server did not answer.");
}

function signedOutError() {
  return new RequestError(403, "signed_out", "You are signed out. Sign in again in another tab, then continue here.");
}

/** Return the current token; it changes when the user signs in again in another tab. */
function csrfToken() {
  const cookie = document.cookie.split("; ").find((text) => text.startsWith("csrftoken="));
  if (cookie) return cookie.slice("csrftoken=".length);
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  return field instanceof HTMLInputElement ? field.value : "";
}

/**
 * Return a function that restarts a timer, and that stops it when it is called with 0 milliseconds.
 * @param {() => void} onTimeout
 * @returns {(milliseconds: number) => void}
 */
function createTimer(onTimeout) {
  let timer = 0;
  return (milliseconds) => {
    clearTimeout(timer);
    timer = milliseconds ? setTimeout(onTimeout, milliseconds) : 0;
  };
}
