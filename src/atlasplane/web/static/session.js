/**
 * One reading of one film or volume under the hand: its marks and what was stated, with undo, saving and live numbers.
 *
 * @import { FilmDetail, FreeTool, LiveAnswer, Marks, NumberRow, Reading, ReadingHead, Settings, Step, VolumeDetail } from "./types.js"
 * @typedef {{marks: Marks, settings: Settings}} Sheet what undo and redo work on
 * @typedef {{step: string, vertex: number | null}} Chosen
 */
import { ApiError, SourceApi } from "./api.js";
import { History } from "./history.js";
import { Latest } from "./latest.js";
import * as marks from "./marks.js";
import { nextOpen, shortName, tagName } from "./protocol.js";
import { Saver, worst } from "./saver.js";

/** A server that has not answered for so long is taken for away. */
const PATIENCE_MS = 5000;
/** @type {(keyof Settings)[]} */
const STATED = ["patient_right", "patient_anterior", "patient_superior", "marker", "calibration"];

/** @param {any} detail @returns {Settings} */
function settingsOf(detail) {
  return Object.fromEntries(STATED.map((name) => [name, detail[name] ?? null]));
}

/** @param {Settings} from @param {Settings} to @returns {Settings} only what differs */
export function settingsChanged(from, to) {
  const differing = STATED.filter((name) => JSON.stringify(from[name] ?? null) !== JSON.stringify(to[name] ?? null));
  return Object.fromEntries(differing.map((name) => [name, to[name] ?? null]));
}

export class Session {
  /**
   * @param {"films" | "volumes"} kind
   * @param {FilmDetail | VolumeDetail} detail
   * @param {Reading} reading
   * @param {string | null} observer
   */
  constructor(kind, detail, reading, observer) {
    this.kind = kind;
    this.api = new SourceApi(kind, detail.id);
    this.detail = detail;
    this.observer = observer;
    /** @type {Step[]} */
    this.steps = detail.protocol;
    /** @type {ReadingHead} */
    this.head = { id: reading.id, observer: reading.observer, time: reading.time ?? null, blinded: reading.blinded };
    /** @type {Sheet} */
    const sheet = { marks: marks.marksOf(reading), settings: settingsOf(detail) };
    /** @type {History<Sheet>} */
    this.history = new History(sheet);
    /** @type {LiveAnswer | null} */
    this.live = null;
    /** @type {import("./types.js").Problem | null} */
    this.liveProblem = null;
    /** Answers for free tools, by their ends. @type {Map<string, string>} */
    this.freeTexts = new Map();
    /** @type {Chosen | null} */
    this.chosen = null;
    /** @type {Set<(what: "sheet" | "live" | "save" | "choice") => void>} */
    this.listeners = new Set();
    this.closed = false;
    this.#makeSavers(sheet);
    /** All that is saved as one goes; a desk may add its own. @type {Saver<any>[]} */
    this.savers = [this.readingSaver, this.settingsSaver];
    this.asking = new Latest(
      (/** @type {{marks: Marks, full: boolean}} */ q) => this.api.live(this.head, q.marks, q.full),
      (answer, question) => this.#answered(answer, question.full),
      (fault) => this.#unanswered(fault),
    );
    const first = nextOpen(this.steps, sheet.marks, null) ?? this.steps[0];
    this.chosen = first ? { step: first.id, vertex: null } : null;
  }

