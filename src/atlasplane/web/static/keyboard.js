/**
 * Keys and what they do. The help is drawn from this table; nothing else knows a key.
 *
 * @typedef {{keys: string[], command: string, text: string, group: string, plain?: boolean}} Binding
 * `keys` as written for people; plain: a single letter or sign, which the user can switch off.
 */

/** @type {Binding[]} */
export const BINDINGS = [
  { keys: ["Enter"], command: "confirm", text: "Place at the cross; on to the next landmark", group: "Landmarks" },
  { keys: ["N"], command: "next", text: "Next landmark", group: "Landmarks", plain: true },
  { keys: ["P"], command: "previous", text: "Previous landmark", group: "Landmarks", plain: true },
  { keys: ["V"], command: "notVisible", text: "Not visible on this film, or visible again", group: "Landmarks", plain: true },
  { keys: ["Delete", "Backspace"], command: "clear", text: "Clear the landmark, vertex or free line", group: "Landmarks" },
  { keys: ["."], command: "nextVertex", text: "Next vertex of the outline", group: "Landmarks", plain: true },
  { keys: [","], command: "previousVertex", text: "Previous vertex of the outline", group: "Landmarks", plain: true },
  { keys: ["Insert", "E"], command: "insertVertex", text: "Insert a vertex after this one", group: "Landmarks", plain: true },
  { keys: ["S"], command: "snapping", text: "Snapping while outlining, on or off", group: "Landmarks", plain: true },
  { keys: ["Shift+S"], command: "snap", text: "Snap this mark to the edge now", group: "Landmarks", plain: true },
  { keys: ["Arrows"], command: "nudge", text: "Move by 1 image pixel", group: "Moving a mark" },
  { keys: ["Shift+Arrows"], command: "nudge", text: "Move by 0.1 image pixel", group: "Moving a mark" },
  { keys: ["Alt+Arrows"], command: "nudge", text: "Move by 10 image pixels", group: "Moving a mark" },
  { keys: ["Escape"], command: "escape", text: "Let go: tool, cross, half-drawn line", group: "Moving a mark" },
  { keys: ["Ctrl+Z"], command: "undo", text: "Undo", group: "Everything" },
  { keys: ["Ctrl+Y", "Ctrl+Shift+Z"], command: "redo", text: "Redo", group: "Everything" },
  { keys: ["Ctrl+S"], command: "save", text: "Save now (it saves by itself)", group: "Everything" },
  { keys: ["PageDown"], command: "nextFilm", text: "Next film (in a scan: next slice)", group: "Everything" },
  { keys: ["PageUp"], command: "previousFilm", text: "Previous film (in a scan: previous slice)", group: "Everything" },
  { keys: ["?"], command: "help", text: "These keys", group: "Everything", plain: true },
  { keys: ["G"], command: "angle", text: "Free angle: two lines", group: "Tools", plain: true },
  { keys: ["D"], command: "length", text: "Free length", group: "Tools", plain: true },
  { keys: ["K"], command: "calibrate", text: "Scale from an object of known size", group: "Tools", plain: true },
  { keys: ["L"], command: "loupe", text: "Loupe follows the pointer, on or off", group: "Tools", plain: true },
  { keys: ["Shift+L"], command: "magnify", text: "Loupe 4, 5, 6 or 8 times", group: "Tools", plain: true },
  { keys: ["T"], command: "names", text: "Names of the marks, on or off", group: "Tools", plain: true },
  { keys: ["H"], command: "lines", text: "Lines of the analysis, on or off", group: "Tools", plain: true },
  { keys: ["B"], command: "boneOutlines", text: "Outlines of the registered bones, on or off", group: "Tools", plain: true },
  { keys: ["Shift+B"], command: "bonePicture", text: "Film, difference to the model, film and model in tiles", group: "Tools", plain: true },
  { keys: ["+", "="], command: "zoomIn", text: "Larger", group: "Picture", plain: true },
  { keys: ["-"], command: "zoomOut", text: "Smaller", group: "Picture", plain: true },
  { keys: ["0"], command: "fit", text: "Whole film", group: "Picture", plain: true },
  { keys: ["1"], command: "actual", text: "One image pixel on one screen pixel", group: "Picture", plain: true },
  { keys: ["Ctrl+Arrows"], command: "pan", text: "Move the picture", group: "Picture" },
  { keys: ["F"], command: "flip", text: "Mirror the view; the side badge moves along", group: "Picture", plain: true },
  { keys: ["R"], command: "turn", text: "Turn the view by a quarter", group: "Picture", plain: true },
  { keys: ["I"], command: "invert", text: "Invert grey", group: "Picture", plain: true },
  { keys: ["A"], command: "autoWindow", text: "Window of the film itself", group: "Picture", plain: true },
  { keys: ["]"], command: "brighter", text: "Brighter", group: "Picture", plain: true },
  { keys: ["["], command: "darker", text: "Darker", group: "Picture", plain: true },
  { keys: ["}"], command: "harder", text: "More contrast", group: "Picture", plain: true },
  { keys: ["{"], command: "softer", text: "Less contrast", group: "Picture", plain: true },
];

/** The mouse and the fingers, for the help. @type {[string, string][]} */
export const POINTER_HELP = [
  ["Press, drag, let go", "Place a landmark: it sits where you let go"],
  ["Drag a mark", "Move it; the small dots of an outline insert a vertex"],
  ["Right button, drag", "Window: across for contrast, up and down for brightness"],
  ["Wheel, pinch", "Zoom at the pointer"],
  ["Middle button, space and drag, two fingers", "Move the picture"],
];

/** @type {Record<string, [number, number]>} */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} event
 * @returns {string} as written in the table
 */
export function written(event) {
  const control = event.ctrlKey || event.metaKey;
  const sign = event.key.length === 1 && event.key.toLowerCase() === event.key.toUpperCase();
  const parts = [];
  if (control) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  // A sign such as ? or { already says that Shift is down.
  if (event.shiftKey && !sign) parts.push("Shift");
  parts.push(event.key in ARROWS ? "Arrows" : event.key.length === 1 ? event.key.toUpperCase() : event.key);
  return parts.join("+");
}

/**
 * @param {Parameters<typeof written>[0]} event
 * @param {boolean} plainKeys whether single letters and signs count
 * @returns {Binding | null}
 */
export function bindingOf(event, plainKeys = true) {
  const text = written(event);
  const found = BINDINGS.find((b) => b.keys.includes(text)) ?? null;
  return found && found.plain && !plainKeys ? null : found;
}

/** @param {Parameters<typeof written>[0]} event @returns {number} image pixels of one nudge */
export function nudgeStep(event) {
  if (event.altKey) return 10;
  return event.shiftKey ? 0.1 : 1;
}

/**
 * Whether a key belongs to the element that has the focus and not to the film.
 * @param {EventTarget | null} target
 * @param {string} key
 * @param {boolean} control whether Ctrl is down: a slider or a list leaves such keys alone
 */
export function belongsTo(target, key, control) {
  if (!(target instanceof Element)) return false;
  if (target.closest("dialog")) return true;
  if (target.matches("input[type=range], input[type=checkbox], select")) return !control;
  if (target.matches("input, textarea")) return true;
  const pressed = target.closest("button, a, summary, [role=option]");
  if (pressed && (key === "Enter" || key === " ")) return true;
  return target.closest("[role=listbox], [role=toolbar], [role=tablist]") !== null && key in ARROWS;
}
