/**
 * Listing, numbers with their uncertainty, findings, free measurements, what was stated. Every text is the server's.
 *
 * @import { Finding, LiveAnswer, NumberRow } from "./types.js"
 * @import { Session } from "./session.js"
 */
import { html } from "./dom.js";

/** @type {Record<string, string>} */
const DIRECTION_WORDS = { image_left: "left", image_right: "right", image_up: "top", image_down: "bottom" };
/** @type {Record<string, string>} */
const SCALE_WORDS = {
  user_fiducial: "object of known size, measured here",
  dicom_fiducial: "object of known size (header)",
  dicom_geometry: "geometry (header)",
  modality_corrected: "corrected by the unit",
  ermf: "estimated magnification",
  sid_sod: "distances of tube, patient and film",
  detector_plane_only: "at the detector only",
  none: "none: angles only",
};

export class ResultsPanel {
  /**
   * @param {HTMLElement} host
   * @param {{run: (command: string) => void, removeFree: (index: number) => void, stateMarker: (marker: string) => void}} to
   */
  constructor(host, to) {
    this.to = to;
    this.listing = html("div", { class: "card listing", "aria-live": "off" });
    /** Filled by the desk of a volume. */
    this.bones = html("div", { class: "card bones", hidden: true });
    /** Filled by the desk of a film. */
    this.registration = html("div", { class: "card bones registration", hidden: true });
    this.numbers = html("div", { class: "card numbers" });
    this.free = html("div", { class: "card free-list", hidden: true });
    this.findings = html("div", { class: "card findings", hidden: true });
    this.stated = html("div", { class: "card stated" });
    host.replaceChildren(this.bones, this.registration, this.listing, this.numbers, this.free, this.findings, this.stated);
    /** Texts shown, so that what did not change is left alone. @type {Map<Element, string>} */
    this.shown = new Map();
  }

  /** @param {Element} card @param {unknown} key @param {() => (Node | string | null)[]} make */
  #fill(card, key, make) {
    const text = JSON.stringify(key);
    if (this.shown.get(card) === text) return;
    this.shown.set(card, text);
    card.replaceChildren(...make().filter((n) => n !== null));
  }

  /** @param {Session} session @param {import("./types.js").Desk} desk */
  show(session, desk) {
    const { live, liveProblem } = session;
    this.#fill(this.listing, [live?.listing, liveProblem, session.kind], () => this.#listing(live, liveProblem, session.kind));
    const own = new Set(session.steps.flatMap((step) => step.quantities.map((q) => q.id)));
    this.#fill(this.numbers, [live?.rows, session.detail.id], () => numberTables(live?.rows ?? [], own));
    this.numbers.hidden = !live?.rows?.length;
    const findings = [...(live?.findings ?? desk.findings)];
    this.findings.hidden = findings.length === 0;
    this.#fill(this.findings, findings, () => findingList(findings));
    const free = session.marks.free.map((tool) => ({ kind: tool.kind, text: session.freeText(tool) }));
    this.free.hidden = free.length === 0;
    this.#fill(this.free, free, () => this.#freeList(free));
    this.#fill(this.stated, [session.settings, session.detail.id], () => this.#stated(session));
    this.stated.hidden = session.kind !== "films";
  }

  /** @param {LiveAnswer | null} live @param {import("./types.js").Problem | null} problem @param {string} kind */
  #listing(live, problem, kind) {
    const title = html("h2", {}, "Listing");
    if (kind === "volumes") return [html("h2", {}, "Scan"), html("p", { class: "soft" }, "Marks of a scan are measured with the films: atlasplane measure prints them.")];
    const trouble = problem ? html("p", { class: "problem" }, sentence(problem.what), " ", html("span", { class: "soft" }, problem.remedy)) : null;
    if (!live?.listing) return [title, trouble ?? html("p", { class: "soft" }, "Comes up when the lines that it is made of are marked.")];
    const { text, canonical, undetermined } = live.listing;
    return [
      title,
      html("p", { class: "listing-text", "data-testid": "listing" }, text || "—"),
      html("p", { class: "soft" }, canonical),
      undetermined.length ? html("p", { class: "undetermined" }, `Side undetermined: ${undetermined.map((id) => live.rows.find((row) => row.quantity === id)?.name ?? id).join(", ")}`) : null,
      trouble,
    ];
  }

  /** @param {{kind: string, text: string | null}[]} free */
  #freeList(free) {
    return [
      html("h2", {}, "Free measurements"),
      html(
        "ul",
        {},
        ...free.map((f, k) =>
          html(
            "li",
            {},
            html("span", { class: "kind" }, f.kind === "angle" ? "Angle" : "Length"),
            html("b", {}, f.text ?? "…"),
            html("button", { type: "button", class: "quiet small", "aria-label": `Delete ${f.kind} ${k + 1}`, onclick: () => this.to.removeFree(k) }, "Delete"),
          ),
        ),
      ),
    ];
  }

  /** @param {Session} session */
  #stated(session) {
    const { settings } = session;
    const side = (/** @type {string} */ name, /** @type {string | null | undefined} */ value) =>
      value ? html("div", {}, html("dt", {}, name), html("dd", {}, DIRECTION_WORDS[value] ?? value)) : null;
    const marker = html(
      "select",
      { "aria-label": "Side marker on the film", onchange: (/** @type {any} */ e) => this.to.stateMarker(e.target.value) },
      ...[["", "not stated"], ["R", "R seen"], ["L", "L seen"], ["none", "none seen"]].map(([value, text]) =>
        html("option", { value, selected: (settings.marker ?? "") === value }, text),
      ),
    );
    return [
      html("h2", {}, "Stated about this film"),
      html(
        "dl",
        {},
        side("Patient's right is", settings.patient_right),
        side("Patient's front is", settings.patient_anterior),
        html("div", {}, html("dt", {}, "Side marker"), html("dd", {}, marker)),
        html("div", {}, html("dt", {}, "Scale"), html("dd", {}, scaleText(settings.calibration))),
      ),
      html(
        "div",
        { class: "actions" },
        html("button", { type: "button", class: "small", onclick: () => this.to.run("sides") }, "Change sides"),
        html("button", { type: "button", class: "small", onclick: () => this.to.run("calibrate") }, "Measure the scale"),
      ),
    ];
  }
}

