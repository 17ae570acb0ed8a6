/**
 * Questions and notices in front of the page. Each resolves with the answer, or null where it was closed.
 *
 * @import { Desk, Direction, Problem, ReadingHead, Reading } from "./types.js"
 */
import { html } from "./dom.js";
import { BINDINGS, POINTER_HELP } from "./keyboard.js";
import { questionOf } from "./sides.js";

/**
 * @template A
 * @param {string} title
 * @param {(done: (answer: A | null) => void) => (Node | string | null)[]} make
 * @param {{closable?: boolean, wide?: boolean}} [how]
 * @returns {Promise<A | null>}
 */
export function ask(title, make, how = {}) {
  const closable = how.closable ?? true;
  return new Promise((resolve) => {
    const id = `dialog-${Math.random().toString(36).slice(2)}`;
    const dialog = html("dialog", { "aria-labelledby": id, class: how.wide ? "wide" : "" });
    const before = document.activeElement;
    const done = (/** @type {A | null} */ answer) => {
      dialog.close();
      dialog.remove();
      if (before instanceof HTMLElement || before instanceof SVGElement) before.focus({ preventScroll: true });
      resolve(answer);
    };
    dialog.addEventListener("cancel", (e) => {
      e.preventDefault();
      if (closable) done(null);
    });
    const close = closable
      ? html("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => done(null) }, "×")
      : null;
    const head = html("div", { class: "dialog-head" }, html("h2", { id }, title), close);
    dialog.append(head, html("div", { class: "dialog-body" }, ...make(done).filter((n) => n !== null)));
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector("[autofocus], input, .choices button, .actions button.main");
    if (first instanceof HTMLElement) first.focus();
  });
}

/** Who reads. @param {string[]} known @param {string} preset @returns {Promise<string | null>} */
export function askObserver(known, preset) {
  return ask(
    "Who is reading?",
    (done) => {
      const input = html("input", { id: "observer", value: preset, maxlength: 40, required: true, autocomplete: "off", list: "observers", autofocus: true });
      return [
        html(
          "form",
          {
            onsubmit: (/** @type {Event} */ e) => {
              e.preventDefault();
              if (input.value.trim()) done(input.value.trim());
            },
          },
          html("p", {}, "Initials or a pseudonym. Each reader's marks are kept apart, and their agreement can be measured."),
          html("label", { for: "observer" }, "Reader"),
          input,
          html("datalist", { id: "observers" }, ...known.map((o) => html("option", { value: o }))),
          html("div", { class: "actions" }, html("button", { type: "submit", class: "main" }, "Read as this person")),
        ),
      ];
    },
    { closable: preset !== "" },
  );
}

/** @param {"patient_right" | "patient_anterior"} side @param {{closable?: boolean}} [how] @returns {Promise<Direction | null>} */
export function askSide(side, how = {}) {
  /** @type {[Direction, string, string][]} */
  const choices = [
    ["image_up", "Top", "top"],
    ["image_left", "Left", "left"],
    ["image_right", "Right", "right"],
    ["image_down", "Bottom", "bottom"],
  ];
  return ask(
    questionOf(side),
    (done) => [
      html("p", {}, "As the film is stored, not as the view is mirrored or turned. It is asked because nobody stated it, and it is never guessed; the marker on the film and the record of the exposure say it."),
      html("div", { class: "choices compass" }, ...choices.map(([value, text, place]) => html("button", { type: "button", class: place, onclick: () => done(value) }, text))),
    ],
    { closable: true, ...how },
  );
}

/** @returns {Promise<{length_mm: number, u_length_mm: number, at_object: boolean} | null>} */
export function askLength() {
  return ask("Object of known size", (done) => {
    const length = html("input", { id: "length", type: "number", step: "any", min: "0.1", required: true, inputmode: "decimal", autofocus: true });
    const u = html("input", { id: "u-length", type: "number", step: "any", min: "0", value: "0.1", required: true, inputmode: "decimal" });
    const plane = html("select", { id: "plane" }, html("option", { value: "object" }, "beside the atlas, in its plane"), html("option", { value: "detector" }, "on the detector or cassette"));
    return [
      html(
        "form",
        {
          onsubmit: (/** @type {Event} */ e) => {
            e.preventDefault();
            done({ length_mm: length.valueAsNumber, u_length_mm: u.valueAsNumber, at_object: plane.value === "object" });
          },
        },
        html("label", { for: "length" }, "True length, mm"),
        length,
        html("label", { for: "u-length" }, "Standard uncertainty of that length, mm"),
        u,
        html("label", { for: "plane" }, "Where the object lay"),
        plane,
        html("div", { class: "actions" }, html("button", { type: "submit", class: "main" }, "Work out the scale")),
      ),
    ];
  });
}

/** @param {string} title @param {(Node | string | null)[]} body @param {[string, string][]} choices value and text, the main one last
 *  @param {{closable?: boolean}} [how] @returns {Promise<string | null>} */
export function choose(title, body, choices, how = {}) {
  return ask(
    title,
    (done) => [
      ...body,
      html(
        "div",
        { class: "actions" },
        ...choices.map(([value, text], k) => html("button", { type: "button", class: k === choices.length - 1 ? "main" : "", onclick: () => done(value) }, text)),
      ),
    ],
    how,
  );
}

/** @param {Problem | null} problem */
export function askConflict(problem) {
  return choose(
    "These marks were changed elsewhere",
    [
      html("p", {}, problem ? `${capital(problem.what)}.` : "The landmark file is not as this page last saw it."),
      html("p", {}, "Nothing was overwritten. Which marks of this reading shall stand?"),
    ],
    [
      ["mine", "Keep what this page shows"],
      ["stored", "Take what is stored"],
    ],
    { closable: true },
  );
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Readings of this film: go on with one, begin another, change the reader.
 * @param {(ReadingHead & Partial<Reading>)[]} readings
 * @param {ReadingHead} open
 * @param {{blind: boolean, others: boolean, showOthers: (on: boolean) => void}} seen blind: the others are hidden from this reader
 * @returns {Promise<{open?: string, begin?: "blind" | "open", observer?: true} | null>}
 */
export function askReading(readings, open, seen) {
  return ask("Readings of this film", (done) => [
    html(
      "ul",
      { class: "readings" },
      ...readings.map((r) =>
        html(
          "li",
          {},
          html("span", {}, html("b", {}, r.observer), ` ${r.id}`, r.time ? html("span", { class: "soft" }, ` ${r.time.slice(0, 16).replace("T", " ")}`) : "", r.blinded ? html("span", { class: "blind" }, "blind") : ""),
          r.id === open.id || seen.blind
            ? html("span", { class: "soft" }, r.id === open.id ? "open" : "hidden while you read blind")
            : html("button", { type: "button", class: "small", onclick: () => done({ open: r.id }), "aria-label": `Open reading ${r.id} by ${r.observer}` }, "Open"),
        ),
      ),
    ),
    seen.blind ? null : html("label", { class: "check" }, html("input", { type: "checkbox", checked: seen.others, onchange: (/** @type {any} */ e) => seen.showOthers(e.target.checked) }), " Show the points of the other readings faintly"),
    html("p", { class: "soft" }, "A blind reading shows nothing of the others until it is finished: so it tells how well you repeat yourself."),
    html(
      "div",
      { class: "actions" },
      html("button", { type: "button", onclick: () => done({ observer: true }) }, "Another reader"),
      html("button", { type: "button", onclick: () => done({ begin: "open" }) }, "New reading"),
      html("button", { type: "button", class: "main", onclick: () => done({ begin: "blind" }) }, "New blind reading"),
    ),
  ]);
}

/** @param {boolean} plainKeys @param {(on: boolean) => void} setPlain */
export function showHelp(plainKeys, setPlain) {
  const groups = [...new Set(BINDINGS.map((b) => b.group))];
  const row = (/** @type {(Node | string)[]} */ keys, /** @type {string} */ text) => html("div", {}, html("dt", {}, ...keys), html("dd", {}, text));
  return ask(
    "Keys and pointer",
    () => [
      html("label", { class: "check" }, html("input", { type: "checkbox", checked: plainKeys, onchange: (/** @type {any} */ e) => setPlain(e.target.checked) }), " Single letters and signs are shortcuts"),
      html(
        "div",
        { class: "help" },
        html("section", {}, html("h3", {}, "Pointer and fingers"), html("dl", {}, ...POINTER_HELP.map(([what, text]) => row([what], text)))),
        ...groups.map((group) =>
          html(
            "section",
            {},
            html("h3", {}, group),
            html("dl", {}, ...BINDINGS.filter((b) => b.group === group).map((b) => row(b.keys.flatMap((k, n) => [n ? " or " : "", html("kbd", {}, k)]), b.text))),
          ),
        ),
      ),
    ],
    { wide: true },
  );
}

/** @param {Desk} desk */
export function showAbout(desk) {
  return ask("About", () => [
    html("p", {}, html("b", {}, `Atlasplane ${desk.software}`)),
    html("p", {}, desk.disclaimer),
    desk.simulated ? html("p", {}, html("span", { class: "simulated" }, "SIMULATED"), " These films are of nobody: they were made by the program, with known truth.") : null,
    html("p", { class: "soft" }, "The page talks to this computer only. Marks are written into the case folder, one file beside each film."),
  ]);
}

/** A new address after the program was started again. @returns {Promise<string | null>} token */
export function askToken() {
  return ask("Atlasplane was started again", (done) => {
    const input = html("input", { id: "address", required: true, autocomplete: "off", autofocus: true });
    return [
      html(
        "form",
        {
          onsubmit: (/** @type {Event} */ e) => {
            e.preventDefault();
            done(input.value.split("token=").pop()?.trim() ?? null);
          },
        },
        html("p", {}, "What is not saved yet is still on this page. Copy the address that the program printed, and it will be saved. The address must begin like that of this page."),
        html("label", { for: "address" }, "New address"),
        input,
        html("div", { class: "actions" }, html("button", { type: "submit", class: "main" }, "Connect and save")),
      ),
    ];
  });
}
