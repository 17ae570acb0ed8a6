/**
 * The sequence of landmarks: what comes next, what is done, how a landmark is called.
 *
 * @import { Marks, Step } from "./types.js"
 */
import { placeOf, stateOf } from "./marks.js";

/** @param {Step} step @returns {string} e.g. "PL right" */
export function shortName(step) {
  return step.side ? `${step.landmark} ${step.side}` : step.landmark;
}

/** @param {Step} step @returns {string} e.g. "Posterior arch, inferior attachment, right" */
export function longName(step) {
  return step.side ? `${step.name}, ${step.side}` : step.name;
}

/** @param {Step} step @returns {string} e.g. "PL R", for the film */
export function tagName(step) {
  return step.side ? `${step.landmark} ${step.side === "right" ? "R" : "L"}` : step.landmark;
}

/**
 * The next step that is still open after the one named, from the start again if need be. Optional ones follow only on an optional
 * one: when all others are done the sequence ends, and a stray press places nothing.
 * @param {Step[]} steps
 * @param {Marks} marks
 * @param {string | null} after
 * @returns {Step | null}
 */
export function nextOpen(steps, marks, after) {
  const from = steps.findIndex((s) => s.id === after);
  const cycle = [...steps.slice(from + 1), ...steps.slice(0, from + 1)];
  const open = cycle.filter((s) => s.id !== after && stateOf(marks, s) === "open");
  return open.find((s) => !s.optional) ?? (steps[from]?.optional ? (open[0] ?? null) : null);
}

/**
 * @param {Step[]} steps
 * @param {string | null} id
 * @param {1 | -1} direction
 * @returns {Step | null} neighbour in the sequence, none past its ends
 */
export function neighbour(steps, id, direction) {
  const at = steps.findIndex((s) => s.id === id);
  if (at < 0) return steps[direction > 0 ? 0 : steps.length - 1] ?? null;
  return steps[at + direction] ?? null;
}

/**
 * @param {Step[]} steps
 * @param {Marks} marks
 * @returns {{done: number, total: number, hidden: number}} of the steps that are not optional, and optional ones that were done
 */
export function progress(steps, marks) {
  const states = steps.map((s) => ({ step: s, state: stateOf(marks, s) }));
  const counted = states.filter((s) => !s.step.optional || s.state !== "open");
  return {
    done: counted.filter((s) => s.state !== "open").length,
    total: counted.length,
    hidden: states.filter((s) => s.state === "hidden").length,
  };
}

/**
 * @param {Step[]} steps
 * @returns {{name: string, steps: Step[]}[]} in the order of the sequence
 */
export function groupsOf(steps) {
  /** @type {{name: string, steps: Step[]}[]} */
  const groups = [];
  for (const step of steps) {
    const last = groups[groups.length - 1];
    if (last && last.name === step.group) last.steps.push(step);
    else groups.push({ name: step.group, steps: [step] });
  }
  return groups;
}

const AXES = ["column", "row"];
const AXES_MM = ["left", "posterior", "superior"];

/** @param {number[]} at @returns {string} "column 1210.4 row 903.2", or millimetres of a volume */
export function placeText(at) {
  const names = at.length === 3 ? AXES_MM : AXES;
  const text = at.map((v, k) => `${names[k]} ${v.toFixed(1)}`).join(" ");
  return at.length === 3 ? `${text} mm` : text;
}

/** @param {Step} step @param {Marks} marks @returns {string} what a screen reader says of a landmark */
export function spoken(step, marks) {
  return `${shortName(step)}, ${spokenState(step, marks)}`;
}

/** @param {Step} step @param {Marks} marks @returns {string} */
export function spokenState(step, marks) {
  const state = stateOf(marks, step);
  if (state === "hidden") return "not visible";
  if (state === "open") return "to be marked";
  const at = placeOf(marks.points[step.id]);
  return at ? `placed at ${placeText(at)}` : `outline of ${marks.contours[step.id].length} points`;
}
