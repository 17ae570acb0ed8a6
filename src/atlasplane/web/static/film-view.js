/**
 * A film on the screen: pixels, marks, side badges, loupe, and the hand on it. It knows no protocol and no server; who uses it
 * gives it an image, layers and an actor.
 *
 * @import { Badge } from "./sides.js"
 * @import { Grey, Window } from "./windowing.js"
 * @import { Handle, Layers } from "./film-overlay.js"
 * @import { Point } from "./types.js"
 * @import { View } from "./viewport.js"
 *
 * What happens on the film, in image points.
 * @typedef {object} Actor
 * @property {(at: Point, hit: Handle | null) => boolean} press
 * @property {(at: Point) => void} move
 * @property {(at: Point) => void} release
 * @property {() => void} cancel
 * @property {(window: Window) => void} windowed
 * @property {(view: View) => void} viewed
 * @property {(steps: number) => boolean} [scroll]
 * @property {(handle: Handle) => void} [focused]
 */
import { FilmGestures } from "./film-gestures.js";
import { FilmOverlay, NO_LAYERS } from "./film-overlay.js";
import { FilmPainter } from "./film-painter.js";
import { Loupe } from "./loupe.js";
import { html } from "./dom.js";
import * as viewport from "./viewport.js";
import { dragged } from "./windowing.js";

/** How near a press must be to take hold of a mark, CSS px. @type {Record<string, number>} */
const REACH = { mouse: 7, pen: 9, touch: 22 };
const MAX_RATIO = 2;

