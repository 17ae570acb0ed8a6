/**
 * The page of `atlasplane mark`: joins desk, film, panels and keyboard.
 *
 * @import { Desk, FilmDetail, Marks, Point, Reading, VolumeDetail } from "./types.js"
 * @import { Source } from "./top-bar.js"
 */
import * as api from "./api.js";
import { clearFree } from "./acts.js";
import * as dialogs from "./dialogs.js";
import { byId, fill, html, say } from "./dom.js";
import { FilmDesk } from "./film-desk.js";
import * as flows from "./flows.js";
import { ARROWS, belongsTo, bindingOf } from "./keyboard.js";
import { marksOf } from "./marks.js";
import { progress } from "./protocol.js";
import { ProtocolPanel } from "./protocol-panel.js";
import { remembered, remember } from "./remembered.js";
import { ResultsPanel } from "./results-panel.js";
import { Session } from "./session.js";
import { missingSides } from "./sides.js";
import { Toolbar } from "./toolbar.js";
import { TopBar } from "./top-bar.js";
import { VolumeDesk } from "./volume-desk.js";

export class Page {
  constructor() {
    /** @type {Desk | null} */
    this.desk = null;
    this.visit = 0;
    /** @type {Source | null} */
    this.source = null;
    /** @type {Session | null} */
    this.session = null;
    /** @type {FilmDesk | VolumeDesk | null} */
    this.place = null;
    /** @type {string | null} */
    this.observer = null;
    /** @type {Reading[]} */
    this.readings = [];
    this.showOthers = false;
    this.plainKeys = remembered("plain-keys") !== "off";
    this.asking = false;
    this.opening = 0;
    const run = (/** @type {string} */ command) => this.run(command);
    this.top = new TopBar(byId("top"), { open: (s) => void this.turnTo(s), openVisit: (k) => void this.openVisit(k), run });
    this.toolbar = new Toolbar(byId("toolbar"), run);
    this.protocol = new ProtocolPanel(byId("protocol"), { choose: (id, enter) => this.choose(id, enter), run });
    this.results = new ResultsPanel(byId("results"), {
      run,
      removeFree: (index) => this.session && clearFree(this.session, index),
      stateMarker: (marker) => this.session?.state("State the side marker", { marker: marker || null }),
    });
    document.addEventListener("keydown", (e) => this.#key(e));
    document.addEventListener("keyup", (e) => e.key === " " && this.#panning(false));
    window.addEventListener("beforeunload", (e) => this.session && this.session.saveState !== "saved" && e.preventDefault());
  }

  async start() {
    try {
      this.desk = await api.desk();
    } catch (fault) {
      this.notice(api.ApiError.of(fault).problem, true);
      return;
    }
    this.observer = this.desk.observer ?? remembered("observer");
    this.top.showDesk(this.desk, this.visit, null);
    const films = this.desk.visits.map((v) => v.films.length);
    this.visit = Math.max(0, films.findIndex((n) => n > 0));
    await this.openVisit(this.visit);
  }

  /** @param {number} index */
  async openVisit(index) {
    this.visit = index;
    const film = this.desk?.visits[index]?.films[0];
    const volume = this.desk?.volumes[0];
    if (film) await this.open({ kind: "films", id: film.id });
    else if (volume) await this.open({ kind: "volumes", id: volume.id });
    else this.notice({ what: "No film lies in this case yet.", remedy: "Add one with atlasplane add." }, true);
  }

  /** @returns {Source[]} of the visit, in order */
  get sources() {
    const films = this.desk?.visits[this.visit]?.films ?? [];
    const volumes = this.desk?.volumes ?? [];
    return [...films.map((f) => ({ kind: /** @type {const} */ ("films"), id: f.id })), ...volumes.map((v) => ({ kind: /** @type {const} */ ("volumes"), id: v.id }))];
  }

  /** A tab was pressed; that of the open film does nothing. @param {Source} source */
  async turnTo(source) {
    const open = this.session && this.source?.kind === source.kind && this.source.id === source.id;
    if (!open) await this.open(source);
  }

  /** @param {Source} source @param {string | null} [readingId] */
  async open(source, readingId = null) {
    if (!(await this.leave())) return;
    const turn = (this.opening += 1);
    this.source = source;
    if (this.desk) this.top.showDesk(this.desk, this.visit, source);
    this.notice(null);
    this.#loading(true);
    try {
      if (!this.observer) await this.#askObserver();
      const from = new api.SourceApi(source.kind, source.id);
      const film = source.kind === "films";
      const [detail, pixels] = await Promise.all([film ? from.film(this.observer) : from.volume(this.observer), film ? from.pixels() : null]);
      if (turn !== this.opening) return;
      const reading = await this.#reading(from, detail, readingId);
      if (turn !== this.opening) return;
      this.#show(source, detail, pixels, reading);
    } catch (fault) {
      if (turn === this.opening) this.notice(api.ApiError.of(fault).problem, true);
    } finally {
      if (turn === this.opening) this.#loading(false);
    }
    await flows.askSides(this, false);
  }

  /** Until the next film is there, the last one stays to be seen and takes no hand. @param {boolean} on */
  #loading(on) {
    const host = byId("film");
    host.classList.toggle("loading", on);
    host.inert = on;
    byId("protocol").inert = on;
    if (on) delete document.body.dataset.open;
    if (!this.session) byId("prompt").textContent = on ? "Opening" : "";
  }

  async #askObserver() {
    const known = (this.desk?.visits ?? []).flatMap((v) => v.films.flatMap((f) => f.readings.map((r) => r.observer)));
    const observer = await dialogs.askObserver([...new Set(known)], this.observer ?? "");
    if (observer) {
      this.observer = observer;
      remember("observer", observer);
    }
  }

