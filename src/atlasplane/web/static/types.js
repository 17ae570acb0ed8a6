/**
 * The nouns that server and page share. Points are [column, row] of the stored image, (0, 0) the centre of its top-left
 * pixel; in a volume they are [x, y, z] in LPS millimetres.
 *
 * @typedef {number[]} Point
 * @typedef {{at: Point} | {visible: false}} PointMark
 * @typedef {{kind: "angle", lines: [[Point, Point], [Point, Point]]}} FreeAngle
 * @typedef {{kind: "length", line: [Point, Point]}} FreeLength
 * @typedef {FreeAngle | FreeLength} FreeTool
 *
 * @typedef {object} Marks
 * @property {Record<string, PointMark>} points
 * @property {Record<string, Point[]>} contours
 * @property {FreeTool[]} free
 *
 * @typedef {object} ReadingHead
 * @property {string} id
 * @property {string} observer
 * @property {string | null} [time]
 * @property {boolean} blinded
 *
 * @typedef {ReadingHead & Marks & {tool?: string}} Reading
 *
 * @typedef {object} Step
 * @property {string} id
 * @property {string} landmark
 * @property {"point" | "contour"} kind
 * @property {string} name
 * @property {"right" | "left" | null} side
 * @property {string} definition
 * @property {string} [pitfalls]
 * @property {string | null} [picture]
 * @property {{id: string, name: string}[]} quantities
 * @property {boolean} optional
 * @property {string} group
 *
 * @typedef {"image_left" | "image_right" | "image_up" | "image_down"} Direction
 * @typedef {{kind: string, mm_per_px: [number, number] | null, u_rel: number | null}} Calibration
 *
 * What a person states about a film.
 * @typedef {object} Settings
 * @property {Direction | null} [patient_right]
 * @property {Direction | null} [patient_anterior]
 * @property {Direction | null} [patient_superior]
 * @property {string | null} [marker]
 * @property {Calibration | null} [calibration]
 *
 * @typedef {object} Problem
 * @property {string} what
 * @property {string} remedy
 *
 * @typedef {object} FilmSummary
 * @property {string} id
 * @property {string} file
 * @property {string} view
 * @property {string} view_name
 * @property {[number, number]} shape
 * @property {Direction | null} patient_right
 * @property {Direction | null} patient_anterior
 * @property {Direction | null} patient_superior
 * @property {string | null} marker
 * @property {Calibration} calibration
 * @property {number} [pixel_aspect]
 * @property {(ReadingHead & {points: number})[]} readings
 * @property {Problem | null} problem
 *
 * @typedef {object} GreyWindow
 * @property {number} low
 * @property {number} high
 * @property {number} data_low
 * @property {number} data_high
 *
 * @typedef {object} DetailPart
 * @property {string} sha256
 * @property {string | null} revision
 * @property {string | null} [visit_revision]
 * @property {GreyWindow} window
 * @property {Step[]} protocol
 * @property {Reading[]} readings
 * @property {string} next_reading
 *
 * @typedef {Omit<FilmSummary, "readings"> & DetailPart} FilmDetail
 *
 * @typedef {object} VolumeSummary
 * @property {string} id
 * @property {string} file
 * @property {(ReadingHead & {points: number})[]} [readings]
 * @property {Problem | null} [problem]
 *
 * @typedef {object} VolumeDetail
 * @property {string} id
 * @property {string} file
 * @property {[number, number, number]} shape
 * @property {[number, number, number]} spacing_mm
 * @property {[Point, Point]} bounds_lps
 * @property {Point} centre_lps
 * @property {GreyWindow} window
 * @property {Step[]} protocol
 * @property {Reading[]} readings
 * @property {string | null} revision
 * @property {string} sha256
 *
 * @typedef {{code: string, severity: "info" | "warn" | "stop", file: string | null, text: string}} Finding
 *
 * Where a slice cuts each bone: column and row of both ends of every piece of its outline, tenths of a pixel.
 * @typedef {Record<string, number[]>} BoneOutlines
 *
 * @typedef {object} BonesRecord
 * @property {string} revision
 * @property {"proposed" | "accepted"} status
 * @property {string} tool
 * @property {string} time
 * @property {string | null} accepted_by
 * @property {string | null} accepted_at
 * @property {Finding[]} findings
 *
 * @typedef {object} BonesDetail
 * @property {{id: string, name: string, drawn: boolean, voxels: number | null}[]} bones
 * @property {BonesRecord | null} record
 * @property {Record<string, Point[]>} seeds
 * @property {Record<string, Point[]>} used_seeds
 * @property {{state: "idle" | "running" | "done" | "failed" | "cancelled", stage: string, seconds: number, problem: Problem | null}} job
 *
 * The saved registration of a film's visit; `box` is left, top, right, bottom in image points.
 * @typedef {object} RegistrationDetail
 * @property {"ok" | "doubtful" | "refused" | "stale" | "unread"} kind
 * @property {string} state
 * @property {string} said
 * @property {string[]} changed
 * @property {{what: string, remedy: string}[]} reasons
 * @property {[string, string][]} facts
 * @property {{id: string, name: string, d: string}[]} bones outlines as SVG paths in tenths of an image pixel
 * @property {{kind: "difference" | "checkerboard", box: number[]}[]} pictures
 *
 * @typedef {object} Desk
 * @property {string} software
 * @property {string} disclaimer
 * @property {boolean} simulated
 * @property {{id: string, pseudonym: string | null} | null} case
 * @property {string | null} observer
 * @property {{id: string, time: string | null, phase: string | null, moment: string | null, films: FilmSummary[]}[]} visits
 * @property {VolumeSummary[]} volumes
 * @property {Finding[]} findings
 *
 * @typedef {{at: Point[], colour: string, width: number, dashed: boolean}} Stroke
 * @typedef {{text: string, at: Point, toward: Point, colour: string}} DrawnLabel
 * @typedef {{colour: string, label: string, text: string, dashed: boolean}} Legend
 * @typedef {{at: Point, colour: string, shape: string}} Dot
 * @typedef {{strokes: Stroke[], dots?: Dot[], labels: DrawnLabel[], legends: Legend[]}} Drawing
 *
 * @typedef {object} NumberRow
 * @property {string} key
 * @property {string} quantity
 * @property {string} name
 * @property {string | null} site
 * @property {string} value
 * @property {string | null} expanded
 * @property {string | null} side
 * @property {string} [unit]
 * @property {string} [tag]
 * @property {string | string[]} [quality]
 *
 * @typedef {object} LiveAnswer
 * @property {NumberRow[]} rows
 * @property {{text: string, canonical: string, undetermined: string[]} | null} listing
 * @property {Drawing | null} drawing
 * @property {Finding[]} findings
 * @property {Problem | null} problem
 */

export {};
