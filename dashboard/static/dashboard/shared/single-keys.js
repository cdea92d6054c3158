/**
 * @file Single-key shortcuts: a key follows the link that names it in `data-key`, except while somebody types.
 * A user can turn them off, as WCAG 2.2, 2.1.4 asks; the browser's storage keeps the choice.
 */

const STORAGE_KEY = "single-keys"; // "on" or "off"
const TYPING_TARGETS = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable], dialog";

/** Return whether single keys work on the whole page. */
export function areSingleKeysOn() {
  return localStorage.getItem(STORAGE_KEY) !== "off";
}

/**
 * Store whether single keys work on the whole page.
 * @param {boolean} on
 */
export function saveSingleKeys(on) {
  localStorage.setItem(STORAGE_KEY, on ? "on" : "off");
}

/**
 * Return whether a key press belongs to a field, a dialog, the browser or a listener that has handled it.
 * @param {KeyboardEvent} event
 */
export function isKeyTaken(event) {
  const target = event.target instanceof Element ? event.target : null;
  return event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey
    || Boolean(target?.closest(TYPING_TARGETS));
}

document.addEventListener("keydown", (event) => {
  if (isKeyTaken(event) || event.shiftKey || !areSingleKeysOn()) return;
  const link = document.querySelector(`a[data-key~="${CSS.escape(event.key)}"]`);
  if (link instanceof HTMLElement) link.click();
});
