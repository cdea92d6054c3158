// Draws what is seen of a film. Only that part is windowed, from the smallest copy that is fine enough, so that a
// drag costs what the screen has pixels, whatever the film has.

const SQUARES = 4; // screen pixels a pixel from which on they are shown as squares

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.part = new OffscreenCanvas(1, 1);
  }

  resize(width, height) {
    this.canvas.width = width;
    this.canvas.height = height;
  }

  /** `colours` as viewer-window.js makes them; `map` is laid on top with its opacity, where given. */
  paint(source, view, colours, map, opacity) {
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const number = Math.max(0, Math.floor(Math.log2(1 / (view.zoom * source.scale))));
    const side = source.scale * 2 ** number;
    const level = source.level(number);
    const [left, top, right, bottom] = window(view.seen, side, level);
    if (right <= left || bottom <= top) return;
    this.fill(level, colours, left, top, right - left, bottom - top);
    context.setTransform(...view.matrix);
    context.imageSmoothingEnabled = view.zoom * side < SQUARES;
    context.imageSmoothingQuality = "medium";
    context.drawImage(this.part, 0, 0, right - left, bottom - top,
      left * side, top * side, (right - left) * side, (bottom - top) * side);
    if (!map) return;
    context.imageSmoothingEnabled = true;
    context.globalAlpha = opacity;
    context.drawImage(map, 0, 0, view.width, view.height);
    context.globalAlpha = 1;
  }

  fill({ codes, width }, colours, left, top, columns, rows) {
    if (this.part.width < columns || this.part.height < rows) {
      this.part = new OffscreenCanvas(Math.max(this.part.width, columns), Math.max(this.part.height, rows));
    }
    const picture = new ImageData(columns, rows);
    const pixels = new Uint32Array(picture.data.buffer);
    for (let row = 0, to = 0; row < rows; row += 1) {
      let from = (top + row) * width + left;
      for (const end = from + columns; from < end; from += 1, to += 1) pixels[to] = colours[codes[from]];
    }
    this.part.getContext("2d").putImageData(picture, 0, 0);
  }
}

/** The seen part in pixels of a level, with one more on each side for what is interpolated. */
function window([left, top, right, bottom], side, { width, height }) {
  return [Math.max(0, Math.floor(left / side) - 1), Math.max(0, Math.floor(top / side) - 1),
    Math.min(width, Math.ceil(right / side) + 1), Math.min(height, Math.ceil(bottom / side) + 1)];
}
