import assert from "node:assert/strict";
import { test } from "node:test";
import { BINDINGS, bindingOf, nudgeStep, written } from "../src/atlasplane/web/static/keyboard.js";
import { labelPlaces } from "../src/atlasplane/web/static/label-places.js";
import * as marks from "../src/atlasplane/web/static/marks.js";
import { groupsOf, neighbour, nextOpen, progress, spoken } from "../src/atlasplane/web/static/protocol.js";
import { badges, missingSides, sliceBadges } from "../src/atlasplane/web/static/sides.js";
import { cross, dot, rotated, through, toBody, toSlice, wholePlane } from "../src/atlasplane/web/static/slice-plane.js";
import { fitted, flipped } from "../src/atlasplane/web/static/viewport.js";

const step = (id, more = {}) => ({ id, landmark: id.split("_")[0], kind: "point", name: "", side: id.endsWith("_R") ? "right" : "left", definition: "", quantities: [], optional: false, group: "g", ...more });
const STEPS = [step("PL_R"), step("PL_L"), step("SKULL_R", { kind: "contour", group: "h" }), step("ORB_R", { optional: true, group: "h" }), step("ORB_L", { optional: true, group: "h" })];

test("the sequence goes on to what is open, round the corner, and stops before the optional ones", () => {
  let m = marks.NO_MARKS;
  assert.equal(nextOpen(STEPS, m, null)?.id, "PL_R");
  m = marks.withPoint(m, "PL_L", [1, 2]);
  assert.equal(nextOpen(STEPS, m, "PL_L")?.id, "SKULL_R");
  m = marks.withNotVisible(m, "SKULL_R");
  assert.equal(nextOpen(STEPS, m, "SKULL_R")?.id, "PL_R");
  m = marks.withPoint(m, "PL_R", [1, 2]);
  assert.equal(nextOpen(STEPS, m, "PL_R"), null);
  assert.equal(nextOpen(STEPS, m, "ORB_R")?.id, "ORB_L");
  assert.deepEqual(progress(STEPS, m), { done: 3, total: 3, hidden: 1 });
  assert.equal(neighbour(STEPS, "ORB_L", 1), null);
  assert.deepEqual(groupsOf(STEPS).map((g) => [g.name, g.steps.length]), [["g", 2], ["h", 3]]);
});

test("what a screen reader hears", () => {
  const m = marks.withPoint(marks.NO_MARKS, "PL_R", [1210.4, 903.2]);
  assert.equal(spoken(STEPS[0], m), "PL right, placed at column 1210.4 row 903.2");
  assert.equal(spoken(STEPS[1], m), "PL left, to be marked");
  assert.equal(spoken(STEPS[2], marks.withNotVisible(m, "SKULL_R")), "SKULL right, not visible");
  assert.equal(spoken(STEPS[0], marks.withPoint(m, "PL_R", [-1, 2.25, 30])), "PL right, placed at left -1.0 posterior 2.3 superior 30.0 mm");
});

test("marks are never changed in place; one landmark has one state", () => {
  const first = marks.withContour(marks.NO_MARKS, "SKULL_R", [[0, 0], [1, 1]]);
  const hidden = marks.withNotVisible(first, "SKULL_R");
  assert.deepEqual([Object.keys(first.contours), Object.keys(hidden.contours)], [["SKULL_R"], []]);
  assert.deepEqual(Object.keys(marks.withContour(hidden, "SKULL_R", [[0, 0], [2, 2]]).points), []);
  assert.deepEqual(marks.insertedVertex([[0, 0], [4, 4]], 1, [2, 2]), [[0, 0], [2, 2], [4, 4]]);
  assert.deepEqual(marks.deletedVertex([[0, 0], [2, 2], [4, 4]], 1), [[0, 0], [4, 4]]);
  assert.deepEqual(marks.withContour(first, "SKULL_R", []).contours, {});
});

test("the same marks in another order, or with what only the file holds, are the same", () => {
  const a = { points: { A: { at: [1, 2] }, B: { visible: false } }, contours: {}, free: [] };
  const b = { points: { B: { visible: false }, A: { at: [1, 2], cov: [[1, 0], [0, 1]] } }, contours: {}, free: [] };
  assert.ok(marks.sameMarks(a, b));
  assert.ok(!marks.sameMarks(a, marks.withPoint(b, "A", [1, 2.001])));
  assert.deepEqual(marks.savable(marks.withContour(a, "S", [[1, 1]])).contours, {});
});

test("free lines keep their ends in order", () => {
  const angle = { kind: "angle", lines: [[[0, 0], [1, 0]], [[0, 0], [0, 1]]] };
  assert.deepEqual(marks.movedEnd(angle, 2, [5, 5]).lines, [[[0, 0], [1, 0]], [[5, 5], [0, 1]]]);
});

