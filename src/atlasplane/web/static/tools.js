/**
 * The tool in the hand: marking, a free angle, a free length, a known length for the scale. A line is drawn in one
 * press-drag-release, or end by end.
 *
 * @import { FreeTool, Point } from "./types.js"
 * @import { Handle } from "./film-overlay.js"
 * @import { Session } from "./session.js"
 * @typedef {"mark" | "angle" | "length" | "calibrate"} ToolName
 */
import * as acts from "./acts.js";
import { say } from "./dom.js";
import * as marks from "./marks.js";

/** @type {Record<Exclude<ToolName, "mark">, {ends: number, prompt: string}>} */
export const LINE_TOOLS = {
  angle: { ends: 4, prompt: "Draw the first line, then the second." },
  length: { ends: 2, prompt: "Draw a line from end to end." },
  calibrate: { ends: 2, prompt: "Draw a line along the object of known size." },
};
/** Less than this between press and release, in image px, is a click: the other end follows. */
const CLICK_PX = 1.5;

export class Hand {
  /**
   * @param {Session} session
   * @param {{toolChanged: () => void, calibrate: (ends: [Point, Point]) => void, placed: () => void}} to
   */
  constructor(session, to) {
    this.session = session;
    this.to = to;
    /** @type {ToolName} */
    this.tool = "mark";
    /** Ends drawn so far by a line tool. @type {Point[]} */
    this.ends = [];
    /** @type {string | null} */
    this.holding = null;
    this.snapping = false;
    /** @type {Point | null} */
    this.start = null;
    /** Free measurement that Delete takes away. @type {{index: number, end: number} | null} */
    this.chosenFree = null;
  }

  /** @param {ToolName} tool */
  take(tool) {
    this.tool = tool === this.tool ? "mark" : tool;
    this.ends = [];
    this.holding = null;
    if (this.tool !== "mark") say(LINE_TOOLS[this.tool].prompt);
    this.to.toolChanged();
  }

  /** @param {Point} at @param {Handle | null} hit @returns {boolean} */
  press(at, hit) {
    this.start = at;
    if (hit) return this.#grab(hit);
    this.chosenFree = null;
    if (this.tool !== "mark") {
      this.holding = "line";
      this.ends = [...this.ends, at];
      if (this.ends.length % 2 === 1) this.ends = [...this.ends, at];
      else this.ends[this.ends.length - 1] = at;
      this.session.tell("sheet");
      return true;
    }
    if (!acts.awaitsPress(this.session)) {
      this.#explain();
      return false;
    }
    this.holding = "place";
    acts.place(this.session, at, false);
    return true;
  }

  #explain() {
    const step = this.session.step;
    if (!step) return;
    const hidden = marks.stateOf(this.session.marks, step) === "hidden";
    const name = this.session.nameOf(step.id);
    say(hidden ? `${name} is noted as not visible. Press V to mark it.` : `${name} is placed. Drag it, or press Delete to place it again.`);
  }

  /** @param {Handle} hit @returns {boolean} */
  #grab(hit) {
    this.holding = hit.key;
    this.chooseHandle(hit.key);
    return true;
  }

  /** @param {string} key */
  chooseHandle(key) {
    const [kind, id, index] = key.split(":");
    if (kind === "free") this.chosenFree = { index: Number(id), end: Number(index) };
    else {
      this.chosenFree = null;
      this.session.choose(id, kind === "point" ? null : Number(index));
    }
    this.session.tell("sheet");
  }

  /** @param {Point} at */
  move(at) {
    if (this.holding === "place") acts.place(this.session, at, false);
    else if (this.holding === "line") {
      this.ends[this.ends.length - 1] = at;
      this.session.tell("sheet");
    } else if (this.holding) acts.moveHandle(this.session, this.holding, at, false);
  }

  /** @param {Point} at */
  release(at) {
    const held = this.holding;
    this.holding = null;
    if (held === "place") this.#placed(at);
    else if (held === "line") this.#lineReleased(at);
    else if (held) this.#moved(held, at);
  }

  cancel() {
    if (this.holding === "line") this.ends = this.ends.slice(0, 2 * Math.floor((this.ends.length - 1) / 2));
    this.holding = null;
    this.session.cancelPreview();
  }

  /** @param {Point} at */
  #placed(at) {
    const step = this.session.step;
    acts.place(this.session, at, true);
    if (step?.kind === "contour") {
      const last = (this.session.marks.contours[step.id]?.length ?? 1) - 1;
      this.session.choose(step.id, last);
      if (this.snapping && last > 0) void acts.snap(this.session, last);
      return;
    }
    this.to.placed();
  }

  /** @param {string} key @param {Point} at */
  #moved(key, at) {
    const still = this.start !== null && apart(at, this.start) < 1e-9;
    if (still && !key.startsWith("middle")) {
      this.session.cancelPreview();
      return;
    }
    acts.moveHandle(this.session, key, at, true);
    const [kind, id, index] = key.split(":");
    if (this.snapping && (kind === "vertex" || kind === "middle")) void acts.snap(this.session, Number(index));
    else if (kind === "middle") this.session.choose(id, Number(index));
  }

  /** @param {Point} at */
  #lineReleased(at) {
    const clicked = this.start !== null && apart(at, this.start) < CLICK_PX;
    const second = this.ends.length % 2 === 0 && clicked && this.#sameEnds();
    this.ends[this.ends.length - 1] = at;
    if (second) this.ends = this.ends.slice(0, -1);
    this.#finishLine();
  }

  /** Whether the line just begun has no length yet. */
  #sameEnds() {
    const [a, b] = this.ends.slice(-2);
    return apart(a, b) < CLICK_PX;
  }

  /** One end by the keyboard. @param {Point} at */
  addEnd(at) {
    this.ends = [...this.ends, at];
    say(`End ${this.ends.length} set`);
    this.#finishLine();
  }

  #finishLine() {
    if (this.tool === "mark" || this.ends.length < LINE_TOOLS[this.tool].ends) {
      this.session.tell("sheet");
      return;
    }
    const ends = this.ends.map(marks.rounded);
    const tool = this.tool;
    this.ends = [];
    if (tool === "calibrate") {
      this.to.calibrate([ends[0], ends[1]]);
      return;
    }
    /** @type {FreeTool} */
    const made = tool === "angle"
      ? { kind: "angle", lines: [[ends[0], ends[1]], [ends[2], ends[3]]] }
      : { kind: "length", line: [ends[0], ends[1]] };
    const count = this.session.marks.free.length;
    this.session.commit(`Draw ${tool === "angle" ? "an angle" : "a length"}`, marks.withFree(this.session.marks, made));
    this.chosenFree = { index: count, end: 0 };
    this.take("mark");
  }
}

/** @param {Point} a @param {Point} b @returns {number} image px */
function apart(a, b) {
  return Math.hypot(...a.map((v, k) => v - b[k]));
}
