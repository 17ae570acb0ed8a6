/**
 * Places of the words on a film: near their point, inside the picture, not on top of each other.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Box top left and size, CSS px
 * @typedef {{at: [number, number], toward: [number, number], width: number, height: number, optional?: boolean}} Wanted
 * optional: rather left out than laid over something or far away
 */

const REACH = [14, 30, 52, 80];
/** Share of its area that an optional label may lie on others. */
const OVER = 0.3;
const NEAR = REACH.slice(0, 2);
const TURNS = [0, 0.6, -0.6, 1.2, -1.2, 2, -2, Math.PI];

/** @param {Box} a @param {Box} b @returns {number} shared area */
function shared(a, b) {
  const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return wide > 0 && high > 0 ? wide * high : 0;
}

/** @param {Wanted} label @param {number} reach @param {number} turn @returns {Box} */
function placed(label, reach, turn) {
  const [tx, ty] = label.toward;
  const length = Math.hypot(tx, ty) || 1;
  const angle = Math.atan2(ty / length, (tx || (ty ? 0 : 1)) / length) + turn;
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const x = label.at[0] + dx * (reach + label.width / 2) - label.width / 2;
  const y = label.at[1] + dy * (reach + label.height / 2) - label.height / 2;
  return { x, y, width: label.width, height: label.height };
}

/**
 * @param {Wanted[]} wanted in order of importance
 * @param {[number, number]} size of the viewport
 * @param {Box[]} taken places that are not free
 * @returns {(Box | null)[]} null where the point lies outside the viewport, and for an optional one that finds no place
 */
export function labelPlaces(wanted, size, taken = []) {
  const used = [...taken];
  return wanted.map((label) => {
    const outside = label.at[0] < 0 || label.at[1] < 0 || label.at[0] > size[0] || label.at[1] > size[1];
    if (outside) return null;
    let best = placed(label, REACH[0], 0);
    let least = Infinity;
    for (const reach of label.optional ? NEAR : REACH) {
      for (const turn of TURNS) {
        const raw = placed(label, reach, turn);
        const box = {
          ...raw,
          x: Math.min(size[0] - raw.width - 4, Math.max(4, raw.x)),
          y: Math.min(size[1] - raw.height - 4, Math.max(4, raw.y)),
        };
        const cost = used.reduce((sum, other) => sum + shared(box, other), 0) + reach + 10 * Math.abs(turn);
        if (cost < least) [best, least] = [box, cost];
      }
    }
    if (label.optional && least > OVER * label.width * label.height) return null;
    used.push(best);
    return best;
  });
}
