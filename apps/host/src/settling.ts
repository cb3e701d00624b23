// How plain code is waited for, where a fiber for it would cost more than it does: it settles once, and can be taken back.

import * as Either from "effect/Either"
import { faultOfOurs, type Refused } from "./refused.ts"

/** Called once with what came of it, unless it is taken back before. */
export type Settle<Value> = (outcome: Either.Either<Value, Refused>) => void

/** Nobody waits any more: undoes what can be undone, and is harmless afterwards. */
export type TakeBack = () => void

export const nothingToTakeBack: TakeBack = () => {}

/** Does `work`, which is to settle; what it throws is a bug of ours, and settles as one instead of ending the process. */
export function settling<Value>(settle: Settle<Value>, work: () => void): void {
  try {
    work()
  } catch (error) {
    settle(Either.left(faultOfOurs(error)))
  }
}
