// A short session, ready to be sent: its entries sealed as a log seals them, each frame written by the encoders of
// @tidemark/protocol, and every cursor a real one. A script (`scripted-server.ts`) says what of it goes over which connection.

import { cursorText, epoch, jsonText, logModel, origin, parseCursor, pointOf, SessionObservation, sessionName, timestamp } from "@tidemark/kernel"
import type { CursorText, Draft, Entry, Epoch, Json, LiveReplayGapReason, Point, SessionName } from "@tidemark/kernel"
import { sealAll } from "@tidemark/driver"
import { caughtUpFrame, closedFrame, encodeFrame, encodeObservation, gapFrame, heartbeatFrame, helloFrame } from "@tidemark/protocol"
import { primeFrame, reconnectFrame } from "@tidemark/protocol"

/** An event to be; its kind is `n` unless it is said. */
export interface Scripted {
  readonly kind?: string
  readonly data: Json
}

/** What stands before the first frame of every stream here: come back at once. */
const promptMs = 1

export class ScriptedLog {
  readonly id: string
  readonly #name: SessionName
  readonly #epoch: Epoch
  readonly #entries: readonly Entry[]

  /** Events in the order of their positions, and the close after them; `lifetime` tells one log of a session from another. */
  constructor(id: string, events: readonly Scripted[], lifetime = "first") {
    const drafts = events.map(({ kind = "n", data }): Draft => ({ type: "event", kind, data: jsonText(data), commit: false }))
    this.id = id
    this.#name = sessionName("default", id)
    this.#epoch = epoch("law", lifetime)
    this.#entries = sealAll(origin, timestamp(1_234_567_890_000), [...drafts, { type: "close", reason: "finished" }])
  }

  /** The place of the close, behind the last event. */
  get end(): number {
    return this.#entries.length
  }

  cursorAt(position: number): CursorText {
    return cursorText(this.#name, this.#epoch, this.#pointAt(position))
  }

  /** Where a cursor of this log stands: 0 without one. A cursor that the client made up, or changed, is a fault. */
  positionOf(cursor: string | undefined): number {
    if (cursor === undefined) return 0
    const parsed = parseCursor(this.#name, cursor)
    if (parsed.type !== "cursor") throw new Error(`the client sent a cursor that it was never given (${parsed.reason}): ${cursor}`)
    return parsed.cursor.point.position
  }

  /** What a stream begins with. `fields` replace or add fields of `hello`; `retryMs` is when to come back. */
  opening(fields: object = {}, retryMs = promptMs): string {
    const { id, end } = this
    const of = { session: id, epoch: this.#epoch, head: end, earliest: 1, revision: 0, model: logModel.name, modelVersion: logModel.version }
    return primeFrame(retryMs) + helloFrame({ ...of, heartbeatMs: 15_000, maxAgeMs: 600_000, ...fields })
  }

  event(position: number): string {
    return encodeFrame({ data: this.#entryAt(position).text, id: this.cursorAt(position) })
  }

  events(first: number, last: number): string {
    let text = ""
    for (let position = first; position <= last; position++) text += this.event(position)
    return text
  }

  caughtUp(position: number): string {
    return caughtUpFrame({ position }, this.cursorAt(position))
  }

  /** With its cursor, or without one as for a session that was deleted. */
  closed(): string {
    return closedFrame({ reason: "finished" }, this.cursorAt(this.end))
  }

  /** All that follows a position, up to the close. */
  rest(after: number): string {
    return this.opening() + this.events(after + 1, this.end - 1) + this.caughtUp(this.end) + this.closed()
  }

  /** With the cursor at `position`, or without one. */
  heartbeat(position?: number): string {
    return heartbeatFrame(position === undefined ? undefined : this.cursorAt(position))
  }

  reconnect(afterMs: number): string {
    return reconnectFrame({ afterMs, reason: "max_age" })
  }

  gap(reason: LiveReplayGapReason, requested: CursorText | null, missed: number | null = null, earliest = 1): string {
    return gapFrame({ session: this.id, reason, requested, latest: this.cursorAt(this.end), earliest, head: this.end, revision: 0, missed })
  }

  /** The view is what is said; nothing is provisional. */
  observation(position: number, view: Json): string {
    const fold = logModel.restore({ view, provisional: { events: [], omitted: 0 } })
    if (fold === undefined) throw new Error("the log model restores what it shows")
    const point = this.#pointAt(position)
    return encodeObservation(new SessionObservation({ session: this.#name, epoch: this.#epoch, point, fold, closed: null, viewFailed: false }))
  }

  #pointAt(position: number): Point {
    return position === 0 ? origin : pointOf(this.#entryAt(position))
  }

  #entryAt(position: number): Entry {
    const entry = this.#entries[position - 1]
    if (entry === undefined) throw new Error(`the script has no entry ${position}`)
    return entry
  }
}
