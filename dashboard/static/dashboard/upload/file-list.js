/** @file The list of an upload's files. It draws only the rows in view, so that their number does not matter. */
import { formatBytes, formatCount, formatWholePercent } from "../shared/number-words.js";

/** @import { UploadEntry } from "./upload-entry.js" */

const SPARE_ROWS = 6; // drawn above and below the view
const MAX_VISIBLE_ROWS = 8;
const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, (entry: UploadEntry) => boolean>} */
const GROUPS = {
  all: () => true,
  waiting: ({ state }) => ["waiting", "checking", "sending"].includes(state),
  rejected: ({ state }) => state === "rejected",
  unsent: ({ state }) => state === "failed" || state === "unsent",
};

/** Icon and word of each state. */
const STATES = {
  waiting: ["clock", "Waiting"],
  checking: ["eye", "Checking"],
  sending: ["up", "Uploading"],
  arrived: ["check", "Uploaded"],
  present: ["check", "Already uploaded"],
  rejected: ["bar", "Rejected"],
  failed: ["cross", "Not uploaded"],
  unsent: ["dash", "Not uploaded"],
};

/** The list with its filter buttons. */
export class FileList {
  /** @type {HTMLElement} holds the buttons and the view */
  root;
  /** @type {HTMLElement} the part that scrolls */
  view;
  /** @type {HTMLElement} holds the rows; as high as all of them together */
  space;
  /** @type {HTMLElement} shown where no file is in the chosen group */
  emptyText;
  /** @type {HTMLButtonElement[]} */
  buttons;
  /** @type {HTMLElement[]} the drawn rows */
  rows = [];
  /** @type {UploadEntry[]} all files */
  entries = [];
  /** @type {UploadEntry[]} the files of the chosen group */
  shown = [];
  /** @type {string} a key of GROUPS */
  group = "all";

  /** @param {HTMLElement} root */
  constructor(root) {
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`[data-${name}]`));
    this.root = root;
    this.view = part("view");
    this.space = part("space");
    this.emptyText = part("none");
    this.buttons = [...root.querySelectorAll("button")].filter((button) => button.dataset.group);
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.showGroup(button.dataset.group ?? "all"));
    }
    this.view.addEventListener("scroll", () => this.#drawRows(), { passive: true });
    window.addEventListener("resize", () => this.refresh());
  }

  /**
   * Show other files.
   * @param {UploadEntry[]} entries
   */
  showEntries(entries) {
    this.entries = entries;
    this.refresh();
  }

  /**
   * Show the files of one group.
   * @param {string} group a key of GROUPS
   */
  showGroup(group) {
    this.group = group;
    this.view.scrollTop = 0;
    this.refresh();
  }

  /** Count and draw again after states have changed. */
  refresh() {
    this.root.hidden = !this.entries.length;
    for (const button of this.buttons) {
      const group = button.dataset.group ?? "all";
      const count = this.entries.reduce((sum, entry) => sum + (GROUPS[group](entry) ? 1 : 0), 0);
      writeText(button, "b", formatCount(count));
      button.classList.toggle("is-zero", !count);
      button.setAttribute("aria-pressed", String(group === this.group));
    }
    this.shown = this.group === "all" ? this.entries : this.entries.filter(GROUPS[this.group]);
    this.#drawRows();
  }

  #drawRows() {
    const { view, space, shown, rows } = this;
    view.hidden = !shown.length;
    this.emptyText.hidden = Boolean(shown.length);
    if (!shown.length || this.root.hidden) return;
    const height = rowHeight(view);
    view.style.height = `${Math.min(shown.length, MAX_VISIBLE_ROWS) * height}px`;
    view.setAttribute("aria-rowcount", String(shown.length));
    space.style.height = `${shown.length * height}px`;
    const first = Math.max(0, Math.floor(view.scrollTop / height) - SPARE_ROWS);
    const last = Math.min(shown.length, Math.ceil((view.scrollTop + view.clientHeight) / height) + SPARE_ROWS);
    while (rows.length < last - first) rows.push(this.#addRow());
    while (rows.length > last - first) rows.pop()?.remove();
    rows.forEach((row, index) => fillRow(row, shown[first + index], first + index, height));
  }

  #addRow() {
    const row = createElement("div", "file-row", "row");
    const name = createElement("div", "file-row__name", "cell");
    name.append(createElement("span", "file-row__path"), createElement("span", "file-row__note"));
    const state = createElement("div", "file-row__state", "cell");
    state.append(createIcon(), document.createElement("span"));
    row.append(name, createElement("div", "file-row__size", "cell"), state);
    this.space.append(row);
    return row;
  }
}

/**
 * Return the height of a row in pixels; the style sheet has it in rem, so that it grows with the text.
 * @param {HTMLElement} view
 */
function rowHeight(view) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return parseFloat(getComputedStyle(view).getPropertyValue("--row")) * rem;
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [role]
 */
function createElement(tag, className, role) {
  const element = document.createElement(tag);
  element.className = className;
  if (role) element.setAttribute("role", role);
  return element;
}

function createIcon() {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  icon.append(document.createElementNS(SVG, "use"));
  return icon;
}

/**
 * @param {HTMLElement} row
 * @param {UploadEntry} entry
 * @param {number} index from 0
 * @param {number} height of a row in pixels
 */
function fillRow(row, entry, index, height) {
  const [icon, word] = STATES[entry.state];
  const share = entry.state === "sending" && entry.size ? ` ${formatWholePercent(entry.sent / entry.size)}` : "";
  row.className = `file-row is-${entry.state}`;
  row.style.top = `${index * height}px`;
  row.setAttribute("aria-rowindex", String(index + 1));
  writeText(row, ".file-row__path", entry.path);
  writeText(row, ".file-row__note", entry.note);
  writeText(row, ".file-row__size", entry.file ? formatBytes(entry.size) : "");
  writeText(row, ".file-row__state span", word + share);
  row.querySelector("use")?.setAttribute("href", `#i-${icon}`);
  row.querySelector(".file-row__name")?.setAttribute("title", entry.note ? `${entry.path}: ${entry.note}` : entry.path);
}

/**
 * @param {HTMLElement} parent
 * @param {string} selector
 * @param {string} text
 */
function writeText(parent, selector, text) {
  const element = parent.querySelector(selector);
  if (element && element.textContent !== text) element.textContent = text;
}
