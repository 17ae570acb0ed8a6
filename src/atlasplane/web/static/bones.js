/**
 * The bones of one volume under the hand: what is stored of them, the seeds with their undo and saving, and the segmentation that
 * runs. Everything shown is the server's; only the seeds are the person's.
 *
 * @import { BonesDetail, Point, Problem } from "./types.js"
 * @import { SourceApi } from "./api.js"
 * @typedef {Record<string, Point[]>} Seeds
 */
import { ApiError } from "./api.js";
import { History } from "./history.js";
import { Saver } from "./saver.js";

const LOOK_AGAIN_MS = 700;

/** @param {string | null} key of a handle @returns {{bone: string, index: number} | null} the seed that it stands for */
export function seedOf(key) {
  const [kind, bone, index] = (key ?? "").split(":");
  return kind === "seed" ? { bone, index: Number(index) } : null;
}

/** @param {Seeds} seeds @returns {string} the same for the same seeds, whatever their order of bones */
export function seedsText(seeds) {
  return JSON.stringify(Object.keys(seeds).sort().filter((bone) => seeds[bone].length).map((bone) => [bone, seeds[bone]]));
}

export class Bones {
  /**
   * @param {SourceApi} api
   * @param {{changed: () => void, drawn: () => void, saving: () => void, saver: (saver: Saver<Seeds>) => void}} to `drawn`: other
   *   masks are to be seen from now on; `saver`: what saves the seeds from now on
   */
  constructor(api, to) {
    this.api = api;
    this.to = to;
    /** @type {BonesDetail | null} */
    this.detail = null;
    /** @type {Problem | null} */
    this.problem = null;
    /** Bone that the next press sets a seed in. @type {string | null} */
    this.adding = null;
    /** What the seeds were last taken from. */
    this.taken = "";
    /** @type {History<Seeds>} */
    this.history = new History({});
    /** @type {Saver<Seeds> | null} */
    this.saver = null;
    this.closed = false;
  }

  /** @returns {Seeds} as shown */
  get seeds() {
    return this.history.document;
  }

  /** @returns {boolean} whether a segmentation runs */
  get running() {
    return this.detail?.job.state === "running";
  }

  /** @returns {boolean} whether the seeds are others than those of the masks */
  get changed() {
    return this.detail !== null && seedsText(this.history.settled) !== seedsText(this.detail.used_seeds);
  }

  /** @returns {boolean} whether any mask can be drawn */
  get drawn() {
    return this.detail?.bones.some((bone) => bone.drawn) ?? false;
  }

  /** @param {string} bone @returns {string} */
  nameOf(bone) {
    return this.detail?.bones.find((b) => b.id === bone)?.name ?? bone;
  }

  /** What the server holds, and again as long as a segmentation runs. */
  async load() {
    await this.#ask(() => this.api.bones());
  }

  /** @param {boolean} fresh whether the bones are looked for anew, without seeds */
  async propose(fresh) {
    await this.#ask(() => this.api.proposeBones(fresh ? {} : this.history.settled));
  }

  async cancel() {
    await this.#ask(() => this.api.cancelBones());
  }

  /** @param {"accept" | "reject" | "withdraw"} decision @param {string} observer @param {boolean} [despiteStop] */
  async decide(decision, observer, despiteStop = false) {
    const revision = this.detail?.record?.revision;
    if (!revision) return;
    await this.#ask(() => this.api.decideBones(decision, { revision, observer, despite_stop: despiteStop }));
  }

