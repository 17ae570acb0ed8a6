/**
 * The workplace of one volume: three slices of the body and an oblique one, all through one point. A press places the landmark at
 * that very point of the body and takes the other slices there. Bones are outlined on every slice, and their seeds are handles.
 *
 * @import { DeskPage } from "./mark-desk.js"
 * @import { FilmView } from "./film-view.js"
 * @import { Handle, Layers } from "./film-overlay.js"
 * @import { Plane } from "./slice-plane.js"
 * @import { Point, VolumeDetail } from "./types.js"
 * @import { Session } from "./session.js"
 */
import * as acts from "./acts.js";
import { Bones, seedOf } from "./bones.js";
import { BonesPanel } from "./bones-panel.js";
import { html } from "./dom.js";
import { layersOf } from "./layers.js";
import { MarkDesk } from "./mark-desk.js";
import { placeOf } from "./marks.js";
import { SeedHand } from "./seed-hand.js";
import { SlicePane } from "./slice-pane.js";
import { PLANES, cross, dot, rotated, wholePlane } from "./slice-plane.js";

const MOST_PIXELS = 640;
const TILT_DEG = 60;

export class VolumeDesk extends MarkDesk {
  /** @param {HTMLElement} host @param {VolumeDetail} detail @param {Session} session @param {DeskPage} page */
  constructor(host, detail, session, page) {
    super(session, page);
    this.detail = detail;
    /** Point of the body that all slices go through. @type {Point} */
    this.at = this.#firstPoint(detail, session);
    this.tilts = { nod: 0, turn: 0 };
    this.step = Math.min(...detail.spacing_mm);
    this.grid = html("div", { class: "panes" });
    host.append(this.grid);
    this.failed = false;
    this.bones = new Bones(session.api, {
      changed: () => this.refresh(),
      drawn: () => this.panes.forEach((pane) => pane.showBones(this.bones.drawn)),
      saving: () => session.tell("save"),
      saver: (saver) => session.savers.splice(2, 1, saver),
    });
    this.seeds = new SeedHand(this, this.bones);
    this.panel = new BonesPanel(page.bones, this.bones, {
      add: (bone) => this.seeds.take(bone),
      go: (key) => this.seeds.go(key),
      observer: () => page.observer(),
    });
    /** What the server adds to a grey, so that 0 is left for outside. */
    this.offset = 0;
    /** @type {SlicePane[]} */
    this.panes = Object.values(PLANES).map((p) => this.#pane(p.name, p));
    this.oblique = this.#pane("Oblique", PLANES.axial);
    this.panes.push(this.oblique);
    this.oblique.root.append(this.#sliders());
    this.activePane = this.panes[0];
    this.autoWindow();
    this.activate(this.activePane);
    this.refresh();
    void this.bones.load();
  }

  /** @param {VolumeDetail} detail @param {Session} session @returns {Point} */
  #firstPoint(detail, session) {
    const marked = Object.values(session.marks.points).map(placeOf).find((at) => at !== null);
    return marked ?? detail.centre_lps;
  }

  /** @param {string} name @param {{right: number[], down: number[]}} directions */
  #pane(name, { right, down }) {
    const plane = this.#plane({ right, down });
    /** @type {SlicePane} */
    const pane = new SlicePane(this.grid, name, plane, this.session.api, {
      press: (at, hit) => this.#pressed(pane, at, hit),
      move: (at) => this.seeds.move(pane.toBody(at)) || this.hand.move(pane.toBody(at)),
      release: (at) => this.#released(pane, at),
      cancel: () => this.seeds.cancel() || this.hand.cancel(),
      windowed: (window) => this.films.forEach((film) => film !== pane.film && film.setWindow(window)),
      viewed: () => undefined,
      scroll: (steps) => this.#scrolled(pane, steps),
      focused: (handle) => handle.look !== "middle" && this.touch(handle.key),
    }, { arrived: (offset) => this.#arrived(offset), cut: () => this.refresh(), failed: () => this.#unfetched() });
    pane.root.addEventListener("focusin", () => this.activate(pane));
    pane.root.addEventListener("pointerdown", () => this.activate(pane));
    return pane;
  }

  /** @param {{right: number[], down: number[]}} directions @returns {Plane} */
  #plane(directions) {
    const { bounds_lps: bounds, centre_lps: centre } = this.detail;
    const whole = wholePlane(directions, centre, bounds, this.step, MOST_PIXELS);
    const normal = cross(whole.right, whole.down);
    const off = dot(this.at.map((v, k) => v - centre[k]), normal);
    return { ...whole, centre: centre.map((v, k) => v + off * normal[k]) };
  }

  #sliders() {
    const slider = (/** @type {"nod" | "turn"} */ which, /** @type {string} */ text) => {
      const input = html("input", { type: "range", min: -TILT_DEG, max: TILT_DEG, step: 1, value: 0, "aria-label": text });
      input.addEventListener("input", () => {
        this.tilts[which] = input.valueAsNumber;
        this.#turnOblique();
      });
      return html("label", {}, text, input);
    };
    return html("div", { class: "pane-tilts" }, slider("nod", "Tilt forward or back"), slider("turn", "Tilt to the side"));
  }

