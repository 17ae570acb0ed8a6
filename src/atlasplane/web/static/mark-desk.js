/**
 * The workplace of one reading, whatever it is marked on: which mark the keys move, the cross of the keyboard, the commands.
 * A film desk has one picture; a volume desk has four.
 *
 * @import { FilmView } from "./film-view.js"
 * @import { Handle } from "./film-overlay.js"
 * @import { Marks, Point } from "./types.js"
 * @import { Session } from "./session.js"
 *
 * @typedef {object} DeskPage
 * @property {() => void} changed
 * @property {(ends: [Point, Point]) => void} calibrate
 * @property {() => Marks[]} others
 * @property {HTMLElement} bones where the panel of the bones goes
 * @property {HTMLElement} registration where the panel of the registration goes
 * @property {() => boolean} blind whether this reading must not see what others found
 * @property {() => Promise<string | null>} observer who decides
 */
import * as acts from "./acts.js";
import { say } from "./dom.js";
import { ARROWS, nudgeStep } from "./keyboard.js";
import { placeOf } from "./marks.js";
import { neighbour, placeText } from "./protocol.js";
import { Hand, LINE_TOOLS } from "./tools.js";
import { flipped, imageVector, toImage, turned } from "./viewport.js";

const LOUPE_AFTER_NUDGE_MS = 1600;
const PAN_STEP = 60;
const ZOOM_STEP = 1.25;

/** @abstract */
export class MarkDesk {
  /** @param {Session} session @param {DeskPage} page */
  constructor(session, page) {
    this.session = session;
    this.page = page;
    /** The keyboard's cross, in the session's space. @type {Point | null} */
    this.aim = null;
    this.shown = { names: true, lines: true };
    /** Mark that the arrows move. @type {string | null} */
    this.touched = null;
    this.hand = new Hand(session, {
      toolChanged: () => this.refresh(),
      calibrate: (ends) => page.calibrate(ends),
      placed: () => this.placedByHand(),
    });
    this.listener = () => this.refresh();
    session.listeners.add(this.listener);
  }

  /** The picture that the keys act on. @abstract @returns {FilmView} */
  get film() {
    throw new Error("a desk has a film");
  }

  /** @returns {FilmView[]} */
  get films() {
    return [this.film];
  }

  /** Draws marks and lines again. @abstract */
  refresh() {
    throw new Error("a desk can be drawn");
  }

  /** Window of the source itself. @abstract */
  autoWindow() {
    throw new Error("a desk has a window");
  }

  /** @param {Point} at on the picture @returns {Point} in the session's space */
  toSpace(at) {
    return at;
  }

  /** @param {Point} at in the session's space @returns {Point} on the picture */
  toFrame(at) {
    return at;
  }

  /** @param {Point} at in the session's space @param {number[]} by picture pixels @returns {Point} */
  moved(at, by) {
    return at.map((v, k) => v + by[k]);
  }

  /** Brings a place of the session's space onto the picture. @param {Point} at */
  reveal(at) {
    this.film.reveal(this.toFrame(at));
  }

  /** What a press would do now. @returns {string} */
  get prompt() {
    if (this.hand.tool !== "mark") return LINE_TOOLS[this.hand.tool].prompt;
    const step = this.session.step;
    if (!step || !acts.awaitsPress(this.session)) return "";
    return step.kind === "contour" ? `Outline ${this.session.nameOf(step.id)}, point by point` : `Place ${this.session.nameOf(step.id)}`;
  }

  focus() {
    this.film.root.focus({ preventScroll: true });
  }

  /** @param {boolean} on whether a press of the left button moves the picture */
  setPanning(on) {
    for (const film of this.films) film.gestures.panning = on;
  }

  /** @param {Point} at in the session's space @param {Handle | null} hit @returns {boolean} */
  press(at, hit) {
    this.aim = null;
    this.touched = null;
    const taken = this.hand.press(at, hit);
    if (hit && hit.look !== "middle") this.touched = hit.key;
    return taken;
  }

  /** A point was placed with the pointer: the next landmark comes up, the arrows still move the one just placed. */
  placedByHand() {
    const placed = this.session.chosen;
    if (!placed) return;
    this.session.advance();
    this.touched = `point:${placed.step}`;
    const step = this.session.step;
    if (step && step.id !== placed.step) say(`Next: ${this.session.nameOf(step.id)}`);
    else say("All landmarks are marked");
  }

  /** @param {string} key */
  touch(key) {
    this.touched = key;
    this.aim = null;
    this.hand.chooseHandle(key);
  }

