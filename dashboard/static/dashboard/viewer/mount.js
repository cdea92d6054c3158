/** @file The start of the viewer on the page's film. */
import { Viewer } from "./viewer.js";

for (const root of document.querySelectorAll("[data-viewer]")) {
  if (root instanceof HTMLElement) new Viewer(root);
}
