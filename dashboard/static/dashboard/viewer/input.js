// Pointer, wheel and keys of a viewer, as calls of its methods.
import { isTaken, singleKeys } from "../shared/single-keys.js";

const WHEEL_STEP = 0.0015; // natural logarithm of the zoom a pixel of the wheel
const PINCH_STEP = 0.01; // the same of a trackpad's pinch, which comes as a wheel with Ctrl
const LINE = 16; // pixels
const NUDGE = 48; // pixels an arrow key moves

const KEYS = {
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", "_": "zoom-out", f: "fit", 1: "one", w: "window", i: "invert",
  r: "rotate", R: "rotate-back", h: "map", 0: "reset", p: "preset", P: "preset-back", x: "full", "?": "help",
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Input {
  constructor(viewer, stage, signal) {
    Object.assign(this, { viewer, stage, pointers: new Map(), drag: null });
    const on = (target, name, handle, options = {}) => target.addEventListener(name, handle, { signal, ...options });
    const bare = (handle) => (event) => event.target.closest("label") || handle(event); // not what lies on the stage
    on(stage, "pointerdown", bare((event) => this.down(event)));
    on(stage, "pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) on(stage, name, (event) => this.up(event));
    on(stage, "pointerleave", () => viewer.probe(null));
    on(stage, "dblclick", bare((event) => viewer.toggleOne(...this.place(event))));
    on(stage, "contextmenu", (event) => event.preventDefault());
    on(stage, "wheel", (event) => this.wheel(event), { passive: false });
    on(document, "keydown", (event) => this.key(event));
  }

  /** Where on the stage, in device pixels. */
  place(event) {
    const box = this.stage.getBoundingClientRect();
    const ratio = this.viewer.ratio;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  down(event) {
    this.pointers.set(event.pointerId, this.place(event));
    this.stage.setPointerCapture(event.pointerId);
    if (event.button === 1) event.preventDefault(); // the browser's own scrolling
    this.drag = event.button === 2 || (event.button === 0 && this.viewer.windowing) ? "window" : "pan";
    this.stage.dataset.drag = this.drag;
  }

  move(event) {
    const now = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.viewer.probe(now);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    const [across, down] = [now[0] - before[0], now[1] - before[1]];
    if (other) return this.pinch(before, now, other);
    if (this.drag === "window") return this.viewer.changeWindow(across / this.viewer.ratio, down / this.viewer.ratio);
    return this.viewer.pan(across, down);
  }

  /** Two fingers: their distance zooms, their middle moves. */
  pinch(before, now, other) {
    const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
    this.viewer.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.viewer.zoomBy(distance(now) / distance(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size === 0) delete this.stage.dataset.drag;
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    const step = event.ctrlKey ? PINCH_STEP : WHEEL_STEP;
    this.viewer.zoomBy(Math.exp(-pixels * step), ...this.place(event));
  }

  key(event) {
    if (isTaken(event)) return;
    const inside = this.viewer.root.contains(document.activeElement);
    const arrow = ARROWS[event.key];
    if (arrow && document.activeElement === this.stage) {
      event.preventDefault();
      const [across, down] = arrow.map((step) => step * NUDGE);
      if (event.shiftKey) this.viewer.changeWindow(across / 2, down / 2);
      else this.viewer.pan(-across * this.viewer.ratio, -down * this.viewer.ratio);
      return;
    }
    const action = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
    if (!action || !(inside || (this.viewer.keys && singleKeys()))) return;
    event.preventDefault();
    this.viewer.do(action);
  }
}
