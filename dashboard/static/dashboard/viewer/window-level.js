/**
 * @file Window arithmetic: from a film's codes to grey levels, by a table of all codes. A window is a centre and a
 * width in the film's own units, by DICOM PS3.3 C.11.2.1.2 (LINEAR) or, where the film says so, C.11.2.1.3
 * (LINEAR_EXACT).
 */

/** @import { PixelValues } from "./pixel-values.js" */

const OPAQUE_BLACK = 0xff000000; // as a canvas stores it: alpha, blue, green, red
const TONE_PRESETS = [ // shares of the pixels, from the darkest, between which the window lies
  { key: "auto", name: "Automatic", dark: 0.005, bright: 0.995 },
  { key: "lung", name: "Lungs, the darker tones", dark: 0.01, bright: 0.7 },
  { key: "bone", name: "Mediastinum and bone, the brighter tones", dark: 0.3, bright: 0.999 },
];

/**
 * @typedef {object} Window
 * @property {number} centre in the film's own units
 * @property {number} width in the film's own units
 *
 * @typedef {object} Preset
 * @property {string} key
 * @property {string} name
 * @property {Window | null} window null stands for the film's own curve
 */

/**
 * Return the values up to which a window is black, and above which it is white.
 * @param {Window} window
 * @param {boolean} exact whether it follows LINEAR_EXACT
 * @returns {[number, number]}
 */
export function windowEdges({ centre, width }, exact) {
  const middle = exact ? centre : centre - 0.5;
  const half = (exact ? width : width - 1) / 2;
  return [middle - half, middle + half];
}

/**
 * Return the window between two values; the inverse of `windowEdges`.
 * @param {number} low
 * @param {number} high
 * @param {boolean} exact whether it follows LINEAR_EXACT
 * @returns {Window}
 */
export function windowBetween(low, high, exact) {
  return exact
    ? { centre: (low + high) / 2, width: high - low }
    : { centre: (low + high) / 2 + 0.5, width: high - low + 1 };
}

/**
 * Return the smallest width that differs from a threshold.
 * @param {PixelValues} values
 */
export function minWindowWidth(values) {
  return values.exact ? Math.abs(values.slope) : 1;
}

/**
 * Return the window presets of a film, the one to begin with first.
 * @param {PixelValues} values
 * @returns {Preset[]}
 */
export function listPresets(values) {
  const sent = values.windows.map(({ name, centre, width }, index) => {
    const suffix = name ? `: ${name}` : index ? ` (${index + 1})` : "";
    return { key: `sent-${index}`, name: `As sent${suffix}`, window: { centre, width } };
  });
  const curve = values.curve ? [{ key: "curve", name: "As sent, its own curve", window: null }] : [];
  const full = { key: "full", name: "Full range", window: codeWindow(values, values.lowest, values.highest) };
  const tones = TONE_PRESETS.map(({ key, name, dark, bright }) => (
    { key, name, window: toneWindow(values, dark, bright) }));
  return [...curve, ...sent, full, ...tones];
}

/**
 * Return the window between two shares of the film's pixels, counted from the darkest.
 * @param {PixelValues} values
 * @param {number} dark 0 to 1
 * @param {number} bright 0 to 1
 */
function toneWindow(values, dark, bright) {
  const shares = values.inverted ? [1 - bright, 1 - dark] : [dark, bright];
  const [low, high] = values.percentiles(shares);
  return codeWindow(values, low, Math.max(high, low + 1));
}

/**
 * @param {PixelValues} values
 * @param {number} lowCode
 * @param {number} highCode
 */
function codeWindow(values, lowCode, highCode) {
  const [low, high] = [values.toValue(lowCode), values.toValue(highCode)].sort((first, second) => first - second);
  return windowBetween(low, high, values.exact);
}

/**
 * Return a window of one film's values as the window at the same relative position between the edges of another one.
 * @param {Window} window
 * @param {Window} before a window of the same values, to measure from
 * @param {boolean} exactBefore
 * @param {Window} after the window of the other values that corresponds to `before`
 * @param {boolean} exactAfter
 */
export function transferWindow(window, before, exactBefore, after, exactAfter) {
  const [low, high] = windowEdges(before, exactBefore);
  const [newLow, newHigh] = windowEdges(after, exactAfter);
  const transfer = (/** @type {number} */ value) => newLow + ((value - low) / (high - low)) * (newHigh - newLow);
  const [dark, bright] = windowEdges(window, exactBefore);
  return windowBetween(transfer(dark), transfer(bright), exactAfter);
}

/**
 * Return the colour of every code as a canvas stores it: the window's grey level, or the curve's.
 * @param {PixelValues} values
 * @param {Window | null} window null for the film's own curve
 * @param {boolean} isInverted whether the user has inverted the film
 * @returns {Uint32Array} 256 or 65,536 colours
 */
export function colourTable(values, window, isInverted) {
  const { curve } = values;
  const colours = new Uint32Array(1 << values.codeBits);
  const isNegative = values.inverted !== isInverted;
  const [low, high] = window ? windowEdges(window, values.exact) : [0, 0];
  for (let code = 0; code < colours.length; code += 1) {
    const level = window || !curve
      ? greyLevel(values.toValue(code), low, high)
      : curve[Math.min(code, curve.length - 1)];
    const shown = isNegative ? 255 - level : level;
    colours[code] = OPAQUE_BLACK | (shown << 16) | (shown << 8) | shown;
  }
  if (values.padding !== null) colours[values.padding] = OPAQUE_BLACK;
  return colours;
}

/**
 * @param {number} value in the film's own units
 * @param {number} low up to here it is black
 * @param {number} high above here it is white
 * @returns {number} 0 to 255
 */
function greyLevel(value, low, high) {
  if (value <= low) return 0;
  if (value > high) return 255;
  return Math.round(((value - low) / (high - low)) * 255);
}
