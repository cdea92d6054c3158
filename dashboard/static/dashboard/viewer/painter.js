/**
 * @file The drawing of a film on a canvas. Only the visible part is windowed, from the smallest copy that is fine
 * enough, so that the cost of a drag depends on the size of the screen and not on that of the film.
 */

/**
 * @import { Level, PixelValues } from "./pixel-values.js"
 * @import { Viewport } from "./viewport.js"
 */

const MIN_SQUARE_SIZE = 4; // device pixels of a drawn pixel from which on it is drawn as a square, without smoothing

/** A painter of one canvas. */
export class Painter {
  /** @type {HTMLCanvasElement} */
  canvas;
  /** @type {CanvasRenderingContext2D} */
  context;
  /** @type {OffscreenCanvas} holds the windowed part before it is drawn; grows as needed */
  part = new OffscreenCanvas(1, 1);

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  }

  /**
   * Set the canvas's size, which empties it.
   * @param {number} width device pixels
   * @param {number} height
   */
  resize(width, height) {
    this.canvas.width = width;
    this.canvas.height = height;
  }

  /**
   * Draw the visible part of a film.
   * @param {PixelValues} values
   * @param {Viewport} viewport
   * @param {Uint32Array} colours of every code, from `colourTable`
   * @param {HTMLImageElement | null} heatmap is drawn on top of the film
   * @param {number} opacity of the heatmap, 0 to 1
   */
  paint(values, viewport, colours, heatmap, opacity) {
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const number = Math.max(0, Math.floor(Math.log2(1 / (viewport.zoom * values.scale))));
    const side = values.scale * 2 ** number; // pixels of the film that a pixel of the level stands for
    const level = values.level(number);
    const [left, top, right, bottom] = levelPart(viewport.visiblePart, side, level);
    const [columns, rows] = [right - left, bottom - top];
    if (columns <= 0 || rows <= 0) return;
    this.#fillPart(level, colours, left, top, columns, rows);
    context.setTransform(...viewport.matrix);
    context.imageSmoothingEnabled = viewport.zoom * side < MIN_SQUARE_SIZE;
    context.imageSmoothingQuality = "medium";
    context.drawImage(this.part, 0, 0, columns, rows, left * side, top * side, columns * side, rows * side);
    if (!heatmap) return;
    context.imageSmoothingEnabled = true;
    context.globalAlpha = opacity;
    context.drawImage(heatmap, 0, 0, viewport.width, viewport.height);
    context.globalAlpha = 1;
  }

  /**
   * @param {Level} level
   * @param {Uint32Array} colours
   * @param {number} left
   * @param {number} top
   * @param {number} columns
   * @param {number} rows
   */
  #fillPart({ codes, width }, colours, left, top, columns, rows) {
    if (this.part.width < columns || this.part.height < rows) {
      this.part = new OffscreenCanvas(Math.max(this.part.width, columns), Math.max(this.part.height, rows));
    }
    const picture = new ImageData(columns, rows);
    const pixels = new Uint32Array(picture.data.buffer);
    for (let row = 0, to = 0; row < rows; row += 1) {
      let from = (top + row) * width + left;
      for (const end = from + columns; from < end; from += 1, to += 1) pixels[to] = colours[codes[from]];
    }
    this.part.getContext("2d")?.putImageData(picture, 0, 0);
  }
}

/**
 * Return the visible part in pixels of a level, with one more on each side for the smoothing.
 * @param {number[]} visiblePart left, top, right, bottom in pixels of the film
 * @param {number} side pixels of the film that a pixel of the level stands for
 * @param {Level} level
 */
function levelPart([left, top, right, bottom], side, { width, height }) {
  return [
    Math.max(0, Math.floor(left / side) - 1),
    Math.max(0, Math.floor(top / side) - 1),
    Math.min(width, Math.ceil(right / side) + 1),
    Math.min(height, Math.ceil(bottom / side) + 1),
  ];
}
