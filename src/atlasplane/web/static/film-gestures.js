/**
 * Pointers to intentions: one finger or the left button works, the right button windows, the middle button, a held space bar or
 * two fingers move and zoom. Coordinates are CSS px from the element's top left.
 *
 * @typedef {object} Gestures
 * @property {(x: number, y: number, pointer: string) => boolean} press true where a drag begins
 * @property {(x: number, y: number) => void} move
 * @property {(x: number, y: number) => void} release
 * @property {() => void} cancel
 * @property {(x: number, y: number, pointer: string) => void} hover
 * @property {() => void} leave
 * @property {(dx: number, dy: number) => void} pan
 * @property {(x: number, y: number, factor: number) => void} zoom
 * @property {(dx: number, dy: number) => void} window
 * @property {(steps: number) => boolean} scroll true where the wheel turns pages (slices) instead of zooming
 */

const WHEEL_STEP = 1.0015;

export class FilmGestures {
  /** @param {HTMLElement} element @param {Gestures} to */
  constructor(element, to) {
    this.element = element;
    this.to = to;
    /** Whether a press of the left button moves the picture: the space bar is held, or the hand tool is on. */
    this.panning = false;
    /** @type {Map<number, [number, number]>} */
    this.pointers = new Map();
    /** @type {"none" | "work" | "pan" | "window" | "pinch"} */
    this.mode = "none";
    element.addEventListener("pointerdown", (e) => this.#down(e));
    element.addEventListener("pointermove", (e) => this.#moved(e));
    element.addEventListener("pointerup", (e) => this.#up(e, false));
    element.addEventListener("pointercancel", (e) => this.#up(e, true));
    element.addEventListener("pointerleave", () => this.pointers.size === 0 && this.to.leave());
    element.addEventListener("contextmenu", (e) => e.preventDefault());
    element.addEventListener("wheel", (e) => this.#wheel(e), { passive: false });
  }

  /** @param {MouseEvent} event @returns {[number, number]} */
  #place(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const at = this.#place(event);
    this.pointers.set(event.pointerId, at);
    this.element.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) {
      if (this.mode === "work") this.to.cancel();
      this.mode = "pinch";
      return;
    }
    if (this.pointers.size > 2 || this.mode !== "none") return;
    if (event.button === 2) this.mode = "window";
    else if (event.button === 1 || this.panning) this.mode = "pan";
    else this.mode = this.to.press(at[0], at[1], event.pointerType) ? "work" : "none";
    if (event.button === 1) event.preventDefault();
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    const at = this.#place(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.to.hover(at[0], at[1], event.pointerType);
      return;
    }
    if (this.mode === "pinch") this.#pinch(event.pointerId, at);
    this.pointers.set(event.pointerId, at);
    const [dx, dy] = [at[0] - before[0], at[1] - before[1]];
    if (this.mode === "work") this.to.move(at[0], at[1]);
    else if (this.mode === "pan") this.to.pan(dx, dy);
    else if (this.mode === "window") this.to.window(dx, dy);
  }

  /** @param {number} id @param {[number, number]} at */
  #pinch(id, at) {
    const mine = this.pointers.get(id);
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    if (!mine || !other) return;
    const apart = (/** @type {number[]} */ p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
    this.to.pan((at[0] - mine[0]) / 2, (at[1] - mine[1]) / 2);
    this.to.zoom((at[0] + other[0]) / 2, (at[1] + other[1]) / 2, apart(at) / Math.max(apart(mine), 1));
  }

  /** @param {PointerEvent} event @param {boolean} cancelled */
  #up(event, cancelled) {
    if (!this.pointers.delete(event.pointerId)) return;
    const [x, y] = this.#place(event);
    if (this.mode === "work") {
      if (cancelled) this.to.cancel();
      else this.to.release(x, y);
    }
    if (this.pointers.size === 0) this.mode = "none";
    else if (this.mode === "work") this.mode = "none";
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    if (!event.ctrlKey && this.to.scroll(Math.sign(pixels))) return;
    const [x, y] = this.#place(event);
    this.to.zoom(x, y, WHEEL_STEP ** (-pixels * (event.ctrlKey ? 4 : 1)));
  }
}
