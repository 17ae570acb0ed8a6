/**
 * The server's addresses. Errors carry what happened and what to do, in the server's own words.
 *
 * @import { BoneOutlines, BonesDetail, Calibration, Desk, FilmDetail, FilmSummary, LiveAnswer, Marks, Point, Problem, Reading, RegistrationDetail,
 *   Settings, VolumeDetail } from "./types.js"
 */

const AWAY = { what: "The server does not answer.", remedy: "Start atlasplane mark again; what is not saved is kept here and sent then." };

/** A refusal of the server, or its absence (status 0). */
export class ApiError extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    const problem = { what: body?.what ?? `The server answered ${status}.`, remedy: body?.remedy ?? "" };
    super(problem.what);
    this.status = status;
    this.body = body;
    /** @type {Problem} */
    this.problem = problem;
    /** @type {"reading" | "film" | null} */
    this.conflict = body?.conflict ?? null;
  }

  /** @param {unknown} fault @returns {ApiError} */
  static of(fault) {
    if (fault instanceof ApiError) return fault;
    if (fault instanceof TypeError || fault instanceof DOMException) return new ApiError(0, AWAY);
    return new ApiError(0, { what: String(fault), remedy: "" });
  }
}

/**
 * @param {string} path
 * @param {{method?: string, body?: unknown, revision?: string | null, signal?: AbortSignal}} [how]
 * @returns {Promise<Response>}
 */
async function request(path, how = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (how.method && how.method !== "GET") headers["X-Atlasplane"] = "1";
  if (how.body !== undefined) headers["Content-Type"] = "application/json";
  if (how.revision !== undefined) headers["If-Match"] = `"${how.revision ?? "none"}"`;
  let response;
  try {
    response = await fetch(path, {
      method: how.method ?? "GET",
      headers,
      body: how.body === undefined ? undefined : JSON.stringify(how.body),
      credentials: "same-origin",
      signal: how.signal,
    });
  } catch (fault) {
    throw ApiError.of(fault);
  }
  if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => null));
  return response;
}

/** @param {string} path @param {Parameters<typeof request>[1]} [how] @returns {Promise<any>} */
async function json(path, how) {
  return (await request(path, how)).json();
}

/** @param {ArrayBuffer} bytes little-endian @returns {Uint16Array} */
function words(bytes) {
  return new Uint16Array(bytes);
}

/** Addresses of one film or one volume. */
export class SourceApi {
  /** @param {"films" | "volumes"} kind @param {string} id */
  constructor(kind, id) {
    this.base = `/api/${kind}/${encodeURIComponent(id)}`;
  }

  /** @param {string | null} observer @returns {Promise<any>} */
  #detail(observer) {
    const query = observer ? `?observer=${encodeURIComponent(observer)}` : "";
    return json(this.base + query);
  }

  /** @param {string | null} observer @returns {Promise<FilmDetail>} */
  film(observer) {
    return this.#detail(observer);
  }

  /** @param {string | null} observer @returns {Promise<VolumeDetail>} */
  volume(observer) {
    return this.#detail(observer);
  }

  /** @returns {Promise<Uint16Array>} */
  async pixels() {
    return words(await (await request(`${this.base}/pixels`)).arrayBuffer());
  }

  /** @param {Record<string, string>} query @returns {Promise<{pixels: Uint16Array, offset: number}>} */
  async slice(query) {
    const response = await request(`${this.base}/slice?${new URLSearchParams(query)}`);
    const offset = Number(response.headers.get("X-Offset") ?? 0);
    return { pixels: words(await response.arrayBuffer()), offset };
  }

  /** @returns {Promise<{registration: RegistrationDetail | null}>} */
  registration() {
    return json(`${this.base}/registration`);
  }

  /** @param {string} kind @returns {string} address of a picture */
  registrationPicture(kind) {
    return `${this.base}/registration/${encodeURIComponent(kind)}.png`;
  }

  /** @returns {Promise<BonesDetail>} */
  bones() {
    return json(`${this.base}/bones`);
  }

  /** @param {Record<string, string>} query @returns {Promise<BoneOutlines>} */
  boneOutlines(query) {
    return json(`${this.base}/bones/outlines?${new URLSearchParams(query)}`);
  }

  /** @param {Record<string, Point[]>} seeds @returns {Promise<unknown>} */
  saveSeeds(seeds) {
    return json(`${this.base}/bones/seeds`, { method: "PUT", body: { seeds } });
  }

  /** @param {Record<string, Point[]>} seeds none: the bones are looked for @returns {Promise<BonesDetail>} */
  proposeBones(seeds) {
    return this.#post("bones/propose", { seeds });
  }

  /** @returns {Promise<BonesDetail>} */
  cancelBones() {
    return this.#post("bones/cancel", {});
  }

  /** @param {"accept" | "reject" | "withdraw"} decision @param {{revision: string, observer: string, despite_stop: boolean}} how @returns {Promise<BonesDetail>} */
  decideBones(decision, how) {
    return this.#post(`bones/${decision}`, how);
  }

  /** @param {string} observer @param {boolean} blinded @returns {Promise<Reading>} */
  newReading(observer, blinded) {
    return json(`${this.base}/readings`, { method: "POST", body: { observer, blinded } });
  }

  /**
   * @param {Reading} reading
   * @param {string} digest of the film that was marked
   * @param {string | null} revision
   * @returns {Promise<{revision: string, saved_at: string}>}
   */
  saveReading(reading, digest, revision) {
    const { tool: _tool, time: _time, ...marks } = reading;
    const body = { ...marks, film_sha256: digest };
    return json(`${this.base}/readings/${encodeURIComponent(reading.id)}`, { method: "PUT", body, revision });
  }

  /** @param {{id: string, observer: string}} reading @param {Marks} marks @param {boolean} full @returns {Promise<LiveAnswer>} */
  live(reading, marks, full) {
    const { id, observer } = reading;
    return this.#post("live", { reading: id, observer, points: marks.points, contours: marks.contours, full });
  }

  /** @param {{contour: Point[]} | {point: Point}} what @param {number} reach screen-independent, image px
   *  @returns {Promise<{contour?: Point[], point?: Point, moved_px: number[], found: boolean[]}>} */
  snap(what, reach) {
    return this.#post("snap", { ...what, reach_px: reach });
  }

  /** @param {object} object @returns {Promise<{calibration: Calibration, text: string}>} */
  calibration(object) {
    return this.#post("calibration", object);
  }

  /** @param {Settings} settings @param {string | null | undefined} revision @returns {Promise<FilmSummary & {visit_revision?: string}>} */
  saveSettings(settings, revision) {
    return json(`${this.base}/settings`, { method: "PUT", body: settings, revision });
  }

  /** @param {[[Point, Point], [Point, Point]]} lines @returns {Promise<{text: string}>} */
  angle(lines) {
    return this.#post("angle", { lines });
  }

  /** @param {[Point, Point]} line @returns {Promise<{text: string}>} */
  length(line) {
    return this.#post("length", { line });
  }

  /** @param {string} what @param {unknown} body @returns {Promise<any>} */
  #post(what, body) {
    return json(`${this.base}/${what}`, { method: "POST", body });
  }
}

/** @returns {Promise<Desk>} */
export function desk() {
  return json("/api/desk");
}

/** @returns {Promise<unknown>} */
export function quit() {
  return json("/api/quit", { method: "POST", body: {} });
}

/** A page that the server no longer knows gets in again with the new start's token. @param {string} token @returns {Promise<unknown>} */
export function enter(token) {
  return request(`/?token=${encodeURIComponent(token)}`);
}
