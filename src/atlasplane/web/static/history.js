/**
 * Undo and redo of everything: each finished action is one entry that holds the document before and after it. What is being
 * dragged is a preview and becomes an entry when it is let go.
 */

/**
 * @template T
 * @typedef {{label: string, before: T, after: T, merge: string | null, time: number}} Entry
 */

const MERGE_MS = 1200;

/** @template T */
export class History {
  /**
   * @param {T} document
   * @param {() => number} [now] milliseconds
   */
  constructor(document, now = () => Date.now()) {
    this.now = now;
    /** @type {T} */
    this.settled = document;
    /** @type {T} */
    this.shown = document;
    /** @type {Entry<T>[]} */
    this.done = [];
    /** @type {Entry<T>[]} */
    this.undone = [];
  }

  /** What is shown: the preview of an action under way, else the settled document. @returns {T} */
  get document() {
    return this.shown;
  }

  /** @param {T} document shown, but not yet an action */
  preview(document) {
    this.shown = document;
  }

  /** Back from a preview to what is settled. */
  cancel() {
    this.shown = this.settled;
  }

  /**
   * A finished action.
   * @param {string} label e.g. "Place PL right"
   * @param {T} document
   * @param {string | null} [merge] actions of one name that follow closely become one entry (nudges)
   * @returns {boolean} false where nothing changed
   */
  commit(label, document, merge = null) {
    if (JSON.stringify(document) === JSON.stringify(this.settled)) {
      this.shown = this.settled;
      return false;
    }
    const time = this.now();
    const last = this.done[this.done.length - 1];
    if (merge && last && last.merge === merge && this.undone.length === 0 && time - last.time < MERGE_MS) {
      this.done[this.done.length - 1] = { ...last, after: document, time };
    } else {
      this.done.push({ label, before: this.settled, after: document, merge, time });
    }
    this.undone = [];
    this.settled = document;
    this.shown = document;
    return true;
  }

  /** @returns {string | null} label of what was undone */
  undo() {
    const entry = this.done.pop();
    if (!entry) return null;
    this.undone.push({ ...entry, merge: null });
    this.settled = this.shown = entry.before;
    return entry.label;
  }

  /** @returns {string | null} label of what was done again */
  redo() {
    const entry = this.undone.pop();
    if (!entry) return null;
    this.done.push({ ...entry, merge: null });
    this.settled = this.shown = entry.after;
    return entry.label;
  }

  /** @returns {string | null} */
  get undoLabel() {
    return this.done.length ? this.done[this.done.length - 1].label : null;
  }

  /** @returns {string | null} */
  get redoLabel() {
    return this.undone.length ? this.undone[this.undone.length - 1].label : null;
  }
}
