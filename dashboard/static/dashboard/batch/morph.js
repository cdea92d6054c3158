/**
 * @file The update of a part of the page to a newly rendered version of it. Only what differs is touched: pictures are
 * not loaded again, and the focus, open details and typed text stay.
 *
 * Attributes that the templates set for it:
 *   data-keep        the element belongs to a script and is left alone
 *   data-film, data-key, id   the identity of an element among its siblings
 *   data-films-list  a list that is not reordered while one of its films has the focus
 */

/**
 * Update an element to equal another one of the same kind.
 * @param {Node} current the node on the page
 * @param {Node} wanted the node as the server renders it now
 * @returns {boolean} false where a list was not reordered because one of its films has the focus
 */
export function morphNode(current, wanted) {
  if (!(current instanceof Element && wanted instanceof Element)) {
    if (current.nodeValue !== wanted.nodeValue) current.nodeValue = wanted.nodeValue;
    return true;
  }
  if (current.hasAttribute("data-keep") || current.isEqualNode(wanted)) return true;
  copyAttributes(current, wanted);
  return wouldMoveFocusedFilm(current, wanted) ? morphInPlace(current, wanted) : morphChildren(current, wanted);
}

/**
 * @param {Element} current
 * @param {Element} wanted
 */
function copyAttributes(current, wanted) {
  for (const { name } of [...current.attributes]) {
    if (!wanted.hasAttribute(name) && !isOpenState(current, name)) current.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (current.getAttribute(name) !== value && !isOpenState(current, name)) current.setAttribute(name, value);
  }
}

/**
 * Return whether an attribute says that the user has opened the element.
 * @param {Element} element
 * @param {string} name
 */
function isOpenState(element, name) {
  return name === "open" && (element.nodeName === "DETAILS" || element.nodeName === "DIALOG");
}

/**
 * @param {Element} current
 * @param {Element} wanted
 */
function morphChildren(current, wanted) {
  const wantedNodes = [...wanted.childNodes];
  const partners = findPartners(current, wantedNodes);
  const kept = new Set(partners);
  for (const child of [...current.childNodes]) if (!kept.has(child)) child.remove();
  let isComplete = true;
  let position = current.firstChild;
  wantedNodes.forEach((node, index) => {
    const partner = partners[index];
    if (partner && partner === position) position = position.nextSibling;
    else current.insertBefore(partner ?? node, position);
    if (partner) isComplete = morphNode(partner, node) && isComplete;
  });
  return isComplete;
}

/**
 * Return for each wanted node the child to update: the one with the same key, else the next of its kind, else null.
 * @param {Element} current
 * @param {ChildNode[]} wantedNodes
 * @returns {(ChildNode | null)[]}
 */
function findPartners(current, wantedNodes) {
  const children = [...current.childNodes];
  const keyed = new Map(children.filter(keyOf).map((child) => [keyOf(child), child]));
  const others = children.filter((child) => !keyOf(child));
  return wantedNodes.map((node) => {
    const key = keyOf(node);
    if (key) {
      const child = keyed.get(key);
      return child?.nodeName === node.nodeName ? child : null;
    }
    const index = others.findIndex((child) => child.nodeName === node.nodeName);
    return index < 0 ? null : others.splice(0, index + 1)[index];
  });
}

/**
 * Return a node's identity among its siblings, or null.
 * @param {Node | undefined} node
 */
function keyOf(node) {
  if (!(node instanceof HTMLElement || node instanceof SVGElement)) return null;
  return node.dataset.film ?? node.dataset.key ?? (node.id || null);
}

/**
 * Return whether the update would move the film that has the focus to another position in its list.
 * @param {Element} current
 * @param {Element} wanted
 */
function wouldMoveFocusedFilm(current, wanted) {
  const focused = document.activeElement;
  if (!current.hasAttribute("data-films-list") || !current.contains(focused)) return false;
  const focusedKey = keyOf([...current.children].find((film) => film.contains(focused)));
  const [before, after] = [current, wanted].map((list) => {
    const keys = [...list.children].map(keyOf);
    return keys.slice(0, keys.indexOf(focusedKey) + 1).join();
  });
  return before !== after;
}

/**
 * Update the films that are shown; move, add or remove none.
 * @param {Element} current
 * @param {Element} wanted
 */
function morphInPlace(current, wanted) {
  const shown = new Map([...current.children].map((film) => [keyOf(film), film]));
  for (const film of wanted.children) {
    const known = shown.get(keyOf(film));
    if (known) morphNode(known, film);
  }
  return false;
}
