/** @file The controls of a viewer: tool bar, preset list, status text and readouts. They show a state and hold none. */
import { areSingleKeysOn, saveSingleKeys } from "../shared/single-keys.js";
import { formatMeasurement } from "../shared/number-words.js";

/**
 * @import { PixelValues } from "./pixel-values.js"
 * @import { Viewer } from "./viewer.js"
 * @import { Preset, Window } from "./window-level.js"
 */

/** The controls of one viewer. */
export class ViewerControls {
  /** @type {HTMLElement} the viewer's element */
  root;
  /** @type {Viewer} */
  viewer;

  /**
   * @param {Viewer} viewer
   * @param {AbortSignal} signal removes the listeners
   */
  constructor(viewer, signal) {
    this.viewer = viewer;
    this.root = viewer.root;
    for (const button of this.root.querySelectorAll("button")) {
      const action = button.dataset.do;
      if (action) button.addEventListener("click", () => viewer.runAction(action), { signal });
    }
    const { presets, opacity } = this;
    presets.addEventListener("change", () => viewer.choosePreset(presets.value), { signal });
    opacity?.addEventListener("input", () => viewer.schedulePaint(), { signal });
    this.root.addEventListener("fullscreenchange", () => viewer.showState(), { signal });
    const singleKeys = /** @type {HTMLInputElement} */ (this.part("single-keys"));
    singleKeys.checked = areSingleKeysOn();
    singleKeys.addEventListener("change", () => saveSingleKeys(singleKeys.checked), { signal });
    if (!document.fullscreenEnabled) this.#button("full")?.setAttribute("hidden", "");
  }

  /**
   * Return the element with a data attribute.
   * @param {string} name without "data-"
   */
  part(name) {
    return /** @type {HTMLElement | null} */ (this.root.querySelector(`[data-${name}]`));
  }

  get presets() {
    return /** @type {HTMLSelectElement} */ (this.part("presets"));
  }

  get opacity() {
    return /** @type {HTMLInputElement | null} */ (this.part("opacity"));
  }

  /** The opacity of the heatmap, 0 to 1. */
  get heatmapOpacity() {
    return Number(this.opacity?.value ?? 0) / 100;
  }

  /** Show the canvas with its controls in place of the picture that is there without JavaScript. */
  reveal() {
    for (const name of ["bar", "canvas", "readout", "facts"]) this.part(name)?.removeAttribute("hidden");
    for (const image of this.root.querySelectorAll(".viewer__still")) image.setAttribute("hidden", "");
  }

  /**
   * Fill the preset list, with a hidden entry for a window of the user's own.
   * @param {Preset[]} presets
   */
  listPresets(presets) {
    const own = new Option("Own", "");
    own.hidden = true;
    this.presets.replaceChildren(...presets.map(({ key, name }) => new Option(name, key)), own);
  }

  /** Open the dialog with keys and mouse. */
  showHelp() {
    /** @type {HTMLDialogElement} */ (this.part("help")).showModal();
  }

  /**
   * Show the viewer's state on the buttons and readouts.
   * @param {Record<string, boolean>} pressed whether a button is pressed, by its action
   */
  showState(pressed) {
    const { values, viewport, choice } = this.viewer;
    for (const [action, isPressed] of Object.entries(pressed)) {
      this.#button(action)?.setAttribute("aria-pressed", String(isPressed));
    }
    this.part("opacity-box")?.toggleAttribute("hidden", !pressed.map);
    this.presets.value = choice.presetKey;
    this.#write("zoom", `Zoom ${formatMeasurement(100 * viewport.zoom)} %`);
    this.#write("levels", windowText(choice.window));
    this.#write("depth", values ? depthText(values) : "");
  }

  /**
   * Show a sentence over the film, or remove it.
   * @param {string} text
   */
  showStatus(text) {
    this.#write("status", text);
  }

  /**
   * Show the value under the pointer, or remove it.
   * @param {string} text
   */
  showValue(text) {
    this.#write("probe", text);
  }

  /** @param {string} action */
  #button(action) {
    return this.root.querySelector(`[data-do=${action}]`);
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #write(name, text) {
    const element = this.part(name);
    if (element) element.textContent = text;
  }
}

/** @param {Window | null} window */
function windowText(window) {
  if (!window) return "its own curve";
  return `W ${formatMeasurement(window.width)}  L ${formatMeasurement(window.centre)}`;
}

/** @param {PixelValues} values */
function depthText({ width, height, isFullDepth, bits, scale }) {
  const size = `${Math.round(width)} × ${Math.round(height)}`;
  if (!isFullDepth) return size;
  return `${size}, ${bits} bit${scale > 1 ? `, shown at 1/${scale}` : ""}`;
}
