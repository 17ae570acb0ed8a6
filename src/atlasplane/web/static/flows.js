/**
 * Longer conversations: sides that nobody stated, a scale from an object, the end.
 *
 * @import { Page } from "./main.js"
 * @import { FilmDetail, Point } from "./types.js"
 */
import { ApiError, quit } from "./api.js";
import * as dialogs from "./dialogs.js";
import { html } from "./dom.js";
import { missingSides, neededSides } from "./sides.js";

/** What nobody stated about the film's sides. @param {Page} page @param {boolean} again also what was answered before */
export async function askSides(page, again) {
  const session = page.session;
  if (!session || session.kind !== "films") return;
  const { view } = /** @type {FilmDetail} */ (session.detail);
  for (const side of again ? neededSides(view) : missingSides(view, session.settings)) {
    const direction = await page.once(() => dialogs.askSide(side));
    if (!direction) {
      if (!again) page.notice({ what: "A side of this film is not stated, so nothing is measured on it.", remedy: "" }, false, () => void askSides(page, false));
      return;
    }
    session.state(side === "patient_right" ? "State the patient's right" : "State the patient's front", { [side]: direction });
  }
}

/** A scale from an object that was drawn along. @param {Page} page @param {[Point, Point]} ends */
export async function calibrate(page, ends) {
  const session = page.session;
  if (!session) return;
  const object = await page.once(dialogs.askLength);
  if (page.place?.hand.tool === "calibrate") page.place.hand.take("calibrate");
  if (!object) return;
  try {
    const answer = await session.api.calibration({ from: ends[0], to: ends[1], ...object });
    const use = await page.once(() => dialogs.choose("Scale from this object", [html("p", { class: "answer" }, answer.text)], [["no", "Do not use it"], ["use", "Use this scale"]]));
    if (use === "use") session.state("Set the scale", { calibration: answer.calibration });
  } catch (fault) {
    page.notice(ApiError.of(fault).problem);
  }
}

/** The end, where everything is saved or the reader says so. @param {Page} page */
export async function finish(page) {
  const answer = await dialogs.choose(
    "Finish marking?",
    [html("p", {}, page.session && page.session.saveState !== "saved" ? "Not everything is saved yet." : "Everything is saved. The program on this computer ends; atlasplane mark opens it again.")],
    [["stay", "Go on marking"], ["quit", "Finish"]],
  );
  if (answer !== "quit") return;
  if (!(await page.leave())) return;
  await quit().catch(() => undefined);
  page.session = null;
  document.body.replaceChildren(html("div", { class: "farewell" }, html("h1", {}, "Finished"), html("p", {}, "Everything is saved. This window can be closed."), html("p", { class: "soft" }, "atlasplane measure prints the numbers, atlasplane report the report.")));
}
