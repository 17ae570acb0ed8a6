/**
 * Which border of the picture is which side of the patient. What nobody stated is asked, never guessed.
 *
 * @import { Direction, Settings } from "./types.js"
 * @import { View } from "./viewport.js"
 * @typedef {{letter: string, border: "left" | "right" | "top" | "bottom", strong: boolean}} Badge
 */
import { borderOf } from "./viewport.js";

const PROFILE = ["lateral", "lateral-full", "photo-lateral"];
const BOTH = ["vertex", "base-posterior"];

/** @type {Record<Direction, Direction>} */
export const OPPOSITE = { image_left: "image_right", image_right: "image_left", image_up: "image_down", image_down: "image_up" };

/** @type {Record<"patient_right" | "patient_anterior", {strong: string, weak: string, question: string}>} */
const NAMES = {
  patient_right: { strong: "R", weak: "L", question: "Where on this picture is the patient's right?" },
  patient_anterior: { strong: "A", weak: "P", question: "Where on this picture is the patient's front?" },
};

/** @param {string} view of a film @returns {("patient_right" | "patient_anterior")[]} what must be stated for it */
export function neededSides(view) {
  if (PROFILE.includes(view)) return ["patient_anterior"];
  return BOTH.includes(view) ? ["patient_right", "patient_anterior"] : ["patient_right"];
}

/** @param {string} view @param {Settings} settings @returns {("patient_right" | "patient_anterior")[]} still to be asked */
export function missingSides(view, settings) {
  return neededSides(view).filter((side) => !settings[side]);
}

/** @param {"patient_right" | "patient_anterior"} side @returns {string} */
export function questionOf(side) {
  return NAMES[side].question;
}

/**
 * @param {string} filmView
 * @param {Settings} settings
 * @param {View} view
 * @returns {Badge[]} stated sides at the border where they are now
 */
export function badges(filmView, settings, view) {
  /** @type {Badge[]} */
  const found = [];
  for (const side of neededSides(filmView)) {
    const direction = settings[side];
    if (!direction) continue;
    const strong = side === "patient_right" || neededSides(filmView).length === 1;
    found.push({ letter: NAMES[side].strong, border: borderOf(view, direction), strong });
    found.push({ letter: NAMES[side].weak, border: borderOf(view, OPPOSITE[direction]), strong: false });
  }
  return found;
}

/** Letters of the six directions of a person, LPS axes: negative first. */
const LPS_LETTERS = [
  ["R", "L"],
  ["A", "P"],
  ["F", "H"],
];

/** @param {number[]} direction LPS @returns {string} letter of the axis that it is closest to; F foot, H head */
export function lpsLetter(direction) {
  const axis = direction.reduce((best, v, k) => (Math.abs(v) > Math.abs(direction[best]) ? k : best), 0);
  return LPS_LETTERS[axis][direction[axis] < 0 ? 0 : 1];
}

/**
 * Badges of a slice of a volume.
 * @param {number[]} right LPS direction of the columns
 * @param {number[]} down LPS direction of the rows
 * @param {View} view
 * @returns {Badge[]}
 */
export function sliceBadges(right, down, view) {
  const back = (/** @type {number[]} */ v) => v.map((x) => -x);
  return [
    { letter: lpsLetter(right), border: borderOf(view, "image_right"), strong: lpsLetter(right) === "R" },
    { letter: lpsLetter(back(right)), border: borderOf(view, "image_left"), strong: lpsLetter(back(right)) === "R" },
    { letter: lpsLetter(back(down)), border: borderOf(view, "image_up"), strong: false },
    { letter: lpsLetter(down), border: borderOf(view, "image_down"), strong: false },
  ];
}
