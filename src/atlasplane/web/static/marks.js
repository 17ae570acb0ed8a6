/**
 * Marks of one reading, never changed in place: each function returns new marks.
 *
 * @import { FreeTool, Marks, Point, PointMark, Step } from "./types.js"
 */

/** @type {Marks} */
export const NO_MARKS = Object.freeze({ points: {}, contours: {}, free: [] });

/** Decimals of a stored coordinate: a thousandth of a pixel is far below what a hand can place. */
const DECIMALS = 3;

/** @param {Point} at @returns {Point} */
export function rounded(at) {
  return at.map((v) => Number(v.toFixed(DECIMALS)));
}

/** @param {Partial<Marks>} reading @returns {Marks} only the marks of a reading */
export function marksOf(reading) {
  return { points: reading.points ?? {}, contours: reading.contours ?? {}, free: reading.free ?? [] };
}

/** @param {PointMark | undefined} mark @returns {Point | null} */
export function placeOf(mark) {
  return mark && "at" in mark ? mark.at : null;
}

/** @param {Marks} marks @param {string} id @param {Point} at @returns {Marks} */
export function withPoint(marks, id, at) {
  return { ...marks, points: { ...marks.points, [id]: { at: rounded(at) } } };
}

/** @param {Marks} marks @param {string} id @returns {Marks} */
export function withNotVisible(marks, id) {
  return { ...withoutContour(marks, id), points: { ...marks.points, [id]: { visible: false } } };
}

/** @param {Marks} marks @param {string} id @returns {Marks} */
function withoutContour(marks, id) {
  const { [id]: _gone, ...contours } = marks.contours;
  return { ...marks, contours };
}

/** @param {Marks} marks @param {string} id @returns {Marks} point, contour or "not visible" taken away */
export function without(marks, id) {
  const { [id]: _gone, ...points } = marks.points;
  return { ...withoutContour(marks, id), points };
}

/** @param {Marks} marks @param {string} id @param {Point[]} line @returns {Marks} */
export function withContour(marks, id, line) {
  if (line.length === 0) return without(marks, id);
  const { [id]: _seen, ...points } = marks.points;
  return { ...marks, points, contours: { ...marks.contours, [id]: line.map(rounded) } };
}

/** @param {Point[]} line @param {number} index @param {Point} at @returns {Point[]} */
export function movedVertex(line, index, at) {
  return line.map((p, k) => (k === index ? at : p));
}

/** @param {Point[]} line @param {number} index the new vertex gets this index @param {Point} at @returns {Point[]} */
export function insertedVertex(line, index, at) {
  return [...line.slice(0, index), at, ...line.slice(index)];
}

/** @param {Point[]} line @param {number} index @returns {Point[]} */
export function deletedVertex(line, index) {
  return line.filter((_p, k) => k !== index);
}

/** @param {Marks} marks @param {FreeTool} tool @param {number} [index] replaces that one @returns {Marks} */
export function withFree(marks, tool, index = marks.free.length) {
  const free = [...marks.free];
  free[index] = tool;
  return { ...marks, free };
}

/** @param {Marks} marks @param {number} index @returns {Marks} */
export function withoutFree(marks, index) {
  return { ...marks, free: marks.free.filter((_t, k) => k !== index) };
}

/** @param {FreeTool} tool @returns {Point[]} its ends, in order */
export function endsOf(tool) {
  return tool.kind === "angle" ? tool.lines.flat() : tool.line;
}

/** @param {FreeTool} tool @param {number} end @param {Point} at @returns {FreeTool} */
export function movedEnd(tool, end, at) {
  const ends = endsOf(tool).map((p, k) => (k === end ? rounded(at) : p));
  return tool.kind === "angle"
    ? { kind: "angle", lines: [[ends[0], ends[1]], [ends[2], ends[3]]] }
    : { kind: "length", line: [ends[0], ends[1]] };
}

/**
 * @param {Marks} marks
 * @param {Step} step
 * @returns {"open" | "placed" | "hidden"} hidden: said to be not visible
 */
export function stateOf(marks, step) {
  const mark = marks.points[step.id];
  if (mark && !("at" in mark)) return "hidden";
  if (step.kind === "contour") return (marks.contours[step.id]?.length ?? 0) > 1 ? "placed" : "open";
  return mark ? "placed" : "open";
}

/** @param {Marks} marks @returns {Marks} without outlines of one point: a file takes a line only */
export function savable(marks) {
  return { ...marks, contours: Object.fromEntries(Object.entries(marks.contours).filter(([, line]) => line.length > 1)) };
}

/** @param {Marks} a @param {Marks} b @returns {boolean} whether both hold the same marks, whatever their order */
export function sameMarks(a, b) {
  return ordered(marksOf(a)) === ordered(marksOf(b));
}

/** @param {Marks} marks @returns {string} */
function ordered(marks) {
  const sorted = (/** @type {Record<string, any>} */ o) => Object.keys(o).sort().map((k) => [k, bare(o[k])]);
  return JSON.stringify([sorted(marks.points), sorted(marks.contours), marks.free]);
}

/** @param {any} mark a point's mark without what only the file holds, or a contour @returns {unknown} */
function bare(mark) {
  if (Array.isArray(mark)) return mark;
  return "at" in mark ? mark.at : "not visible";
}
