/** Elements in one line, and what a screen reader is told. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {string | number | boolean | null | undefined | EventListener | ((event: any) => void)} Attribute
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * @template {Element} E
 * @param {E} element
 * @param {Record<string, Attribute>} attributes a function under "onname" is a listener; true is an empty attribute, null and false none
 * @param {Child[]} children
 * @returns {E}
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((c) => c !== null && c !== undefined && c !== false).map((c) => /** @type {Node | string} */ (c)));
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function html(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {Child[]} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  return filled(/** @type {SVGElementTagNameMap[K]} */ (document.createElementNS(SVG, tag)), attributes, children);
}

/** Puts these in place of an element's children. @param {Element} element @param {Child[]} children */
export function fill(element, ...children) {
  element.replaceChildren();
  filled(element, {}, children);
}

/** @param {Element} element @param {Record<string, string | number | boolean | null>} attributes */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) element.removeAttribute(name);
    else {
      const text = value === true ? "" : String(value);
      if (element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
  }
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** Icons: outlines on a field of 24. @type {Record<string, string>} */
const ICONS = {
  undo: "M9 6 4 11l5 5M4 11h10a6 6 0 0 1 0 12h-2",
  redo: "m15 6 5 5-5 5M20 11H10a6 6 0 0 0 0 12h2",
  zoomIn: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 21 21M10.5 7.5v6M7.5 10.5h6",
  zoomOut: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 21 21M7.5 10.5h6",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  actual: "M6 7v10M4 9l2-2M18 7v10M16 9l2-2M12 10v.5M12 14v.5",
  flip: "M12 3v18M9 7 3 17h6zM15 7l6 10h-6z",
  turn: "M19 12a7 7 0 1 1-3-5.7M19 3v5h-5",
  invert: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  auto: "M4 18c4 0 5-12 8-12s4 12 8 12",
  loupe: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 7v3.5M12 13.5V17M7 12h3.5M13.500 12H17",
  snap: "M6 4v7a6 6 0 0 0 12 0V4M6 8h4M14 8h4M6 4h4v4M14 8V4h4",
  angle: "M4 19h16M4 19 15 5M11 19a8 8 0 0 0-2.3-5.6",
  length: "M4 16 16 4l4 4L8 20zM7 13l2 2M10 10l2 2M13 7l2 2",
  calibrate: "M3 9h18v6H3zM7 9v3M11 9v4M15 9v3M19 9v4",
  names: "M4 5h9l7 7-8 8-8-8zM8.5 9.5v.01",
  mark: "M12 3v6M12 15v6M3 12h6M15 12h6",
  contour: "M4 18C6 8 10 5 20 5M4 18v.01M8 9.5v.01M20 5v.01",
  keys: "M3 6h18v12H3zM7 10v.01M11 10v.01M15 10v.01M8 14h8",
  lines: "M4 7h16M4 12h16M4 17h16",
};

/** @param {string} name @returns {SVGSVGElement} decoration: the button has the name */
export function icon(name) {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: ICONS[name] ?? "", fill: "none", stroke: "currentColor", "stroke-width": 1.7, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}

let lastSaid = "";

/** Says a sentence through the polite live region. @param {string} text */
export function say(text) {
  const region = byId("spoken");
  // The same words twice are two messages: a space more makes them so.
  lastSaid = text === lastSaid ? `${text}\u00a0` : text;
  region.textContent = lastSaid;
}
