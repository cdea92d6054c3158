/** @file The actions of a viewer, by the names of its buttons and by its keys. */

/** @import { Viewer } from "./viewer.js" */

const ZOOM_STEP = 1.25;

/** @type {Record<string, (viewer: Viewer) => void>} by the names that the buttons have in data-do */
export const ACTIONS = {
  "zoom-in": (viewer) => viewer.zoomBy(ZOOM_STEP),
  "zoom-out": (viewer) => viewer.zoomBy(1 / ZOOM_STEP),
  fit: (viewer) => viewer.fit(),
  one: (viewer) => viewer.zoomTo(1),
  window: (viewer) => viewer.toggleWindowing(),
  invert: (viewer) => viewer.toggleInverted(),
  rotate: (viewer) => viewer.rotate(1),
  "rotate-back": (viewer) => viewer.rotate(-1),
  map: (viewer) => viewer.toggleHeatmap(),
  preset: (viewer) => viewer.stepPreset(1),
  "preset-back": (viewer) => viewer.stepPreset(-1),
  reset: (viewer) => viewer.reset(),
  full: (viewer) => viewer.toggleFullScreen(),
  help: (viewer) => viewer.controls.showHelp(),
};

/** @type {Record<string, string>} names of actions by key */
export const ACTION_OF_KEY = {
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  _: "zoom-out",
  f: "fit",
  1: "one",
  w: "window",
  i: "invert",
  r: "rotate",
  R: "rotate-back",
  h: "map",
  0: "reset",
  p: "preset",
  P: "preset-back",
  x: "full",
  "?": "help",
};
