/**
 * Sixteen-bit grey to the screen. A table of 65536 colours is applied to the pixels that can be seen and to no others; for views
 * smaller than life a pyramid of halves is kept, so that a whole film costs no more than the viewport.
 *
 * @typedef {{pixels: Uint16Array, rows: number, cols: number}} Grey
 * @typedef {{low: number, high: number, inverted: boolean}} Window
 */

const OPAQUE = 0xff000000;
const LARGEST = 65535;
const DEEPEST = 5;

/**
 * Colours of all grey values, as the little-endian words of ImageData.
 * @param {Window} window
 * @param {Uint32Array} [into] table to fill, 65536 long
 * @returns {Uint32Array}
 */
export function colours(window, into = new Uint32Array(LARGEST + 1)) {
  const span = Math.max(window.high - window.low, 1);
  for (let value = 0; value <= LARGEST; value += 1) {
    const share = Math.min(1, Math.max(0, (value - window.low) / span));
    const grey = Math.round(255 * (window.inverted ? 1 - share : share));
    into[value] = (OPAQUE | (grey << 16) | (grey << 8) | grey) >>> 0;
  }
  return into;
}

/**
 * The image at half its size: means of 2 x 2 pixels, the last row and column repeated where a side is odd.
 * @param {Grey} image
 * @returns {Grey}
 */
export function halved(image) {
  const rows = Math.ceil(image.rows / 2);
  const cols = Math.ceil(image.cols / 2);
  const pixels = new Uint16Array(rows * cols);
  for (let r = 0; r < rows; r += 1) {
    const top = 2 * r * image.cols;
    const bottom = Math.min(2 * r + 1, image.rows - 1) * image.cols;
    for (let c = 0; c < cols; c += 1) {
      const left = 2 * c;
      const right = Math.min(left + 1, image.cols - 1);
      const sum =
        image.pixels[top + left] + image.pixels[top + right] + image.pixels[bottom + left] + image.pixels[bottom + right];
      pixels[r * cols + c] = (sum + 2) >> 2;
    }
  }
  return { pixels, rows, cols };
}

/** Halves of an image, made when they are first wanted. */
export class Pyramid {
  /** @param {Grey} image */
  constructor(image) {
    /** @type {Grey[]} */
    this.levels = [image];
  }

  /** @returns {Grey} */
  get base() {
    return this.levels[0];
  }

  /**
   * @param {number} depth 0 is the image itself
   * @returns {Grey}
   */
  level(depth) {
    while (this.levels.length <= depth) this.levels.push(halved(this.levels[this.levels.length - 1]));
    return this.levels[depth];
  }

  /**
   * Coarsest level whose pixels are no larger than those of the screen.
   * @param {number} scale screen pixels per image pixel
   * @returns {number}
   */
  depthFor(scale) {
    const wanted = Math.floor(Math.log2(1 / scale) + 1e-9);
    const most = Math.floor(Math.log2(Math.max(2, Math.min(this.base.rows, this.base.cols))));
    return Math.max(0, Math.min(wanted, DEEPEST, most));
  }
}

/**
 * Colours of a part of an image.
 * @param {Grey} image
 * @param {[number, number, number, number]} part left, top, right, bottom; the last two excluded
 * @param {Uint32Array} table
 * @param {Uint32Array} into row by row, at least as long as the part
 */
export function paintPart(image, part, table, into) {
  const [left, top, right, bottom] = part;
  const { pixels, cols } = image;
  let k = 0;
  for (let r = top; r < bottom; r += 1) {
    const end = r * cols + right;
    for (let p = r * cols + left; p < end; p += 1) {
      into[k] = table[pixels[p]];
      k += 1;
    }
  }
}

/**
 * A part of the image in the pixels of a level of the pyramid.
 * @param {[number, number, number, number]} part of level 0
 * @param {number} depth
 * @param {Grey} level
 * @returns {[number, number, number, number]}
 */
export function partOfLevel(part, depth, level) {
  const size = 2 ** depth;
  return [
    Math.floor(part[0] / size),
    Math.floor(part[1] / size),
    Math.min(level.cols, Math.ceil(part[2] / size)),
    Math.min(level.rows, Math.ceil(part[3] / size)),
  ];
}

/**
 * Window after a drag of the right button: to the right widens, upward brightens.
 * @param {Window} window
 * @param {number} dx CSS px
 * @param {number} dy
 * @param {{data_low: number, data_high: number}} range of the film's own values
 * @returns {Window}
 */
export function dragged(window, dx, dy, range) {
  const span = Math.max(range.data_high - range.data_low, 1);
  const width = Math.min(4 * span, Math.max(span / 500, (window.high - window.low) * Math.exp(dx / 200)));
  const towards = (window.inverted ? -1 : 1) * (dy / 500) * span;
  const middle = Math.min(range.data_high, Math.max(range.data_low, (window.high + window.low) / 2 + towards));
  return { ...window, low: middle - width / 2, high: middle + width / 2 };
}
