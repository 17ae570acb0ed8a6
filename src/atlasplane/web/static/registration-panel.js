/**
 * The panel of the registration: its state in words, and switches for what lies over the film.
 *
 * @import { Registration, Layer } from "./registration.js"
 * @import { RegistrationDetail } from "./types.js"
 */
import { fill, html } from "./dom.js";
import { LAYERS } from "./registration.js";
import { keyOf } from "./toolbar.js";

/** What the two pictures show. @type {Record<string, string>} */
const MEANINGS = {
  difference: "Film minus model, edges only: light where the film has more, dark where the model has more.",
  checkerboard: "Film and model in turn, edges only: where they agree, edges run on from tile to tile. The first tile is the film's.",
};

export class RegistrationPanel {
  /** @param {HTMLElement} host @param {Registration} registration @param {(layer: Layer) => void} toggle */
  constructor(host, registration, toggle) {
    this.host = host;
    this.registration = registration;
    this.toggle = toggle;
    this.state = html("p", { class: "bones-state", "data-testid": "registration-state" });
    this.layers = html("div", { class: "runs", role: "group", "aria-label": "Shown over the film" });
    this.legend = html("p", { class: "bone-legend" });
    this.words = html("div", {});
    fill(host, html("h2", {}, "Registration"), this.state, this.layers, this.legend, this.words);
    /** Texts shown, so that what did not change keeps the focus. @type {Map<Element, string>} */
    this.shown = new Map();
  }

  /** @param {Element} part @param {unknown} key @param {() => (Node | string | null)[]} make */
  #fill(part, key, make) {
    const text = JSON.stringify(key);
    if (this.shown.get(part) === text) return;
    this.shown.set(part, text);
    const held = part.contains(document.activeElement) ? document.activeElement?.getAttribute("data-button") : null;
    fill(part, ...make());
    const again = held ? part.querySelector(`[data-button="${held}"]`) : null;
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }

  show() {
    const { detail, problem, open } = this.registration;
    this.host.hidden = !detail && !problem;
    if (problem) this.#fill(this.state, problem, () => [html("b", {}, problem.what), ` ${problem.remedy}`]);
    if (!detail) return;
    this.state.dataset.status = detail.kind === "ok" ? "accepted" : detail.kind;
    this.#fill(this.state, [detail, open], () => stateOf(detail, open));
    const shown = LAYERS.map(([layer]) => this.registration.shows(layer));
    this.#fill(this.layers, [shown, open, detail], () => this.#switches());
    this.#fill(this.legend, [detail.bones, shown[0]], () => (shown[0] ? detail.bones.map((bone) => html("span", { class: `bone-${bone.id}` }, html("span", { class: "swatch", "aria-hidden": "true" }), bone.name)) : []));
    this.#fill(this.words, [detail, shown], () => this.#words(detail));
  }

  #switches() {
    return LAYERS.filter(([layer]) => this.registration.has(layer)).map(([layer, name]) =>
      html(
        "button",
        {
          type: "button",
          class: "small",
          "data-button": layer,
          "aria-pressed": String(this.registration.shows(layer)),
          disabled: !this.registration.open,
          title: layer === "outlines" ? `Key ${keyOf("boneOutlines")}` : `Key ${keyOf("bonePicture")}`,
          onclick: () => this.toggle(layer),
        },
        name,
      ),
    );
  }

  /** @param {RegistrationDetail} detail */
  #words(detail) {
    const picture = LAYERS.map(([layer]) => layer).find((layer) => layer !== "outlines" && this.registration.shows(layer));
    return [
      picture ? html("p", { class: "soft" }, MEANINGS[picture]) : null,
      ...detail.reasons.map(({ what, remedy }) => html("p", {}, `${what}. `, html("span", { class: "soft" }, `What may help: ${remedy}.`))),
      detail.facts.length
        ? html("details", {}, html("summary", {}, "How it was found"), html("dl", {}, ...detail.facts.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)])))
        : null,
    ];
  }
}

/** @param {RegistrationDetail} detail @param {boolean} open */
function stateOf(detail, open) {
  const changed = detail.changed.length ? ` Changed: ${detail.changed.join(", ")}.` : "";
  return [
    html("b", {}, `${detail.state.charAt(0).toUpperCase()}${detail.state.slice(1)}. `),
    `${detail.said}${changed}`,
    open ? null : html("span", { class: "soft" }, " Its outlines can be seen when this blind reading is finished."),
  ];
}