  /**
   * The reading to go on with: the one asked for, else this reader's last, else a new one, blind where others have read.
   * @param {api.SourceApi} from @param {FilmDetail | VolumeDetail} detail @param {string | null} id
   */
  async #reading(from, detail, id) {
    this.readings = detail.readings;
    const observer = this.observer ?? "?";
    const own = detail.readings.filter((r) => r.observer === observer);
    const found = detail.readings.find((r) => r.id === id) ?? own[own.length - 1];
    if (found) return found;
    const begun = await from.newReading(observer, detail.readings.length > 0);
    this.readings = [...detail.readings, begun];
    return begun;
  }

  /** @param {Source} source @param {FilmDetail | VolumeDetail} detail @param {Uint16Array | null} pixels @param {Reading} reading */
  #show(source, detail, pixels, reading) {
    this.results.bones.hidden = true;
    this.results.registration.hidden = true;
    const session = new Session(source.kind, detail, reading, this.observer);
    this.session = session;
    const page = {
      changed: () => this.#panels(),
      calibrate: (/** @type {[Point, Point]} */ ends) => void flows.calibrate(this, ends),
      others: () => this.#others(),
      bones: this.results.bones,
      registration: this.results.registration,
      blind: () => this.#blind(session),
      observer: () => this.#whoDecides(),
    };
    const host = byId("film");
    host.replaceChildren();
    if (source.kind === "films" && pixels) {
      const film = /** @type {FilmDetail} */ (detail);
      const [rows, cols] = film.shape;
      this.place = new FilmDesk(host, film, { pixels, rows, cols }, session, page);
      this.notice(film.problem && missingSides(film.view, session.settings).length === 0 ? film.problem : null);
    } else {
      this.place = new VolumeDesk(host, /** @type {VolumeDetail} */ (detail), session, page);
    }
    session.listeners.add((what) => {
      if (what === "save") this.#saved();
      else this.#panels();
    });
    session.start();
    this.#panels();
    this.#saved();
    document.body.dataset.open = detail.id;
  }

  /** @returns {Promise<string | null>} */
  async #whoDecides() {
    if (!this.observer) await this.once(() => this.#askObserver());
    return this.observer;
  }

  /** Marks of other readings, once this one may see them. @returns {Marks[]} */
  #others() {
    if (!this.session || !this.showOthers || this.#blind(this.session)) return [];
    return this.readings.filter((r) => r.id !== this.session?.head.id).map(marksOf);
  }

  /** Whether the other readings are hidden: this one is blind and not finished. @param {Session} session */
  #blind(session) {
    const { done, total } = progress(session.steps, session.marks);
    return session.head.blinded && done < total;
  }

  #panels() {
    if (!this.session || !this.desk) return;
    this.protocol.show(this.session);
    this.results.show(this.session, this.desk);
    this.top.showReader(this.session);
    this.top.showSaved(this.session);
    if (this.place) this.toolbar.show(this.place);
    const prompt = this.place?.prompt ?? "";
    if (byId("prompt").textContent !== prompt) byId("prompt").textContent = prompt;
  }

  #saved() {
    if (!this.session) return;
    this.top.showSaved(this.session);
    const { saveProblem: problem, saveState } = this.session;
    if (saveState === "conflict") void this.#settleConflict();
    else if (saveState === "locked") void this.#unlock();
    else if (["replaced", "refused", "unsaved"].includes(saveState)) this.notice(problem);
    else if (saveState === "saved") this.notice(null);
  }

  /** One question at a time. @template A @param {() => Promise<A>} question @returns {Promise<A | null>} */
  async once(question) {
    if (this.asking) return null;
    this.asking = true;
    try {
      return await question();
    } finally {
      this.asking = false;
    }
  }

  async #settleConflict() {
    const session = this.session;
    if (!session) return;
    const answer = await this.once(() => dialogs.askConflict(session.readingSaver.problem ?? session.settingsSaver.problem));
    if (answer === "mine") session.keepMine();
    else if (answer === "stored") session.takeStored();
    else if (session.saveState === "conflict") this.notice({ what: "Not saved: these marks were changed elsewhere.", remedy: "" }, false, () => void this.#settleConflict());
  }

  async #unlock() {
    const session = this.session;
    const token = await this.once(dialogs.askToken);
    if (!token || !session) return;
    try {
      await api.enter(token);
      this.desk = await api.desk();
    } catch (fault) {
      this.notice(api.ApiError.of(fault).problem, false, () => void this.#unlock());
      return;
    }
    session.saveNow();
    session.ask(true);
  }

  /** Leaves the open film, if everything is saved or the reader gives it up. */
  async leave() {
    await this.session?.sent();
    if (!this.session) return true;
    if (this.session.saveState !== "saved") {
      const answer = await dialogs.choose("Not everything is saved", [html("p", {}, "Leaving this film now loses what is not saved.")], [["leave", "Leave and lose it"], ["stay", "Stay"]]);
      if (answer !== "leave") return false;
    }
    this.session?.close();
    this.place?.close();
    this.session = null;
    this.place = null;
    return true;
  }

  async #askReading() {
    const session = this.session;
    if (!session || !this.source) return;
    const seen = {
      blind: this.#blind(session),
      others: this.showOthers,
      showOthers: (/** @type {boolean} */ on) => {
        this.showOthers = on;
        this.place?.refresh();
      },
    };
    const answer = await this.once(() => dialogs.askReading(this.readings, session.head, seen));
    if (!answer) return;
    if (answer.open) await this.open(this.source, answer.open);
    else if (answer.observer) {
      await this.#askObserver();
      await this.open(this.source);
    } else if (answer.begin) {
      const begun = await session.api.newReading(this.observer ?? "?", answer.begin === "blind");
      await this.open(this.source, begun.id);
    }
  }

  /** @param {string} id @param {boolean} enter whether the keyboard goes to the film */
  choose(id, enter) {
    this.place?.choose(id);
    if (enter && this.place) {
      this.place.focus();
      this.place.confirmOpen();
    }
  }

  /** @param {1 | -1} direction */
  #neighbourFilm(direction) {
    const at = this.sources.findIndex((s) => s.id === this.source?.id);
    const to = this.sources[at + direction];
    if (to) void this.open(to);
  }

  /** @param {string} command @param {KeyboardEvent} [event] @returns {boolean} */
  run(command, event = new KeyboardEvent("keydown")) {
    const session = this.session;
    /** @type {Record<string, (event: KeyboardEvent) => void>} */
    const own = {
      undo: () => say(`Undone: ${session?.undo() ?? "nothing"}`),
      redo: () => say(`Done again: ${session?.redo() ?? "nothing"}`),
      save: () => session?.saveNow(),
      help: () => void this.once(() => dialogs.showHelp(this.plainKeys, (on) => this.#setPlain(on))),
      about: () => this.desk && void dialogs.showAbout(this.desk),
      readings: () => void this.#askReading(),
      sides: () => void flows.askSides(this, true),
      finish: () => void flows.finish(this),
      nextFilm: () => this.#neighbourFilm(1),
      previousFilm: () => this.#neighbourFilm(-1),
      nextOpen: () => session?.advance(),
      mark: () => this.place?.hand.tool !== "mark" && this.place?.hand.take("mark"),
    };
    const act = { ...own, ...this.place?.commands() }[command];
    if (!act) return false;
    act(event);
    if (command === "undo" || command === "redo") this.place?.refresh();
    return true;
  }

  /** @param {boolean} on */
  #setPlain(on) {
    this.plainKeys = on;
    remember("plain-keys", on ? "on" : "off");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (belongsTo(event.target, event.key, event.ctrlKey || event.metaKey)) return;
    if (event.key === " " && byId("stage").contains(/** @type {Node} */ (event.target))) {
      this.#panning(true);
      event.preventDefault();
      return;
    }
    const binding = bindingOf(event, this.plainKeys);
    if (!binding) return;
    const away = event.target instanceof Element && event.target.closest("#protocol, #results, #top");
    if (away && event.key in ARROWS) return;
    if (this.run(binding.command, event)) event.preventDefault();
  }

  /** @param {boolean} on */
  #panning(on) {
    this.place?.setPanning(on);
  }

  /** @param {import("./types.js").Problem | null} problem @param {boolean} [empty] @param {() => void} [again] */
  notice(problem, empty = false, again) {
    const host = byId("notice");
    const key = problem ? `${problem.what} ${problem.remedy}` : "";
    if (host.dataset.shown === key) return;
    host.dataset.shown = key;
    fill(
      host,
      problem && html("div", { class: "notice", role: "alert" }, html("b", {}, problem.what), ` ${problem.remedy} `, again ? html("button", { type: "button", class: "small", onclick: again }, "Answer now") : null),
    );
    if (empty) byId("film").replaceChildren();
  }
}

const page = new Page();
void page.start();

// For scripts that drive the page: where an image point is on the screen, and a look at one.
Object.assign(window, {
  atlasplane: {
    screenOf: (/** @type {Point} */ at) => page.place?.film.screenOf(at),
    imageOf: (/** @type {number} */ x, /** @type {number} */ y) => page.place?.film.imageOf(x, y),
    show: (/** @type {Point} */ at, /** @type {number} */ scale) => page.place?.film.look(at, scale),
    frameOf: (/** @type {Point} */ at) => page.place?.toFrame(at),
    windowMs: () => page.place?.film.timedWindow(),
  },
});
