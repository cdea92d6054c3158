/** @file The position of the film on the stage: the film's point in the middle, the zoom and the rotation. */

const MAX_ZOOM = 16; // device pixels per pixel of the film

/** A viewport. Lengths on the stage are in device pixels, lengths on the film in pixels of the film. */
export class Viewport {
  /** @type {number} */
  stageWidth = 1;
  /** @type {number} */
  stageHeight = 1;
  /** @type {number} width of the film */
  width = 1;
  /** @type {number} height of the film */
  height = 1;
  /** @type {number} the film's point in the middle of the stage */
  x = 0.5;
  /** @type {number} */
  y = 0.5;
  /** @type {number} device pixels per pixel of the film */
  zoom = 1;
  /** @type {number} quarter turns clockwise, 0 to 3 */
  turns = 0;
  /** @type {boolean} whether the whole film is fitted to the stage, and stays so when the stage changes */
  isFitted = true;

  /** Fit the whole film to the stage, unrotated. */
  reset() {
    this.turns = 0;
    this.fit();
  }

  /**
   * Set the film's size; the same part of it stays in view.
   * @param {number} width
   * @param {number} height
   */
  setFilmSize(width, height) {
    const [x, y] = [this.x / this.width, this.y / this.height];
    this.width = width;
    this.height = height;
    if (this.isFitted) this.fit();
    else this.#place(x * width, y * height, this.zoom);
  }

  /**
   * Set the stage's size.
   * @param {number} width
   * @param {number} height
   */
  setStageSize(width, height) {
    this.stageWidth = width;
    this.stageHeight = height;
    if (this.isFitted) this.fit();
    else this.#place(this.x, this.y, this.zoom);
  }

  /** The zoom at which the whole film is in view. */
  get fittingZoom() {
    const [across, down] = this.turns % 2 ? [this.height, this.width] : [this.width, this.height];
    return Math.min(this.stageWidth / across, this.stageHeight / down);
  }

  /** Fit the whole film to the stage. */
  fit() {
    this.#place(this.width / 2, this.height / 2, this.fittingZoom);
    this.isFitted = true;
  }

  /**
   * Set the zoom; one point of the stage keeps its point of the film.
   * @param {number} stageX
   * @param {number} stageY
   * @param {number} zoom device pixels per pixel of the film
   */
  zoomAt(stageX, stageY, zoom) {
    const [x, y] = this.toFilm(stageX, stageY);
    this.#place(this.x, this.y, zoom);
    const [nowX, nowY] = this.toFilm(stageX, stageY);
    this.#place(this.x + x - nowX, this.y + y - nowY, this.zoom);
  }

  /**
   * Move the film on the stage.
   * @param {number} across device pixels to the right
   * @param {number} down device pixels
   */
  pan(across, down) {
    const [x, y] = rotate(across, down, -this.turns);
    this.#place(this.x - x / this.zoom, this.y - y / this.zoom, this.zoom);
  }

  /**
   * Turn the film.
   * @param {number} quarters clockwise; -1 is a quarter to the left
   */
  turn(quarters) {
    this.turns = (this.turns + quarters + 4) % 4;
    if (this.isFitted) this.fit();
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} zoom
   */
  #place(x, y, zoom) {
    const minZoom = Math.min(1, this.fittingZoom) / 2;
    this.zoom = Math.min(Math.max(MAX_ZOOM, 2 * this.fittingZoom), Math.max(minZoom, zoom));
    this.x = Math.min(this.width, Math.max(0, x)); // some of the film stays on the stage
    this.y = Math.min(this.height, Math.max(0, y));
    this.isFitted = false;
  }

  /**
   * Return the film's point at a point of the stage.
   * @param {number} stageX
   * @param {number} stageY
   */
  toFilm(stageX, stageY) {
    const [x, y] = rotate(stageX - this.stageWidth / 2, stageY - this.stageHeight / 2, -this.turns);
    return [this.x + x / this.zoom, this.y + y / this.zoom];
  }

  /** The part of the film in view: left, top, right, bottom. */
  get visiblePart() {
    const [x1, y1] = this.toFilm(0, 0);
    const [x2, y2] = this.toFilm(this.stageWidth, this.stageHeight);
    return [
      Math.max(0, Math.min(x1, x2)),
      Math.max(0, Math.min(y1, y2)),
      Math.min(this.width, Math.max(x1, x2)),
      Math.min(this.height, Math.max(y1, y2)),
    ];
  }

  /**
   * The transformation from film to stage, as a canvas expects it; moved by whole pixels, so that 1:1 is exact.
   * @type {[number, number, number, number, number, number]}
   */
  get matrix() {
    const [a, b] = rotate(this.zoom, 0, this.turns);
    const [c, d] = rotate(0, this.zoom, this.turns);
    return [
      a, b, c, d,
      Math.round(this.stageWidth / 2 - a * this.x - c * this.y),
      Math.round(this.stageHeight / 2 - b * this.x - d * this.y),
    ];
  }
}

/**
 * Return a vector rotated clockwise.
 * @param {number} x
 * @param {number} y
 * @param {number} quarters from -3 on
 * @returns {[number, number]}
 */
function rotate(x, y, quarters) {
  switch ((quarters + 4) % 4) {
    case 1: return [-y, x];
    case 2: return [-x, -y];
    case 3: return [y, -x];
    default: return [x, y];
  }
}
