/**
 * The panel of the bones: what was found and by what, its seeds, what the shape check objects to, and the person's decision.
 *
 * @import { BonesDetail } from "./types.js"
 * @import { Bones } from "./bones.js"
 */
import { choose } from "./dialogs.js";
import { fill, html, say } from "./dom.js";
import { findingList } from "./results-panel.js";

/**
 * @typedef {object} BonesActions
 * @property {(bone: string) => void} add the next press sets a seed in this bone
 * @property {(key: string) => void} go the slices go through this seed, and the keys move it
 * @property {() => Promise<string | null>} observer who decides
 */

/** @param {string} time @returns {string} */
function shownTime(time) {
  return time.slice(0, 16).replace("T", " ");
}

export class BonesPanel {
  /** @param {HTMLElement} host @param {Bones} bones @param {BonesActions} to */
  constructor(host, bones, to) {
    this.bones = bones;
    this.to = to;
    this.state = html("p", { class: "bones-state", "data-testid": "bones-state" });
    this.job = html("div", { class: "job", hidden: true });
    this.stage = html("span", {});
    this.bar = html("progress", { "aria-label": "Segmentation" });
    this.job.append(this.stage, this.bar, html("button", { type: "button", class: "small", onclick: () => void bones.cancel() }, "Cancel"));
    this.list = html("ul", { class: "bone-list" });
    this.findings = html("div", { class: "findings" });
    this.problem = html("p", { class: "problem", role: "alert" });
    this.decisions = html("div", { class: "runs" });
    this.runs = html("div", { class: "runs" });
    this.host = host;
    fill(host, html("h2", {}, "Bones"), this.state, this.job, this.problem, this.decisions, this.list, this.runs, this.findings);
    /** Texts shown, so that what did not change keeps the focus. @type {Map<Element, string>} */
    this.shown = new Map();
    this.said = "";
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

  /** @param {string | null} touched key of the seed that the keys move */
  show(touched) {
    const { bones } = this;
    const { detail } = bones;
    this.host.hidden = false;
    this.#fill(this.problem, bones.problem, () => (bones.problem ? [html("b", {}, bones.problem.what), ` ${bones.problem.remedy}`] : []));
    if (!detail) return;
    const failed = detail.job.state === "failed" ? detail.job.problem : null;
    this.state.dataset.status = detail.record?.status ?? "none";
    this.#fill(this.state, [detail.record, detail.job.state, failed], () => [stateText(detail), failed ? html("span", { class: "problem" }, ` It failed: ${failed.what}. ${failed.remedy}.`) : null]);
    this.job.hidden = !bones.running;
    this.stage.textContent = `${detail.job.stage}, ${detail.job.seconds.toFixed(0)} s`;
    this.#fill(this.list, [detail.bones, bones.seeds, touched, bones.adding], () => this.#rows(detail, touched));
    const findings = detail.record?.findings ?? [];
    this.#fill(this.findings, findings, () => (findings.length ? findingList(findings, "Shape check") : []));
    const seeded = Object.values(bones.seeds).some((points) => points.length > 0);
    this.#fill(this.runs, [detail.record !== null, bones.running, bones.changed, seeded], () => this.#runs(detail, seeded));
    this.#fill(this.decisions, [detail.record, bones.running, bones.changed], () => this.#decisions(detail));
    this.#tell(detail);
  }

  /** A screen reader hears that it is done. @param {BonesDetail} detail */
  #tell(detail) {
    const text = `${detail.job.state} ${detail.record?.revision ?? ""}`;
    if (this.said !== "" && this.said !== text && detail.job.state !== "idle") say(detail.job.state === "running" ? "Segmentation begun" : stateText(detail));
    this.said = text;
  }

