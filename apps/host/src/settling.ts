// How plain code is waited for, where a fiber for it would cost more than it does: it settles once, and can be taken back.

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { faultOfOurs, type Refused } from "./refused.ts"

/** Called once with what came of it, unless it is taken back before. */
export type Settle<Value> = (outcome: Either.Either<Value, Refused>) => void

/** Nobody waits any more: undoes what can be undone, and is harmless afterwards. */
export type TakeBack = () => void

export const nothingToTakeBack: TakeBack = () => {}

/** Settles before anything was begun. */
export function atOnce<Value>(settle: Settle<Value>, outcome: Either.Either<Value, Refused>): TakeBack {
  settle(outcome)
  return nothingToTakeBack
}

/** The same as an effect, which is taken back when it is interrupted. */
export function awaited<Value>(start: (settle: Settle<Value>) => TakeBack): Effect.Effect<Value, Refused> {
  return Effect.async<Value, Refused>((resume) => Effect.sync(start(resume)))
}

/** Does `work`, which is to settle; what it throws is a bug of ours, and settles as one instead of ending the process. */
export function settling<Value>(settle: Settle<Value>, work: () => void): void {
  try {
    work()
  } catch (error) {
    settle(Either.left(faultOfOurs(error)))
  }
}
