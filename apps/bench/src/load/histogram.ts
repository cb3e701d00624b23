// Latencies in a fixed number of buckets, so that twenty million of them cost no memory: whole microseconds up to 127,
// then 64 buckets for each doubling. A percentile is therefore right within 1.6 %, at any size.

const subBuckets = 64
const doublings = 40
const linear = 2 * subBuckets

export class Histogram {
  readonly #counts = new Float64Array(linear + doublings * subBuckets)
  #count = 0
  #max = 0

  get count(): number {
    return this.#count
  }

  get max(): number {
    return this.#max
  }

  record(value: number): void {
    const whole = value <= 0 ? 0 : Math.round(value)
    const bucket = bucketOf(whole)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
    if (whole > this.#max) this.#max = whole
  }

  clear(): void {
    this.#counts.fill(0)
    this.#count = 0
    this.#max = 0
  }

  /** The value that `share` (0–1) of the recorded ones do not exceed; 0 when there are none. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket] ?? 0
      if (seen >= wanted) return Math.min(upperEdge(bucket), this.#max)
    }
    return 0
  }
}

function bucketOf(value: number): number {
  if (value < linear) return value
  // 2^exponent <= value / 64 < 2^(exponent + 1), so that value / 2^exponent is one of 64 from 64 on.
  const exponent = Math.min(Math.floor(Math.log2(value)) - 6, doublings)
  return linear + (exponent - 1) * subBuckets + Math.min(Math.floor(value / 2 ** exponent) - subBuckets, subBuckets - 1)
}

function upperEdge(bucket: number): number {
  if (bucket < linear) return bucket
  const exponent = Math.floor((bucket - linear) / subBuckets) + 1
  const sub = (bucket - linear) % subBuckets
  return (subBuckets + sub + 1) * 2 ** exponent - 1
}
