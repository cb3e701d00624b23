// Where a new reader begins. The door decides it from the session, the window and the proof before anybody reads; the
// checks come in the order of L7 (shape, version and session were checked when the cursor was parsed), and what cannot be
// proven is a gap.

import { contract } from "./contract.ts"
import type { SessionCursor } from "./cursor.ts"
import type { LiveReplayGapReason } from "./gap.ts"
import { origin, position as asPosition, type Instant } from "./ids.ts"
import type { Place, ReaderStart } from "./outcomes.ts"
import type { Session } from "./session.ts"

/** What the door says of a cursor. */
export type Verdict =
  /** `behind`: only the log behind the window knows what stands there. */
  | { readonly type: "open"; readonly behind: boolean }
  | { readonly type: "gap"; readonly reason: LiveReplayGapReason }

/** May throw `StoreThrew`. */
export function door(now: Instant, session: Session, cursor: SessionCursor): Verdict {
  const replay = asking(() => session.replayAfter(now, cursor))
  const { position, mark } = cursor.point
  switch (replay.type) {
    case "gap":
      return replay
    case "replayed":
      return { type: "open", behind: false }
    case "behind":
      if (session.own) return { type: "gap", reason: behindOwnWindow(session, position, "trimmed") }
      if (position < session.logFloor.position) return { type: "gap", reason: "trimmed" }
      if (position === session.logFloor.position && mark !== session.logFloor.mark) return { type: "gap", reason: "diverged" }
      return { type: "open", behind: true }
  }
}

/** How a new reader begins. */
export interface Entrance {
  readonly place: Place
  /** To be said before anything else. */
  readonly gap: LiveReplayGapReason | undefined
  readonly wantsObservation: boolean
  /** Only the log behind the window knows what stands at the place. */
  readonly behind: boolean
  /** A reader that starts at the beginning or near the end takes what there is. */
  readonly takesRest: boolean
}

/** `cursor` is the parsed one of a start that has one. May throw `StoreThrew`. */
export function enter(now: Instant, session: Session, start: ReaderStart, cursor: SessionCursor | undefined): Entrance {
  const here: Place = { position: session.point.position, point: session.point }
  switch (start.type) {
    case "now":
      return { place: here, gap: undefined, wantsObservation: false, behind: false, takesRest: false }
    case "observation":
      return { place: here, gap: undefined, wantsObservation: true, behind: false, takesRest: false }
    case "cursor": {
      contract(cursor !== undefined, "a cursor was parsed")
      return { ...enterAt(now, session, cursor), takesRest: false }
    }
    case "start":
      return { ...enterAt(now, session, { session: session.name, epoch: session.epoch, point: origin }), takesRest: true }
    case "tail": {
      contract(Number.isSafeInteger(start.events) && start.events >= 0, "a tail counts events")
      const end = session.point.position - (session.closed === null ? 0 : 1)
      const from = asPosition(Math.max(end - start.events, earliest(session) - 1, 0))
      // Behind the window nobody knows the point yet: the first page tells.
      const place = { position: from, point: asking(() => session.pointAt(from)) }
      return { place, gap: undefined, wantsObservation: false, behind: false, takesRest: true }
    }
  }
}

function enterAt(now: Instant, session: Session, cursor: SessionCursor): Omit<Entrance, "takesRest"> {
  const verdict = door(now, session, cursor)
  const place = { position: cursor.point.position, point: cursor.point }
  return { place, gap: verdict.type === "gap" ? verdict.reason : undefined, wantsObservation: false, behind: verdict.type === "open" && verdict.behind }
}

/** The first position the log still holds; `head + 1` when it holds none. */
export function earliest(session: Session): number {
  return (session.own ? asking(() => session.window().floor) : session.logFloor).position + 1
}

/** Why an own session cannot give what follows `place`: it could not be recorded, or it was let go of. */
export function behindOwnWindow(session: Session, place: number, otherwise: "trimmed" | "lagged"): LiveReplayGapReason {
  return session.holeEnd !== undefined && place < session.holeEnd ? "hole" : otherwise
}

/** An injected store may throw when it is asked; that is an error of the store, told apart from ours. */
export class StoreThrew extends Error {
  override readonly name = "StoreThrew"
}

export function asking<Answer>(ask: () => Answer): Answer {
  try {
    return ask()
  } catch (error) {
    throw new StoreThrew("the live replay store threw", { cause: error })
  }
}
