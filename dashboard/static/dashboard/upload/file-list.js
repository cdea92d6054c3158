// A list of any number of files that draws only the rows in view.
import { number, size } from "../shared/number-words.js";

const SPARE = 6; // rows drawn above and below the view
const AT_MOST = 8; // rows the view is high

const GROUPS = {
  all: () => true,
  waiting: ({ state }) => ["waiting", "checking", "sending"].includes(state),
  rejected: ({ state }) => state === "rejected",
  unsent: ({ state }) => state === "failed" || state === "unsent",
};

const STATES = {
  waiting: ["clock", "Waiting"],
  checking: ["eye", "Checking"],
  sending: ["up", "Sending"],
  arrived: ["check", "Arrived"],
  present: ["check", "Already there"],
  rejected: ["bar", "Rejected"],
  failed: ["cross", "Not sent"],
  unsent: ["dash", "Not sent"],
};

/** The list inside `root`, which holds the filter buttons and the view. */
export class FileList {
  constructor(root) {
    this.root = root;
    this.view = root.querySelector("[data-view]");
    this.space = root.querySelector("[data-space]");
    this.none = root.querySelector("[data-none]");
    this.buttons = [...root.querySelectorAll("[data-group]")];
    this.rows = [];
    this.entries = [];
    this.group = "all";
    for (const button of this.buttons) button.addEventListener("click", () => this.filter(button.dataset.group));
    this.view.addEventListener("scroll", () => this.draw(), { passive: true });
    window.addEventListener("resize", () => this.refresh());
  }

  /** Show other files. */
  show(entries) {
    this.entries = entries;
    this.refresh();
  }

  filter(group) {
    this.group = group;
    this.view.scrollTop = 0;
    this.refresh();
  }

  /** Count and draw anew, after states have changed. */
  refresh() {
    this.root.hidden = !this.entries.length;
    for (const button of this.buttons) {
      const { group } = button.dataset;
      const count = this.entries.reduce((sum, entry) => sum + (GROUPS[group](entry) ? 1 : 0), 0);
      button.querySelector("b").textContent = number(count);
      button.classList.toggle("is-nil", !count);
      button.setAttribute("aria-pressed", String(group === this.group));
    }
    this.shown = this.group === "all" ? this.entries : this.entries.filter(GROUPS[this.group]);
    this.draw();
  }

  draw() {
    const { view, space, shown } = this;
    view.hidden = !shown.length;
    this.none.hidden = Boolean(shown.length);
    if (!shown.length || this.root.hidden) return;
    const height = parseFloat(getComputedStyle(view).getPropertyValue("--row")) * rem();
    view.style.height = `${Math.min(shown.length, AT_MOST) * height}px`;
    view.setAttribute("aria-rowcount", String(shown.length));
    space.style.height = `${shown.length * height}px`;
    const first = Math.max(0, Math.floor(view.scrollTop / height) - SPARE);
    const last = Math.min(shown.length, Math.ceil((view.scrollTop + view.clientHeight) / height) + SPARE);
    while (this.rows.length < last - first) this.rows.push(this.newRow());
    while (this.rows.length > last - first) this.rows.pop().remove();
    this.rows.forEach((row, index) => fill(row, shown[first + index], first + index, height));
  }

  newRow() {
    const row = part("div", "entry", "row");
    const name = part("div", "entry-name", "cell");
    name.append(part("span", "entry-path"), part("span", "entry-note"));
    const word = part("div", "entry-word", "cell");
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    icon.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
    word.append(icon, part("span", "entry-state"));
    row.append(name, part("div", "entry-size", "cell"), word);
    this.space.append(row);
    return row;
  }
}

/** Pixels; larger where people want larger letters. */
function rem() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function part(tag, name, role) {
  const element = document.createElement(tag);
  element.className = name;
  if (role) element.setAttribute("role", role);
  return element;
}

function fill(row, entry, index, height) {
  const [icon, word] = STATES[entry.state];
  row.className = `entry is-${entry.state}`;
  row.style.top = `${index * height}px`;
  row.setAttribute("aria-rowindex", String(index + 1));
  write(row.querySelector(".entry-path"), entry.path);
  write(row.querySelector(".entry-note"), entry.note);
  write(row.querySelector(".entry-size"), entry.file ? size(entry.size) : "");
  const share = entry.state === "sending" && entry.size ? ` ${Math.floor((100 * entry.sent) / entry.size)} %` : "";
  write(row.querySelector(".entry-state"), word + share);
  row.querySelector("use").setAttribute("href", `#i-${icon}`);
  row.querySelector(".entry-name").title = entry.note ? `${entry.path}: ${entry.note}` : entry.path;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
