/**
 * Planes through a volume, LPS mm: where a pixel of a slice lies, and where a point of the body lies on a slice. Pure.
 *
 * @typedef {object} Plane
 * @property {number[]} centre point of the plane in the middle of the slice
 * @property {number[]} right unit vector of the columns
 * @property {number[]} down unit vector of the rows
 * @property {number} width pixels
 * @property {number} height
 * @property {number} mm size of a pixel
 */

/** @param {number[]} a @param {number[]} b @returns {number} */
export function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** @param {number[]} a @param {number[]} b @returns {number[]} */
export function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** @param {Plane} plane @param {number[]} at [column, row] @returns {number[]} LPS mm */
export function toBody(plane, at) {
  const along = (at[0] - (plane.width - 1) / 2) * plane.mm;
  const down = (at[1] - (plane.height - 1) / 2) * plane.mm;
  return plane.centre.map((v, k) => v + along * plane.right[k] + down * plane.down[k]);
}

/** @param {Plane} plane @param {number[]} point LPS mm @returns {{at: number[], depth: number}} pixel of its foot, and mm off the plane */
export function toSlice(plane, point) {
  const away = point.map((v, k) => v - plane.centre[k]);
  const at = [
    dot(away, plane.right) / plane.mm + (plane.width - 1) / 2,
    dot(away, plane.down) / plane.mm + (plane.height - 1) / 2,
  ];
  return { at, depth: dot(away, cross(plane.right, plane.down)) };
}

/** @param {Plane} plane @param {number[]} point @returns {Plane} the parallel plane through a point; the slice's middle stays in line */
export function through(plane, point) {
  const normal = cross(plane.right, plane.down);
  const off = dot(point.map((v, k) => v - plane.centre[k]), normal);
  return { ...plane, centre: plane.centre.map((v, k) => v + off * normal[k]) };
}

/**
 * A direction turned about an axis (right-handed).
 * @param {number[]} v @param {number[]} axis unit @param {number} degrees
 */
export function rotated(v, axis, degrees) {
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const side = cross(axis, v);
  const along = dot(axis, v) * (1 - c);
  return v.map((x, k) => x * c + side[k] * s + axis[k] * along);
}

/** The three planes of the body, as radiology shows them: the patient's right on the left of the picture. */
export const PLANES = {
  axial: { name: "Axial", right: [1, 0, 0], down: [0, 1, 0] },
  coronal: { name: "Coronal", right: [1, 0, 0], down: [0, 0, -1] },
  sagittal: { name: "Sagittal", right: [0, 1, 0], down: [0, 0, -1] },
};

/**
 * A slice that shows the whole volume.
 * @param {{right: number[], down: number[]}} directions
 * @param {number[]} centre
 * @param {[number[], number[]]} bounds corners of the volume
 * @param {number} mm
 * @param {number} most pixels a side
 * @returns {Plane}
 */
export function wholePlane(directions, centre, bounds, mm, most) {
  const size = bounds[1].map((v, k) => v - bounds[0][k]);
  const span = (/** @type {number[]} */ axis) => axis.reduce((sum, v, k) => sum + Math.abs(v) * size[k], 0);
  const wide = span(directions.right);
  const high = span(directions.down);
  const step = Math.max(mm, wide / most, high / most);
  return { ...directions, centre, width: Math.max(2, Math.round(wide / step)), height: Math.max(2, Math.round(high / step)), mm: step };
}
