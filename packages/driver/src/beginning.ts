// Where a session begins in this process: what its log said when it was opened, as the kernel is told. The fold begins at
// the last snapshot, if it is one that this process's model reads, and at the beginning of the log otherwise.

import { origin, type Entry, type Epoch, type Point, type SessionOrigin } from "@tidemark/kernel"
import type { OpenSession } from "./open-session.ts"
import type { LogAnswer, Snapshot } from "./session-log.ts"

/** What the log holds of a session, from where its fold begins. */
export interface Beginning {
  readonly epoch: Epoch
  readonly floor: Point
  readonly snapshot?: Snapshot | undefined
  readonly entries: readonly Entry[]
}

/** A snapshot of another version than `version` of the model is passed over while all that it was made of is held. */
export function beginning(session: OpenSession, version: number | undefined, answer: Extract<LogAnswer, { type: "opened" }>): Beginning {
  const { snapshot, entries } = answer
  const { epoch, floor } = answer.head
  session.owesSnapshot = snapshot !== undefined && version !== undefined && snapshot.modelVersion !== version
  session.saved = snapshot === undefined || session.owesSnapshot ? undefined : { epoch, position: snapshot.point.position }
  return session.owesSnapshot && floor.position === 0 ? { epoch, floor, entries: [] } : { epoch, floor, snapshot, entries }
}

/** As the kernel opens it; the session knows the rest. */
export function originOf(session: OpenSession, { snapshot, epoch, floor, entries }: Beginning): SessionOrigin {
  const closed = snapshot !== undefined && snapshot.point.position === session.head?.head.position ? session.head.closed : null
  return {
    epoch,
    model: session.settings?.model ?? "",
    modelVersion: snapshot?.modelVersion ?? 0,
    floor,
    base: { point: snapshot?.point ?? origin, shown: snapshot?.shown, closed },
    entries,
    head: session.head?.head ?? origin,
  }
}
