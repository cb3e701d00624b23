// Session models: how events become a view. A model is pure and total. The kernel folds with it on the server, the
// client folds with the very same one, and a saved snapshot is what `show` said and `restore` reads.
//
// A fold is a value: `apply` gives the next one and leaves this one as it was, so that an observation is cut by keeping
// a reference. State that only the model knows stays inside; what leaves is JSON.

import type { FoldableEvent, SessionEvent } from "./entry.ts"
import type { Json } from "./json.ts"

/** What an observation shows of a fold. */
export interface Shown {
  readonly view: Json
  /** What activity since the last commit adds to the view. */
  readonly provisional: Json
}

export interface Fold {
  /** The fold after `event`. May throw: the session is then marked `view_failed`, keeps this fold, and events flow on. */
  apply(event: FoldableEvent): Fold
  show(): Shown
}

export interface SessionModel {
  readonly name: string
  /** Raised when the same events would fold to another view. */
  readonly version: number
  /** Most bytes of a view's JSON; a commit that would exceed it is refused with 413. */
  readonly viewBytesMax: number
  readonly initial: Fold
  /** The fold that showed this; `undefined` when no version of this model shows such a thing. */
  restore(shown: Shown): Fold | undefined
  /** Turns what an older version showed into what this one shows; left out, only a refold helps. */
  readonly migrate?: (from: number, shown: Shown) => Shown | undefined
}

/** A model written as a plain function over what it shows. */
export interface ModelDefinition {
  readonly name: string
  readonly version: number
  readonly viewBytesMax: number
  readonly initial: Shown
  readonly apply: (state: Shown, event: SessionEvent) => Shown
  readonly migrate?: (from: number, shown: Shown) => Shown | undefined
}

/** The usual way to make a model: initial state and a pure `apply`; nothing else to implement. */
export function defineModel(definition: ModelDefinition): SessionModel {
  const fold = (state: Shown): Fold => ({
    apply: (event) => fold(definition.apply(state, event.event())),
    show: () => state,
  })
  return {
    name: definition.name,
    version: definition.version,
    viewBytesMax: definition.viewBytesMax,
    initial: fold(definition.initial),
    restore: fold,
    ...(definition.migrate === undefined ? {} : { migrate: definition.migrate }),
  }
}
