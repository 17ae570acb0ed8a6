/**
 * The saved registration of the film's visit: what it came to, and which of its layers lies over the film. It changes nothing.
 *
 * @import { Problem, RegistrationDetail } from "./types.js"
 * @import { SourceApi } from "./api.js"
 * @typedef {"outlines" | "difference" | "checkerboard"} Layer
 */
import { ApiError } from "./api.js";

/** Layers with their names on the page. @type {[Layer, string][]} */
export const LAYERS = [
  ["outlines", "Outlines"],
  ["difference", "Difference"],
  ["checkerboard", "Tiles"],
];

export class Registration {
  /** @param {SourceApi} api @param {{changed: () => void, blind: () => boolean}} to `blind`: the reading must not see it yet */
  constructor(api, to) {
    this.api = api;
    this.to = to;
    /** @type {RegistrationDetail | null} */
    this.detail = null;
    /** @type {Problem | null} */
    this.problem = null;
    /** Layers that are wanted. @type {Set<Layer>} */
    this.wanted = new Set();
    this.closed = false;
    /** Paths as the film draws them: the same array as long as they are the same. @type {{bone: string, d: string}[]} */
    this.paths = [];
  }

  async load() {
    try {
      this.detail = (await this.api.registration()).registration;
      this.problem = null;
    } catch (fault) {
      this.problem = ApiError.of(fault).problem;
    }
    this.paths = (this.detail?.bones ?? []).map((bone) => ({ bone: bone.id, d: bone.d }));
    if (!this.closed) this.to.changed();
  }

  /** @param {Layer} layer @returns {boolean} whether there is anything of it to be shown */
  has(layer) {
    if (layer === "outlines") return this.paths.length > 0;
    return this.detail?.pictures.some((picture) => picture.kind === layer) ?? false;
  }

  /** @returns {boolean} whether a layer may be shown at all */
  get open() {
    return !this.to.blind();
  }

  /** @param {Layer} layer @returns {boolean} whether it is shown */
  shows(layer) {
    return this.open && this.wanted.has(layer) && this.has(layer);
  }

  /** The two pictures hide each other, and the outlines lie over either. @param {Layer} layer @returns {boolean} whether it is shown now */
  toggle(layer) {
    if (!this.open || !this.has(layer)) return false;
    const on = !this.wanted.has(layer);
    if (layer !== "outlines") for (const other of /** @type {const} */ (["difference", "checkerboard"])) this.wanted.delete(other);
    if (on) this.wanted.add(layer);
    else this.wanted.delete(layer);
    this.to.changed();
    return on;
  }

  /** Film, difference, tiles, film again. @returns {Layer | null} the picture that is shown now */
  nextPicture() {
    const kinds = /** @type {const} */ (["difference", "checkerboard"]).filter((kind) => this.has(kind));
    if (!this.open || !kinds.length) return null;
    const at = kinds.findIndex((kind) => this.wanted.has(kind));
    const next = kinds[at + 1] ?? null;
    this.toggle(next ?? kinds[at]);
    return next;
  }

  /** @returns {{bone: string, d: string}[]} outlines for the film */
  get drawnPaths() {
    return this.shows("outlines") ? this.paths : NO_PATHS;
  }

  /** @returns {{href: string, box: number[]} | null} picture for the film */
  get drawnPicture() {
    const found = this.detail?.pictures.find((picture) => this.shows(picture.kind));
    return found ? { href: this.api.registrationPicture(found.kind), box: found.box } : null;
  }

  close() {
    this.closed = true;
  }
}

/** @type {{bone: string, d: string}[]} */
const NO_PATHS = [];
