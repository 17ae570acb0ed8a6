import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../src/atlasplane/web/static/api.js";
import { Saver, worst } from "../src/atlasplane/web/static/saver.js";

const settle = async () => { for (let k = 0; k < 6; k += 1) await new Promise(setImmediate); };

/** A server with one file, and faults on order. */
function bench({ document = "a", revision = "1" } = {}) {
  const server = { document, revision, faults: [], puts: 0 };
  const timers = [];
  const states = [];
  const saver = new Saver({
    document,
    revision,
    put: async (sent, seen) => {
      server.puts += 1;
      const fault = server.faults.shift();
      if (fault === "lost answer") { server.document = sent; server.revision = String(Number(server.revision) + 1); throw new ApiError(0, null); }
      if (fault) throw fault;
      if (seen !== server.revision) throw new ApiError(409, { conflict: "reading", what: "changed", remedy: "choose" });
      server.document = sent;
      server.revision = String(Number(server.revision) + 1);
      return { revision: server.revision, saved_at: "2026-03-02T10:00:00+00:00" };
    },
    fetchStored: async () => ({ document: server.document, revision: server.revision }),
    same: (a, b) => a === b,
    schedule: (run) => timers.push(run),
    changed: () => states.push(saver.state),
  });
  return { server, saver, timers, states };
}

test("nothing is shown as saved before the server said so", async () => {
  const { saver, server, states } = bench();
  saver.want("b");
  assert.equal(saver.state, "saving");
  await settle();
  assert.deepEqual([states, server.document, saver.savedAt], [["saving", "saved"], "b", "2026-03-02T10:00:00+00:00"]);
});

test("what is done while a save is under way is saved after it", async () => {
  const { saver, server } = bench();
  for (const text of ["b", "c", "d"]) saver.want(text);
  await settle();
  assert.deepEqual([server.document, server.puts, saver.state], ["d", 2, "saved"]);
});

test("a server that is away: not saved, tried again by itself, then saved", async () => {
  const { saver, server, timers } = bench();
  server.faults = [new ApiError(0, null), new ApiError(503, null)];
  saver.want("b");
  await settle();
  assert.deepEqual([saver.state, server.document, timers.length], ["unsaved", "a", 1]);
  saver.want("c");
  timers.shift()();
  await settle();
  assert.equal(saver.state, "unsaved");
  timers.shift()();
  await settle();
  assert.deepEqual([saver.state, server.document], ["saved", "c"]);
});

test("an answer that was lost on the way is no conflict", async () => {
  const { saver, server, timers } = bench();
  server.faults = ["lost answer"];
  saver.want("b");
  await settle();
  timers.shift()();
  await settle();
  assert.deepEqual([saver.state, saver.revision], ["saved", "2"]);
});

test("a file that changed beside this reading is no conflict", async () => {
  const { saver, server } = bench();
  server.revision = "7";
  saver.want("b");
  await settle();
  assert.deepEqual([saver.state, server.document, saver.revision], ["saved", "b", "8"]);
});

test("a reading that changed elsewhere is a conflict, and either side can win", async () => {
  for (const [settled, expected] of [["keepMine", "b"], ["takeStored", "theirs"]]) {
    const { saver, server } = bench();
    server.document = "theirs";
    server.revision = "5";
    saver.want("b");
    await settle();
    assert.deepEqual([saver.state, server.document], ["conflict", "theirs"]);
    saver[settled]();
    await settle();
    assert.deepEqual([saver.state, server.document], ["saved", expected]);
  }
});

test("in a conflict nothing more is sent until somebody decides", async () => {
  const { saver, server } = bench();
  server.document = "theirs";
  server.revision = "5";
  saver.want("b");
  await settle();
  const { puts } = server;
  saver.want("c");
  await settle();
  assert.equal(server.puts, puts);
  saver.keepMine();
  await settle();
  assert.equal(server.document, "c");
});

test("a film that was replaced stops the saving for good", async () => {
  const { saver, server, timers } = bench();
  server.faults = [new ApiError(409, { conflict: "film", what: "was replaced", remedy: "put it back" })];
  saver.want("b");
  await settle();
  assert.deepEqual([saver.state, saver.problem?.what, timers.length], ["replaced", "was replaced", 0]);
});

test("a page that the server no longer knows waits for the new address", async () => {
  const { saver, server } = bench();
  server.faults = [new ApiError(401, null)];
  saver.want("b");
  await settle();
  assert.equal(saver.state, "locked");
  saver.retryNow();
  await settle();
  assert.deepEqual([saver.state, server.document], ["saved", "b"]);
});

test("what the server refuses is said, and the next action is tried", async () => {
  const { saver, server } = bench();
  server.faults = [new ApiError(422, { what: "no such landmark", remedy: "" })];
  saver.want("b");
  await settle();
  assert.deepEqual([saver.state, saver.problem?.what], ["refused", "no such landmark"]);
  saver.want("c");
  await settle();
  assert.equal(server.document, "c");
});

test("of several states the worst is shown", () => {
  assert.equal(worst(["saved", "saving"]), "saving");
  assert.equal(worst(["saved", "conflict", "unsaved"]), "conflict");
  assert.equal(worst([]), "saved");
});
