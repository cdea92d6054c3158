/** @file The rule by which helper files of operating systems and hidden files are skipped. The server has the list. */

/**
 * @typedef {object} HelperFiles the list of `xrayscreen/helper_files.py`, all names in lower case
 * @property {Record<string, string>} folders names of folders, and how each is counted
 * @property {Record<string, string>} files names of files, and how each is counted
 * @property {[string, string][]} prefixes beginnings of names, and how each is counted
 * @property {[string, string][]} suffixes ends of names, and how each is counted
 * @property {string} hidden how every other name that begins with a dot is counted
 */

/**
 * Return which helper file a path names, as it is counted; "" for a file of the user. The same rule as on the server.
 * @param {string} path
 * @param {HelperFiles} list
 */
export function helperFileKind(path, list) {
  const folders = path.replaceAll("\\", "/").split("/");
  const name = folders.pop() ?? "";
  const kinds = [...folders.map((folder) => kindOf(folder, list.folders, list)), kindOf(name, list.files, list)];
  return kinds.find(Boolean) ?? "";
}

/**
 * Return how often each kind occurs: "2 × @eaDir, 1 × Thumbs.db".
 * @param {Iterable<string>} kinds
 */
export function countKinds(kinds) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const sorted = [...counts].sort(([first], [second]) => (first < second ? -1 : 1));
  return sorted.map(([kind, count]) => `${count.toLocaleString("en")} × ${kind}`).join(", ");
}

/**
 * @param {string} name
 * @param {Record<string, string>} known
 * @param {HelperFiles} list
 */
function kindOf(name, known, { prefixes, suffixes, hidden }) {
  const lower = name.toLowerCase();
  if (Object.hasOwn(known, lower)) return known[lower];
  const prefixed = prefixes.find(([prefix]) => lower.startsWith(prefix));
  if (prefixed) return prefixed[1];
  const suffixed = suffixes.find(([suffix]) => lower.endsWith(suffix));
  if (suffixed) return suffixed[1];
  return /^\.+[^.]/.test(name) ? hidden : "";
}
