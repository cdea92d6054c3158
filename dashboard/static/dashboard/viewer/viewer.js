/**
 * @file The film viewer: zoom, pan, window and level, inversion, rotation and heatmap.
 *
 * It works on the element of templates/dashboard/film/_viewer.html. The page's viewer settings say what to show:
 *   pixels   address of the film's pixel values (status 202 while a worker renders them)
 *   heatmap  address of the heatmap; null where there is none, or where the reader must not see it
 *   width, height  the film's size in pixels, from its header
 * Its <img data-still> is shown until the viewer has started, and without JavaScript.
 *
 *   const viewer = new Viewer(document.querySelector("[data-viewer]"));
 *   viewer.runAction("invert");    // any data-do of the tool bar, and "rotate-back", "preset", "preset-back"
 *   viewer.usesPageKeys = false;   // its single keys then work only while it has the focus
 *   viewer.dispose();              // before its element is removed
 *
 * Its single keys: + - F 1 W I R Shift+R H 0 P Shift+P X ?. Others are free for the page. Its state is stored nowhere;
 * every page starts with the default state. data-state of the element: "still" (the picture is on the canvas), "full"
 * (the film's own values are) or "refused" (the values cannot be loaded).
 */
import { formatMeasurement } from "../shared/number-words.js";
import { readSettings } from "../shared/settings.js";
import { ACTIONS } from "./actions.js";
import { ViewerControls } from "./controls.js";
import { ViewerInput } from "./input.js";
import { loadPicture, loadPixelValues, readPicture } from "./loading.js";
import { Painter } from "./painter.js";
import { Viewport } from "./viewport.js";
import { WindowChoice } from "./window-choice.js";
import { colourTable } from "./window-level.js";

/** @import { PixelValues } from "./pixel-values.js" */

/** A viewer of one film. */
export class Viewer {
  /** @type {HTMLElement} the element of the template */
  root;
  /** @type {{ width: number, height: number, pixels: string, heatmap: string | null }} */
  settings;
  /** @type {HTMLElement} the part in which the film lies */
  stage;
  /** @type {HTMLImageElement} the picture that is shown without JavaScript */
  still;
  /** @type {Painter} */
  painter;
  /** @type {Viewport} */
  viewport = new Viewport();
  /** @type {ViewerControls} */
  controls;
  /** @type {boolean} whether single keys work while the focus is elsewhere on the page */
  usesPageKeys = true;
  /** @type {WindowChoice} */
  choice = new WindowChoice();
  /** @type {Uint32Array} the colour of every code */
  colours = new Uint32Array(0);
  /** @type {HTMLImageElement | null} null until it is shown for the first time */
  heatmap = null;
  /** @type {boolean} whether a drag changes the window in place of the position */
  isWindowing = false;
  /** @type {boolean} whether the user has inverted the film */
  isInverted = false;
  /** @type {boolean} */
  isHeatmapShown = false;
  /** @type {Promise<void>} resolves when the film's values are shown or refused */
  ready;
  /** @type {number | undefined} the requested animation frame */
  #frame = undefined;
  /** @type {AbortController} ends requests and listeners */
  #disposal = new AbortController();
  /** @type {ResizeObserver} of the stage */
  #resizes = new ResizeObserver(() => this.#fitCanvas());

  /** @param {HTMLElement} root */
  constructor(root) {
    const part = (/** @type {string} */ name) => /** @type {any} */ (root.querySelector(`[data-${name}]`));
    this.root = root;
    this.settings = readSettings("viewer-settings");
    this.stage = part("stage");
    this.still = part("still");
    this.painter = new Painter(part("canvas"));
    this.controls = new ViewerControls(this, this.#disposal.signal);
    new ViewerInput(this, this.stage, this.#disposal.signal);
    this.ready = this.#load();
  }

  /** The values that are shown; null until the picture or the film's own values are loaded. */
  get values() {
    return this.choice.values;
  }

  /** Device pixels of a CSS pixel. */
  get ratio() {
    return this.painter.canvas.width / this.stage.clientWidth || window.devicePixelRatio;
  }

  /** End requests and listeners. */
  dispose() {
    this.#disposal.abort();
    this.#resizes.disconnect();
  }

  /**
   * Run an action of the tool bar or of a key; ignore it before there is a film, and where it is unknown.
   * @param {string} name
   */
  runAction(name) {
    if (this.values) ACTIONS[name]?.(this);
  }

  /** Show the picture at once, then the film's own values. */
  async #load() {
    const { signal } = this.#disposal;
    try {
      const { width, height } = this.settings;
      this.#showValues(await readPicture(this.still, Math.max(width, height)), "still");
    } catch {
      // The picture does not load, or it comes from a bucket whose pixels a page may not read: wait for the values.
    }
    try {
      const showWait = () => this.controls.showStatus("Full depth is loading …");
      this.#showValues(await loadPixelValues(this.settings.pixels, signal, showWait), "full");
      this.controls.showStatus("");
    } catch (error) {
      if (signal.aborted) return;
      this.root.dataset.state = "refused";
      this.controls.showStatus(`Full depth is not available: ${error instanceof Error ? error.message : error}`);
    }
  }

  /**
   * Show values of the film, with the window that was chosen before.
   * @param {PixelValues} values
   * @param {"still" | "full"} state
   */
  #showValues(values, state) {
    this.choice.setValues(values);
    this.viewport.setFilmSize(values.width, values.height);
    this.controls.listPresets(this.choice.presets);
    this.#change(() => {}, true);
    this.root.dataset.state = state;
    this.#revealCanvas();
  }

