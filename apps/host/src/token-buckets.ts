// How fast one caller may go. A bucket holds up to `burst` tokens and gets `perSecond` of them back; what costs more than
// is there is refused and told how long to wait. Pure: time is an argument. A full bucket says nothing that a missing one
// does not, so full ones are swept and nothing grows with the number of the gone (L17).

import type { Instant } from "@tidemark/kernel"

interface Bucket {
  tokens: number
  at: Instant
}

/** Sweeping looks at every bucket, so it waits until this many were made since the last time. */
const sweepAfter = 1024

export class TokenBuckets {
  readonly #perSecond: number
  readonly #burst: number
  readonly #buckets = new Map<string, Bucket>()
  #made = 0

  /** Both above 0. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
  }

  /** Callers that are not at rest. */
  get size(): number {
    return this.#buckets.size
  }

  /**
   * Takes `tokens` from `caller`'s bucket and answers 0, or takes nothing and answers after how many milliseconds it would
   * work. More than the burst is taken from a full bucket, which then owes the rest.
   */
  take(now: Instant, caller: string, tokens: number): number {
    const bucket = this.#bucket(now, caller)
    const wanted = Math.min(tokens, this.#burst)
    if (bucket.tokens < wanted) return Math.ceil(((wanted - bucket.tokens) / this.#perSecond) * 1000)
    bucket.tokens -= tokens
    return 0
  }

  #bucket(now: Instant, caller: string): Bucket {
    const known = this.#buckets.get(caller)
    if (known !== undefined) {
      known.tokens = this.#tokens(now, known)
      known.at = now
      return known
    }
    this.#made += 1
    if (this.#made >= sweepAfter) this.#sweep(now)
    const bucket = { tokens: this.#burst, at: now }
    this.#buckets.set(caller, bucket)
    return bucket
  }

  #tokens(now: Instant, bucket: Bucket): number {
    return Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#perSecond)
  }

  #sweep(now: Instant): void {
    this.#made = 0
    for (const [caller, bucket] of this.#buckets) if (this.#tokens(now, bucket) >= this.#burst) this.#buckets.delete(caller)
  }
}
