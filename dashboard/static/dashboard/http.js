// Requests of our own pages to our own server.

const RETRIES = 5;
const TRY_AGAIN = new Set([0, 429, 500, 502, 503, 504]);

/** What went wrong with a request: a stable code, a sentence for people, and whether trying again may help. */
export class RequestError extends Error {
  constructor(status, code, sentence) {
    super(sentence);
    this.status = status;
    this.code = code;
    this.again = TRY_AGAIN.has(status);
  }
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Send a form once; tells `progress` how many bytes have left. Resolves to the JSON of the answer. */
export function post(address, form, progress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => settle(request, resolve, reject));
    request.addEventListener("error", () => reject(new RequestError(0, "no_answer", "The server did not answer.")));
    request.send(form);
  });
}

/** Send a form, and again after a growing pause while the failure may be a passing one. */
export async function postPatiently(address, form, progress, onWait = () => {}) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post(address, form, progress);
    } catch (error) {
      if (!error.again || attempt >= RETRIES) throw error;
      progress(0);
      onWait(attempt);
      await pause(500 * 2 ** (attempt - 1) * (1 + Math.random() / 2));
    }
  }
}

/** Get JSON from our own server. */
export async function getJson(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error" });
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
  if (answer?.sentence) return reject(new RequestError(request.status, answer.code, answer.sentence));
  const signedOut = request.status === 403 || request.status === 200;
  const sentence = signedOut ? "You are signed out; load the page again." : `The server answered ${request.status}.`;
  return reject(new RequestError(signedOut ? 403 : request.status, signedOut ? "signed_out" : "refused", sentence));
}