  /** Put the canvas in the place of the picture, once. */
  #revealCanvas() {
    const { stage } = this;
    if (stage.tabIndex === 0) return;
    this.controls.reveal();
    stage.tabIndex = 0;
    stage.setAttribute("role", "application");
    stage.setAttribute("aria-label", `${this.still.alt}; press ? for keys`);
    this.#resizes.observe(stage);
    this.#fitCanvas();
  }

  /** Undo all changes. */
  reset() {
    this.isInverted = false;
    this.isWindowing = false;
    this.isHeatmapShown = false;
    this.viewport.reset();
    this.choosePreset(this.choice.presets[0].key);
  }

  /** @param {string} key */
  choosePreset(key) {
    this.#change(() => this.choice.choosePreset(key), true);
  }

  /** @param {1 | -1} step */
  stepPreset(step) {
    this.#change(() => this.choice.stepPreset(step), true);
  }

  /**
   * @param {number} across CSS pixels; changes the width
   * @param {number} down CSS pixels; changes the centre
   */
  changeWindow(across, down) {
    this.#change(() => this.choice.dragWindow(across, down), true);
  }

  toggleWindowing() {
    this.isWindowing = !this.isWindowing;
    this.#change(() => {});
  }

  toggleInverted() {
    this.isInverted = !this.isInverted;
    this.#change(() => {}, true);
  }

  /** @param {number} quarters clockwise */
  rotate(quarters) {
    this.#change(() => this.viewport.turn(quarters));
  }

  fit() {
    this.#change(() => this.viewport.fit());
  }

  /**
   * @param {number} across device pixels
   * @param {number} down device pixels
   */
  pan(across, down) {
    this.#change(() => this.viewport.pan(across, down));
  }

  /**
   * @param {number} factor
   * @param {number} [x] device pixels on the stage; the point that stays where it is
   * @param {number} [y]
   */
  zoomBy(factor, x, y) {
    this.zoomTo(this.viewport.zoom * factor, x, y);
  }

  /**
   * @param {number} zoom device pixels per pixel of the film
   * @param {number} [x] device pixels on the stage; the point that stays where it is
   * @param {number} [y]
   */
  zoomTo(zoom, x = this.viewport.stageWidth / 2, y = this.viewport.stageHeight / 2) {
    this.#change(() => this.viewport.zoomAt(x, y, zoom));
  }

  /**
   * Change between the whole film and its actual size.
   * @param {number} x device pixels on the stage; the point that stays where it is
   * @param {number} y
   */
  toggleActualSize(x, y) {
    if (this.viewport.isFitted) this.zoomTo(1, x, y);
    else this.fit();
  }

  async toggleHeatmap() {
    const address = this.settings.heatmap;
    if (!address) return;
    this.isHeatmapShown = !this.isHeatmapShown;
    this.showState();
    this.heatmap ??= await loadPicture(address).catch(() => null);
    if (!this.heatmap) this.controls.showStatus("The heatmap could not be loaded.");
    this.schedulePaint();
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen();
  }

  /** Give the canvas as many pixels as its place on the screen has. */
  #fitCanvas() {
    const ratio = window.devicePixelRatio;
    const [width, height] = [this.stage.clientWidth, this.stage.clientHeight].map((side) => Math.round(side * ratio));
    if (!width || !height) return;
    this.painter.resize(width, height);
    this.viewport.setStageSize(width, height);
    this.#paint(); // at once, because a new size empties the canvas
    this.showState();
  }

  /**
   * Make a change and show it; ignore it before there is a film.
   * @param {() => unknown} makeChange
   * @param {boolean} [changesColours]
   */
  #change(makeChange, changesColours = false) {
    if (!this.values) return;
    makeChange();
    if (changesColours) this.colours = colourTable(this.values, this.choice.window, this.isInverted);
    this.showState();
    this.schedulePaint();
  }

  /** Paint in the next animation frame. */
  schedulePaint() {
    this.#frame ??= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#frame = undefined;
    if (!this.values) return;
    const heatmap = this.isHeatmapShown ? this.heatmap : null;
    this.painter.paint(this.values, this.viewport, this.colours, heatmap, this.controls.heatmapOpacity);
  }

  /** Show the state on buttons and readouts. */
  showState() {
    const { viewport } = this;
    this.controls.showState({
      window: this.isWindowing,
      invert: this.isInverted,
      map: this.isHeatmapShown,
      fit: viewport.isFitted,
      one: Math.abs(viewport.zoom - 1) < 1e-6,
      full: document.fullscreenElement === this.root,
    });
    this.stage.dataset.mode = this.isWindowing ? "window" : "pan";
    this.stage.toggleAttribute("data-whole", viewport.isFitted);
  }

  /**
   * Show the film's value at a point of the stage.
   * @param {[number, number] | null} point device pixels; null where the pointer has left the stage
   */
  showValueAt(point) {
    const { values } = this;
    if (!values?.isFullDepth) return;
    const [x, y] = point ? this.viewport.toFilm(...point) : [-1, -1];
    const code = values.codeAt(x, y);
    const place = `${Math.floor(x)}, ${Math.floor(y)}`;
    this.controls.showValue(code === null ? "" : `${formatMeasurement(values.toValue(code))} at ${place}`);
  }
}
