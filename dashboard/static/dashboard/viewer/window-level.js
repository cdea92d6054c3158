// Window and level: from a film's codes to grey, by a table of every code there can be.
// A window is a centre and a width in the film's own units, by DICOM PS3.3 C.11.2.1.2 (LINEAR) or, where the film
// says so, C.11.2.1.3 (LINEAR_EXACT).

const BLACK = 0xff000000;

/** The values at which a window is black and white. */
export function edges({ centre, width }, exact) {
  const middle = exact ? centre : centre - 0.5;
  const half = (exact ? width : width - 1) / 2;
  return [middle - half, middle + half];
}

export function fromEdges(low, high, exact) {
  return exact
    ? { centre: (low + high) / 2, width: high - low }
    : { centre: (low + high) / 2 + 0.5, width: high - low + 1 };
}

/** The least width that can be told from a step. */
export const leastWidth = (source) => (source.exact ? Math.abs(source.slope) : 1);

/** What a film offers to choose from, the one to begin with first. `window` null stands for the film's own curve. */
export function presets(source) {
  const sent = source.windows.map((window, index) => ({
    key: `sent-${index}`,
    name: `As sent${window.name ? `: ${window.name}` : index ? ` (${index + 1})` : ""}`,
    window: { centre: window.centre, width: window.width },
  }));
  const curve = source.curve ? [{ key: "curve", name: "As sent, its own curve", window: null }] : [];
  const tones = [["auto", "Automatic", 0.005, 0.995], ["lung", "Lungs, the darker tones", 0.01, 0.7],
    ["bone", "Mediastinum and bone, the brighter tones", 0.3, 0.999]];
  return [
    ...curve,
    ...sent,
    { key: "full", name: "Full range", window: between(source, source.lowest, source.highest) },
    ...tones.map(([key, name, dark, bright]) => ({ key, name, window: tone(source, dark, bright) })),
  ];
}

/** A window from one share of the film's pixels to another, counted from the darkest. */
function tone(source, dark, bright) {
  const shares = source.inverted ? [1 - bright, 1 - dark] : [dark, bright];
  const [low, high] = source.percentiles(shares);
  return between(source, low, Math.max(high, low + 1));
}

function between(source, lowCode, highCode) {
  const [low, high] = [source.value(lowCode), source.value(highCode)].sort((one, other) => one - other);
  return fromEdges(low, high, source.exact);
}

/** Colours of every code, as canvases have them: the window's grey, or the curve's where `window` is null. */
export function table(source, window, exchanged) {
  const colours = new Uint32Array(source.levels[0].codes.BYTES_PER_ELEMENT === 2 ? 1 << 16 : 1 << 8);
  const inverted = source.inverted !== exchanged;
  const [low, high] = window ? edges(window, source.exact) : [0, 0];
  for (let code = 0; code < colours.length; code += 1) {
    const level = window ? grey(source.value(code), low, high) : curved(source.curve, code);
    const shown = inverted ? 255 - level : level;
    colours[code] = BLACK | (shown << 16) | (shown << 8) | shown;
  }
  if (source.padding !== null) colours[source.padding] = BLACK;
  return colours;
}

function grey(value, low, high) {
  if (value <= low) return 0;
  if (value > high) return 255;
  return Math.round(((value - low) / (high - low)) * 255);
}

function curved(curve, code) {
  return curve[Math.min(code, curve.length - 1)];
}
