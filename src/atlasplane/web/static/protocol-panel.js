/**
 * The sequence: the landmark of the moment with its definition, pitfalls and picture, and the list of all of them.
 *
 * @import { Session } from "./session.js"
 * @import { Step } from "./types.js"
 */
import { fill, html } from "./dom.js";
import { stateOf } from "./marks.js";
import { groupsOf, longName, progress, shortName, spokenState } from "./protocol.js";

/** @type {Record<string, {sign: string, text: string}>} */
const STATES = {
  open: { sign: "", text: "open" },
  placed: { sign: "✓", text: "marked" },
  hidden: { sign: "–", text: "not visible" },
};

export class ProtocolPanel {
  /**
   * @param {HTMLElement} host
   * @param {{choose: (id: string, enter: boolean) => void, run: (command: string) => void}} to
   */
  constructor(host, to) {
    this.host = host;
    this.to = to;
    this.words = html("div", { class: "step-words" });
    this.buttons = html("div", { class: "step-buttons" });
    this.card = html("div", { class: "card step" }, this.words, this.buttons);
    this.bar = html("div", { class: "progress" });
    this.list = html("div", { class: "steps", role: "listbox", "aria-label": "Landmarks in order", tabindex: 0 });
    this.list.addEventListener("keydown", (e) => this.#keys(e));
    host.replaceChildren(this.card, this.bar, this.list);
    /** @type {Session | null} */
    this.session = null;
    this.shown = { card: "", words: "", list: "" };
  }

  /** @param {Session} session */
  show(session) {
    if (this.session !== session) this.shown = { card: "", words: "", list: "" };
    this.session = session;
    this.#showCard(session);
    this.#showList(session);
  }

  /** @param {Session} session */
  #showCard(session) {
    const step = session.step;
    const state = step ? stateOf(session.marks, step) : "open";
    const drawn = step ? (session.marks.contours[step.id]?.length ?? 0) : 0;
    const key = `${step?.id}/${state}/${drawn}`;
    if (this.shown.card === key) return;
    this.shown.card = key;
    if (!step) {
      fill(this.words, html("p", {}, "No landmark of the catalogue belongs to this view."));
      fill(this.buttons);
      return;
    }
    const at = session.steps.indexOf(step) + 1;
    fill(this.buttons, this.#actions(step, state, drawn));
    if (this.shown.words === step.id) return;
    this.shown.words = step.id;
    fill(
      this.words,
      html("p", { class: "eyebrow" }, `${at} of ${session.steps.length} · ${step.group}`),
      html("h2", {}, html("span", { class: "tag" }, shortName(step)), ` ${step.name}`),
      step.picture ? picture(step.picture, `Where ${longName(step)} lies`) : null,
      html("p", { class: "definition" }, step.definition),
      step.pitfalls ? html("details", { class: "pitfalls", open: true }, html("summary", {}, "Pitfalls"), html("p", {}, step.pitfalls)) : null,
      this.#belongs(step),
    );
    this.words.scrollTop = 0;
  }

  /** @param {Step} step */
  #belongs(step) {
    if (!step.quantities.length) return null;
    const names = step.quantities.map((q) => q.name);
    return html("details", { class: "belongs" }, html("summary", {}, `Used by ${names.length} ${names.length === 1 ? "quantity" : "quantities"}`), html("p", {}, names.join(", ")));
  }

  /** @param {Step} step @param {string} state @param {number} drawn */
  #actions(step, state, drawn) {
    const button = (/** @type {string} */ text, /** @type {string} */ command, /** @type {string} */ kind = "") =>
      html("button", { type: "button", class: kind, onclick: () => this.to.run(command) }, text);
    const marked = state === "placed" || drawn > 0;
    return html(
      "div",
      { class: "actions" },
      html("button", { type: "button", class: "quiet", "aria-label": "Previous landmark", title: "Previous landmark (P)", onclick: () => this.to.run("previous") }, "‹"),
      state === "hidden" ? button("Can be seen", "notVisible") : button("Not visible", "notVisible"),
      marked ? button("Clear", "clear") : null,
      marked && step.kind === "contour" ? button("Snap to edge", "snap") : null,
      button(step.kind === "contour" && drawn > 1 ? "Outline done" : "Next", step.kind === "contour" && drawn > 1 ? "nextOpen" : "next", "main"),
    );
  }

  /** @param {Session} session */
  #showList(session) {
    const { done, total, hidden } = progress(session.steps, session.marks);
    const states = session.steps.map((s) => stateOf(session.marks, s));
    const key = `${session.chosen?.step}/${states}/${session.head.id}/${Object.values(session.marks.contours).map((c) => c.length)}`;
    if (this.shown.list === key) return;
    this.shown.list = key;
    const meter = html("progress", { max: Math.max(total, 1), value: done, "aria-label": "Landmarks done" });
    this.bar.replaceChildren(html("span", {}, html("b", {}, `${done}`), ` of ${total} done${hidden ? `, ${hidden} not visible` : ""}`), meter);
    this.list.replaceChildren(
      ...groupsOf(session.steps).map((group, k) =>
        html(
          "div",
          { role: "group", "aria-labelledby": `group-${k}` },
          html("h3", { id: `group-${k}`, role: "presentation" }, group.name),
          ...group.steps.map((step) => this.#option(session, step)),
        ),
      ),
    );
    const chosen = this.list.querySelector("[aria-selected=true]");
    this.list.setAttribute("aria-activedescendant", chosen?.id ?? "");
    if (chosen instanceof HTMLElement) keepInView(this.list, chosen);
  }

  /** @param {Session} session @param {Step} step */
  #option(session, step) {
    const state = stateOf(session.marks, step);
    const count = session.marks.contours[step.id]?.length;
    return html(
      "div",
      {
        id: `step-${step.id}`,
        role: "option",
        class: `option ${state}`,
        "aria-selected": String(session.chosen?.step === step.id),
        title: longName(step),
        onclick: () => this.to.choose(step.id, false),
      },
      html("span", { class: "sign", "aria-hidden": "true" }, STATES[state].sign),
      html("span", { class: "short" }, shortName(step)),
      html("span", { class: "long" }, step.name),
      html("span", { class: "visually-hidden" }, spokenState(step, session.marks)),
      html("span", { class: "note" }, state === "hidden" ? "" : step.kind === "contour" ? (count ? `${count} pts` : "outline") : step.optional ? "optional" : ""),
    );
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const session = this.session;
    if (!session || event.ctrlKey || event.altKey) return;
    const at = session.steps.findIndex((s) => s.id === session.chosen?.step);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: session.steps.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const step = session.steps[Math.min(session.steps.length - 1, Math.max(0, to))];
      if (step) this.to.choose(step.id, false);
    } else if (event.key === "Enter" && session.chosen) {
      event.preventDefault();
      event.stopPropagation();
      this.to.choose(session.chosen.step, true);
    }
  }
}

/** Scrolls the list alone, never the page. @param {HTMLElement} list @param {HTMLElement} item */
function keepInView(list, item) {
  const top = item.offsetTop - list.offsetTop;
  if (top < list.scrollTop + 40) list.scrollTop = top - 60;
  else if (top + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + item.offsetHeight - list.clientHeight + 60;
}

/** @param {string} address @param {string} text @returns {HTMLImageElement} gone where nothing is drawn for a landmark */
function picture(address, text) {
  const image = html("img", { class: "picture", src: address, alt: text, width: 260, height: 190 });
  image.addEventListener("error", () => image.remove());
  return image;
}
