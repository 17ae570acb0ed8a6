/**
 * The tools of the film as buttons: arrows go along them, Tab leaves them.
 *
 * @import { MarkDesk } from "./mark-desk.js"
 * @typedef {object} Tool
 * @property {string} command
 * @property {string} icon
 * @property {string} text
 * @property {(desk: MarkDesk) => boolean} [on]
 * @property {boolean} [filmsOnly]
 */
import { html, icon, set } from "./dom.js";
import { BINDINGS } from "./keyboard.js";

/** @type {Tool[][]} */
const GROUPS = [
  [
    { command: "undo", icon: "undo", text: "Undo" },
    { command: "redo", icon: "redo", text: "Redo" },
  ],
  [
    { command: "mark", icon: "mark", text: "Mark landmarks", on: (d) => d.hand.tool === "mark" },
    { command: "angle", icon: "angle", text: "Free angle", on: (d) => d.hand.tool === "angle", filmsOnly: true },
    { command: "length", icon: "length", text: "Free length", on: (d) => d.hand.tool === "length", filmsOnly: true },
    { command: "calibrate", icon: "calibrate", text: "Scale from an object", on: (d) => d.hand.tool === "calibrate", filmsOnly: true },
    { command: "snapping", icon: "snap", text: "Snap outlines to the edge", on: (d) => d.hand.snapping, filmsOnly: true },
  ],
  [
    { command: "zoomIn", icon: "zoomIn", text: "Larger" },
    { command: "zoomOut", icon: "zoomOut", text: "Smaller" },
    { command: "fit", icon: "fit", text: "Whole film" },
  ],
  [
    { command: "flip", icon: "flip", text: "Mirror the view", on: (d) => d.film.view.flipped },
    { command: "turn", icon: "turn", text: "Turn the view" },
    { command: "invert", icon: "invert", text: "Invert grey", on: (d) => d.film.window.inverted },
    { command: "autoWindow", icon: "auto", text: "Window of the film" },
    { command: "loupe", icon: "loupe", text: "Loupe follows the pointer", on: (d) => d.film.loupeHovers },
    { command: "names", icon: "names", text: "Names of marks", on: (d) => d.shown.names },
    { command: "lines", icon: "lines", text: "Lines of the analysis", on: (d) => d.shown.lines, filmsOnly: true },
  ],
];

/** @param {string} command @returns {string} its first key, as a hint */
export function keyOf(command) {
  return BINDINGS.find((b) => b.command === command)?.keys[0] ?? "";
}

export class Toolbar {
  /** @param {HTMLElement} host @param {(command: string) => void} run */
  constructor(host, run) {
    this.host = host;
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
    const groups = GROUPS.map((group) => html("div", { class: "tools" }, ...group.map((tool) => this.#button(tool, run))));
    host.replaceChildren(...groups);
    host.addEventListener("keydown", (e) => this.#along(e));
    this.#rove(this.#all()[0]);
  }

  /** @param {Tool} tool @param {(command: string) => void} run */
  #button(tool, run) {
    const key = keyOf(tool.command);
    const title = key ? `${tool.text} (${key})` : tool.text;
    const button = html(
      "button",
      {
        type: "button",
        class: "tool",
        title,
        "aria-label": tool.text,
        "aria-keyshortcuts": key.replace("Ctrl", "Control") || null,
        "data-command": tool.command,
        onclick: () => run(tool.command),
      },
      icon(tool.icon),
    );
    this.buttons.set(tool.command, button);
    return button;
  }

  #all() {
    return [...this.buttons.values()].filter((button) => !button.hidden);
  }

  /** @param {HTMLButtonElement} to */
  #rove(to) {
    for (const button of this.#all()) button.tabIndex = button === to ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #along(event) {
    const all = this.#all();
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (at < 0 || by === undefined || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    const to = all[(at + by + all.length) % all.length];
    this.#rove(to);
    to.focus();
  }

  /** @param {MarkDesk} desk */
  show(desk) {
    for (const tool of GROUPS.flat()) {
      const button = this.buttons.get(tool.command);
      if (button) button.hidden = tool.filmsOnly === true && desk.session.kind !== "films";
      if (button && tool.on) set(button, { "aria-pressed": String(tool.on(desk)) });
    }
    const { undoLabel, redoLabel } = desk.session.history;
    this.#offer("undo", undoLabel, "Undo");
    this.#offer("redo", redoLabel, "Redo");
  }

  /** @param {string} command @param {string | null} label @param {string} verb */
  #offer(command, label, verb) {
    const button = this.buttons.get(command);
    if (!button) return;
    set(button, {
      "aria-disabled": label === null ? "true" : null,
      "aria-label": label ? `${verb}: ${label}` : `${verb}: nothing`,
      title: label ? `${verb}: ${label} (${keyOf(command)})` : verb,
    });
  }
}
