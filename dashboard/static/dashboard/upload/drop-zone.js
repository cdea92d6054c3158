/** @file The acceptance of dropped files and folders anywhere on a page with an upload form. */
import { collectDrop } from "./file-collection.js";

/**
 * Collect what is dropped on the page; otherwise the browser would open the file and leave the page.
 * @param {HTMLFormElement} form drops count only while it is on the page
 * @param {HTMLElement} zone gets the class is-over while files are dragged over the page
 * @param {object} handlers
 * @param {() => boolean} handlers.isLocked whether no files are accepted at the moment
 * @param {(count: number) => void} handlers.onFound is told the number of files while a large folder is read
 * @param {(collection: import("./file-collection.js").Collection) => void} handlers.onFiles gets the files
 */
export function connectDropZone(form, zone, { isLocked, onFound, onFiles }) {
  const setOver = (/** @type {boolean} */ isOver) => zone.classList.toggle("is-over", isOver && !isLocked());
  const hasFiles = (/** @type {DragEvent} */ event) => (
    form.isConnected && event.dataTransfer?.types.includes("Files"));
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    setOver(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) setOver(false);
  });
  document.addEventListener("drop", async (event) => {
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    setOver(false);
    if (!isLocked()) onFiles(await collectDrop(event.dataTransfer, onFound));
  });
}
