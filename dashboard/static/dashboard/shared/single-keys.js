// Single keys: they follow the links that name them in data-key, except while somebody types.

const SWITCH = "single-keys"; // in the browser's storage; WCAG 2.2, 2.1.4 asks that they can be turned off

export const singleKeys = () => localStorage.getItem(SWITCH) !== "off";
export const setSingleKeys = (on) => localStorage.setItem(SWITCH, on ? "on" : "off");

/** Whether a key goes to a field, a dialog, or the browser, and so is nobody else's. */
export function isTaken(event) {
  return event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey
    || Boolean(event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable], dialog"));
}

document.addEventListener("keydown", (event) => {
  if (isTaken(event) || event.shiftKey || !singleKeys()) return;
  const link = document.querySelector(`a[data-key~="${CSS.escape(event.key)}"]`);
  if (link) link.click();
});
