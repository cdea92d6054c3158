// Gets what a viewer shows: pictures at once, a film's own values when a worker has rendered them.
import { RequestError, pause } from "../shared/http.js";
import { Source } from "./pixel-values.js";

const SOONEST = 500; // milliseconds between two questions
const LATEST = 4000;
const PATIENCE = 120_000;

export async function picture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** A film's own values. Asks until they are there, and tells `onWait` once that it will take a moment. */
export async function values(address, signal, onWait) {
  const end = Date.now() + PATIENCE;
  for (let wait = SOONEST; Date.now() < end; wait = Math.min(LATEST, wait * 1.4)) {
    const answer = await ask(address, signal);
    if (answer?.status === 200) return Source.unpack(await answer.arrayBuffer());
    if (answer && answer.status !== 202) throw await refusal(answer);
    if (wait === SOONEST) onWait();
    await pause(wait);
    while (document.hidden && !signal.aborted) await pause(SOONEST);
  }
  throw new RequestError(0, "no_worker", "No worker had the time for it.");
}

/** The answer, or nothing where the server or its storage is away for the moment. */
async function ask(address, signal) {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error", signal });
    return answer.status < 500 ? answer : null;
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

async function refusal(answer) {
  const said = await answer.json().catch(() => ({}));
  return new RequestError(answer.status, said.code ?? "refused", said.detail ?? `The server answered ${answer.status}.`);
}
