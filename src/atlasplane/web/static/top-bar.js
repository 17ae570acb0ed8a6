/**
 * Whose films, which film, who reads, and whether it is saved.
 *
 * @import { Desk, FilmSummary } from "./types.js"
 * @import { Session } from "./session.js"
 * @typedef {{kind: "films" | "volumes", id: string}} Source
 */
import { html, set } from "./dom.js";

/** @type {Record<string, string>} */
const MOMENTS = { pre: "before", post: "after", single: "" };

export class TopBar {
  /**
   * @param {HTMLElement} host
   * @param {{open: (source: Source) => void, openVisit: (index: number) => void, run: (command: string) => void}} to
   */
  constructor(host, to) {
    this.to = to;
    this.who = html("div", { class: "who" });
    this.films = html("nav", { class: "films", "aria-label": "Films" });
    this.reader = html("button", { type: "button", class: "reader", onclick: () => to.run("readings"), "aria-haspopup": "dialog" });
    this.save = html("div", { class: "save", role: "status" });
    host.replaceChildren(
      html("h1", { class: "brand" }, html("img", { src: "/static/icon.svg", alt: "", width: 24, height: 24 }), html("span", {}, "Atlasplane")),
      this.who,
      this.films,
      html(
        "div",
        { class: "top-end" },
        this.save,
        this.reader,
        html("button", { type: "button", class: "quiet", onclick: () => to.run("help"), "aria-haspopup": "dialog" }, "Keys"),
        html("button", { type: "button", class: "quiet", onclick: () => to.run("about"), "aria-haspopup": "dialog" }, "About"),
        html("button", { type: "button", class: "main", onclick: () => to.run("finish") }, "Finish"),
      ),
    );
  }

  /** @param {Desk} desk @param {number} visit @param {Source | null} open */
  showDesk(desk, visit, open) {
    const visits = desk.visits;
    const chooser =
      visits.length > 1
        ? html(
            "select",
            { "aria-label": "Visit", onchange: (/** @type {any} */ e) => this.to.openVisit(Number(e.target.value)) },
            ...visits.map((v, k) => html("option", { value: k, selected: k === visit }, visitName(v))),
          )
        : html("span", { class: "soft" }, visits[0] ? visitName(visits[0]) : "");
    this.who.replaceChildren(
      html("b", {}, desk.case?.pseudonym ?? desk.case?.id ?? "Film"),
      desk.simulated ? html("span", { class: "simulated" }, "SIMULATED") : "",
      chooser,
    );
    const films = visits[visit]?.films ?? [];
    this.films.replaceChildren(
      ...films.map((film) => this.#tab(film, open?.kind === "films" && open.id === film.id)),
      ...desk.volumes.map((v) =>
        html(
          "button",
          { type: "button", class: "tab", "aria-current": open?.kind === "volumes" && open.id === v.id ? "page" : null, onclick: () => this.to.open({ kind: "volumes", id: v.id }) },
          "Scan",
        ),
      ),
    );
  }

  /** @param {FilmSummary} film @param {boolean} current */
  #tab(film, current) {
    const marked = film.readings.length > 0;
    return html(
      "button",
      {
        type: "button",
        class: "tab",
        "data-film": film.id,
        "aria-current": current ? "page" : null,
        title: film.file,
        onclick: () => this.to.open({ kind: "films", id: film.id }),
      },
      film.view_name.replace(/ film$/, ""),
      film.problem ? html("span", { class: "dot stop", role: "img", "aria-label": "cannot be opened" }) : marked ? html("span", { class: "dot", role: "img", "aria-label": "has marks" }) : null,
    );
  }

  /** @param {Session} session */
  showReader(session) {
    const { observer, id, blinded } = session.head;
    this.reader.replaceChildren(html("b", {}, observer), ` ${id}`, blinded ? html("span", { class: "blind" }, "blind") : "", html("span", { class: "visually-hidden" }, ", change reader or reading"));
  }

  /** @param {Session} session */
  showSaved(session) {
    const state = session.saveState;
    const at = [session.readingSaver.savedAt, session.settingsSaver.savedAt].filter(Boolean).sort().pop();
    const texts = {
      saved: at ? `Saved ${clock(at)}` : "Nothing to save",
      saving: "Saving…",
      unsaved: "Not saved: no answer, trying again",
      conflict: "Not saved: changed elsewhere",
      replaced: "Not saved: film replaced",
      locked: "Not saved: page locked out",
      refused: "Not saved: refused",
    };
    set(this.save, { "data-state": state });
    const short = Object.values(session.marks.contours).some((line) => line.length === 1);
    const text = short && state === "saved" ? `${texts.saved}; an outline from its second point on` : texts[state];
    if (this.save.textContent !== text) this.save.textContent = text;
  }
}

/** @param {string} iso @returns {string} time of day where the reader is */
function clock(iso) {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : time.toTimeString().slice(0, 8);
}

/** @param {Desk["visits"][number]} visit @returns {string} */
function visitName(visit) {
  const day = visit.time ? visit.time.slice(0, 10) : visit.id;
  const moment = MOMENTS[visit.moment ?? ""] ?? visit.moment ?? "";
  return moment ? `${day}, ${moment}` : day;
}
