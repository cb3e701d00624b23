// Where a fed session comes from: what its log said when it was opened, and how that becomes a fold.

import type { Entry } from "./entry.ts"
import type { Epoch, Point } from "./ids.ts"
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
  if (shown === undefined) return point.position === 0 ? model.initial : undefined
  if (from.modelVersion === model.version) return model.restore(shown)
  const migrated = model.migrate?.(from.modelVersion, shown)
  return migrated === undefined ? undefined : model.restore(migrated)
}
