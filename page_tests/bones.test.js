import assert from "node:assert/strict";
import { test } from "node:test";
import { Bones, seedOf, seedsText } from "../src/atlasplane/web/static/bones.js";

const IDLE = { state: "idle", stage: "", seconds: 0, problem: null };
const NAMES = ["skull", "c1", "c2"].map((id) => ({ id, name: id.toUpperCase(), drawn: false, voxels: null }));

/** A server that holds what it is told. */
function server() {
  const held = { bones: NAMES, record: null, seeds: {}, used_seeds: {}, job: IDLE };
  return {
    held,
    saved: [],
    bones: async () => structuredClone(held),
    async saveSeeds(seeds) {
      held.seeds = structuredClone(seeds);
      this.saved.push(structuredClone(seeds));
    },
    async proposeBones(seeds) {
      held.job = { ...IDLE, state: "running" };
      held.wanted = seeds;
      return structuredClone(held);
    },
    finish(seeds) {
      held.job = { ...IDLE, state: "done" };
      held.record = { revision: "a", status: "proposed", findings: [] };
      held.bones = NAMES.map((bone) => ({ ...bone, drawn: true, voxels: 10 }));
      held.seeds = held.used_seeds = seeds;
    },
  };
}

function bonesOf(api) {
  const told = { drawn: 0, savers: 0 };
  const bones = new Bones(api, { changed: () => {}, drawn: () => (told.drawn += 1), saving: () => {}, saver: () => (told.savers += 1) });
  return { bones, told };
}

const settled = () => new Promise((done) => setTimeout(done, 5));

test("a seed's handle says which it is", () => {
  assert.deepEqual(seedOf("seed:c1:2"), { bone: "c1", index: 2 });
  assert.equal(seedOf("point:PL_R"), null);
  assert.equal(seedOf(null), null);
});

test("the same seeds are the same in any order of bones, with or without an empty one", () => {
  assert.equal(seedsText({ c2: [[1, 2, 3]], c1: [] }), seedsText({ c2: [[1, 2, 3]] }));
  assert.equal(seedsText({ c2: [[1, 2, 3]], c1: [[0, 0, 0]] }), seedsText({ c1: [[0, 0, 0]], c2: [[1, 2, 3]] }));
  assert.notEqual(seedsText({ c1: [[1, 2, 3]] }), seedsText({ c2: [[1, 2, 3]] }));
});

test("every change of a seed is saved and can be taken back", async () => {
  const api = server();
  const { bones } = bonesOf(api);
  await bones.load();
  assert.equal(bones.add("c1", [1.2345, 2, 3]), 0);
  bones.move("seed:c1:0", [4, 5, 6], true);
  bones.remove("seed:c1:0");
  await settled();
  assert.equal(seedsText(api.held.seeds), "[]");
  assert.equal(bones.travel("undo"), "Delete a seed of C1");
  assert.equal(bones.travel("undo"), "Move a seed of C1");
  await settled();
  assert.deepEqual(api.held.seeds.c1, [[1.23, 2, 3]]);
  assert.equal(bones.travel("redo"), "Move a seed of C1");
  await settled();
  assert.deepEqual(api.held.seeds.c1, [[4, 5, 6]]);
  assert.ok(bones.saver.settled);
  bones.close();
});

test("a preview is not saved, and letting go without a move changes nothing", async () => {
  const api = server();
  const { bones } = bonesOf(api);
  await bones.load();
  bones.add("c1", [1, 2, 3]);
  await settled();
  const before = api.saved.length;
  bones.move("seed:c1:0", [9, 9, 9], false);
  assert.deepEqual(bones.placeOf("seed:c1:0"), [9, 9, 9]);
  bones.cancelMove();
  assert.deepEqual(bones.placeOf("seed:c1:0"), [1, 2, 3]);
  assert.equal(api.saved.length, before);
  bones.close();
});

test("when a segmentation is done its seeds are shown and its outlines are asked for", async () => {
  const api = server();
  const { bones, told } = bonesOf(api);
  await bones.load();
  await bones.propose(true);
  assert.deepEqual(api.held.wanted, {});
  assert.ok(bones.running && !bones.drawn);
  const before = told.drawn;
  api.finish({ c1: [[7, 8, 9]] });
  await bones.load();
  assert.deepEqual(bones.seeds, { c1: [[7, 8, 9]] });
  assert.ok(!bones.running && bones.drawn && !bones.changed);
  assert.equal(told.drawn, before + 1);
  bones.move("seed:c1:0", [7, 8, 8], true);
  assert.ok(bones.changed);
  await bones.propose(false);
  assert.deepEqual(api.held.wanted, { c1: [[7, 8, 8]] });
  bones.close();
});

test("a server that is away leaves the seeds and says so", async () => {
  const api = server();
  const { bones } = bonesOf(api);
  await bones.load();
  api.proposeBones = async () => {
    throw new TypeError("no network");
  };
  bones.add("c1", [1, 2, 3]);
  await bones.propose(false);
  assert.match(bones.problem.what, /does not answer/);
  assert.deepEqual(bones.seeds.c1, [[1, 2, 3]]);
  bones.close();
});