test("every command has a key, no key has two commands, and letters can be switched off", () => {
  const keys = BINDINGS.flatMap((b) => (b.command === "nudge" ? [] : b.keys));
  assert.equal(new Set(keys).size, keys.length);
  const key = (k, more = {}) => ({ key: k, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  assert.equal(bindingOf(key("z", { ctrlKey: true }))?.command, "undo");
  assert.equal(bindingOf(key("Z", { ctrlKey: true, shiftKey: true }))?.command, "redo");
  assert.equal(bindingOf(key("?", { shiftKey: true }))?.command, "help");
  assert.equal(bindingOf(key("s"))?.command, "snapping");
  assert.equal(bindingOf(key("S", { shiftKey: true }))?.command, "snap");
  assert.equal(bindingOf(key("s"), false), null);
  assert.equal(bindingOf(key("Enter"), false)?.command, "confirm");
  assert.equal(written(key("ArrowLeft", { altKey: true })), "Alt+Arrows");
  assert.deepEqual([key("x"), key("x", { shiftKey: true }), key("x", { altKey: true })].map(nudgeStep), [1, 0.1, 10]);
});

test("badges stand on the side that was stated, go along with a mirrored view, and are missing where nobody stated it", () => {
  const view = fitted({ rows: 100, cols: 100 }, 300, 300);
  const stated = { patient_right: "image_left" };
  assert.deepEqual(badges("nasium", stated, view)[0], { letter: "R", border: "left", strong: true });
  assert.deepEqual(badges("nasium", stated, flipped(view))[0].border, "right");
  assert.deepEqual(badges("lateral", { patient_anterior: "image_left" }, view).map((b) => b.letter), ["A", "P"]);
  assert.deepEqual(missingSides("vertex", stated), ["patient_anterior"]);
  assert.deepEqual(missingSides("nasium", {}), ["patient_right"]);
  assert.deepEqual(badges("nasium", {}, view), []);
  assert.deepEqual(sliceBadges([1, 0, 0], [0, 0, -1], view).map((b) => b.letter + b.border[0]), ["Lr", "Rl", "Ht", "Fb"]);
});

test("a slice's pixel and the body's point are one place", () => {
  const plane = { centre: [10, -20, 30], right: rotated([1, 0, 0], [0, 0, 1], 30), down: [0, 0, -1], width: 101, height: 51, mm: 0.5 };
  const point = toBody(plane, [12.5, 40]);
  const back = toSlice(plane, point);
  assert.ok(Math.abs(back.at[0] - 12.5) < 1e-9 && Math.abs(back.at[1] - 40) < 1e-9 && Math.abs(back.depth) < 1e-9);
  assert.deepEqual(toBody({ ...plane, right: [1, 0, 0] }, [51, 24]), [10.5, -20, 30.5]);
  const off = point.map((v, k) => v + 7 * cross(plane.right, plane.down)[k]);
  assert.ok(Math.abs(toSlice(plane, off).depth - 7) < 1e-9);
  assert.ok(Math.abs(toSlice(through(plane, off), off).depth) < 1e-9);
});

test("a turn about an axis is right-handed and keeps length; a whole plane shows the whole volume", () => {
  const turned = rotated([1, 0, 0], [0, 0, 1], 90);
  assert.ok(Math.abs(turned[1] - 1) < 1e-12 && Math.abs(dot(turned, turned) - 1) < 1e-12);
  const whole = wholePlane({ right: [1, 0, 0], down: [0, 0, -1] }, [0, 0, 0], [[-50, -60, -100], [50, 60, 100]], 0.5, 1000);
  assert.deepEqual([whole.width, whole.height, whole.mm], [200, 400, 0.5]);
  assert.equal(wholePlane({ right: [1, 0, 0], down: [0, 0, -1] }, [0, 0, 0], [[-50, -60, -100], [50, 60, 100]], 0.1, 400).mm, 0.5);
});

test("words do not lie on one another", () => {
  const wanted = Array.from({ length: 6 }, () => ({ at: [200, 200], toward: [1, 0], width: 80, height: 20 }));
  const boxes = labelPlaces(wanted, [600, 400]);
  for (let a = 0; a < boxes.length; a += 1) {
    for (let b = 0; b < a; b += 1) {
      const apart = boxes[a].x >= boxes[b].x + 80 || boxes[b].x >= boxes[a].x + 80 || boxes[a].y >= boxes[b].y + 20 || boxes[b].y >= boxes[a].y + 20;
      assert.ok(apart, `${a} and ${b}`);
    }
  }
  assert.equal(labelPlaces([{ at: [-5, 3], toward: [1, 0], width: 10, height: 10 }], [100, 100])[0], null);
});