  /** @param {Sheet} sheet */
  #makeSavers(sheet) {
    const changed = () => this.tell("save");
    const schedule = (/** @type {() => void} */ run, /** @type {number} */ ms) => setTimeout(run, ms);
    /** @type {Saver<Marks>} */
    this.readingSaver = new Saver({
      document: sheet.marks,
      revision: this.detail.revision,
      put: (document, revision) => this.#putReading(document, revision),
      fetchStored: () => this.#storedReading(),
      same: (a, b) => marks.sameMarks(marks.savable(a), marks.savable(b)),
      schedule,
      changed,
    });
    /** @type {Saver<Settings>} */
    this.settingsSaver = new Saver({
      document: sheet.settings,
      revision: "visit_revision" in this.detail ? (this.detail.visit_revision ?? null) : null,
      put: (document, revision) => this.#putSettings(document, revision),
      fetchStored: () => this.#storedSettings(),
      same: (a, b) => Object.keys(settingsChanged(a, b)).length === 0,
      schedule,
      changed,
    });
  }

  /** @param {Marks} document @param {string | null} revision */
  async #putReading(document, revision) {
    return this.api.saveReading({ ...this.head, ...marks.savable(document) }, this.detail.sha256, revision);
  }

  /** @param {Settings} document @param {string | null} revision */
  async #putSettings(document, revision) {
    const summary = await this.api.saveSettings(settingsChanged(this.settingsSaver.saved, document), revision);
    this.ask(true);
    return { revision: summary.visit_revision ?? null };
  }

  /** @returns {Promise<FilmDetail | VolumeDetail>} */
  #fetchDetail() {
    return this.kind === "films" ? this.api.film(this.observer) : this.api.volume(this.observer);
  }

  async #storedReading() {
    const detail = await this.#fetchDetail();
    const mine = detail.readings.find((r) => r.id === this.head.id);
    if (mine && mine.observer !== this.head.observer) {
      // Another program gave this number to another reader: this reading takes a new one.
      const begun = await this.api.newReading(this.head.observer, this.head.blinded);
      this.head = { ...this.head, id: begun.id };
      return { document: marks.NO_MARKS, revision: detail.revision };
    }
    return { document: marks.marksOf(mine ?? {}), revision: detail.revision };
  }

  async #storedSettings() {
    const detail = /** @type {FilmDetail} */ (await this.#fetchDetail());
    return { document: settingsOf(detail), revision: detail.visit_revision ?? null };
  }

  /** @param {"sheet" | "live" | "save" | "choice"} what */
  tell(what) {
    if (!this.closed) for (const listener of this.listeners) listener(what);
  }

  /** @returns {Marks} as shown */
  get marks() {
    return this.history.document.marks;
  }

  /** @returns {Settings} */
  get settings() {
    return this.history.document.settings;
  }

  /** @returns {Step | null} */
  get step() {
    return this.steps.find((s) => s.id === this.chosen?.step) ?? null;
  }

  /** @param {string} id @param {number | null} [vertex] */
  choose(id, vertex = null) {
    if (this.chosen?.step === id && this.chosen.vertex === vertex) return;
    this.chosen = { step: id, vertex };
    this.tell("choice");
  }

  /** To the next open landmark. @returns {Step | null} */
  advance() {
    const next = nextOpen(this.steps, this.marks, this.chosen?.step ?? null);
    if (next) this.choose(next.id);
    return next;
  }

  /** Shown while the hand holds it; not yet an action. @param {Marks} to */
  preview(to) {
    this.history.preview({ ...this.history.settled, marks: to });
    this.tell("sheet");
    this.ask(false);
  }

  cancelPreview() {
    this.history.cancel();
    this.tell("sheet");
    this.ask(true);
  }

  /** A finished action on the marks. @param {string} label @param {Marks} to @param {string | null} [merge] */
  commit(label, to, merge = null) {
    const changed = this.history.commit(label, { ...this.history.settled, marks: to }, merge);
    this.#settled(changed);
  }

  /** A finished statement about the film. @param {string} label @param {Settings} change */
  state(label, change) {
    const { settings } = this.history.settled;
    const changed = this.history.commit(label, { ...this.history.settled, settings: { ...settings, ...change } });
    this.#settled(changed);
  }

  /** @returns {string | null} what was undone */
  undo() {
    return this.#travelled(this.history.undo());
  }

  /** @returns {string | null} */
  redo() {
    return this.#travelled(this.history.redo());
  }

  /** @param {string | null} label */
  #travelled(label) {
    if (label !== null) this.#settled(true);
    return label;
  }

  /** @param {boolean} changed */
  #settled(changed) {
    if (changed) {
      this.readingSaver.want(this.history.settled.marks);
      this.settingsSaver.want(this.history.settled.settings);
    }
    this.#askFree();
    this.tell("sheet");
    this.ask(true);
  }

  /** The file's version in place of mine. */
  takeStored() {
    const stored = this.readingSaver.takeStored();
    const stated = this.settingsSaver.takeStored();
    const settled = this.history.settled;
    this.history.commit("Take the stored marks", { marks: stored ?? settled.marks, settings: stated ?? settled.settings });
    this.#settled(true);
  }

  keepMine() {
    this.readingSaver.keepMine();
    this.settingsSaver.keepMine();
  }

  /** @returns {import("./saver.js").SaveState} */
  get saveState() {
    return worst(this.savers.map((saver) => saver.state));
  }

  /** What keeps something from being saved. */
  get saveProblem() {
    return this.savers.map((saver) => saver.problem).find((problem) => problem !== null) ?? null;
  }

  /** Until nothing is on its way to the server, or it has not answered for a while. @returns {Promise<void>} */
  sent() {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        resolve();
      };
      const listener = () => this.saveState !== "saving" && done();
      const timer = setTimeout(done, PATIENCE_MS);
      this.listeners.add(listener);
      listener();
    });
  }

  /** Try at once. */
  saveNow() {
    for (const saver of this.savers) saver.retryNow();
  }

  /** Numbers of what is shown. @param {boolean} full also what other films of the visit add */
  ask(full) {
    if (this.kind === "films") this.asking.want({ marks: this.marks, full });
  }

  /** @param {LiveAnswer} answer @param {boolean} full */
  #answered(answer, full) {
    // While dragging only this film is measured; what the visit adds stays as it was until the hand lets go.
    this.live = full || !this.live ? answer : { ...answer, findings: this.live.findings, rows: mergedRows(this.live.rows, answer.rows) };
    this.liveProblem = answer.problem;
    this.tell("live");
  }

  /** @param {unknown} fault */
  #unanswered(fault) {
    this.liveProblem = ApiError.of(fault).problem;
    this.tell("live");
  }

  #askFree() {
    for (const tool of this.marks.free) void this.#askOne(tool);
  }

  /** @param {FreeTool} tool */
  async #askOne(tool) {
    const key = freeKey(tool, this.settings);
    if (this.freeTexts.has(key) || this.kind !== "films") return;
    try {
      const answer = tool.kind === "angle" ? await this.api.angle(tool.lines) : await this.api.length(tool.line);
      this.freeTexts.set(key, answer.text);
    } catch (fault) {
      this.freeTexts.set(key, ApiError.of(fault).problem.what);
    }
    this.tell("sheet");
  }

  /** @param {FreeTool} tool @returns {string | null} */
  freeText(tool) {
    return this.freeTexts.get(freeKey(tool, this.settings)) ?? null;
  }

  /** First numbers after opening. */
  start() {
    this.#askFree();
    this.ask(true);
  }

  close() {
    this.closed = true;
    this.asking.stop();
    this.readingSaver.close();
    this.settingsSaver.close();
  }

  /** @param {string} id @returns {string} */
  nameOf(id) {
    const step = this.steps.find((s) => s.id === id);
    return step ? shortName(step) : id;
  }

  /** @param {string} id @returns {string} */
  tagOf(id) {
    const step = this.steps.find((s) => s.id === id);
    return step ? tagName(step) : id;
  }
}

/** Rows of the whole visit with those of one film as they are now. @param {NumberRow[]} all @param {NumberRow[]} now @returns {NumberRow[]} */
function mergedRows(all, now) {
  const newest = new Map(now.map((row) => [row.key, row]));
  const kept = all.map((row) => newest.get(row.key) ?? row);
  const known = new Set(all.map((row) => row.key));
  return [...kept, ...now.filter((row) => !known.has(row.key))];
}

/** @param {FreeTool} tool @param {Settings} settings @returns {string} */
function freeKey(tool, settings) {
  return JSON.stringify([tool, settings.calibration]);
}