  /** A landmark was chosen in the list. @param {string} id */
  choose(id) {
    this.session.choose(id);
    const at = placeOf(this.session.marks.points[id]) ?? this.session.marks.contours[id]?.[0] ?? null;
    this.touched = placeOf(this.session.marks.points[id]) ? `point:${id}` : null;
    this.hand.chosenFree = null;
    if (this.hand.tool !== "mark") this.hand.take("mark");
    this.aim = null;
    if (at) this.reveal(at);
    this.refresh();
  }

  /** @returns {string | null} mark that a nudge moves */
  #target() {
    if (this.touched) return this.touched;
    const { chosen, marks } = this.session;
    if (!chosen || this.aim) return null;
    if (chosen.vertex !== null) return `vertex:${chosen.step}:${chosen.vertex}`;
    return placeOf(marks.points[chosen.step]) ? `point:${chosen.step}` : null;
  }

  /** @param {KeyboardEvent} event */
  nudge(event) {
    const [dx, dy] = ARROWS[event.key];
    const step = nudgeStep(event);
    const vector = imageVector(this.film.view, dx, dy);
    const by = vector.map((v) => Math.sign(Math.round(v * 1e6)) * step);
    const key = this.#target();
    const at = key ? acts.handlePlace(this.session, key) : null;
    if (!key || !at) {
      this.#moveAim(by);
      return;
    }
    const to = this.moved(at, by);
    acts.moveHandle(this.session, key, to, true, `nudge ${key}`);
    this.spotlight(to);
    say(`${placeText(to)}`);
  }

  /** @param {number[]} by */
  #moveAim(by) {
    if (!this.aim) this.startAim();
    else this.aim = this.moved(this.aim, by);
    if (!this.aim) return;
    this.reveal(this.aim);
    this.spotlight(this.aim);
    say(`Cross at ${placeText(this.aim)}`);
    this.refresh();
  }

  /** The keyboard's cross in the middle of the picture. */
  startAim() {
    const { view } = this.film;
    this.touched = null;
    this.aim = this.toSpace(toImage(view, view.width / 2, view.height / 2).map(Math.round));
  }

  /** @param {Point} at the loupe shows it for a moment */
  spotlight(at) {
    this.film.showLoupe(this.toFrame(at));
    clearTimeout(this.spotlightTimer);
    this.spotlightTimer = setTimeout(() => this.film.showLoupe(null), LOUPE_AFTER_NUDGE_MS);
  }

  /** The cross for a landmark that waits to be placed. */
  confirmOpen() {
    if (acts.awaitsPress(this.session) && !this.aim) this.confirm();
  }

  /** Enter. */
  confirm() {
    const waits = this.hand.tool !== "mark" || acts.awaitsPress(this.session);
    if (!waits) {
      this.touched = null;
      const next = this.session.advance();
      say(next ? `Next: ${this.session.nameOf(next.id)}` : "All landmarks are marked");
    } else if (!this.aim) {
      this.startAim();
      if (this.aim) say(`Cross at ${placeText(this.aim)}. Arrows move it, Enter places.`);
    } else if (this.hand.tool !== "mark") this.hand.addEnd(this.aim);
    else this.#placeAtAim(this.aim);
    this.refresh();
  }

  /** @param {Point} at */
  #placeAtAim(at) {
    const step = this.session.step;
    acts.place(this.session, at, true);
    if (step?.kind === "contour") {
      say(`Point ${this.session.marks.contours[step.id]?.length} of ${this.session.nameOf(step.id)} set`);
      return;
    }
    this.aim = null;
    this.touched = step ? `point:${step.id}` : null;
  }

  /** @param {1 | -1} direction */
  neighbourStep(direction) {
    const step = neighbour(this.session.steps, this.session.chosen?.step ?? null, direction);
    if (!step) return;
    this.choose(step.id);
    say(this.session.nameOf(step.id));
  }

  /** @param {1 | -1} direction */
  neighbourVertex(direction) {
    const { chosen, marks } = this.session;
    const line = chosen ? marks.contours[chosen.step] : undefined;
    if (!chosen || !line) return;
    const at = chosen.vertex ?? (direction > 0 ? -1 : line.length);
    const index = Math.min(line.length - 1, Math.max(0, at + direction));
    this.touch(`vertex:${chosen.step}:${index}`);
    this.reveal(line[index]);
    this.spotlight(line[index]);
    say(`Point ${index + 1} of ${line.length}, ${placeText(line[index])}`);
    this.refresh();
  }

  insertVertex() {
    const { chosen, marks } = this.session;
    const line = chosen ? marks.contours[chosen.step] : undefined;
    if (!chosen || !line || line.length < 2) return;
    const index = Math.min(line.length - 2, chosen.vertex ?? line.length - 2) + 1;
    const middle = line[index].map((v, axis) => (v + line[index - 1][axis]) / 2);
    acts.moveHandle(this.session, `middle:${chosen.step}:${index}`, middle, true);
    this.touch(`vertex:${chosen.step}:${index}`);
    this.refresh();
  }

  escape() {
    this.aim = null;
    this.touched = null;
    if (this.hand.holding) this.hand.cancel();
    else if (this.hand.tool !== "mark") this.hand.take("mark");
    this.film.showLoupe(null);
    this.refresh();
  }

  clear() {
    if (this.hand.chosenFree) {
      acts.clearFree(this.session, this.hand.chosenFree.index);
      this.hand.chosenFree = null;
      this.touched = null;
    } else {
      if (this.touched && !this.touched.startsWith("free")) this.hand.chooseHandle(this.touched);
      this.touched = null;
      acts.clear(this.session);
    }
    this.refresh();
  }

  /** @param {-1 | 1} direction @param {"width" | "level"} what */
  stepWindow(direction, what) {
    if (what === "width") this.film.dragWindow(-40 * direction, 0);
    else this.film.dragWindow(0, -20 * direction);
  }

  /** @param {KeyboardEvent} event */
  pan(event) {
    const [dx, dy] = ARROWS[event.key];
    this.film.gestures.to.pan(-dx * PAN_STEP, -dy * PAN_STEP);
  }

  invert() {
    const inverted = !this.film.window.inverted;
    for (const film of this.films) film.setWindow({ ...film.window, inverted });
    say(this.film.window.inverted ? "Inverted" : "Not inverted");
    this.refresh();
  }

  flip() {
    for (const film of this.films) film.setView(flipped(film.view));
    say(this.film.view.flipped ? "View mirrored" : "View as stored");
    this.refresh();
  }

  turn() {
    for (const film of this.films) {
      film.setView(turned(film.view));
      film.fit();
    }
    this.refresh();
  }

  actual() {
    this.film.zoom(1 / this.film.view.scale);
  }

  /** @param {number} direction */
  zoomStep(direction) {
    const at = this.#target() ? acts.handlePlace(this.session, this.#target() ?? "") : this.aim;
    if (at) this.reveal(at);
    this.film.zoom(ZOOM_STEP ** direction);
  }

  /** @param {"names" | "lines"} what */
  toggle(what) {
    this.shown[what] = !this.shown[what];
    this.refresh();
  }

  toggleLoupe() {
    const on = !this.film.loupeHovers;
    for (const film of this.films) {
      film.loupeHovers = on;
      if (!on) film.showLoupe(null);
    }
    say(this.film.loupeHovers ? "Loupe on" : "Loupe only while a mark moves");
    this.refresh();
  }

  magnify() {
    const times = this.films.map((film) => film.loupe.turn())[0];
    say(`Loupe ${times} times`);
    this.refresh();
  }

  toggleSnapping() {
    this.hand.snapping = !this.hand.snapping;
    say(this.hand.snapping ? "Snapping on" : "Snapping off");
    this.refresh();
  }

  /** @returns {Record<string, (event: KeyboardEvent) => void>} */
  commands() {
    return {
      confirm: () => this.confirm(),
      next: () => this.neighbourStep(1),
      previous: () => this.neighbourStep(-1),
      notVisible: () => acts.toggleNotVisible(this.session),
      clear: () => this.clear(),
      nextVertex: () => this.neighbourVertex(1),
      previousVertex: () => this.neighbourVertex(-1),
      insertVertex: () => this.insertVertex(),
      snapping: () => this.toggleSnapping(),
      snap: () => void acts.snap(this.session),
      nudge: (event) => this.nudge(event),
      escape: () => this.escape(),
      angle: () => this.hand.take("angle"),
      length: () => this.hand.take("length"),
      calibrate: () => this.hand.take("calibrate"),
      loupe: () => this.toggleLoupe(),
      magnify: () => this.magnify(),
      names: () => this.toggle("names"),
      lines: () => this.toggle("lines"),
      zoomIn: () => this.zoomStep(1),
      zoomOut: () => this.zoomStep(-1),
      fit: () => this.film.fit(),
      actual: () => this.actual(),
      pan: (event) => this.pan(event),
      flip: () => this.flip(),
      turn: () => this.turn(),
      invert: () => this.invert(),
      autoWindow: () => this.autoWindow(),
      brighter: () => this.stepWindow(1, "level"),
      darker: () => this.stepWindow(-1, "level"),
      harder: () => this.stepWindow(1, "width"),
      softer: () => this.stepWindow(-1, "width"),
    };
  }

  /** No more work; the picture stays until another takes its place. */
  close() {
    this.session.listeners.delete(this.listener);
  }
}