/** @param {import("./types.js").Calibration | null | undefined} calibration */
function scaleText(calibration) {
  if (!calibration || calibration.kind === "none") return SCALE_WORDS.none;
  const [across] = calibration.mm_per_px ?? [];
  const value = across === undefined ? "" : `${across.toFixed(4)} mm a pixel, `;
  return `${value}${SCALE_WORDS[calibration.kind] ?? calibration.kind}`;
}

/** This film's numbers first, then what other films of the visit say. @param {NumberRow[]} rows @param {Set<string>} own quantities of this view */
function numberTables(rows, own) {
  const mine = rows.filter((row) => own.has(row.quantity));
  const others = rows.filter((row) => !own.has(row.quantity));
  return [
    ...(mine.length ? [html("h2", {}, "Numbers of this film"), numberTable(mine, "Numbers of this film")] : []),
    ...(others.length ? [html("h2", {}, "Of the whole visit"), numberTable(others, "Numbers of the whole visit")] : []),
  ];
}

/** @param {NumberRow[]} rows @param {string} caption */
function numberTable(rows, caption) {
  return html(
    "table",
    {},
    html("caption", { class: "visually-hidden" }, caption),
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "Quantity"), html("th", { scope: "col" }, "Value ± expanded, side"))),
    html("tbody", {}, ...rows.map(numberRow)),
  );
}

/** @param {NumberRow} row */
function numberRow(row) {
  const undetermined = /undetermined/i.test(row.side ?? "");
  return html(
    "tr",
    { "data-key": row.key },
    html("th", { scope: "row" }, row.name, row.site ? html("span", { class: "site" }, ` ${row.site}`) : null),
    html(
      "td",
      { class: "value" },
      html("b", {}, row.value),
      row.expanded ? html("span", { class: "expanded" }, ` ${row.expanded}`) : null,
      row.side ? html("span", { class: undetermined ? "side undetermined" : "side" }, ` ${row.side}`) : null,
    ),
  );
}

/** @type {Record<string, string>} */
const SEVERITY = { info: "Note", warn: "Check", stop: "Stop" };

/** @param {Finding[]} findings @param {string} [title] */
export function findingList(findings, title = "Findings") {
  return [
    html("h2", {}, title),
    html(
      "ul",
      {},
      ...findings.map((f) => html("li", { class: f.severity }, html("span", { class: "severity" }, SEVERITY[f.severity] ?? f.severity), html("span", {}, f.text))),
    ),
  ];
}

/** @param {string} text @returns {string} with a capital and a full stop */
function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
