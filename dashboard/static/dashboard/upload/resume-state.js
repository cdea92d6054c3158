// The batch whose upload is not finished, remembered by the browser: its addresses, and what it was to hold.

const keyOf = (user) => `unfinished-upload-${user}`;

/** Remember a batch `{id, name, places, files, bytes, folder}`, in place of any before. */
export function remember(user, batch) {
  try {
    localStorage.setItem(keyOf(user), JSON.stringify(batch));
  } catch {
    // No room, or storage is turned off: then the batch's own page is the way back.
  }
}

/** The batch remembered, or null. */
export function recall(user) {
  try {
    return JSON.parse(localStorage.getItem(keyOf(user)));
  } catch {
    return null;
  }
}

/** Forget a batch that is finished or gone. */
export function forget(user, id) {
  if (recall(user)?.id !== id) return;
  localStorage.removeItem(keyOf(user));
}
