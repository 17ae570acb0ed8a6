/**
 * The workplace of one film.
 *
 * @import { DeskPage } from "./mark-desk.js"
 * @import { FilmDetail, Point } from "./types.js"
 * @import { Session } from "./session.js"
 * @import { Grey } from "./windowing.js"
 */
import * as acts from "./acts.js";
import { FilmView } from "./film-view.js";
import { layersOf } from "./layers.js";
import { MarkDesk } from "./mark-desk.js";
import { say } from "./dom.js";
import { Registration } from "./registration.js";
import { RegistrationPanel } from "./registration-panel.js";
import { badges } from "./sides.js";

export class FilmDesk extends MarkDesk {
  /**
   * @param {HTMLElement} host
   * @param {FilmDetail} detail
   * @param {Grey} image
   * @param {Session} session
   * @param {DeskPage} page
   */
  constructor(host, detail, image, session, page) {
    super(session, page);
    this.detail = detail;
    this.only = new FilmView(host, `Film, ${detail.view_name}. Press Enter for a cross that the arrows move.`, {
      press: (at, hit) => this.press(at, hit),
      move: (at) => this.hand.move(at),
      release: (at) => {
        this.hand.release(at);
        this.refresh();
      },
      cancel: () => this.hand.cancel(),
      windowed: () => undefined,
      viewed: () => undefined,
      focused: (handle) => handle.look !== "middle" && this.touch(handle.key),
    });
    this.film.range = detail.window;
    this.film.setImage(image, { aspect: detail.pixel_aspect ?? 1 });
    this.registration = new Registration(session.api, { changed: () => this.refresh(), blind: () => page.blind() });
    this.panel = new RegistrationPanel(page.registration, this.registration, (layer) => this.registration.toggle(layer));
    this.autoWindow();
    this.film.setSides((view) => badges(detail.view, session.settings, view));
    this.refresh();
    void this.registration.load();
  }

  /** @override */
  get film() {
    return this.only;
  }

  /** @override */
  autoWindow() {
    const { low, high } = this.detail.window;
    this.film.setWindow({ low, high, inverted: this.film.window.inverted });
  }

  /** @override */
  refresh() {
    const { names, lines } = this.shown;
    const layers = layersOf(this.session, this.hand, { aim: this.aim, names, others: this.page.others(), drawing: lines });
    const touched = this.touched;
    if (touched !== null) layers.handles = layers.handles.map((h) => ({ ...h, current: h.key === touched }));
    const { drawnPaths: bones, drawnPicture: picture } = this.registration;
    this.film.setLayers({ ...layers, bones, picture });
    this.panel.show();
    this.film.root.classList.toggle("placing", this.hand.tool !== "mark" || acts.awaitsPress(this.session));
    this.page.changed();
  }

  /** @override @returns {Record<string, (event: KeyboardEvent) => void>} */
  commands() {
    return {
      ...super.commands(),
      boneOutlines: () => this.#switch(),
      bonePicture: () => this.#nextPicture(),
    };
  }

  #switch() {
    if (!this.registration.has("outlines")) say("No registration of this visit");
    else if (!this.registration.open) say("Hidden until this blind reading is finished");
    else say(this.registration.toggle("outlines") ? "Outlines of the bones on" : "Outlines of the bones off");
  }

  #nextPicture() {
    const next = this.registration.nextPicture();
    say(next === null ? "Film" : next === "difference" ? "Film minus model" : "Film and model in tiles");
  }

  /** @override */
  close() {
    this.registration.close();
    super.close();
  }

  /** @override @param {Point} at @param {number[]} by @returns {Point} */
  moved(at, by) {
    const [rows, cols] = this.detail.shape;
    return [Math.min(cols - 0.5, Math.max(-0.5, at[0] + by[0])), Math.min(rows - 0.5, Math.max(-0.5, at[1] + by[1]))];
  }
}