  #turnOblique() {
    const nod = (/** @type {number[]} */ v) => rotated(v, [1, 0, 0], this.tilts.nod);
    const front = nod(PLANES.axial.down);
    const lean = (/** @type {number[]} */ v) => rotated(v, front, this.tilts.turn);
    this.oblique.turn(this.#plane({ right: lean(nod(PLANES.axial.right)), down: lean(front) }));
    this.refresh();
  }

  /** The window is stated in greys of the scan; the pixels that come are moved by the offset. @param {number} offset */
  #arrived(offset) {
    if (offset === this.offset) return;
    this.offset = offset;
    this.autoWindow();
  }

  #unfetched() {
    if (this.failed) return;
    this.failed = true;
    setTimeout(() => {
      this.failed = false;
      for (const pane of this.panes) pane.fetching.want(pane.plane);
      void this.bones.load();
    }, 1500);
  }

  /** @param {SlicePane} pane */
  activate(pane) {
    this.activePane = pane;
    for (const each of this.panes) each.root.classList.toggle("active", each === pane);
  }

  /** @override @returns {FilmView} */
  get film() {
    return this.activePane.film;
  }

  /** @override @returns {FilmView[]} */
  get films() {
    return this.panes.map((pane) => pane.film);
  }

  /** @param {SlicePane} pane @param {Point} at @param {Handle | null} hit */
  #pressed(pane, at, hit) {
    this.activate(pane);
    if (this.seeds.press(at, pane.toBody(at), hit)) return true;
    if (this.press(pane.toBody(at), hit)) return true;
    this.#go(pane.toBody(at));
    return false;
  }

  /** @param {SlicePane} pane @param {Point} at */
  #released(pane, at) {
    const point = pane.toBody(at);
    const seed = this.seeds.release(at, point);
    if (!seed) this.hand.release(point);
    this.#go(seed ?? point);
  }

  /** @param {SlicePane} pane @param {number} steps */
  #scrolled(pane, steps) {
    const normal = cross(pane.plane.right, pane.plane.down);
    // One slice of the volume itself, along the axis that the picture looks along most.
    const apart = dot(normal.map(Math.abs), this.detail.spacing_mm);
    this.#go(this.at.map((v, k) => v + steps * apart * normal[k]));
    return true;
  }

  /** All slices through this point. @param {Point} point */
  #go(point) {
    const [low, high] = this.detail.bounds_lps;
    this.at = point.map((v, k) => Math.min(high[k], Math.max(low[k], v)));
    for (const pane of this.panes) pane.go(this.at);
    this.refresh();
  }

  /** @override @param {Point} at */
  reveal(at) {
    this.#go(at);
    super.reveal(at);
  }

  /** @override */
  autoWindow() {
    const { low, high, data_low: least, data_high: most } = this.detail.window;
    for (const film of this.films) {
      film.range = { data_low: least + this.offset, data_high: most + this.offset };
      film.setWindow({ low: low + this.offset, high: high + this.offset, inverted: film.window.inverted });
    }
  }

  /** @override @param {Point} at @returns {Point} */
  toSpace(at) {
    return this.activePane.toBody(at);
  }

  /** @override @param {Point} at @returns {Point} */
  toFrame(at) {
    return this.activePane.toSlice(at);
  }

  /** @override @param {Point} at @param {number[]} by @returns {Point} */
  moved(at, by) {
    const { right, down, mm } = this.activePane.plane;
    return at.map((v, k) => v + mm * (by[0] * right[k] + by[1] * down[k]));
  }

  /** @override */
  refresh() {
    if (!this.activePane) return;
    const { names } = this.shown;
    const whole = layersOf(this.session, this.hand, { aim: this.aim, names, others: this.page.others(), drawing: false });
    const layers = { ...whole, handles: [...whole.handles, ...this.seeds.handles()] };
    const waits = this.bones.adding !== null || acts.awaitsPress(this.session);
    for (const pane of this.panes) {
      pane.film.setLayers(this.#layersOn(pane, layers));
      pane.film.root.classList.toggle("placing", waits);
      pane.depthText.textContent = depthText(pane.plane, this.at);
    }
    this.panel.show(this.touched);
    this.page.changed();
  }

  /** @override @returns {string} */
  get prompt() {
    return this.bones.adding ? `Set a seed inside ${this.bones.nameOf(this.bones.adding)}` : super.prompt;
  }

  /** @override @param {string} key */
  touch(key) {
    if (seedOf(key)) this.seeds.touch(key);
    else super.touch(key);
  }

  /** @override @param {string} id */
  choose(id) {
    this.bones.adding = null;
    super.choose(id);
  }

  /** @override @param {KeyboardEvent} event */
  nudge(event) {
    const from = this.aim ? null : this.seeds.place;
    if (!from) {
      super.nudge(event);
      return;
    }
    const to = this.seeds.nudge(event, from);
    this.#go(to);
    this.spotlight(to);
  }

  /** @override */
  confirm() {
    if (this.bones.adding) this.seeds.confirm();
    else super.confirm();
  }

  /** @override */
  clear() {
    if (!this.seeds.clear()) super.clear();
  }

  /** @override */
  escape() {
    this.bones.adding = null;
    super.escape();
  }

  /** @param {SlicePane} pane @param {Layers} whole @returns {Layers} */
  #layersOn(pane, whole) {
    const flat = (/** @type {Point[]} */ line) => line.map((p) => pane.toSlice(p));
    const current = (/** @type {Handle} */ h) => (this.touched === null ? h.current : h.key === this.touched);
    return {
      ...whole,
      handles: whole.handles.filter((h) => pane.holds(h.at)).map((h) => ({ ...h, at: pane.toSlice(h.at), current: current(h) })),
      bones: pane.bonePaths,
      outlines: whole.outlines.filter((o) => o.at.some((p) => pane.holds(p))).map((o) => ({ ...o, at: flat(o.at) })),
      free: [],
      guides: this.panes.filter((other) => other !== pane).map((other) => flat(crossing(pane.plane, other.plane, this.at))).filter((line) => line.length > 0),
      aim: whole.aim && pane === this.activePane ? pane.toSlice(whole.aim) : null,
    };
  }

  /** @override @returns {Record<string, (event: KeyboardEvent) => void>} */
  commands() {
    return {
      ...super.commands(),
      undo: () => this.seeds.travel("undo"),
      redo: () => this.seeds.travel("redo"),
      angle: () => undefined,
      length: () => undefined,
      calibrate: () => undefined,
      snap: () => undefined,
      snapping: () => undefined,
      nextFilm: () => this.#scrolled(this.activePane, 1),
      previousFilm: () => this.#scrolled(this.activePane, -1),
    };
  }

  /** @override */
  close() {
    super.close();
    this.bones.close();
    for (const pane of this.panes) pane.stop();
  }
}

const AXIS_NAMES = ["left", "posterior", "superior"];

/** @param {Plane} plane @param {Point} at @returns {string} where along its normal, for slices along the body's axes */
function depthText(plane, at) {
  const normal = cross(plane.right, plane.down).map(Math.abs);
  const axis = normal.findIndex((v) => v > 0.999);
  return axis < 0 ? "" : `${AXIS_NAMES[axis]} ${(at[axis] + 0).toFixed(1).replace(/^-0\.0$/, "0.0")} mm`;
}

/** Where another plane crosses this one. @param {Plane} plane @param {Plane} other @param {Point} at a point of both @returns {Point[]} LPS mm */
function crossing(plane, other, at) {
  const along = cross(cross(plane.right, plane.down), cross(other.right, other.down));
  const length = Math.hypot(...along);
  if (length < 1e-3) return [];
  const reach = Math.max(plane.width, plane.height) * plane.mm;
  return [-1, 1].map((s) => at.map((v, k) => v + (s * reach * along[k]) / length));
}
