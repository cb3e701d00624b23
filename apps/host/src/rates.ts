// How fast one address may go, in requests, in bytes published and in streams opened. Loopback is this machine's own user
// and is not counted. A rate that is exceeded is a refusal that says when to come back.

import * as Either from "effect/Either"
import type { Instant } from "@tidemark/kernel"
import { isLoopbackAddress } from "./authority.ts"
import type { Limits } from "./limits.ts"
import { retryLater, type Refused } from "./refused.ts"
import { TokenBuckets } from "./token-buckets.ts"

/** Named like the limits that set them. */
export type Rate = "requests-per-second" | "publish-bytes-per-second" | "connects-per-second"

export class Rates {
  readonly #buckets: Readonly<Record<Rate, TokenBuckets>>
  readonly #countsLoopback: boolean

  /** `countsLoopback` is for tests, which have no other address. */
  constructor(limits: Limits, countsLoopback = false) {
    const bucketsOf = (rate: Rate): TokenBuckets => new TokenBuckets(limits[rate], 2 * limits[rate])
    this.#buckets = {
      "requests-per-second": bucketsOf("requests-per-second"),
      "publish-bytes-per-second": bucketsOf("publish-bytes-per-second"),
      "connects-per-second": bucketsOf("connects-per-second"),
    }
    this.#countsLoopback = countsLoopback
  }

  /** Lets `address` go on, or says how long it has to wait. */
  admit(rate: Rate, now: Instant, address: string, amount = 1): Either.Either<void, Refused> {
    if (isLoopbackAddress(address) && !this.#countsLoopback) return Either.void
    const waitMs = this.#buckets[rate].take(now, address, amount)
    if (waitMs === 0) return Either.void
    const detail = `This is faster than limit ${rate} allows, and nothing of it was taken: slow down.`
    return Either.left(retryLater("too-many-requests", detail, waitMs))
  }
}
