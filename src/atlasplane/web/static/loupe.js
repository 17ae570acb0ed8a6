/** A round glass beside the mark that is being moved: the pixels under it, four to eight times. */
import { html, svg } from "./dom.js";
import { MAX_SCALE, toScreen } from "./viewport.js";

/**
 * @import { FilmPainter } from "./film-painter.js"
 * @import { Point } from "./types.js"
 * @import { View } from "./viewport.js"
 */

export const MAGNIFICATIONS = [4, 5, 6, 8];
const SIZE = 190;
const AWAY = 34;
/** Screen px per image px that the glass shows at least. */
const LEAST_SCALE = 2;

export class Loupe {
  constructor() {
    this.canvas = html("canvas");
    this.caption = html("span", { class: "loupe-caption" });
    this.root = html(
      "div",
      { class: "loupe", "aria-hidden": "true", hidden: true },
      this.canvas,
      svg(
        "svg",
        { viewBox: "-95 -95 190 190" },
        svg("path", { class: "halo", d: "M-95 0H-9M9 0H95M0-95V-9M0 9V95" }),
        svg("path", { class: "hair", d: "M-95 0H-9M9 0H95M0-95V-9M0 9V95" }),
        svg("circle", { class: "hair", r: 1.2 }),
      ),
      this.caption,
    );
    this.magnification = 6;
    const context = this.canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas");
    this.context = context;
  }

  /** Next magnification. @returns {number} */
  turn() {
    const next = MAGNIFICATIONS[(MAGNIFICATIONS.indexOf(this.magnification) + 1) % MAGNIFICATIONS.length];
    this.magnification = next;
    return next;
  }

  hide() {
    this.root.hidden = true;
  }

  /**
   * @param {FilmPainter} painter
   * @param {View} view
   * @param {Point} at image point in the middle of the glass
   * @param {number} ratio device px per CSS px
   */
  show(painter, view, at, ratio) {
    const side = Math.round(SIZE * ratio);
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const scale = Math.min(MAX_SCALE, Math.max(LEAST_SCALE, this.magnification * view.scale));
    painter.paint(this.context, { ...view, width: SIZE, height: SIZE, scale, centre: [at[0], at[1]] }, ratio);
    const [x, y] = toScreen(view, at);
    const beside = x + AWAY + SIZE < view.width ? x + AWAY : x - AWAY - SIZE;
    const above = y - AWAY - SIZE > 0 ? y - AWAY - SIZE : y + AWAY;
    const inside = (/** @type {number} */ v, /** @type {number} */ most) => Math.max(4, Math.min(v, most - SIZE - 4));
    this.root.style.transform = `translate(${inside(beside, view.width)}px, ${inside(above, view.height)}px)`;
    this.caption.textContent = `${this.magnification}\u00d7`;
    this.root.hidden = false;
  }
}
