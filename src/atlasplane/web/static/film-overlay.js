/**
 * Points, lines and words over the pixels, as SVG: every handle is an element with a name that can be focused and found.
 *
 * @import { Drawing, Point } from "./types.js"
 * @import { View } from "./viewport.js"
 *
 * @typedef {object} Handle
 * @property {string} key e.g. "point:PL_R", "vertex:SKULL_R:3"
 * @property {Point} at image point
 * @property {string} tag short text beside it
 * @property {string} spoken name for a screen reader
 * @property {"point" | "vertex" | "middle" | "end" | "other" | "seed"} look
 * @property {boolean} current
 * @property {string} [bone] whose seed it is
 *
 * @typedef {{at: Point[], current: boolean, closed?: boolean}} Outline
 * @typedef {{at: Point[], text: string, textAt: Point}} FreeLine
 *
 * @typedef {object} Layers
 * @property {Handle[]} handles
 * @property {Outline[]} outlines
 * @property {{lines: Point[][], text: string | null, textAt: Point}[]} free
 * @property {Point[][]} guides thin lines: planes of the other slices
 * @property {{bone: string, d: string}[]} [bones] outlines as SVG paths in tenths of an image pixel
 * @property {{href: string, box: number[]} | null} [picture] over the film's grey: left, top, right, bottom in image points
 * @property {Drawing | null} drawing
 * @property {Point | null} aim cross of the keyboard
 * @property {boolean} names
 */
import { set, svg } from "./dom.js";
import { labelPlaces } from "./label-places.js";
import { screenVector, toScreen } from "./viewport.js";

/** @type {Layers} */
export const NO_LAYERS = { handles: [], outlines: [], free: [], guides: [], drawing: null, aim: null, names: true };

const LETTER = 7.4;
const HIGH = 20;
/** A word farther from its point than this gets a line to it. */
const LEADER_FROM = 26;

/** @param {View} view @param {Point[]} line @returns {string} */
function pathOf(view, line) {
  return line.map((p) => toScreen(view, p).map((v) => v.toFixed(2)).join(",")).join(" ");
}

export class FilmOverlay {
  constructor() {
    this.picture = svg("image", { class: "over-film", "aria-hidden": "true", preserveAspectRatio: "none", visibility: "hidden" });
    this.guides = svg("g", { class: "guides", "aria-hidden": "true" });
    this.bones = svg("g", { class: "bone-outlines", "aria-hidden": "true" });
    this.drawing = svg("g", { class: "drawing", "aria-hidden": "true" });
    this.outlines = svg("g", { class: "outlines", "aria-hidden": "true" });
    this.free = svg("g", { class: "free", "aria-hidden": "true" });
    this.handles = svg("g", { class: "handles", role: "group", "aria-label": "Marks on the film" });
    this.aim = svg("path", { class: "aim", "aria-hidden": "true", d: "M-18 0H-5M5 0H18M0-18V-5M0 5V18" });
    this.words = svg("g", { class: "words", "aria-hidden": "true" });
    this.root = svg(
      "svg",
      { class: "film-overlay" },
      this.picture,
      this.guides,
      this.bones,
      this.drawing,
      this.outlines,
      this.free,
      this.words,
      this.handles,
      this.aim,
    );
    /** @type {Map<string, SVGGElement>} */
    this.elements = new Map();
    /** Outlines that the paths were made for. @type {Layers["bones"]} */
    this.drawnBones = undefined;
    /** @type {Layers} */
    this.layers = NO_LAYERS;
  }

  /** @param {Layers} layers @param {View} view */
  draw(layers, view) {
    this.layers = layers;
    this.guides.replaceChildren(...layers.guides.map((line) => svg("polyline", { points: pathOf(view, line) })));
    this.#drawPicture(view);
    this.#drawBones(view);
    this.#drawDrawing(view);
    this.outlines.replaceChildren(
      ...layers.outlines.flatMap((o) => [
        svg("polyline", { class: "halo", points: pathOf(view, o.at) }),
        svg("polyline", { class: o.current ? "outline current" : "outline", points: pathOf(view, o.at) }),
      ]),
    );
    this.#drawHandles(view);
    this.#drawWords(view);
    set(this.aim, { visibility: layers.aim ? "visible" : "hidden" });
    if (layers.aim) set(this.aim, { transform: `translate(${toScreen(view, layers.aim).join(" ")})` });
  }

