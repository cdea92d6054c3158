/**
 * The film viewer: zoom, pan, window and level, invert, turn, heatmap.
 *
 * Mounts on the element that templates/dashboard/film/_viewer.html makes, whose data attributes say what to show:
 *   data-pixels  address of the film's own values (202 while a worker renders them)
 *   data-map     address of the heatmap; absent where there is none, or where the reader must not see it
 *   data-width, data-height  the film's size in pixels, as its header says
 * Its <img data-still> is what is seen until then, and all that is seen without JavaScript.
 *
 *   const viewer = new Viewer(document.querySelector("[data-viewer]"));
 *   viewer.do("invert");   // any name in a data-do of the tool bar, and "rotate-back", "preset", "preset-back"
 *   viewer.keys = false;   // its single keys then work only while it has the focus
 *   viewer.dispose();      // before its element is thrown away
 *
 * Single keys it takes: + - F 1 W I R Shift+R H 0 P Shift+P X ?. Others are the page's. What is shown is kept
 * nowhere: a page begins anew. data-state of the element says how far it is: "still" (the picture is on the
 * canvas), "full" (the film's own values are) or "refused" (they cannot be had).
 */
import { setSingleKeys, singleKeys } from "../shared/single-keys.js";
import { Input } from "./input.js";
import { picture, values } from "./loading.js";
import { Painter } from "./painter.js";
import { Source } from "./pixel-values.js";
import { View } from "./viewport.js";
import { edges, fromEdges, leastWidth, presets, table } from "./window-level.js";

const ZOOM_STEP = 1.25;
const DRAG_SPAN = 600; // pixels of a drag that change window or level by all the film's values
const ACTIONS = {
  "zoom-in": (viewer) => viewer.zoomBy(ZOOM_STEP),
  "zoom-out": (viewer) => viewer.zoomBy(1 / ZOOM_STEP),
  fit: (viewer) => viewer.change(() => viewer.view.fit()),
  one: (viewer) => viewer.zoomTo(1),
  window: (viewer) => viewer.change(() => { viewer.windowing = !viewer.windowing; }),
  invert: (viewer) => viewer.change(() => { viewer.exchanged = !viewer.exchanged; }, true),
  rotate: (viewer) => viewer.change(() => viewer.view.turn(1)),
  "rotate-back": (viewer) => viewer.change(() => viewer.view.turn(-1)),
  map: (viewer) => viewer.toggleMap(),
  preset: (viewer) => viewer.stepPreset(1),
  "preset-back": (viewer) => viewer.stepPreset(-1),
  reset: (viewer) => viewer.reset(),
  full: (viewer) => viewer.toggleFullScreen(),
  help: (viewer) => viewer.part("help").showModal(),
};

export class Viewer {
  constructor(root) {
    this.root = root;
    this.stage = this.part("stage");
    this.painter = new Painter(this.part("canvas"));
    this.view = new View();
    this.keys = true;
    this.ended = new AbortController();
    this.source = null;
    this.map = null;
    this.start();
    this.ready = this.load();
  }

  part(name) { return this.root.querySelector(`[data-${name}]`); }

  get ratio() { return this.painter.canvas.width / this.stage.clientWidth || window.devicePixelRatio; }

  dispose() { this.ended.abort(); this.sizes.disconnect(); }

  do(name) { if (this.source && ACTIONS[name]) ACTIONS[name](this); }