  /** @param {() => Promise<BonesDetail>} question */
  async #ask(question) {
    try {
      this.#told(await question());
      this.problem = null;
    } catch (fault) {
      const error = ApiError.of(fault);
      this.problem = error.problem;
      if (error.status === 409) this.#told(await this.api.bones().catch(() => null));
      else if (this.running) this.#later();
    }
    if (!this.closed) this.to.changed();
  }

  /** @param {BonesDetail | null} detail */
  #told(detail) {
    if (!detail || this.closed) return;
    const before = this.detail;
    this.detail = detail;
    const isOther = before === null || JSON.stringify([before.record, before.bones]) !== JSON.stringify([detail.record, detail.bones]);
    const stored = JSON.stringify([detail.record?.revision ?? null, detail.seeds]);
    if (before === null || (!this.running && stored !== this.taken)) {
      this.taken = stored;
      this.#takeSeeds(detail.seeds);
    }
    if (isOther) this.to.drawn();
    if (this.running) this.#later();
  }

  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => !this.closed && void this.load(), LOOK_AGAIN_MS);
  }

  /** The server's seeds in place of those shown, where the person has not set others. @param {Seeds} seeds */
  #takeSeeds(seeds) {
    if (this.saver && !this.saver.settled) return;
    this.saver?.close();
    this.saver = this.#newSaver(seeds);
    this.to.saver(this.saver);
    if (seedsText(seeds) !== seedsText(this.history.settled)) this.history = new History(seeds);
  }

  /** @param {Seeds} seeds as the server holds them */
  #newSaver(seeds) {
    return new Saver({
      document: seeds,
      revision: /** @type {string | null} */ (null),
      put: async (document) => {
        await this.api.saveSeeds(document);
        return { revision: null };
      },
      fetchStored: async () => ({ document: (await this.api.bones()).seeds, revision: null }),
      same: (a, b) => seedsText(a) === seedsText(b),
      schedule: (run, ms) => setTimeout(run, ms),
      changed: () => this.to.saving(),
    });
  }

  /** @param {string} bone @param {Point} at @returns {number} which of its seeds it is */
  add(bone, at) {
    const own = this.history.settled[bone] ?? [];
    this.#commit(`Set a seed of ${this.nameOf(bone)}`, { ...this.history.settled, [bone]: [...own, at] });
    return own.length;
  }

  /** @param {string} key @param {Point} at @param {boolean} final @param {string | null} [merge] */
  move(key, at, final, merge = null) {
    const seed = seedOf(key);
    if (!seed) return;
    const own = this.history.settled[seed.bone] ?? [];
    const to = { ...this.history.settled, [seed.bone]: own.map((p, k) => (k === seed.index ? at : p)) };
    if (final) this.#commit(`Move a seed of ${this.nameOf(seed.bone)}`, to, merge);
    else this.history.preview(to);
  }

  /** @param {string} key */
  remove(key) {
    const seed = seedOf(key);
    if (!seed) return;
    const own = this.history.settled[seed.bone] ?? [];
    this.#commit(`Delete a seed of ${this.nameOf(seed.bone)}`, { ...this.history.settled, [seed.bone]: own.filter((_, k) => k !== seed.index) });
  }

  /** The seeds that the masks were made from. */
  putBack() {
    if (this.detail) this.#commit("Put back the seeds", this.detail.used_seeds);
  }

  cancelMove() {
    this.history.cancel();
  }

  /** @param {string} key @returns {Point | null} */
  placeOf(key) {
    const seed = seedOf(key);
    return seed ? (this.seeds[seed.bone]?.[seed.index] ?? null) : null;
  }

  /** @param {"undo" | "redo"} way @returns {string | null} label of what was taken back, or done again */
  travel(way) {
    const label = this.history[way]();
    if (label !== null) this.#settled();
    return label;
  }

  /** @param {string} label @param {Seeds} to @param {string | null} [merge] */
  #commit(label, to, merge = null) {
    const rounded = Object.fromEntries(Object.entries(to).map(([bone, points]) => [bone, points.map((p) => p.map((v) => Math.round(v * 100) / 100))]));
    if (this.history.commit(label, rounded, merge)) this.#settled();
  }

  #settled() {
    this.saver?.want(this.history.settled);
    this.to.changed();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.saver?.close();
  }
}
