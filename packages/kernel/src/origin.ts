// Where a fed session comes from: what its log said when it was opened, and how that becomes a fold.

import type { Entry } from "./entry.ts"
import type { Epoch, Point, SessionName } from "./ids.ts"
import type { Fold, SessionModel, Shown } from "./model.ts"
import type { Closed } from "./observation.ts"

/** A session as its log has it: everything up to `entries`' end, or up to `base` where there are none. */
export interface SessionOrigin {
  readonly epoch: Epoch
  readonly model: string
  /** Of the model that made `base`. */
  readonly modelVersion: number
  /** The log's floor: what history still holds. */
  readonly floor: Point
  /** Where the fold begins; `shown` is left out for the beginning of a log. */
  readonly base: { readonly point: Point; readonly shown: Shown | undefined; readonly closed: Closed | null }
  /** In a row, right after `base`. */
  readonly entries: readonly Entry[]
  /** Where the log is; left out, at the end of `entries`. */
  readonly head?: Point
}

export type OpenOutcome =
  | { readonly type: "opened" }
  /** The kernel has this epoch at least this far. */
  | { readonly type: "ignored" }
  /** The view cannot be made: no such model, or a base that no version of it can read. */
  | { readonly type: "unreadable"; readonly because: string }

/** The fold a session begins with; `undefined` when no version of the model can read it. */
export function foldOf(model: SessionModel, from: SessionOrigin): Fold | undefined {
  const { shown, point } = from.base
  if (isTorn(from)) return undefined
  if (shown === undefined) return point.position === 0 ? model.initial : undefined
  if (from.modelVersion === model.version) return model.restore(shown)
  const migrated = model.migrate?.(from.modelVersion, shown)
  return migrated === undefined ? undefined : model.restore(migrated)
}

/** The log lacks what comes right after the base: no fold of it would be exact. */
function isTorn({ base: { point }, floor, entries }: SessionOrigin): boolean {
  return point.position < floor.position && entries[0]?.position !== point.position + 1
}

/** The session's model is not one of this kernel's. */
export function whyNoModel(name: SessionName, from: SessionOrigin): string {
  return `session ${name} is of the model ${JSON.stringify(from.model)}, and this process has no model of that name: start it with that model`
}

/** Why `foldOf` had nothing, and what would help. */
export function whyUnreadable(name: SessionName, model: SessionModel, from: SessionOrigin): string {
  if (isTorn(from)) {
    const [base, floor] = [from.base.point.position, from.floor.position]
    return `session ${name}: its last saved view is of position ${base}, and its log begins after ${floor}: what lies between is gone; delete the session`
  }
  const [there, here] = [from.modelVersion, model.version]
  const said = `session ${name}: its view was saved by version ${there} of the model ${JSON.stringify(model.name)}`
  if (there === here) return `${said}, and that very version cannot restore it: mend the model, or delete the session`
  const missing = model.migrate === undefined ? "has no migrate" : "cannot migrate it"
  return (
    `${said}, version ${here} ${missing}, and the events it was made of are not here to be folded again: ` +
    `let version ${here} migrate from version ${there}, or start a release that has version ${there}`
  )
}
