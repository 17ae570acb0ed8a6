/**
 * What can be done with the marks, one function an action: the mouse, the keyboard and the buttons all call these.
 *
 * @import { Point } from "./types.js"
 * @import { Session } from "./session.js"
 */
import { ApiError } from "./api.js";
import { say } from "./dom.js";
import * as marks from "./marks.js";
import { placeText } from "./protocol.js";

/** Whether the chosen landmark waits for a press. @param {Session} session @returns {boolean} */
export function awaitsPress(session) {
  const step = session.step;
  if (!step || session.marks.points[step.id]) return false;
  return true;
}

/** Place the chosen point, or add a vertex to the chosen outline. @param {Session} session @param {Point} at @param {boolean} final */
export function place(session, at, final) {
  const step = session.step;
  if (!step) return;
  if (step.kind === "contour") {
    const line = session.history.settled.marks.contours[step.id] ?? [];
    const to = marks.withContour(session.history.settled.marks, step.id, [...line, at]);
    if (final) session.commit(`Add a point to ${session.nameOf(step.id)}`, to);
    else session.preview(to);
    return;
  }
  const to = marks.withPoint(session.history.settled.marks, step.id, at);
  if (final) {
    session.commit(`Place ${session.nameOf(step.id)}`, to);
    say(`${session.nameOf(step.id)} placed at ${placeText(at)}`);
  } else session.preview(to);
}

/** @param {Session} session @param {string} key of a handle @param {Point} at @param {boolean} final @param {string | null} [merge] */
export function moveHandle(session, key, at, final, merge = null) {
  const [kind, id, index] = key.split(":");
  const settled = session.history.settled.marks;
  let to = settled;
  let label = `Move ${session.nameOf(id)}`;
  if (kind === "point") to = marks.withPoint(settled, id, at);
  else if (kind === "vertex") to = marks.withContour(settled, id, marks.movedVertex(settled.contours[id], Number(index), at));
  else if (kind === "middle") {
    to = marks.withContour(settled, id, marks.insertedVertex(settled.contours[id], Number(index), at));
    label = `Insert a point into ${session.nameOf(id)}`;
  } else if (kind === "free") {
    to = marks.withFree(settled, marks.movedEnd(settled.free[Number(id)], Number(index), at), Number(id));
    label = `Move ${settled.free[Number(id)].kind === "angle" ? "an angle" : "a length"}`;
  }
  if (final) session.commit(label, to, merge);
  else session.preview(to);
}

/** @param {Session} session @param {string} key @returns {Point | null} where a handle is */
export function handlePlace(session, key) {
  const [kind, id, index] = key.split(":");
  if (kind === "point") return marks.placeOf(session.marks.points[id]);
  if (kind === "vertex") return session.marks.contours[id]?.[Number(index)] ?? null;
  if (kind === "free") return marks.endsOf(session.marks.free[Number(id)] ?? { kind: "length", line: [[], []] })[Number(index)] ?? null;
  return null;
}

/** @param {Session} session */
export function toggleNotVisible(session) {
  const step = session.step;
  if (!step) return;
  const hidden = marks.stateOf(session.marks, step) === "hidden";
  const name = session.nameOf(step.id);
  if (hidden) {
    session.commit(`${name} can be seen`, marks.without(session.marks, step.id));
    say(`${name} is to be marked again`);
    return;
  }
  session.commit(`${name} not visible`, marks.withNotVisible(session.marks, step.id));
  say(`${name} noted as not visible`);
  session.advance();
}

/** Delete: the chosen vertex, else the chosen mark. @param {Session} session */
export function clear(session) {
  const step = session.step;
  if (!step) return;
  const line = session.marks.contours[step.id];
  const name = session.nameOf(step.id);
  if (line && session.chosen?.vertex !== null && session.chosen?.vertex !== undefined) {
    const index = session.chosen.vertex;
    const shorter = marks.deletedVertex(line, index);
    session.commit(`Delete a point of ${name}`, marks.withContour(session.marks, step.id, shorter));
    session.choose(step.id, shorter.length ? Math.min(index, shorter.length - 1) : null);
    say(`Point ${index + 1} of ${name} deleted`);
    return;
  }
  if (marks.stateOf(session.marks, step) === "open" && !line) return;
  session.commit(`Clear ${name}`, marks.without(session.marks, step.id));
  say(`${name} cleared`);
}

/** @param {Session} session @param {number} index */
export function clearFree(session, index) {
  session.commit("Delete a free measurement", marks.withoutFree(session.marks, index));
  say("Free measurement deleted");
}

/** Image px each side of a mark that the edge is looked for in. */
export const SNAP_REACH_PX = 8;

/** The chosen mark to the strongest edge near it. @param {Session} session @param {number | null} [only] that vertex alone */
export async function snap(session, only = null) {
  const step = session.step;
  if (!step || session.kind !== "films") return;
  const line = session.marks.contours[step.id];
  const at = marks.placeOf(session.marks.points[step.id]);
  try {
    if (step.kind === "contour" && line && line.length > 1) await snapOutline(session, step.id, line, only);
    else if (at) await snapPoint(session, step.id, at);
  } catch (fault) {
    say(ApiError.of(fault).problem.what);
  }
}

/** @param {Session} session @param {string} id @param {Point[]} line @param {number | null} only */
async function snapOutline(session, id, line, only) {
  const answer = await session.api.snap({ contour: line }, SNAP_REACH_PX);
  const { found } = answer;
  const snapped = answer.contour ?? line;
  // The hand may have gone on meanwhile: then this answer is of yesterday.
  if (JSON.stringify(session.marks.contours[id]) !== JSON.stringify(line)) return;
  const to = line.map((p, k) => (found[k] && (only === null || only === k) ? snapped[k] : p));
  session.commit(`Snap ${session.nameOf(id)} to the edge`, marks.withContour(session.marks, id, to), only === null ? null : `snap ${id}`);
  if (only === null) say(`${found.filter(Boolean).length} of ${line.length} points moved to the edge`);
}

/** @param {Session} session @param {string} id @param {Point} at */
async function snapPoint(session, id, at) {
  const answer = await session.api.snap({ point: at }, SNAP_REACH_PX);
  const to = answer.point;
  if (!answer.found[0] || !to) {
    say("No edge found near this point");
    return;
  }
  session.commit(`Snap ${session.nameOf(id)} to the edge`, marks.withPoint(session.marks, id, to));
  say(`${session.nameOf(id)} moved to the edge`);
}
