/**
 * @file A film's pixel values in the browser: stored codes, their meaning, their histogram, and smaller copies of them.
 */

const CODE_COUNT = 1 << 16; // codes of 16 bits

/**
 * @typedef {object} Level one copy of the film's codes
 * @property {Uint8Array | Uint16Array} codes row by row
 * @property {number} width columns
 * @property {number} height rows
 *
 * @typedef {object} PresetWindow a window of the film's header, in the film's own units
 * @property {number} centre
 * @property {number} width
 * @property {string} [name]
 *
 * @typedef {object} Description how codes are to be read
 * @property {number} slope
 * @property {number} intercept
 * @property {number} bits stored bits of a code
 * @property {number} scale pixels of the film that a pixel of these values stands for, along one side
 * @property {boolean} inverted whether high values are dark (MONOCHROME1)
 * @property {number | null} padding code outside the film
 * @property {boolean} exact whether windows follow LINEAR_EXACT
 * @property {PresetWindow[]} windows
 * @property {Uint8Array | null} curve the film's own lookup table from codes to grey levels
 */

/** Pixel values: `code * slope + intercept` is in the film's own units. See ml/decoding/viewer_pixels.py. */
export class PixelValues {
  /** @type {number} */
  slope = 1;
  /** @type {number} */
  intercept = 0;
  /** @type {number} stored bits of a code */
  bits = 8;
  /** @type {number} pixels of the film that a pixel of these values stands for, along one side */
  scale = 1;
  /** @type {boolean} whether high values are dark (MONOCHROME1) */
  inverted = false;
  /** @type {number | null} code outside the film */
  padding = null;
  /** @type {boolean} whether windows follow LINEAR_EXACT */
  exact = false;
  /** @type {PresetWindow[]} */
  windows = [];
  /** @type {Uint8Array | null} the film's own lookup table from codes to grey levels */
  curve = null;
  /** @type {boolean} whether these are the film's own values and not those of a picture of it */
  isFullDepth;
  /** @type {Level[]} the values as received, at half their size, at a quarter, … as far as they were needed */
  levels;
  /** @type {Uint32Array} number of pixels of each code, padding excluded */
  counts = new Uint32Array(CODE_COUNT);
  /** @type {number} lowest code that occurs; -1 where there is none */
  lowest;
  /** @type {number} highest code that occurs; -1 where there is none */
  highest;

  /**
   * @param {Uint8Array | Uint16Array} codes row by row
   * @param {number} width
   * @param {number} height
   * @param {Partial<Description>} description
   * @param {boolean} isFullDepth
   */
  constructor(codes, width, height, description, isFullDepth) {
    Object.assign(this, description);
    this.isFullDepth = isFullDepth;
    this.levels = [{ codes, width, height }];
    for (let index = 0; index < codes.length; index += 1) this.counts[codes[index]] += 1;
    if (this.padding !== null) this.counts[this.padding] = 0;
    this.lowest = this.counts.findIndex((count) => count > 0);
    this.highest = this.counts.findLastIndex((count) => count > 0);
  }

  /**
   * Read the server's answer: the length of the header (4 bytes, little-endian), the header in JSON, codes, curve.
   * @param {ArrayBuffer} buffer
   */
  static unpack(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const { width, height, sample_bytes: bytes, curve: curveLength, ...description } = header;
    const start = 4 + length;
    const codes = bytes === 2
      ? new Uint16Array(buffer, start, width * height)
      : new Uint8Array(buffer, start, width * height);
    const curve = curveLength ? new Uint8Array(buffer, start + codes.byteLength, curveLength) : null;
    return new PixelValues(codes, width, height, { ...description, curve }, true);
  }

  /**
   * Read the grey levels of a picture of the film.
   * @param {HTMLImageElement} picture
   * @param {number} filmSide pixels of the film's longer side
   */
  static fromPicture(picture, filmSide) {
    const width = picture.naturalWidth;
    const height = picture.naturalHeight;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("The browser cannot create a canvas.");
    context.drawImage(picture, 0, 0);
    const colours = context.getImageData(0, 0, width, height).data;
    const codes = new Uint8Array(width * height);
    for (let index = 0; index < codes.length; index += 1) codes[index] = colours[4 * index];
    const scale = Math.max(1, filmSide / Math.max(width, height));
    return new PixelValues(codes, width, height, { scale }, false);
  }

  /** The width of the film in pixels, which may be more than that of these values. */
  get width() {
    return this.levels[0].width * this.scale;
  }

  /** The height of the film in pixels. */
  get height() {
    return this.levels[0].height * this.scale;
  }

  /** The number of bits of a stored code in memory. */
  get codeBits() {
    return this.levels[0].codes.BYTES_PER_ELEMENT * 8;
  }

  /**
   * Return a code's value in the film's own units.
   * @param {number} code
   */
  toValue(code) {
    return code * this.slope + this.intercept;
  }

  /**
   * Return the code of a pixel; null outside the film or in its padding.
   * @param {number} x pixels of the film
   * @param {number} y
   */
  codeAt(x, y) {
    const { codes, width, height } = this.levels[0];
    const column = Math.floor(x / this.scale);
    const row = Math.floor(y / this.scale);
    if (column < 0 || row < 0 || column >= width || row >= height) return null;
    const code = codes[row * width + column];
    return code === this.padding ? null : code;
  }

  /**
   * Return the codes below which these shares of the pixels lie. The lowest and the highest code do not count, because
   * black and white borders have them.
   * @param {number[]} shares each 0 to 1
   */
  percentiles(shares) {
    const { counts, lowest, highest } = this;
    let total = 0;
    for (let code = lowest + 1; code < highest; code += 1) total += counts[code];
    if (total === 0) return shares.map((share) => (share < 0.5 ? lowest : highest));
    return shares.map((share) => {
      let remaining = share * total;
      let code = lowest + 1;
      for (; code < highest - 1 && remaining > counts[code]; code += 1) remaining -= counts[code];
      return code;
    });
  }

  /**
   * Return the values at half their size, a quarter, and so on.
   * @param {number} number 0 for the values as received
   * @returns {Level}
   */
  level(number) {
    const { levels } = this;
    while (levels.length <= number) levels.push(halveLevel(levels[levels.length - 1], this.padding));
    return levels[number];
  }
}

/**
 * Return a level at half the size; each code is the mean of four.
 * @param {Level} level
 * @param {number | null} padding
 * @returns {Level}
 */
function halveLevel({ codes, width, height }, padding) {
  const columns = Math.max(1, width >> 1);
  const rows = Math.max(1, height >> 1);
  const half = codes instanceof Uint16Array ? new Uint16Array(columns * rows) : new Uint8Array(columns * rows);
  const right = width > 1 ? 1 : 0;
  const below = height > 1 ? width : 0;
  for (let row = 0, to = 0; row < rows; row += 1) {
    let from = 2 * row * width;
    for (let column = 0; column < columns; column += 1, from += 2, to += 1) {
      half[to] = padding === null
        ? (codes[from] + codes[from + right] + codes[from + below] + codes[from + below + right] + 2) >> 2
        : meanOf([codes[from], codes[from + right], codes[from + below], codes[from + below + right]], padding);
    }
  }
  return { codes: half, width: columns, height: rows };
}

/**
 * Return the mean of the codes inside the film, or the padding where all lie outside.
 * @param {number[]} codes
 * @param {number} padding
 */
function meanOf(codes, padding) {
  const inside = codes.filter((code) => code !== padding);
  return inside.length ? Math.round(inside.reduce((sum, code) => sum + code, 0) / inside.length) : padding;
}
