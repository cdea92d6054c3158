// Where the film lies on the stage: which of its points is in the middle, how large, turned how often.

const LARGEST = 16; // pixels of the screen a pixel of the film

/** All lengths on the stage are device pixels, all on the film the film's own. */
export class View {
  constructor() {
    Object.assign(this, { stageWidth: 1, stageHeight: 1, width: 1, height: 1 });
    this.reset();
  }

  reset() {
    this.turns = 0;
    this.fit();
  }

  setFilm(width, height) {
    const [x, y] = [this.x / this.width, this.y / this.height];
    Object.assign(this, { width, height });
    if (this.fitted) this.fit();
    else this.place(x * width, y * height, this.zoom);
  }

  setStage(width, height) {
    Object.assign(this, { stageWidth: width, stageHeight: height });
    if (this.fitted) this.fit();
    else this.place(this.x, this.y, this.zoom);
  }

  /** The zoom at which all of the film is seen. */
  get fitting() {
    const [across, down] = this.turns % 2 ? [this.height, this.width] : [this.width, this.height];
    return Math.min(this.stageWidth / across, this.stageHeight / down);
  }

  fit() {
    this.place(this.width / 2, this.height / 2, this.fitting);
    this.fitted = true;
  }

  /** Zoom by a factor, or `to` a size, with one point of the stage staying where it is. */
  zoomAt(stageX, stageY, to) {
    const [x, y] = this.toFilm(stageX, stageY);
    this.place(this.x, this.y, to);
    const [nowX, nowY] = this.toFilm(stageX, stageY);
    this.place(this.x + x - nowX, this.y + y - nowY, this.zoom);
  }

  /** Move the film by so much of the stage. */
  pan(across, down) {
    const [x, y] = turned(across, down, -this.turns);
    this.place(this.x - x / this.zoom, this.y - y / this.zoom, this.zoom);
  }

  turn(quarters) {
    this.turns = (this.turns + quarters + 4) % 4;
    if (this.fitted) this.fit();
  }

  place(x, y, zoom) {
    const least = Math.min(1, this.fitting) / 2;
    this.zoom = Math.min(Math.max(LARGEST, 2 * this.fitting), Math.max(least, zoom));
    this.x = Math.min(this.width, Math.max(0, x)); // some of the film stays on the stage
    this.y = Math.min(this.height, Math.max(0, y));
    this.fitted = false;
  }

  toFilm(stageX, stageY) {
    const [x, y] = turned(stageX - this.stageWidth / 2, stageY - this.stageHeight / 2, -this.turns);
    return [this.x + x / this.zoom, this.y + y / this.zoom];
  }

  /** The part of the film that is seen: left, top, right, bottom. */
  get seen() {
    const [x1, y1] = this.toFilm(0, 0);
    const [x2, y2] = this.toFilm(this.stageWidth, this.stageHeight);
    return [
      Math.max(0, Math.min(x1, x2)), Math.max(0, Math.min(y1, y2)),
      Math.min(this.width, Math.max(x1, x2)), Math.min(this.height, Math.max(y1, y2)),
    ];
  }

  /** Film to stage, as a canvas takes it. Moved by whole pixels, so that one to one is exact. */
  get matrix() {
    const [a, b] = turned(this.zoom, 0, this.turns);
    const [c, d] = turned(0, this.zoom, this.turns);
    return [a, b, c, d,
      Math.round(this.stageWidth / 2 - a * this.x - c * this.y),
      Math.round(this.stageHeight / 2 - b * this.x - d * this.y)];
  }
}

/** A vector turned clockwise by so many quarters. */
function turned(x, y, quarters) {
  switch ((quarters + 4) % 4) {
    case 1: return [-y, x];
    case 2: return [-x, -y];
    case 3: return [y, -x];
    default: return [x, y];
  }
}
