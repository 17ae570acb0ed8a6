import assert from "node:assert/strict";
import { test } from "node:test";
import { Registration } from "../src/atlasplane/web/static/registration.js";

const DETAIL = {
  kind: "ok",
  state: "in order",
  said: "It fits.",
  changed: [],
  reasons: [],
  facts: [],
  bones: [{ id: "c1", name: "Atlas C1", d: "M0 0L10 0L10 10Z" }],
  pictures: [{ kind: "difference", box: [0, 0, 10, 10] }, { kind: "checkerboard", box: [0, 0, 10, 10] }],
};

async function loaded(detail, blind = false) {
  const told = { changed: 0, blind };
  const api = { registration: async () => ({ registration: detail }), registrationPicture: (kind) => `/api/films/f/registration/${kind}.png` };
  const registration = new Registration(api, { changed: () => (told.changed += 1), blind: () => told.blind });
  await registration.load();
  return { registration, told };
}

test("nothing lies over the film before it is asked for", async () => {
  const { registration, told } = await loaded(DETAIL);
  assert.equal(told.changed, 1);
  assert.deepEqual(registration.drawnPaths, []);
  assert.equal(registration.drawnPicture, null);
});

test("outlines lie over either picture, and the two pictures hide each other", async () => {
  const { registration } = await loaded(DETAIL);
  assert.equal(registration.toggle("outlines"), true);
  assert.equal(registration.toggle("difference"), true);
  assert.equal(registration.toggle("checkerboard"), true);
  assert.deepEqual(registration.drawnPaths, [{ bone: "c1", d: "M0 0L10 0L10 10Z" }]);
  assert.deepEqual(registration.drawnPicture, { href: "/api/films/f/registration/checkerboard.png", box: [0, 0, 10, 10] });
  assert.equal(registration.toggle("checkerboard"), false);
  assert.equal(registration.drawnPicture, null);
  assert.equal(registration.shows("outlines"), true);
});

test("the same outlines are the same array, so that they are not made again at every move", async () => {
  const { registration } = await loaded(DETAIL);
  registration.toggle("outlines");
  assert.equal(registration.drawnPaths, registration.drawnPaths);
  registration.toggle("outlines");
  assert.equal(registration.drawnPaths, registration.drawnPaths);
});

test("pictures go round: difference, tiles, film", async () => {
  const { registration } = await loaded(DETAIL);
  assert.deepEqual([1, 2, 3, 4].map(() => registration.nextPicture()), ["difference", "checkerboard", null, "difference"]);
});

test("a blind reading sees nothing of it, whatever was switched on, until it is finished", async () => {
  const { registration, told } = await loaded(DETAIL);
  registration.toggle("outlines");
  registration.toggle("difference");
  told.blind = true;
  assert.deepEqual([registration.drawnPaths, registration.drawnPicture], [[], null]);
  assert.equal(registration.toggle("outlines"), false);
  assert.equal(registration.nextPicture(), null);
  told.blind = false;
  assert.equal(registration.drawnPaths.length, 1);
});

test("what is not stored cannot be switched on", async () => {
  const { registration } = await loaded({ ...DETAIL, bones: [], pictures: [] });
  assert.equal(registration.toggle("outlines"), false);
  assert.equal(registration.nextPicture(), null);
  const none = await loaded(null);
  assert.equal(none.registration.has("outlines"), false);
});

test("a server that does not answer is a problem in words", async () => {
  const api = { registration: async () => { throw new TypeError("away"); } };
  const registration = new Registration(api, { changed: () => {}, blind: () => false });
  await registration.load();
  assert.match(registration.problem.what, /does not answer/);
});
