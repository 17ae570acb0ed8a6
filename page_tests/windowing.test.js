import assert from "node:assert/strict";
import { test } from "node:test";
import { Pyramid, colours, dragged, halved, paintPart, partOfLevel } from "../src/atlasplane/web/static/windowing.js";

const grey = (word) => word & 0xff;

test("every grey value against the window's definition, both ways round", () => {
  for (const inverted of [false, true]) {
    const table = colours({ low: 1000, high: 3000, inverted });
    for (let v = 0; v < 65536; v += 1) {
      const share = v <= 1000 ? 0 : v >= 3000 ? 1 : (v - 1000) / 2000;
      assert.equal(grey(table[v]), Math.round(255 * (inverted ? 1 - share : share)));
    }
    assert.equal(table[2000] >>> 24, 255);
    assert.equal(table[1500] & 0xff, (table[1500] >> 16) & 0xff);
  }
});

test("a window of no width does not divide by nothing", () => {
  const table = colours({ low: 500, high: 500, inverted: false });
  assert.deepEqual([grey(table[500]), grey(table[501])], [0, 255]);
});

test("halves are means of four, edges of odd sides are repeated", () => {
  const image = { rows: 3, cols: 3, pixels: Uint16Array.from([0, 2, 4, 6, 8, 10, 65535, 65535, 65535]) };
  const half = halved(image);
  assert.deepEqual([half.rows, half.cols], [2, 2]);
  assert.deepEqual([...half.pixels], [4, 7, 65535, 65535]); // (0+2+6+8)/4, (4+4+10+10)/4
});

test("the level is the coarsest whose pixels are no larger than the screen's", () => {
  const pyramid = new Pyramid({ rows: 64, cols: 64, pixels: new Uint16Array(64 * 64) });
  assert.deepEqual([4, 1, 0.9, 0.5, 0.49, 0.25, 0.2, 0.01].map((s) => pyramid.depthFor(s)), [0, 0, 0, 1, 1, 2, 2, 5]);
  assert.equal(pyramid.level(2).rows, 16);
});

test("a part is painted row by row and nothing beside it", () => {
  const image = { rows: 3, cols: 4, pixels: Uint16Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) };
  const into = new Uint32Array(5);
  paintPart(image, [1, 1, 3, 3], Uint32Array.from({ length: 65536 }, (_v, k) => k + 100), into);
  assert.deepEqual([...into], [105, 106, 109, 110, 0]);
  assert.deepEqual(partOfLevel([3, 0, 9, 5], 1, { rows: 2, cols: 4, pixels: new Uint16Array(8) }), [1, 0, 4, 2]);
});

test("dragging to the right widens, upward brightens, and inverted films go the way of the hand too", () => {
  const range = { data_low: 0, data_high: 4000 };
  const window = { low: 1000, high: 3000, inverted: false };
  const wide = dragged(window, 100, 0, range);
  assert.ok(wide.high - wide.low > 2000);
  assert.equal((wide.high + wide.low) / 2, 2000);
  assert.ok(dragged(window, 0, -50, range).low < 1000);
  assert.ok(dragged({ ...window, inverted: true }, 0, -50, range).low > 1000);
});
