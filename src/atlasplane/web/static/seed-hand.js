/**
 * Setting, moving and deleting the seeds of bones on the slices, with the pointer and with the keys.
 *
 * @import { Bones } from "./bones.js"
 * @import { Handle } from "./film-overlay.js"
 * @import { Point } from "./types.js"
 * @import { VolumeDesk } from "./volume-desk.js"
 */
import { seedOf } from "./bones.js";
import { say } from "./dom.js";
import { ARROWS, nudgeStep } from "./keyboard.js";
import { placeText } from "./protocol.js";
import { imageVector } from "./viewport.js";

export class SeedHand {
  /** @param {VolumeDesk} desk @param {Bones} bones */
  constructor(desk, bones) {
    this.desk = desk;
    this.bones = bones;
    /** Seed under the pointer. @type {string | null} */
    this.holding = null;
    /** Where it was taken, pixel of the slice. @type {Point} */
    this.start = [0, 0];
    /** What the session held when a seed was last changed: an undo takes back the later of the two. @type {unknown} */
    this.seededAt = null;
  }

  /** @returns {Point | null} place of the seed that the keys move */
  get place() {
    return this.bones.placeOf(this.desk.touched ?? "");
  }

  /** @param {string | null} key */
  nameOf(key) {
    const seed = seedOf(key);
    return seed ? `Seed ${seed.index + 1} of ${this.bones.nameOf(seed.bone)}` : "";
  }

  /** The next press, or Enter at the cross, sets a seed in this bone. @param {string} bone */
  take(bone) {
    const { bones, desk } = this;
    bones.adding = bones.adding === bone ? null : bone;
    desk.aim = null;
    if (bones.adding) {
      desk.focus();
      say(`Press inside ${bones.nameOf(bone)}, or press Enter for a cross.`);
    }
    desk.refresh();
  }

  /** The keyboard has come to this seed. @param {string} key */
  touch(key) {
    if (this.desk.touched === key) return;
    this.desk.touched = key;
    this.desk.aim = null;
    this.desk.refresh();
  }

  /** @param {string} key the slices go through this seed */
  go(key) {
    const at = this.bones.placeOf(key);
    if (!at) return;
    this.bones.adding = null;
    this.desk.aim = null;
    this.desk.touched = key;
    this.desk.reveal(at);
    this.desk.focus();
    say(`${this.nameOf(key)}, ${placeText(at)}. Arrows move it, Delete takes it away.`);
    this.desk.refresh();
  }

  /** @param {Point} at LPS mm */
  set(at) {
    const { bones, desk } = this;
    const bone = bones.adding;
    if (!bone) return;
    bones.adding = null;
    desk.aim = null;
    desk.touched = `seed:${bone}:${bones.seeds[bone]?.length ?? 0}`;
    this.#changed();
    bones.add(bone, at);
    say(`${this.nameOf(desk.touched)} set at ${placeText(at)}`);
  }

  #changed() {
    this.seededAt = this.desk.session.history.settled;
  }

  /** @param {Point} on pixel of the slice @param {Point} at LPS mm @param {Handle | null} hit @returns {boolean} whether the press was for a seed */
  press(on, at, hit) {
    if (hit && seedOf(hit.key)) {
      this.bones.adding = null;
      this.desk.touched = hit.key;
      this.desk.refresh();
    } else if (this.bones.adding) this.set(at);
    else return false;
    this.holding = this.desk.touched;
    this.start = on;
    return true;
  }

  /** @param {Point} at LPS mm @returns {boolean} */
  move(at) {
    if (!this.holding) return false;
    this.bones.move(this.holding, at, false);
    this.desk.refresh();
    return true;
  }

  /** @param {Point} on pixel of the slice @param {Point} at LPS mm @returns {Point | null} where the seed is then */
  release(on, at) {
    const key = this.holding;
    if (!key) return null;
    this.holding = null;
    if (on.every((v, k) => Math.abs(v - this.start[k]) < 1e-9)) this.bones.cancelMove();
    else {
      this.#changed();
      this.bones.move(key, at, true);
    }
    return this.bones.placeOf(key);
  }

  /** @returns {boolean} */
  cancel() {
    if (!this.holding) return false;
    this.holding = null;
    this.bones.cancelMove();
    this.desk.refresh();
    return true;
  }

  /** @param {KeyboardEvent} event @param {Point} from @returns {Point} where the seed goes */
  nudge(event, from) {
    const { desk } = this;
    const [dx, dy] = ARROWS[event.key];
    const by = imageVector(desk.film.view, dx, dy).map((v) => Math.sign(Math.round(v * 1e6)) * nudgeStep(event));
    const to = desk.moved(from, by);
    this.#changed();
    this.bones.move(desk.touched ?? "", to, true, `nudge ${desk.touched}`);
    say(placeText(to));
    return to;
  }

  /** Enter while a seed is to be set. */
  confirm() {
    const { desk } = this;
    if (desk.aim) this.set(desk.aim);
    else {
      desk.startAim();
      if (desk.aim) say(`Cross at ${placeText(desk.aim)}. Arrows move it, Enter sets the seed.`);
      desk.refresh();
    }
  }

  /** @returns {boolean} whether a seed was deleted */
  clear() {
    const key = this.desk.touched;
    const name = this.nameOf(key);
    if (!key || !name) return false;
    this.desk.touched = null;
    this.#changed();
    this.bones.remove(key);
    say(`${name} deleted`);
    return true;
  }

  /** Takes back, or does again, what was done last: a seed, or a mark. @param {"undo" | "redo"} way */
  travel(way) {
    const { session } = this.desk;
    const label = session.history.settled === this.seededAt ? this.bones.travel(way) : null;
    this.desk.touched = null;
    say(`${way === "undo" ? "Undone" : "Done again"}: ${label ?? session[way]() ?? "nothing"}`);
    this.desk.refresh();
  }

  /** @returns {Handle[]} in LPS mm */
  handles() {
    return Object.entries(this.bones.seeds).flatMap(([bone, points]) =>
      points.map((at, k) => ({
        key: `seed:${bone}:${k}`,
        at,
        tag: `${this.bones.nameOf(bone)} ${k + 1}`,
        spoken: `Seed ${k + 1} of ${this.bones.nameOf(bone)}, at ${placeText(at)}`,
        look: /** @type {const} */ ("seed"),
        current: false,
        bone,
      })),
    );
  }
}
