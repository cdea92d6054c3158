/** @file The user's choice of a window: one of the film's presets, or a window of their own. */
import { listPresets, minWindowWidth, transferWindow } from "./window-level.js";

/**
 * @import { PixelValues } from "./pixel-values.js"
 * @import { Preset, Window } from "./window-level.js"
 */

const DRAG_SPAN = 600; // CSS pixels of a drag that change centre or width by the film's whole range
const MAX_WIDTH = 4; // of a window, in multiples of the film's range

/** The choice for one film. */
export class WindowChoice {
  /** @type {PixelValues | null} null until the film's picture or values are loaded */
  values = null;
  /** @type {Preset[]} of these values; the first one is the default */
  presets = [];
  /** @type {string} key of the chosen preset, "" for a window of the user's own */
  presetKey = "";
  /** @type {Window | null} null stands for the film's own curve */
  window = null;

  /**
   * Set other values of the same film; the choice stays as far as they allow.
   * @param {PixelValues} values
   */
  setValues(values) {
    const before = this.values;
    const [defaultBefore] = this.presets;
    const isDefault = !before || this.presetKey === defaultBefore.key;
    this.values = values;
    this.presets = listPresets(values);
    if (before && this.presetKey === "") this.window = this.#transferWindow(before, defaultBefore, values);
    else if (isDefault || !this.choosePreset(this.presetKey)) this.choosePreset(this.presets[0].key);
  }

  /**
   * Choose a preset.
   * @param {string} chosen its key
   * @returns {boolean} whether the film has it
   */
  choosePreset(chosen) {
    const preset = this.presets.find(({ key }) => key === chosen);
    if (!preset) return false;
    this.presetKey = preset.key;
    this.window = preset.window;
    return true;
  }

  /**
   * Choose the next or previous preset; from a window of the user's own, the first one.
   * @param {1 | -1} step
   */
  stepPreset(step) {
    const current = this.presets.findIndex(({ key }) => key === this.presetKey);
    const next = current < 0 ? 0 : (current + step + this.presets.length) % this.presets.length;
    this.choosePreset(this.presets[next].key);
  }

  /**
   * Change the window by a drag.
   * @param {number} across CSS pixels; changes the width
   * @param {number} down CSS pixels; changes the centre
   */
  dragWindow(across, down) {
    const { values } = this;
    if (!values) return;
    const span = Math.abs(values.slope) * Math.max(1, values.highest - values.lowest);
    const { centre, width } = this.window ?? firstWindow(this.presets);
    const wanted = Math.max(minWindowWidth(values), width + (across * span) / DRAG_SPAN);
    this.window = { centre: centre + (down * span) / DRAG_SPAN, width: Math.min(MAX_WIDTH * span, wanted) };
    this.presetKey = "";
  }

  /**
   * Return the user's own window, set on other values of the film, for these values.
   * @param {PixelValues} before
   * @param {Preset} defaultBefore
   * @param {PixelValues} values
   */
  #transferWindow(before, defaultBefore, values) {
    const after = this.presets[0].window ?? firstWindow(this.presets);
    if (!this.window || !defaultBefore.window) return after;
    return transferWindow(this.window, defaultBefore.window, before.exact, after, values.exact);
  }
}

/**
 * Return the window of the first preset that has one; every film has the preset of its full range.
 * @param {Preset[]} presets
 */
function firstWindow(presets) {
  return /** @type {Window} */ (presets.find(({ window }) => window)?.window);
}
