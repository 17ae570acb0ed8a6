/**
 * Saving as one goes. Nothing counts as saved before the server has said so; what is not saved is sent again until it is.
 *
 * States: saved; saving; unsaved (server away, tried again by itself); conflict (the file holds something else by now);
 * replaced (the film's own bytes changed); locked (the server no longer knows this page); refused (the server will not take it).
 *
 * @import { Problem } from "./types.js"
 * @typedef {"saved" | "saving" | "unsaved" | "conflict" | "replaced" | "locked" | "refused"} SaveState
 * @typedef {{revision: string | null, saved_at?: string}} Receipt
 */
import { ApiError } from "./api.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/**
 * @template T
 * @typedef {object} SaverParts
 * @property {T} document as the server holds it
 * @property {string | null} revision
 * @property {(document: T, revision: string | null) => Promise<Receipt>} put
 * @property {() => Promise<{document: T, revision: string | null}>} fetchStored what the server holds now
 * @property {(a: T, b: T) => boolean} same
 * @property {(run: () => void, ms: number) => unknown} schedule
 * @property {() => void} changed called after every change of state
 */

/** @template T */
export class Saver {
  /** @param {SaverParts<T>} parts */
  constructor(parts) {
    this.parts = parts;
    /** What the server is known to hold. @type {T} */
    this.saved = parts.document;
    /** @type {T} */
    this.wanted = parts.document;
    this.revision = parts.revision;
    /** @type {SaveState} */
    this.state = "saved";
    /** @type {string | null} */
    this.savedAt = null;
    /** @type {Problem | null} */
    this.problem = null;
    /** What the file holds by now, in a conflict. @type {{document: T, revision: string | null} | null} */
    this.stored = null;
    this.attempt = 0;
    this.retryPending = false;
    this.closed = false;
  }

  /** @param {T} document what should be on disk */
  want(document) {
    this.wanted = document;
    if (["saving", "conflict", "replaced", "locked"].includes(this.state) || this.retryPending) return;
    if (!this.parts.same(document, this.saved)) void this.#send();
    else if (this.state !== "saved") this.#become("saved");
  }

  /** Try at once, whatever waits. */
  retryNow() {
    if (this.state === "unsaved" || this.state === "locked" || this.state === "refused") void this.#send();
  }

  /** Settle a conflict: mine is written over what the file holds. */
  keepMine() {
    if (!this.stored) return;
    this.revision = this.stored.revision;
    this.saved = this.stored.document;
    this.stored = null;
    void this.#send();
  }

  /** Settle a conflict: the file's version is taken. @returns {T | null} */
  takeStored() {
    if (!this.stored) return null;
    const { document, revision } = this.stored;
    this.saved = this.wanted = document;
    this.revision = revision;
    this.stored = null;
    this.#become("saved");
    return document;
  }

  /** No more sending, e.g. because another film is opened. */
  close() {
    this.closed = true;
  }

  /** @returns {boolean} whether everything wanted is on disk */
  get settled() {
    return this.state === "saved";
  }

  async #send() {
    const sent = this.wanted;
    this.#become("saving");
    try {
      const receipt = await this.parts.put(sent, this.revision);
      this.#accept(sent, receipt.revision, receipt.saved_at ?? new Date().toISOString());
    } catch (fault) {
      await this.#failed(fault, sent);
    }
  }

  /** @param {T} document @param {string | null} revision @param {string} savedAt */
  #accept(document, revision, savedAt) {
    this.attempt = 0;
    this.saved = document;
    this.revision = revision;
    this.savedAt = savedAt;
    if (!this.closed && !this.parts.same(this.wanted, document)) void this.#send();
    else this.#become("saved");
  }

  /** @param {unknown} fault @param {T} sent */
  async #failed(fault, sent) {
    const error = ApiError.of(fault);
    if (error.status === 409 && error.conflict === "film") this.#become("replaced", error.problem);
    else if (error.status === 409) await this.#compare(error, sent);
    else if (error.status === 401 || error.status === 403) this.#become("locked", error.problem);
    else if (error.status === 0 || error.status >= 500) this.#later(error);
    else this.#become("refused", error.problem);
  }

  /**
   * The file changed. Only another reading of it, or our own answer that got lost on the way, is no conflict.
   * @param {ApiError} error
   * @param {T} sent
   */
  async #compare(error, sent) {
    try {
      const stored = await this.parts.fetchStored();
      if (this.parts.same(stored.document, sent)) this.#accept(sent, stored.revision, new Date().toISOString());
      else if (this.parts.same(stored.document, this.saved) && stored.revision !== this.revision) {
        this.revision = stored.revision;
        await this.#send();
      } else {
        this.stored = stored;
        this.#become("conflict", error.problem);
      }
    } catch (fault) {
      this.#later(ApiError.of(fault));
    }
  }

  /** @param {ApiError} error */
  #later(error) {
    const wait = RETRY_MS[Math.min(this.attempt, RETRY_MS.length - 1)];
    this.attempt += 1;
    this.#become("unsaved", error.problem);
    if (this.retryPending) return;
    this.retryPending = true;
    this.parts.schedule(() => {
      this.retryPending = false;
      if (!this.closed && this.state === "unsaved") void this.#send();
    }, wait);
  }

  /** @param {SaveState} state @param {Problem | null} [problem] */
  #become(state, problem = null) {
    this.state = state;
    this.problem = problem;
    this.parts.changed();
  }
}

/** Worst first: what the page shows where several things are saved side by side. @type {SaveState[]} */
const WORST_FIRST = ["replaced", "conflict", "locked", "refused", "unsaved", "saving", "saved"];

/** @param {SaveState[]} states @returns {SaveState} */
export function worst(states) {
  return WORST_FIRST.find((s) => states.includes(s)) ?? "saved";
}