  /** @param {BonesDetail} detail @param {string | null} touched */
  #rows(detail, touched) {
    return detail.bones.map((bone) => {
      const seeds = this.bones.seeds[bone.id] ?? [];
      const adding = this.bones.adding === bone.id;
      return html(
        "li",
        { class: `bone bone-${bone.id}` },
        html("span", { class: "swatch", "aria-hidden": "true" }),
        html("b", {}, bone.name),
        html("span", { class: "soft" }, bone.id === "other" ? "none of these" : bone.drawn ? "outlined" : "no mask"),
        html("button", { type: "button", class: "small", "data-button": `add:${bone.id}`, "aria-pressed": String(adding), "aria-label": `Add seed in ${bone.name}`, onclick: () => this.to.add(bone.id) }, "Add seed"),
        seeds.length
          ? html("div", { class: "seeds", role: "group", "aria-label": `Seeds of ${bone.name}` }, "Seeds", ...seeds.map((_, k) => this.#chip(bone.id, k, touched)))
          : null,
      );
    });
  }

  /** @param {string} bone @param {number} index @param {string | null} touched */
  #chip(bone, index, touched) {
    const key = `seed:${bone}:${index}`;
    const name = `${index + 1}, seed of ${this.bones.nameOf(bone)}`;
    return html("button", { type: "button", class: "small chip", "data-button": key, "aria-label": name, "aria-pressed": String(touched === key), onclick: () => this.to.go(key) }, String(index + 1));
  }

  /** @param {BonesDetail} detail @param {boolean} seeded whether there is any seed */
  #runs(detail, seeded) {
    const { bones } = this;
    if (bones.running) return [];
    return [
      !detail.record && !seeded ? button("find", "Find the bones", () => void bones.propose(true), true) : null,
      seeded ? button("again", "Run again from these seeds", () => void bones.propose(false), bones.changed) : null,
      bones.changed && detail.record ? button("back", "Put back its seeds", () => bones.putBack()) : null,
      seeded ? button("fresh", "Run without seeds", () => void bones.propose(true)) : null,
    ];
  }

  /** @param {BonesDetail} detail */
  #decisions(detail) {
    if (this.bones.running || !detail.record) return [];
    if (detail.record.status === "accepted") return [button("withdraw", "Take back the acceptance", () => void this.#decide("withdraw"))];
    return [button("accept", "Accept", () => void this.#accept(detail), !this.bones.changed), button("reject", "Reject", () => void this.#reject())];
  }

  /** @param {BonesDetail} detail */
  async #accept(detail) {
    const stops = detail.record?.findings.filter((f) => f.severity === "stop") ?? [];
    if (stops.length) {
      const words = stops.map((f) => html("p", {}, f.text));
      const answer = await choose("The shape check objects", [...words, html("p", {}, "Accept the masks all the same? Every measurement from them rests on it.")], [["stay", "Do not accept"], ["accept", "Accept all the same"]]);
      if (answer !== "accept") return;
    }
    await this.#decide("accept", stops.length > 0);
  }

  async #reject() {
    const answer = await choose("Reject the proposal?", [html("p", {}, "Its masks and meshes are deleted. What was accepted before stays, and seeds that you set are kept.")], [["stay", "Keep it"], ["reject", "Reject it"]]);
    if (answer === "reject") await this.#decide("reject");
  }

  /** @param {"accept" | "reject" | "withdraw"} decision @param {boolean} [despiteStop] */
  async #decide(decision, despiteStop = false) {
    const observer = await this.to.observer();
    if (!observer) return;
    await this.bones.decide(decision, observer, despiteStop);
    if (this.bones.detail && !this.bones.problem) say(stateText(this.bones.detail));
  }
}

/** @param {string} id @param {string} text @param {() => void} act @param {boolean} [main] */
function button(id, text, act, main = false) {
  return html("button", { type: "button", class: main ? "small main" : "small", "data-button": id, onclick: act }, text);
}

/** @param {BonesDetail} detail @returns {string} how many findings weigh how much */
function checkText(detail) {
  const findings = detail.record?.findings ?? [];
  const count = (/** @type {string} */ severity) => findings.filter((f) => f.severity === severity).length;
  const parts = [[count("stop"), "stop"], [count("warn"), "to check"], [count("info"), "to know"]].filter(([n]) => n).map(([n, word]) => `${n} ${word}`);
  return parts.length ? `Shape check: ${parts.join(", ")}.` : "The shape check objects to nothing.";
}

/** @param {BonesDetail} detail @returns {string} */
function stateText(detail) {
  const { record } = detail;
  if (!record) return "No masks yet. The program looks for skull, atlas and axis; what it finds counts only when you accept it.";
  if (record.status === "accepted") return `Accepted by ${record.accepted_by}, ${shownTime(record.accepted_at ?? record.time)} (${record.tool}).`;
  return `Proposal by ${record.tool}, ${shownTime(record.time)}. ${checkText(detail)} Look through the slices: it feeds no number before you accept it.`;
}
