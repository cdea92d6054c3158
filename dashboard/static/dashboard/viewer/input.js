/** @file Pointer, wheel and key input of a viewer. */
import { areSingleKeysOn, isKeyTaken } from "../shared/single-keys.js";
import { ACTION_OF_KEY } from "./actions.js";

/** @import { Viewer } from "./viewer.js" */

const WHEEL_STEP = 0.0015; // natural logarithm of the zoom per pixel of the wheel
const PINCH_STEP = 0.01; // the same for a pinch on a trackpad, which the browser reports as a wheel with Ctrl
const LINE_HEIGHT = 16; // pixels of a wheel that reports lines
const ARROW_STEP = 48; // CSS pixels that an arrow key moves the film

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {[number, number]} Point on the stage, in device pixels */

/** The input of one viewer. */
export class ViewerInput {
  /** @type {Viewer} */
  viewer;
  /** @type {HTMLElement} */
  stage;
  /** @type {Map<number, Point>} pointers that are down, by their ids */
  pointers = new Map();
  /** @type {"pan" | "window"} what a drag changes */
  drag = "pan";

  /**
   * @param {Viewer} viewer
   * @param {HTMLElement} stage
   * @param {AbortSignal} signal removes the listeners
   */
  constructor(viewer, stage, signal) {
    this.viewer = viewer;
    this.stage = stage;
    const listen = (/** @type {string} */ name, /** @type {(event: any) => void} */ handler) => (
      stage.addEventListener(name, handler, { signal, passive: false }));
    const isOnControl = (/** @type {any} */ event) => event.target.closest("label"); // the heatmap's opacity
    listen("pointerdown", (event) => isOnControl(event) || this.#startDrag(event));
    listen("pointermove", (event) => this.#movePointer(event));
    listen("pointerup", (event) => this.#endDrag(event));
    listen("pointercancel", (event) => this.#endDrag(event));
    listen("pointerleave", () => viewer.showValueAt(null));
    listen("dblclick", (event) => isOnControl(event) || viewer.toggleActualSize(...this.#pointOf(event)));
    listen("contextmenu", (event) => event.preventDefault());
    listen("wheel", (event) => this.#zoomByWheel(event));
    document.addEventListener("keydown", (event) => this.#handleKey(event), { signal });
  }

  /**
   * Return where on the stage an event happened.
   * @param {MouseEvent} event
   * @returns {Point}
   */
  #pointOf(event) {
    const box = this.stage.getBoundingClientRect();
    const { ratio } = this.viewer;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  /** @param {PointerEvent} event */
  #startDrag(event) {
    this.pointers.set(event.pointerId, this.#pointOf(event));
    this.stage.setPointerCapture(event.pointerId);
    if (event.button === 1) event.preventDefault(); // the browser would scroll
    const changesWindow = event.button === 2 || (event.button === 0 && this.viewer.isWindowing);
    this.drag = changesWindow ? "window" : "pan";
    this.stage.dataset.drag = this.drag;
  }

  /** @param {PointerEvent} event */
  #movePointer(event) {
    const now = this.#pointOf(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.viewer.showValueAt(now);
      return;
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    const [across, down] = [now[0] - before[0], now[1] - before[1]];
    const { ratio } = this.viewer;
    if (other) this.#pinch(before, now, other);
    else if (this.drag === "window") this.viewer.changeWindow(across / ratio, down / ratio);
    else this.viewer.pan(across, down);
  }

  /**
   * Zoom by the distance of two fingers, and pan by the middle between them.
   * @param {Point} before
   * @param {Point} now
   * @param {Point} other the finger that does not move
   */
  #pinch(before, now, other) {
    const distance = (/** @type {Point} */ point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
    this.viewer.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.viewer.zoomBy(distance(now) / distance(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  /** @param {PointerEvent} event */
  #endDrag(event) {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size === 0) delete this.stage.dataset.drag;
  }

  /** @param {WheelEvent} event */
  #zoomByWheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1);
    const step = event.ctrlKey ? PINCH_STEP : WHEEL_STEP;
    this.viewer.zoomBy(Math.exp(-pixels * step), ...this.#pointOf(event));
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    if (isKeyTaken(event)) return;
    const arrow = ARROWS[event.key];
    if (arrow && document.activeElement === this.stage) {
      event.preventDefault();
      const [across, down] = arrow.map((direction) => direction * ARROW_STEP);
      if (event.shiftKey) this.viewer.changeWindow(across / 2, down / 2);
      else this.viewer.pan(-across * this.viewer.ratio, -down * this.viewer.ratio);
      return;
    }
    const action = ACTION_OF_KEY[event.key] ?? ACTION_OF_KEY[event.key.toLowerCase()];
    const hasFocus = this.viewer.root.contains(document.activeElement);
    if (!action || !(hasFocus || (this.viewer.usesPageKeys && areSingleKeysOn()))) return;
    event.preventDefault();
    this.viewer.runAction(action);
  }
}
