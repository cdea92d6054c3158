/** @file The settings that the server writes into a page, as a JSON element. See `presentation/script_settings.py`. */

/**
 * Return the settings of the element with this id.
 * @param {string} id
 * @returns {any}
 */
export function readSettings(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no settings "${id}".`);
  return JSON.parse(element.textContent ?? "");
}
