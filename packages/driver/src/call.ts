// Calls: questions put to the driver that it may not be able to answer at once. A call is handed out when it is made and
// settles exactly once, when `pollSettled` gives it; until then `outcome` is `undefined`. No promise, no callback: whoever
// binds the driver to IO decides what waiting means.

import { contract } from "@tidemark/kernel"

/** Who waits for a call, as whoever binds the driver made it: a field, because a map from calls would cost more than a call. */
export interface CallWaiter {
  settled(): void
}

/** A question under way. */
export class Call<Outcome> {
  #outcome: Outcome | undefined
  /** Nobody waits for it any more; what it started is undone when it settles. */
  abandoned = false
  /** For whoever binds the driver: told when `pollSettled` gave it, by nobody here. */
  waiter: CallWaiter | undefined

  get outcome(): Outcome | undefined {
    return this.#outcome
  }

  /** The driver's side: gives the answer, once. */
  settle(outcome: Outcome): void {
    contract(this.#outcome === undefined, "a call settles once")
    this.#outcome = outcome
  }
}