export class FilmView {
  /** @param {HTMLElement} host @param {string} name for a screen reader @param {Actor} actor */
  constructor(host, name, actor) {
    this.actor = actor;
    this.painter = new FilmPainter();
    this.overlay = new FilmOverlay();
    this.loupe = new Loupe();
    this.canvas = html("canvas", { class: "film-pixels", "aria-hidden": "true" });
    this.badges = html("div", { class: "badges" });
    this.root = html(
      "div",
      { class: "film", role: "application", tabindex: 0, "aria-label": name, "aria-roledescription": "film" },
      this.canvas,
      this.overlay.root,
      this.badges,
      this.loupe.root,
    );
    host.append(this.root);
    const context = this.canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser has no canvas");
    this.context = context;
    /** @type {{rows: number, cols: number} | null} */
    this.image = null;
    /** @type {View} */
    this.view = { width: 1, height: 1, scale: 1, aspect: 1, centre: [0, 0], flipped: false, turns: 0 };
    /** @type {Window} */
    this.window = { low: 0, high: 65535, inverted: false };
    this.range = { data_low: 0, data_high: 65535 };
    /** @type {Layers} */
    this.layers = NO_LAYERS;
    /** @type {(view: View) => Badge[]} */
    this.sides = () => [];
    /** @type {Point | null} */
    this.loupeAt = null;
    this.loupeHovers = false;
    this.grip = [0, 0];
    this.dirty = { pixels: false, layers: false };
    this.frame = 0;
    this.gestures = new FilmGestures(this.root, this.#hands());
    this.root.addEventListener("focusin", (e) => this.#focus(e));
    new ResizeObserver(() => this.#resize()).observe(this.root);
  }

  /** @returns {import("./film-gestures.js").Gestures} */
  #hands() {
    return {
      press: (x, y, pointer) => this.#press(x, y, pointer),
      move: (x, y) => {
        const at = this.#held(x, y);
        this.actor.move(at);
        this.showLoupe(at);
      },
      release: (x, y) => {
        this.actor.release(this.#held(x, y));
        this.showLoupe(this.loupeHovers ? this.#held(x, y) : null);
      },
      cancel: () => {
        this.actor.cancel();
        this.showLoupe(null);
      },
      hover: (x, y, pointer) => this.#hover(x, y, pointer),
      leave: () => this.loupeHovers && this.showLoupe(null),
      pan: (dx, dy) => this.image && this.setView(viewport.panned(this.view, dx, dy, this.image)),
      zoom: (x, y, factor) => this.zoom(factor, x, y),
      window: (dx, dy) => this.dragWindow(dx, dy),
      scroll: (steps) => this.actor.scroll?.(steps) ?? false,
    };
  }

  /** @param {Grey | null} image @param {{aspect?: number, keepView?: boolean}} [how] */
  setImage(image, how = {}) {
    this.painter.setImage(image);
    const same = this.image && image && this.image.rows === image.rows && this.image.cols === image.cols;
    this.image = image ? { rows: image.rows, cols: image.cols } : null;
    if (image && !(how.keepView && same)) {
      this.view = viewport.fitted(image, this.view.width, this.view.height, { ...this.view, aspect: how.aspect ?? 1 });
      this.actor.viewed(this.view);
    }
    this.#redraw(true);
  }

  /** @param {Window} window */
  setWindow(window) {
    this.window = window;
    this.painter.setWindow(window);
    this.#redraw(true);
  }

  /** @param {number} dx @param {number} dy */
  dragWindow(dx, dy) {
    this.setWindow(dragged(this.window, dx, dy, this.range));
    this.actor.windowed(this.window);
  }

  /** One frame of another window, drawn to its last pixel. @returns {number} milliseconds; for the benchmark */
  timedWindow() {
    const start = performance.now();
    this.dragWindow(3, 2);
    this.#drawNow();
    this.context.getImageData(0, 0, 1, 1);
    return performance.now() - start;
  }

  /** @param {View} view */
  setView(view) {
    this.view = view;
    this.actor.viewed(view);
    this.#redraw(true);
  }

  fit() {
    if (this.image) this.setView(viewport.fitted(this.image, this.view.width, this.view.height, this.view));
  }

  /** @param {number} factor @param {number} [x] CSS px; the middle by default @param {number} [y] */
  zoom(factor, x = this.view.width / 2, y = this.view.height / 2) {
    if (!this.image) return;
    const least = viewport.fitted(this.image, this.view.width, this.view.height, this.view).scale / 2;
    this.setView(viewport.zoomedAt(this.view, x, y, factor, least));
  }

  /** @param {Layers} layers */
  setLayers(layers) {
    this.layers = layers;
    this.#redraw(false);
  }

  /** @param {(view: View) => Badge[]} sides */
  setSides(sides) {
    this.sides = sides;
    this.#redraw(false);
  }

  /** @param {Point | null} at image point in the loupe, or no loupe */
  showLoupe(at) {
    this.loupeAt = at;
    this.#redraw(false);
  }

  /** @param {string} key puts the keyboard on that mark */
  focusHandle(key) {
    this.#drawNow();
    this.overlay.elements.get(key)?.focus({ preventScroll: true });
  }

  /** @param {Point} at image point @returns {[number, number]} on the page, CSS px */
  screenOf(at) {
    const box = this.root.getBoundingClientRect();
    const [x, y] = viewport.toScreen(this.view, at);
    return [x + box.left, y + box.top];
  }

  /** @param {number} x on the page, CSS px @param {number} y @returns {Point} */
  imageOf(x, y) {
    const box = this.root.getBoundingClientRect();
    return viewport.toImage(this.view, x - box.left, y - box.top);
  }

  /** @param {Point} at image point that comes into the middle @param {number} scale */
  look(at, scale) {
    this.setView(viewport.centredOn(this.view, at, scale));
  }

  /** Shows a mark that lies outside. @param {Point} at */
  reveal(at) {
    const [x, y] = viewport.toScreen(this.view, at);
    const margin = 40;
    const inside = x > margin && y > margin && x < this.view.width - margin && y < this.view.height - margin;
    if (!inside) this.setView(viewport.centredOn(this.view, at));
  }

  /** @param {number} x @param {number} y @param {number} reach @returns {Handle | null} */
  #nearest(x, y, reach) {
    let best = null;
    let least = reach;
    for (const handle of this.layers.handles) {
      if (handle.look === "other") continue;
      const [hx, hy] = viewport.toScreen(this.view, handle.at);
      // Of two marks at one place the current one is taken.
      const away = Math.hypot(hx - x, hy - y) - (handle.current ? 2 : 0) + (handle.look === "middle" ? 3 : 0);
      if (away < least) [best, least] = [handle, away];
    }
    return best;
  }

  /** @param {number} x @param {number} y @param {string} pointer @returns {boolean} */
  #press(x, y, pointer) {
    if (!this.image) return false;
    const hit = this.#nearest(x, y, REACH[pointer] ?? REACH.mouse);
    const at = viewport.toImage(this.view, x, y);
    this.grip = hit ? [hit.at[0] - at[0], hit.at[1] - at[1]] : [0, 0];
    const taken = this.actor.press(this.#held(x, y), hit);
    if (taken) this.showLoupe(this.#held(x, y));
    return taken;
  }

  /** Image point of the hand; a mark that was taken beside its middle keeps its distance. @param {number} x @param {number} y @returns {Point} */
  #held(x, y) {
    const [c, r] = viewport.toImage(this.view, x, y);
    const image = this.image ?? { rows: 1, cols: 1 };
    const within = (/** @type {number} */ v, /** @type {number} */ n) => Math.min(n - 0.5, Math.max(-0.5, v));
    return [within(c + this.grip[0], image.cols), within(r + this.grip[1], image.rows)];
  }

  /** @param {number} x @param {number} y @param {string} pointer */
  #hover(x, y, pointer) {
    const hit = this.#nearest(x, y, REACH[pointer] ?? REACH.mouse);
    this.root.classList.toggle("over-handle", hit !== null);
    if (!this.loupeHovers) return;
    this.grip = [0, 0];
    this.showLoupe(this.image ? this.#held(x, y) : null);
  }

  /** @param {FocusEvent} event */
  #focus(event) {
    const key = event.target instanceof Element ? event.target.closest("[data-key]")?.getAttribute("data-key") : null;
    const handle = this.layers.handles.find((h) => h.key === key);
    if (handle) this.actor.focused?.(handle);
  }

  #resize() {
    const { width, height } = this.root.getBoundingClientRect();
    if (width < 2 || height < 2 || (width === this.view.width && height === this.view.height)) return;
    const first = this.view.width < 2;
    const ratio = this.#ratio();
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const whole = this.image && Math.abs(this.view.scale / viewport.fitted(this.image, this.view.width, this.view.height, this.view).scale - 1) < 1e-6;
    this.view = viewport.resized(this.view, width, height);
    if (this.image && (first || whole)) this.view = viewport.fitted(this.image, width, height, this.view);
    this.actor.viewed(this.view);
    this.dirty.pixels = true;
    this.#drawNow();
  }

  #ratio() {
    return Math.min(MAX_RATIO, window.devicePixelRatio || 1);
  }

  /** @param {boolean} pixels whether the grey changed too */
  #redraw(pixels) {
    this.dirty.layers = true;
    this.dirty.pixels ||= pixels;
    if (!this.frame) this.frame = requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.dirty.pixels) this.painter.paint(this.context, this.view, this.#ratio());
    this.overlay.draw(this.layers, this.view);
    this.#drawBadges();
    if (this.loupeAt && this.image) this.loupe.show(this.painter, this.view, this.loupeAt, this.#ratio());
    else this.loupe.hide();
    this.dirty = { pixels: false, layers: false };
  }

  #drawBadges() {
    const wanted = this.sides(this.view);
    const text = JSON.stringify(wanted);
    if (this.badges.dataset.shown === text) return;
    this.badges.dataset.shown = text;
    this.badges.replaceChildren(
      ...wanted.map((b) => html("span", { class: `badge ${b.border}${b.strong ? " strong" : ""}` }, b.letter)),
    );
  }
}
