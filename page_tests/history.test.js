import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../src/atlasplane/web/static/history.js";
import { Latest } from "../src/atlasplane/web/static/latest.js";

test("undo and redo walk the same way back and forth", () => {
  const history = new History({ n: 0 });
  for (const n of [1, 2, 3]) history.commit(`set ${n}`, { n });
  assert.equal(history.undo(), "set 3");
  assert.equal(history.undo(), "set 2");
  assert.deepEqual(history.document, { n: 1 });
  assert.equal(history.redo(), "set 2");
  assert.deepEqual(history.document, { n: 2 });
  history.commit("other", { n: 9 });
  assert.equal(history.redo(), null);
  while (history.undo() !== null);
  assert.deepEqual(history.document, { n: 0 });
});

test("a preview is shown, is no action, and can be let go of", () => {
  const history = new History({ n: 0 });
  history.preview({ n: 5 });
  assert.deepEqual([history.document, history.undoLabel], [{ n: 5 }, null]);
  history.cancel();
  assert.deepEqual(history.document, { n: 0 });
});

test("nudges that follow closely are one entry, later ones another", () => {
  let now = 0;
  const history = new History({ n: 0 }, () => now);
  for (const n of [1, 2, 3]) {
    now += 100;
    history.commit("nudge", { n }, "nudge:PL_R");
  }
  now += 5000;
  history.commit("nudge", { n: 4 }, "nudge:PL_R");
  history.commit("nudge", { n: 5 }, "nudge:PL_L");
  assert.equal(history.done.length, 3);
  history.undo();
  history.undo();
  assert.deepEqual(history.document, { n: 3 });
  history.undo();
  assert.deepEqual(history.document, { n: 0 });
});

test("an action that changes nothing is none, and after an undo a nudge starts anew", () => {
  const history = new History({ n: 0 }, () => 0);
  assert.equal(history.commit("nothing", { n: 0 }), false);
  history.commit("nudge", { n: 1 }, "a");
  history.commit("nudge", { n: 2 }, "a");
  history.undo();
  history.redo();
  history.commit("nudge", { n: 3 }, "a");
  history.undo();
  assert.deepEqual(history.document, { n: 2 });
});

test("one request in flight, and of what was asked meanwhile only the last", async () => {
  const sent = [];
  const answers = [];
  /** @type {(() => void)[]} */
  const open = [];
  const latest = new Latest((q) => new Promise((resolve) => { sent.push(q); open.push(() => resolve(q)); }), (a) => answers.push(a), () => answers.push("failed"));
  for (const q of [1, 2, 3, 4]) latest.want(q);
  assert.deepEqual(sent, [1]);
  open.shift()();
  await new Promise(setImmediate);
  assert.deepEqual([sent, answers], [[1, 4], [1]]);
  latest.stop();
  open.shift()();
  await new Promise(setImmediate);
  assert.deepEqual(answers, [1]);
});

test("a failed request does not stop the next", async () => {
  const seen = [];
  const latest = new Latest(async (q) => { if (q === 1) throw new Error("no"); return q; }, (a) => seen.push(a), (e) => seen.push(e.message));
  latest.want(1);
  latest.want(2);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(seen, ["no", 2]);
});
