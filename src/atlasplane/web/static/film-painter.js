/** Grey pixels on a canvas: windows what can be seen, and only when window, part or size changed. */
import { matrix, visiblePart } from "./viewport.js";
import { Pyramid, colours, paintPart, partOfLevel } from "./windowing.js";

/**
 * @import { Grey, Window } from "./windowing.js"
 * @import { View } from "./viewport.js"
 */

export class FilmPainter {
  constructor() {
    /** @type {Pyramid | null} */
    this.pyramid = null;
    this.table = new Uint32Array(65536);
    this.version = 0;
    /** @type {ImageData | null} */
    this.buffer = null;
    this.sheet = document.createElement("canvas");
    const context = this.sheet.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("this browser has no canvas");
    this.sheetContext = context;
    /** What the sheet holds. */
    this.held = { key: "", part: [0, 0, 0, 0] };
  }

  /** @param {Grey | null} image */
  setImage(image) {
    this.pyramid = image ? new Pyramid(image) : null;
    this.version += 1;
  }

  /** @param {Window} window */
  setWindow(window) {
    colours(window, this.table);
    this.version += 1;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view in CSS px
   * @param {number} ratio device px per CSS px
   */
  paint(context, view, ratio) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    if (!this.pyramid) return;
    const part = visiblePart(view, this.pyramid.base);
    if (part[2] <= part[0] || part[3] <= part[1]) return;
    const depth = this.pyramid.depthFor(view.scale * ratio);
    const level = this.pyramid.level(depth);
    const [left, top, right, bottom] = this.#windowed(part, depth, level);
    const size = 2 ** depth;
    const [a, b, c, d, e, f] = matrix(view);
    context.setTransform(a * ratio, b * ratio, c * ratio, d * ratio, e * ratio, f * ratio);
    context.imageSmoothingEnabled = view.scale * ratio < 12;
    const width = (right - left) * size;
    const height = (bottom - top) * size;
    context.drawImage(this.sheet, 0, 0, right - left, bottom - top, left * size - 0.5, top * size - 0.5, width, height);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  /**
   * @param {[number, number, number, number]} part of the image
   * @param {number} depth
   * @param {Grey} level
   * @returns {[number, number, number, number]} what the sheet holds, in the level's pixels
   */
  #windowed(part, depth, level) {
    const wanted = partOfLevel(part, depth, level);
    const key = `${this.version}/${depth}/${wanted}`;
    if (this.held.key === key) return wanted;
    const width = wanted[2] - wanted[0];
    const height = wanted[3] - wanted[1];
    if (this.sheet.width < width || this.sheet.height < height) {
      this.sheet.width = Math.max(this.sheet.width, width);
      this.sheet.height = Math.max(this.sheet.height, height);
    }
    if (!this.buffer || this.buffer.width !== width || this.buffer.height !== height) {
      this.buffer = new ImageData(width, height);
    }
    const buffer = this.buffer;
    paintPart(level, wanted, this.table, new Uint32Array(buffer.data.buffer));
    this.sheetContext.putImageData(buffer, 0, 0);
    this.held = { key, part: wanted };
    return wanted;
  }
}
