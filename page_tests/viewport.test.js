import assert from "node:assert/strict";
import { test } from "node:test";
import { borderOf, centredOn, fitted, flipped, imageVector, matrix, panned, toImage, toScreen, turned, visiblePart, zoomedAt } from "../src/atlasplane/web/static/viewport.js";

const IMAGE = { rows: 1760, cols: 1120 };
// Numbers of a fixed sequence in [0, 1), so that every machine sees the same examples.
function* numbers(seed) {
  for (let x = seed; ; ) yield (x = (x * 48271) % 2147483647) / 2147483647;
}

function* views() {
  const draw = numbers(7);
  const next = () => draw.next().value;
  for (let k = 0; k < 200; k += 1) {
    yield { width: 400 + 900 * next(), height: 300 + 600 * next(), scale: 0.05 + 30 * next(), aspect: 0.5 + next(), centre: [1120 * next(), 1760 * next()], flipped: next() > 0.5, turns: Math.floor(4 * next()) };
  }
}

const close = (a, b, tolerance = 1e-8) => a.forEach((v, k) => assert.ok(Math.abs(v - b[k]) < tolerance, `${a} against ${b}`));

test("a point goes to the screen and comes back, whatever the flip, turn, zoom and pixel shape", () => {
  for (const view of views()) for (const at of [[0, 0], [1119.5, -0.5], [333.3, 1200.25]]) close(toImage(view, ...toScreen(view, at)), at);
});

test("the canvas matrix is the same map as toScreen", () => {
  for (const view of views()) {
    const [a, b, c, d, e, f] = matrix(view);
    close([a * 31 + c * 57 + e, b * 31 + d * 57 + f], toScreen(view, [31, 57]), 1e-7);
  }
});

test("hand-worked: fitted film, middle in the middle, one pixel to the right is one scale to the right", () => {
  const view = fitted(IMAGE, 824, 904);
  assert.equal(view.scale, 0.5); // (904 - 2 * 12) / 1760
  close(toScreen(view, [559.5, 879.5]), [412, 452]);
  close(toScreen(view, [569.5, 879.5]), [417, 452]);
});

test("a mirrored view puts the left of the film on the right and changes nothing else", () => {
  const view = fitted(IMAGE, 824, 904);
  const [x, y] = toScreen(view, [100, 200]);
  close(toScreen(flipped(view), [100, 200]), [824 - x, y]);
  assert.equal(borderOf(view, "image_left"), "left");
  assert.equal(borderOf(flipped(view), "image_left"), "right");
  assert.equal(borderOf(flipped(view), "image_up"), "top");
});

test("a quarter turn goes clockwise as seen, mirrored or not; four of them are none", () => {
  const view = fitted(IMAGE, 824, 904);
  assert.equal(borderOf(turned(view), "image_up"), "right");
  assert.equal(borderOf(turned(flipped(view)), "image_up"), "right");
  assert.deepEqual(turned(turned(turned(turned(view)))), view);
});

test("zoom leaves the point under the cursor where it is and respects its limits", () => {
  for (const view of views()) {
    const under = toImage(view, 120, 77);
    close(toScreen(zoomedAt(view, 120, 77, 1.7, 0.01), under), [120, 77], 1e-6);
  }
  assert.equal(zoomedAt(fitted(IMAGE, 800, 800), 0, 0, 1e9, 0.1).scale, 64);
  assert.equal(zoomedAt(fitted(IMAGE, 800, 800), 0, 0, 1e-9, 0.1).scale, 0.1);
});

test("panning moves the picture with the hand and never loses it", () => {
  for (const view of views()) {
    const moved = panned(view, 3, -2, IMAGE);
    const inside = moved.centre.every((v, k) => v > -0.5 && v < (k ? IMAGE.rows : IMAGE.cols) - 0.5);
    if (inside) close(toScreen(moved, [10, 20]), toScreen(view, [10, 20]).map((v, k) => v + [3, -2][k]), 1e-6);
  }
  close(panned(centredOn(fitted(IMAGE, 800, 800), [5, 5], 1), 1e5, 1e5, IMAGE).centre, [-0.5, -0.5]);
});

test("pixels that are not square keep their shape", () => {
  const view = { ...fitted(IMAGE, 800, 800), aspect: 2, scale: 1 };
  const [x0, y0] = toScreen(view, [0, 0]);
  const [x1, y1] = toScreen(view, [10, 10]);
  close([x1 - x0, y1 - y0], [10, 20]);
  close(imageVector(view, 10, 20), [10, 10]);
});

test("the visible part is the part that can be seen, whole pixels, inside the film", () => {
  const view = centredOn(fitted(IMAGE, 100, 60), [500, 800], 10);
  assert.deepEqual(visiblePart(view, IMAGE), [495, 797, 506, 804]);
  assert.deepEqual(visiblePart(fitted(IMAGE, 824, 904), IMAGE), [0, 0, 1120, 1760]);
});
