// A film's values in the browser: codes, what they mean, how often they occur, and smaller copies of them.

const CODES = 1 << 16;

/** Values as codes: `code * slope + intercept` are the film's own units. See ml/decoding/viewer_pixels.py. */
export class Source {
  constructor(codes, width, height, about) {
    Object.assign(this, {
      slope: 1, intercept: 0, bits: 8, scale: 1, inverted: false, padding: null, exact: false, windows: [],
      curve: null, deep: false,
    }, about);
    this.levels = [{ codes, width, height }];
    this.count();
  }

  /** From what /pixels answers: length, JSON, codes, curve. */
  static unpack(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const { width, height, sample_bytes: bytes, curve: steps, ...rest } = about;
    const start = 4 + length;
    const codes = bytes === 2
      ? new Uint16Array(buffer, start, width * height)
      : new Uint8Array(buffer, start, width * height);
    const curve = steps ? new Uint8Array(buffer, start + codes.byteLength, steps) : null;
    return new Source(codes, width, height, { ...rest, curve, deep: true });
  }

  /** From a picture of a film that is `full` pixels on its longer side. */
  static fromPicture(picture, full) {
    const width = picture.naturalWidth;
    const height = picture.naturalHeight;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    const colours = context.getImageData(0, 0, width, height).data;
    const codes = new Uint8Array(width * height);
    for (let index = 0; index < codes.length; index += 1) codes[index] = colours[4 * index];
    return new Source(codes, width, height, { scale: Math.max(1, full / Math.max(width, height)) });
  }

  /** Size in pixels of the film, not of what is here of it. */
  get width() { return this.levels[0].width * this.scale; }

  get height() { return this.levels[0].height * this.scale; }

  value(code) { return code * this.slope + this.intercept; }

  /** The code of a pixel of the film, or null beside it and where there is no film. */
  codeAt(x, y) {
    const { codes, width, height } = this.levels[0];
    const column = Math.floor(x / this.scale);
    const row = Math.floor(y / this.scale);
    if (column < 0 || row < 0 || column >= width || row >= height) return null;
    const code = codes[row * width + column];
    return code === this.padding ? null : code;
  }

  count() {
    const { codes } = this.levels[0];
    this.counts = new Uint32Array(CODES);
    for (let index = 0; index < codes.length; index += 1) this.counts[codes[index]] += 1;
    if (this.padding !== null) this.counts[this.padding] = 0;
    this.lowest = this.counts.findIndex((films) => films > 0);
    this.highest = this.counts.findLastIndex((films) => films > 0);
  }

  /** Codes below which these shares of the film lie; its ends, where black and white borders are, do not count. */
  percentiles(shares) {
    const { counts, lowest, highest } = this;
    let total = 0;
    for (let code = lowest + 1; code < highest; code += 1) total += counts[code];
    if (total === 0) return shares.map((share) => (share < 0.5 ? lowest : highest));
    return shares.map((share) => {
      let left = share * total;
      let code = lowest + 1;
      for (; code < highest - 1 && left > counts[code]; code += 1) left -= counts[code];
      return code;
    });
  }

  /** The film at half the size, a quarter, and so on. */
  level(number) {
    while (this.levels.length <= number) this.levels.push(halved(this.levels.at(-1), this.padding));
    return this.levels[number];
  }
}

function halved({ codes, width, height }, padding) {
  const columns = Math.max(1, width >> 1);
  const rows = Math.max(1, height >> 1);
  const half = new codes.constructor(columns * rows);
  const right = width > 1 ? 1 : 0;
  const below = height > 1 ? width : 0;
  for (let row = 0, to = 0; row < rows; row += 1) {
    let from = 2 * row * width;
    for (let column = 0; column < columns; column += 1, from += 2, to += 1) {
      half[to] = padding === null
        ? (codes[from] + codes[from + right] + codes[from + below] + codes[from + below + right] + 2) >> 2
        : mean([codes[from], codes[from + right], codes[from + below], codes[from + below + right]], padding);
    }
  }
  return { codes: half, width: columns, height: rows };
}

/** What lies outside the film does not count towards a mean. */
function mean(four, padding) {
  const inside = four.filter((code) => code !== padding);
  return inside.length ? Math.round(inside.reduce((sum, code) => sum + code, 0) / inside.length) : padding;
}
