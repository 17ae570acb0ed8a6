import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const FOLDER = new URL("../src/atlasplane/web/static/", import.meta.url);
const read = (name) => readFileSync(new URL(name, FOLDER), "utf8");

test("every module is named at once, so that none is found only after another", () => {
  const named = [...read("index.html").matchAll(/modulepreload" href="\/static\/([^"]+)"/g)].map((m) => m[1]);
  const there = readdirSync(FOLDER).filter((f) => f.endsWith(".js") && !["main.js", "types.js"].includes(f));
  assert.deepEqual(named.sort(), there.sort());
});

test("the page loads nothing from elsewhere and holds no inline style or script", () => {
  for (const name of readdirSync(FOLDER)) {
    const text = read(name).replaceAll("http://www.w3.org/2000/svg", "");
    assert.ok(!/https?:\/\//.test(text), name);
  }
  assert.ok(!/ style=|<style|<script>|\son[a-z]+=/.test(read("index.html")));
});

test("no file is longer than 400 lines", () => {
  for (const name of readdirSync(FOLDER)) assert.ok(read(name).split("\n").length <= 401, name);
});