  start() {
    const { signal } = this.ended;
    Object.assign(this, { windowing: false, exchanged: false, mapShown: false });
    for (const button of this.root.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => this.do(button.dataset.do), { signal });
    }
    this.part("presets").addEventListener("change", (event) => this.choose(event.target.value), { signal });
    this.part("opacity")?.addEventListener("input", () => this.paint(), { signal });
    this.root.addEventListener("fullscreenchange", () => this.show(), { signal });
    const single = this.part("single-keys");
    single.checked = singleKeys();
    single.addEventListener("change", () => setSingleKeys(single.checked), { signal });
    if (!document.fullscreenEnabled) this.root.querySelector("[data-do=full]").hidden = true;
    this.sizes = new ResizeObserver(() => this.resize());
    this.input = new Input(this, this.stage, signal);
  }

  /** The picture at once, then the film's own values. */
  async load() {
    try {
      this.take(await this.fromStill());
      this.open("still");
    } catch {
      // The picture is away, or comes from a bucket whose pixels a page may not read: the values alone will do.
    }
    try {
      this.take(await values(this.root.dataset.pixels, this.ended.signal, () => this.say("Full depth is loading …")));
      this.open("full");
      this.say("");
    } catch (error) {
      if (this.ended.signal.aborted) return;
      this.root.dataset.state = "refused";
      this.say(`Full depth is not available: ${error.message}`);
    }
  }

  async fromStill() {
    const still = this.part("still");
    await still.decode();
    const sides = [this.root.dataset.width, this.root.dataset.height].map(Number);
    return Source.fromPicture(still, Math.max(still.naturalWidth, still.naturalHeight, ...sides));
  }

  /** Put the canvas where the picture was. */
  open(state) {
    const { stage } = this;
    this.root.dataset.state = state;
    if (stage.tabIndex === 0) return;
    for (const name of ["bar", "canvas", "readout", "facts"]) this.part(name).hidden = false;
    for (const image of this.root.querySelectorAll(".viewer-still")) image.hidden = true;
    stage.tabIndex = 0;
    stage.setAttribute("role", "application");
    stage.setAttribute("aria-label", `${this.part("still").alt}; press ? for keys`);
    this.sizes.observe(stage);
    this.resize();
  }

  /** Show other values of the same film, as they were shown before. */
  take(source) {
    const before = this.source;
    const chosen = this.presets;
    Object.assign(this, { source, presets: presets(source) });
    this.view.setFilm(source.width, source.height);
    const kept = before && this.preset !== chosen[0].key && this.presets.find(({ key }) => key === this.preset);
    if (before && this.preset === "") this.window = carried(before, chosen[0], this.window, source, this.presets[0]);
    else ({ key: this.preset, window: this.window } = kept || this.presets[0]);
    const options = this.presets.map(({ key, name }) => new Option(name, key));
    this.part("presets").replaceChildren(...options, new Option("Own", ""));
    this.part("presets").lastChild.hidden = true;
    this.change(() => {}, true);
  }

  reset() {
    Object.assign(this, { exchanged: false, windowing: false, mapShown: false });
    this.view.reset();
    this.choose(this.presets[0].key);
  }

  choose(key) {
    const preset = this.presets.find((one) => one.key === key);
    if (preset) this.change(() => { this.preset = key; this.window = preset.window; }, true);
  }

  stepPreset(step) {
    const at = this.presets.findIndex(({ key }) => key === this.preset);
    const next = at < 0 ? 0 : (at + step + this.presets.length) % this.presets.length;
    this.choose(this.presets[next].key);
  }

  /** Drag across for the width, down for the centre; both in CSS pixels. */
  changeWindow(across, down) {
    const { source } = this;
    const least = leastWidth(source);
    const span = Math.abs(source.slope) * Math.max(1, source.highest - source.lowest);
    const now = this.window ?? this.presets.find(({ window }) => window).window;
    this.change(() => {
      this.window = {
        centre: now.centre + (down * span) / DRAG_SPAN,
        width: Math.min(4 * span, Math.max(least, now.width + (across * span) / DRAG_SPAN)),
      };
      this.preset = "";
    }, true);
  }

  pan(across, down) { this.change(() => this.view.pan(across, down)); }

  zoomBy(factor, x, y) { this.zoomTo(this.view.zoom * factor, x, y); }

  zoomTo(zoom, x = this.view.stageWidth / 2, y = this.view.stageHeight / 2) {
    this.change(() => this.view.zoomAt(x, y, zoom));
  }

  toggleOne(x, y) {
    if (!this.source) return;
    if (this.view.fitted) this.zoomTo(1, x, y);
    else this.do("fit");
  }

  async toggleMap() {
    const address = this.root.dataset.map;
    if (!address) return;
    this.mapShown = !this.mapShown;
    this.show();
    this.map ??= await picture(address).catch(() => null);
    if (!this.map) this.say("The heatmap could not be loaded.");
    this.paint();
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen();
  }

  resize() {
    const ratio = window.devicePixelRatio;
    const [width, height] = [Math.round(this.stage.clientWidth * ratio), Math.round(this.stage.clientHeight * ratio)];
    if (!width || !height) return;
    this.painter.resize(width, height);
    this.view.setStage(width, height);
    this.draw(); // at once: a canvas of another size is empty
    this.show();
  }

  change(doing, colours = false) {
    if (!this.source) return;
    doing();
    if (colours) this.colours = table(this.source, this.window, this.exchanged);
    this.show();
    this.paint();
  }

  paint() {
    this.due ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.due = undefined;
    if (!this.source) return;
    const map = this.mapShown ? this.map : null;
    this.painter.paint(this.source, this.view, this.colours, map, Number(this.part("opacity")?.value ?? 0) / 100);
  }

  /** Bring buttons and numbers up to date. */
  show() {
    const pressed = {
      window: this.windowing, invert: this.exchanged, map: this.mapShown, fit: this.view.fitted,
      one: Math.abs(this.view.zoom - 1) < 1e-6, full: document.fullscreenElement === this.root,
    };
    for (const [name, on] of Object.entries(pressed)) {
      this.root.querySelector(`[data-do=${name}]`)?.setAttribute("aria-pressed", String(on));
    }
    this.part("opacity-box")?.toggleAttribute("hidden", !this.mapShown);
    this.part("presets").value = this.preset;
    this.stage.dataset.mode = this.windowing ? "window" : "pan";
    this.stage.toggleAttribute("data-whole", this.view.fitted);
    this.part("zoom").textContent = `Zoom ${round(100 * this.view.zoom)} %`;
    this.part("levels").textContent = this.window
      ? `W ${round(this.window.width)}  L ${round(this.window.centre)}` : "its own curve";
    this.part("depth").textContent = depth(this.source);
  }

  /** Say what value lies under the pointer. */
  probe(place) {
    if (!this.source?.deep) return;
    const [x, y] = place ? this.view.toFilm(...place) : [-1, -1];
    const code = this.source.codeAt(x, y);
    this.part("probe").textContent = code === null ? "" : `${round(this.source.value(code))} at ${Math.floor(x)}, ${Math.floor(y)}`;
  }

  say(words) { this.part("status").textContent = words; }
}

/** A window that somebody set on one source, at the same place on another. */
function carried(before, first, now, source, second) {
  const [low, high] = edges(first.window, before.exact);
  const [to, end] = edges(second.window ?? presets(source).find(({ window }) => window).window, source.exact);
  const place = (value) => to + ((value - low) / (high - low)) * (end - to);
  const [dark, bright] = edges(now, before.exact);
  return fromEdges(place(dark), place(bright), source.exact);
}

function depth(source) {
  if (!source) return "";
  const size = `${Math.round(source.width)} × ${Math.round(source.height)}`;
  if (!source.deep) return size;
  return `${size}, ${source.bits} bit${source.scale > 1 ? `, shown at 1/${source.scale}` : ""}`;
}

/** Three digits, or all before the point. */
function round(value) {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
