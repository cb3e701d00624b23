// Observations: view, provisional part and cursor, cut at one position (L10). An observation is made by keeping the
// fold; it turns into JSON when somebody asks, once, and everybody who is given the same cut shares that one.

import { cursorText } from "./cursor.ts"
import { idOf, type CursorText, type Epoch, type Point, type SessionName } from "./ids.ts"
import type { Fold } from "./model.ts"
import type { Json } from "./json.ts"

/** Why a session ended. */
export interface Closed {
  readonly reason: string
}

/** An observation as it is sent. */
export interface ObservationJson {
  /** The session's id, without its workspace. */
  readonly session: string
  readonly epoch: Epoch
  readonly revision: number
  readonly position: number
  readonly cursor: CursorText
  readonly view: Json
  readonly provisional: Json
  readonly closed: Closed | null
  /** Present when the model threw on an event: the view is that of the events it could fold. */
  readonly view_failed?: true
}

/** One cut. `JSON.stringify` sends it; `json()` is made once and shared, so treat it as frozen. */
export class SessionObservation {
  readonly session: SessionName
  readonly epoch: Epoch
  readonly point: Point
  readonly cursor: CursorText
  readonly closed: Closed | null
  readonly viewFailed: boolean
  readonly #fold: Fold
  #json: ObservationJson | undefined

  constructor(cut: {
    readonly session: SessionName
    readonly epoch: Epoch
    readonly point: Point
    readonly fold: Fold
    readonly closed: Closed | null
    readonly viewFailed: boolean
  }) {
    this.session = cut.session
    this.epoch = cut.epoch
    this.point = cut.point
    this.cursor = cursorText(cut.session, cut.epoch, cut.point)
    this.closed = cut.closed
    this.viewFailed = cut.viewFailed
    this.#fold = cut.fold
  }

  json(): ObservationJson {
    return (this.#json ??= {
      session: idOf(this.session),
      epoch: this.epoch,
      revision: this.point.revision,
      position: this.point.position,
      cursor: this.cursor,
      ...this.#fold.show(),
      closed: this.closed,
      ...(this.viewFailed ? { view_failed: true as const } : {}),
    })
  }

  toJSON(): ObservationJson {
    return this.json()
  }
}
