/**
 * One slice of a volume in a FilmView: fetched from the server, one request at a time, the latest wish wins.
 *
 * @import { Actor } from "./film-view.js"
 * @import { Plane } from "./slice-plane.js"
 * @import { Point } from "./types.js"
 * @import { SourceApi } from "./api.js"
 */
import { html } from "./dom.js";
import { FilmView } from "./film-view.js";
import { Latest } from "./latest.js";
import { sliceBadges } from "./sides.js";
import { through, toBody, toSlice } from "./slice-plane.js";

/** Marks farther from the slice than this, in pixels of it, are not shown on it. */
const NEAR_PIXELS = 1.5;

/** @type {{bone: string, d: string}[]} */
const NO_PATHS = [];

/** @param {number[]} pieces column and row of both ends of each piece @returns {string} */
function pathOf(pieces) {
  let d = "";
  for (let k = 0; k < pieces.length; k += 4) d += `M${pieces[k]} ${pieces[k + 1]}L${pieces[k + 2]} ${pieces[k + 3]}`;
  return d;
}

/** @param {number[]} v @returns {string} */
function listed(v) {
  return v.map((x) => String(Number(x.toFixed(6)))).join(",");
}

export class SlicePane {
  /**
   * @param {HTMLElement} host
   * @param {string} name
   * @param {Plane} plane
   * @param {SourceApi} api
   * @param {Actor} actor
   * @param {{arrived: (offset: number) => void, cut: () => void, failed: (problem: unknown) => void}} to
   */
  constructor(host, name, plane, api, actor, to) {
    this.to = to;
    this.name = name;
    this.plane = plane;
    this.depthText = html("span", {});
    this.root = html("div", { class: "pane", "data-pane": name.toLowerCase() }, html("div", { class: "pane-head" }, html("b", {}, name), this.depthText));
    host.append(this.root);
    this.film = new FilmView(this.root, `${name} slice. Page up and page down go through the slices.`, actor);
    this.film.setSides((view) => sliceBadges(this.plane.right, this.plane.down, view));
    this.fetching = new Latest(
      (/** @type {Plane} */ plane) => api.slice(queryOf(plane)),
      (answer, plane) => this.#arrived(plane, answer),
      to.failed,
    );
    /** Plane of the pixels that are on the screen. @type {Plane} */
    this.shown = plane;
    this.withBones = false;
    /** Where the plane of the request cuts the bones. @type {{plane: Plane, paths: {bone: string, d: string}[]}} */
    this.cut = { plane, paths: NO_PATHS };
    this.cutting = new Latest(
      (/** @type {Plane} */ wanted) => api.boneOutlines(queryOf(wanted)),
      (found, wanted) => {
        this.cut = { plane: wanted, paths: Object.entries(found).map(([bone, pieces]) => ({ bone, d: pathOf(pieces) })) };
        to.cut();
      },
      () => undefined,
    );
    this.fetching.want(plane);
  }

  /** @param {Plane} plane @param {{pixels: Uint16Array, offset: number}} answer */
  #arrived(plane, answer) {
    this.shown = plane;
    this.to.arrived(answer.offset);
    this.film.setImage({ pixels: answer.pixels, rows: plane.height, cols: plane.width }, { keepView: true });
    this.to.cut();
  }

  /** @param {Point} point LPS mm; the slice goes through it */
  go(point) {
    this.turn(through(this.plane, point));
  }

  /** @param {Plane} plane */
  turn(plane) {
    if (JSON.stringify(plane) === JSON.stringify(this.plane)) return;
    this.plane = plane;
    this.fetching.want(plane);
    if (this.withBones) this.cutting.want(plane);
    this.film.setSides(this.film.sides);
  }

  /** Outlines are asked for anew. @param {boolean} any whether there is a mask */
  showBones(any) {
    this.withBones = any;
    if (any) this.cutting.want(this.plane);
    else this.cut = { plane: this.plane, paths: NO_PATHS };
  }

  /** Outlines of the slice that is shown; of another one none. */
  get bonePaths() {
    return this.cut.plane === this.shown ? this.cut.paths : NO_PATHS;
  }

  stop() {
    this.fetching.stop();
    this.cutting.stop();
  }

  /** @param {Point} at pixel @returns {Point} LPS mm */
  toBody(at) {
    return toBody(this.plane, at);
  }

  /** @param {Point} point @returns {Point} pixel of its foot on the slice */
  toSlice(point) {
    return toSlice(this.plane, point).at;
  }

  /** @param {Point} point @returns {boolean} whether it lies on this slice */
  holds(point) {
    return Math.abs(toSlice(this.plane, point).depth) <= NEAR_PIXELS * this.plane.mm;
  }
}

/** @param {Plane} plane @returns {Record<string, string>} */
function queryOf(plane) {
  const { centre, right, down, width, height, mm } = plane;
  return { centre: listed(centre), right: listed(right), down: listed(down), width: String(width), height: String(height), mm: String(mm) };
}
