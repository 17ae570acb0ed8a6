/**
 * Where a stored image lies on the screen. Pure: flips, turns, zoom and pan change a View and never a landmark.
 *
 * @typedef {object} View
 * @property {number} width viewport, CSS px
 * @property {number} height
 * @property {number} scale CSS px per image column
 * @property {number} aspect height over width of one stored pixel
 * @property {[number, number]} centre image point [column, row] in the middle of the viewport
 * @property {boolean} flipped mirrored left to right, after the turn
 * @property {0 | 1 | 2 | 3} turns quarter turns clockwise
 *
 * @typedef {[number, number]} Pair
 * @typedef {{rows: number, cols: number}} Size
 */

export const MAX_SCALE = 64;
const MARGIN = 12;
const COS = [1, 0, -1, 0];
const SIN = [0, 1, 0, -1];

/**
 * A view that shows the whole image.
 * @param {Size} image
 * @param {number} width
 * @param {number} height
 * @param {Partial<View>} [kept] flips, turns and aspect to keep
 * @returns {View}
 */
export function fitted(image, width, height, kept = {}) {
  const aspect = kept.aspect ?? 1;
  const turns = kept.turns ?? 0;
  const wide = turns % 2 ? image.rows * aspect : image.cols;
  const high = turns % 2 ? image.cols : image.rows * aspect;
  const scale = Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high);
  return {
    width,
    height,
    scale: Math.max(scale, 1e-3),
    aspect,
    centre: [(image.cols - 1) / 2, (image.rows - 1) / 2],
    flipped: kept.flipped ?? false,
    turns,
  };
}

/**
 * Screen vector of an image vector, both without translation.
 * @param {View} view
 * @param {number} dc columns
 * @param {number} dr rows
 * @returns {Pair}
 */
export function screenVector(view, dc, dr) {
  const x = dc * view.scale;
  const y = dr * view.aspect * view.scale;
  const turned = [COS[view.turns] * x - SIN[view.turns] * y, SIN[view.turns] * x + COS[view.turns] * y];
  return [view.flipped ? -turned[0] : turned[0], turned[1]];
}

/**
 * Image vector of a screen vector.
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @returns {Pair}
 */
export function imageVector(view, x, y) {
  const unflipped = view.flipped ? -x : x;
  const c = COS[view.turns] * unflipped + SIN[view.turns] * y;
  const r = -SIN[view.turns] * unflipped + COS[view.turns] * y;
  return [c / view.scale, r / (view.scale * view.aspect)];
}

/**
 * @param {View} view
 * @param {number[]} at image point
 * @returns {Pair} CSS px from the viewport's top left
 */
export function toScreen(view, at) {
  const [x, y] = screenVector(view, at[0] - view.centre[0], at[1] - view.centre[1]);
  return [x + view.width / 2, y + view.height / 2];
}

/**
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @returns {Pair} image point
 */
export function toImage(view, x, y) {
  const [c, r] = imageVector(view, x - view.width / 2, y - view.height / 2);
  return [c + view.centre[0], r + view.centre[1]];
}

/**
 * The canvas transform a, b, c, d, e, f from image points to the screen.
 * @param {View} view
 * @returns {[number, number, number, number, number, number]}
 */
export function matrix(view) {
  const [a, b] = screenVector(view, 1, 0);
  const [c, d] = screenVector(view, 0, 1);
  const [e, f] = toScreen(view, [0, 0]);
  return [a, b, c, d, e, f];
}

/**
 * Zoom that leaves the image point under the cursor where it is.
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @param {number} factor
 * @param {number} least smallest scale
 * @returns {View}
 */
export function zoomedAt(view, x, y, factor, least) {
  const scale = Math.min(MAX_SCALE, Math.max(least, view.scale * factor));
  const under = toImage(view, x, y);
  const zoomed = { ...view, scale };
  const [dc, dr] = imageVector(zoomed, x - view.width / 2, y - view.height / 2);
  return { ...zoomed, centre: [under[0] - dc, under[1] - dr] };
}

/**
 * @param {View} view
 * @param {number} dx how far the picture moves, CSS px
 * @param {number} dy
 * @param {Size} image its centre may not leave the viewport's edge
 * @returns {View}
 */
export function panned(view, dx, dy, image) {
  const [dc, dr] = imageVector(view, dx, dy);
  const within = (/** @type {number} */ v, /** @type {number} */ n) => Math.min(n - 0.5, Math.max(-0.5, v));
  return {
    ...view,
    centre: [within(view.centre[0] - dc, image.cols), within(view.centre[1] - dr, image.rows)],
  };
}

/**
 * @param {View} view
 * @param {number[]} at image point that moves to the middle
 * @param {number} [scale]
 * @returns {View}
 */
export function centredOn(view, at, scale = view.scale) {
  return { ...view, scale, centre: [at[0], at[1]] };
}

/** @param {View} view @returns {View} mirrored left to right */
export function flipped(view) {
  return { ...view, flipped: !view.flipped };
}

/** @param {View} view @returns {View} a quarter turn clockwise as seen */
export function turned(view) {
  const step = view.flipped ? 3 : 1;
  return { ...view, turns: /** @type {0 | 1 | 2 | 3} */ ((view.turns + step) % 4) };
}

/**
 * @param {View} view
 * @param {number} width
 * @param {number} height
 * @returns {View} the same image point in the middle of another viewport
 */
export function resized(view, width, height) {
  return { ...view, width, height };
}

/**
 * Part of the image that can be seen, whole pixels, clipped to the image: [left, top, right, bottom), right and bottom excluded.
 * @param {View} view
 * @param {Size} image
 * @returns {[number, number, number, number]}
 */
export function visiblePart(view, image) {
  const corners = [
    [0, 0],
    [view.width, 0],
    [0, view.height],
    [view.width, view.height],
  ].map(([x, y]) => toImage(view, x, y));
  const columns = corners.map((p) => p[0]);
  const rows = corners.map((p) => p[1]);
  const low = (/** @type {number[]} */ v, /** @type {number} */ n) => Math.min(n, Math.max(0, Math.floor(Math.min(...v))));
  const high = (/** @type {number[]} */ v, /** @type {number} */ n) => Math.min(n, Math.max(0, Math.ceil(Math.max(...v)) + 1));
  return [low(columns, image.cols), low(rows, image.rows), high(columns, image.cols), high(rows, image.rows)];
}

/** @type {Record<string, Pair>} */
const IMAGE_DIRECTIONS = {
  image_left: [-1, 0],
  image_right: [1, 0],
  image_up: [0, -1],
  image_down: [0, 1],
};

/**
 * Border of the viewport that a direction of the stored image points to.
 * @param {View} view
 * @param {string} direction
 * @returns {"left" | "right" | "top" | "bottom"}
 */
export function borderOf(view, direction) {
  const [x, y] = screenVector(view, ...IMAGE_DIRECTIONS[direction]);
  if (Math.abs(x) > Math.abs(y)) return x < 0 ? "left" : "right";
  return y < 0 ? "top" : "bottom";
}
