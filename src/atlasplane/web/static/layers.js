/**
 * From a session to what is drawn over its pixels.
 *
 * @import { Handle, Layers } from "./film-overlay.js"
 * @import { Hand } from "./tools.js"
 * @import { Marks, Point } from "./types.js"
 * @import { Session } from "./session.js"
 */
import { endsOf, placeOf } from "./marks.js";
import { placeText, spoken, tagName } from "./protocol.js";

/**
 * @param {Session} session
 * @param {Hand} hand
 * @param {{aim: Point | null, names: boolean, others: Marks[], drawing: boolean}} shown
 * @returns {Layers}
 */
export function layersOf(session, hand, shown) {
  const contours = outlines(session);
  return {
    handles: [...otherReadings(shown.others), ...vertices(session), ...points(session), ...freeEnds(session, hand)],
    outlines: contours,
    free: freeLines(session, hand),
    guides: [],
    drawing: shown.drawing ? (session.live?.drawing ?? null) : null,
    aim: shown.aim,
    names: shown.names,
  };
}

/** @param {Session} session @returns {Handle[]} */
function points(session) {
  return session.steps.flatMap((step) => {
    const at = placeOf(session.marks.points[step.id]);
    if (!at) return [];
    const current = session.chosen?.step === step.id;
    return [{ key: `point:${step.id}`, at, tag: tagName(step), spoken: spoken(step, session.marks), look: /** @type {const} */ ("point"), current }];
  });
}

/** @param {Session} session @returns {import("./film-overlay.js").Outline[]} */
function outlines(session) {
  return Object.entries(session.marks.contours).map(([id, at]) => ({ at, current: session.chosen?.step === id }));
}

/** Vertices of the chosen outline can be taken; of the others only the first shows, with the name. @param {Session} session @returns {Handle[]} */
function vertices(session) {
  return Object.entries(session.marks.contours).flatMap(([id, line]) => {
    const chosen = session.chosen?.step === id;
    const name = session.nameOf(id);
    /** @type {Handle[]} */
    const own = line.map((at, k) => ({
      key: `vertex:${id}:${k}`,
      at,
      tag: k === 0 ? session.tagOf(id) : "",
      spoken: `${name}, point ${k + 1} of ${line.length}, at ${placeText(at)}`,
      look: "vertex",
      current: chosen && session.chosen?.vertex === k,
    }));
    return chosen ? [...own, ...middles(id, name, line)] : own.slice(0, 1);
  });
}

/** @param {string} id @param {string} name @param {Point[]} line @returns {Handle[]} */
function middles(id, name, line) {
  return line.slice(1).map((p, k) => ({
    key: `middle:${id}:${k + 1}`,
    at: p.map((v, axis) => (v + line[k][axis]) / 2),
    tag: "",
    spoken: `Insert a point into ${name} between ${k + 1} and ${k + 2}`,
    look: /** @type {const} */ ("middle"),
    current: false,
  }));
}

/** @param {Session} session @param {Hand} hand @returns {Handle[]} */
function freeEnds(session, hand) {
  return session.marks.free.flatMap((tool, index) =>
    endsOf(tool).map((at, end) => ({
      key: `free:${index}:${end}`,
      at,
      tag: "",
      spoken: `Free ${tool.kind} ${index + 1}, end ${end + 1}, at ${placeText(at)}`,
      look: /** @type {const} */ ("end"),
      current: hand.chosenFree?.index === index && hand.chosenFree.end === end,
    })),
  );
}

/** @param {Session} session @param {Hand} hand @returns {Layers["free"]} */
function freeLines(session, hand) {
  const drawn = session.marks.free.map((tool) => {
    const ends = endsOf(tool);
    const lines = tool.kind === "angle" ? tool.lines : [tool.line];
    return { lines: /** @type {Point[][]} */ (lines), text: session.freeText(tool), textAt: ends[ends.length - 1] };
  });
  const begun = [];
  for (let k = 0; k + 1 < hand.ends.length; k += 2) begun.push(hand.ends.slice(k, k + 2));
  return begun.length ? [...drawn, { lines: begun, text: null, textAt: begun[0][0] }] : drawn;
}

/** @param {Marks[]} others @returns {Handle[]} */
function otherReadings(others) {
  return others.flatMap((marks, reading) =>
    Object.entries(marks.points).flatMap(([id, mark]) => {
      const at = placeOf(mark);
      return at ? [{ key: `other:${reading}:${id}`, at, tag: "", spoken: "", look: /** @type {const} */ ("other"), current: false }] : [];
    }),
  );
}