  /** @param {View} view */
  #drawPicture(view) {
    const wanted = this.layers.picture ?? null;
    set(this.picture, { visibility: wanted ? "visible" : "hidden" });
    if (!wanted) return;
    const [left, top, right, bottom] = wanted.box;
    const [x, y] = toScreen(view, [0, 0]);
    const [across, down] = [screenVector(view, 1, 0), screenVector(view, 0, 1)];
    set(this.picture, { href: wanted.href, x: left, y: top, width: right - left, height: bottom - top });
    set(this.picture, { transform: `matrix(${[...across, ...down, x, y].join(" ")})` });
  }

  /** The paths are made once a slice; a zoom only turns their common transform. @param {View} view */
  #drawBones(view) {
    const wanted = this.layers.bones ?? [];
    if (wanted !== this.drawnBones) {
      this.drawnBones = wanted;
      this.bones.replaceChildren(
        ...wanted.map((each) => svg("path", { class: "halo", d: each.d })),
        ...wanted.map((each) => svg("path", { class: `bone-${each.bone}`, d: each.d })),
      );
    }
    if (!wanted.length) return;
    const [x, y] = toScreen(view, [0, 0]);
    const [across, down] = [screenVector(view, 0.1, 0), screenVector(view, 0, 0.1)];
    set(this.bones, { transform: `matrix(${[...across, ...down, x, y].join(" ")})` });
  }

  /** @param {View} view */
  #drawDrawing(view) {
    const strokes = this.layers.drawing?.strokes ?? [];
    this.drawing.replaceChildren(
      ...strokes.map((s) => svg("polyline", { class: "halo", points: pathOf(view, s.at) })),
      ...strokes.map((s) =>
        svg("polyline", {
          points: pathOf(view, s.at),
          stroke: s.colour,
          "stroke-width": 1.5 * s.width,
          "stroke-dasharray": s.dashed ? "8 5" : null,
        }),
      ),
    );
    const dots = this.layers.drawing?.dots ?? [];
    this.drawing.append(
      ...dots
        .filter((d) => d.shape === "disc" || d.shape === "ring")
        .map((d) => {
          const [cx, cy] = toScreen(view, d.at);
          return svg("circle", { cx, cy, r: 3, fill: d.shape === "disc" ? d.colour : "none", stroke: d.shape === "disc" ? "#000" : d.colour });
        }),
    );
    this.free.replaceChildren(
      ...this.layers.free.flatMap((f) => f.lines.map((line) => svg("polyline", { points: pathOf(view, line) }))),
    );
  }

  /** @param {View} view */
  #drawHandles(view) {
    const wanted = new Set(this.layers.handles.map((h) => h.key));
    for (const [key, element] of this.elements) {
      if (!wanted.has(key)) {
        element.remove();
        this.elements.delete(key);
      }
    }
    for (const handle of this.layers.handles) {
      let element = this.elements.get(handle.key);
      if (!element) {
        element = newHandle(handle);
        this.elements.set(handle.key, element);
        this.handles.append(element);
      }
      const [x, y] = toScreen(view, handle.at);
      set(element, {
        transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`,
        class: `handle ${handle.look}${handle.bone ? ` bone-${handle.bone}` : ""}${handle.current ? " current" : ""}`,
        "aria-label": handle.look === "other" ? null : handle.spoken,
        "aria-pressed": ["point", "vertex", "seed"].includes(handle.look) ? String(handle.current) : null,
        tabindex: handle.look === "other" ? null : handle.current ? 0 : -1,
      });
    }
  }

  /** Values of the drawing first, then the names of the marks. @param {View} view */
  #drawWords(view) {
    const values = (this.layers.drawing?.labels ?? []).map((l) => ({
      text: l.text,
      colour: l.colour,
      kind: "value",
      at: toScreen(view, l.at),
      toward: towards(view, l.at, l.toward),
    }));
    const free = this.layers.free
      .filter((f) => f.text)
      .map((f) => ({ text: f.text ?? "", colour: "", kind: "free-text", at: toScreen(view, f.textAt), toward: /** @type {[number, number]} */ ([1, 0]) }));
    const names = this.layers.handles
      .filter((h) => h.tag && (this.layers.names || h.current))
      .sort((a, b) => Number(b.current) - Number(a.current))
      .map((h) => ({
        text: h.tag,
        colour: "",
        kind: h.current ? "name current" : "name",
        at: toScreen(view, h.at),
        toward: /** @type {[number, number]} */ ([1, -1]),
      }));
    const words = [...free, ...values, ...names];
    const boxes = labelPlaces(
      words.map((w) => ({ at: w.at, toward: w.toward, width: w.text.length * LETTER + 8, height: HIGH, optional: w.kind === "name" })),
      [view.width, view.height],
      [...badgeBoxes(view), ...this.layers.handles.map((h) => boxAround(toScreen(view, h.at)))],
    );
    this.words.replaceChildren(
      ...words.flatMap((word, k) => leader(word.at, boxes[k])),
      ...words.flatMap((word, k) => {
        const box = boxes[k];
        return box ? [svg("text", { class: word.kind, x: box.x + 4, y: box.y + 14, fill: word.colour || null }, word.text)] : [];
      }),
    );
  }
}

/** Where the side badges are. @param {View} view @returns {import("./label-places.js").Box[]} */
function badgeBoxes(view) {
  const [x, y] = [view.width / 2 - 22, view.height / 2 - 22];
  const size = { width: 54, height: 44 };
  return [{ x: 0, y, ...size }, { x: view.width - 54, y, ...size }, { x, y: 0, ...size }, { x, y: view.height - 44, ...size }];
}

/** A thin line to a word that stands away from its point. @param {[number, number]} at @param {import("./label-places.js").Box | null} box */
function leader(at, box) {
  if (!box) return [];
  const x = Math.min(box.x + box.width, Math.max(box.x, at[0]));
  const y = Math.min(box.y + box.height, Math.max(box.y, at[1]));
  const away = Math.hypot(x - at[0], y - at[1]);
  return away < LEADER_FROM ? [] : [svg("path", { class: "leader", d: `M${at[0]} ${at[1]}L${x} ${y}` })];
}

/** @param {[number, number]} at @returns {import("./label-places.js").Box} */
function boxAround(at) {
  return { x: at[0] - 7, y: at[1] - 7, width: 14, height: 14 };
}

/**
 * The server's `toward` is a direction in the image, or a point to lean to.
 * @param {View} view @param {Point} _at @param {Point} toward @returns {[number, number]}
 */
function towards(view, _at, toward) {
  return screenVector({ ...view, scale: 1 }, toward[0], toward[1]);
}

/** @type {Record<string, string>} */
const SHAPES = {
  point: "M-11 0H-3M3 0H11M0-11V-3M0 3V11",
  other: "M-6-6 6 6M6-6-6 6",
  seed: "M0-8 8 0 0 8-8 0z",
};

/** @param {Handle} handle @returns {SVGGElement} */
function newHandle(handle) {
  const other = handle.look === "other";
  const group = svg("g", { role: other ? null : "button", "data-key": handle.key, "aria-hidden": other ? "true" : null });
  if (SHAPES[handle.look]) {
    group.append(
      svg("circle", { class: "ring", r: 13 }),
      svg("path", { class: "halo", d: SHAPES[handle.look] }),
      svg("path", { class: "shape", d: SHAPES[handle.look] }),
      svg("circle", { class: "dot", r: 1.3 }),
    );
  } else {
    const size = handle.look === "middle" ? 3 : 4.5;
    group.append(svg("circle", { class: "ring", r: 11 }), svg("circle", { class: "shape", r: size }));
  }
  return group;
}
