// Makes a part of the page equal to what the server renders now, and touches only what differs: pictures are not
// loaded again, the focus and what somebody opened or typed stay.

/**
 * Bring `old` to the state of `fresh`, which must be an element of the same kind.
 * A part marked `data-keep` belongs to a script and is left alone while the server still renders it.
 * Returns whether everything was taken: a list of films in which somebody has the focus is not reordered.
 */
export function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return true;
  }
  if ("keep" in old.dataset || old.isEqualNode(fresh)) return true;
  takeAttributes(old, fresh);
  return movesFocus(old, fresh) ? morphInPlace(old, fresh) : morphChildren(old, fresh);
}

function takeAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isOpening(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !isOpening(old, name)) old.setAttribute(name, value);
  }
}

/** Whether something is open is up to who looks at it. */
function isOpening(element, name) {
  return name === "open" && (element.nodeName === "DETAILS" || element.nodeName === "DIALOG");
}

function morphChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  const partners = pair(old, wanted);
  const kept = new Set(partners);
  for (const child of [...old.childNodes]) if (!kept.has(child)) child.remove();
  let whole = true;
  let place = old.firstChild;
  wanted.forEach((node, index) => {
    const partner = partners[index];
    if (partner === place && place) place = place.nextSibling;
    else old.insertBefore(partner ?? node, place);
    if (partner) whole = morph(partner, node) && whole;
  });
  return whole;
}

/** For each wanted node the child that becomes it, or null: the one with the same key, or else the next of its kind. */
function pair(old, wanted) {
  const children = [...old.childNodes];
  const keyed = new Map(children.filter(keyOf).map((child) => [keyOf(child), child]));
  const others = children.filter((child) => !keyOf(child));
  return wanted.map((node) => {
    const key = keyOf(node);
    if (key) return keyed.get(key)?.nodeName === node.nodeName ? keyed.get(key) : null;
    const at = others.findIndex((child) => child.nodeName === node.nodeName);
    return at < 0 ? null : others.splice(0, at + 1).pop();
  });
}

function keyOf(node) {
  return node.dataset?.film ?? node.dataset?.key ?? (node.id || null);
}

/** Whether the film that has the focus would get another place in its list. */
function movesFocus(old, fresh) {
  const focus = document.activeElement;
  if (!("filmsList" in old.dataset) || !old.contains(focus)) return false;
  const standing = keyOf([...old.children].find((film) => film.contains(focus)));
  const before = [old, fresh].map((list) => {
    const keys = [...list.children].map(keyOf);
    return keys.slice(0, keys.indexOf(standing) + 1).join();
  });
  return before[0] !== before[1];
}

/** Renew the films that are shown, and move, add or remove none. */
function morphInPlace(old, fresh) {
  const shown = new Map([...old.children].map((film) => [keyOf(film), film]));
  for (const film of fresh.children) {
    const known = shown.get(keyOf(film));
    if (known) morph(known, film);
  }
  return false;
}
