// How long to wait before trying again: full jitter over a range that doubles with every failure in a row, so that a
// thousand clients of a host that came back do not come back together. Chance is an argument (L16).

/** Milliseconds. */
export interface BackoffLimits {
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
}

/** Of every client: 500 ms – 20 s. */
export const backoffLimits: BackoffLimits = { backoffMinMs: 500, backoffMaxMs: 20_000 }

/** A server's own wish (`retry:`, `reconnect`, `Retry-After`) is honoured up to five minutes; a longer one is a mistake. */
export const wishMaxMs = 300_000

/**
 * Whole milliseconds to wait after the `failures`-th failure in a row (from 1): between the least, or `floorMs` where the
 * server asked for more, and a ceiling that doubles up to the most. `chance` is in [0, 1).
 */
export function backoffMs(limits: BackoffLimits, failures: number, chance: number, floorMs = 0): number {
  const floor = Math.max(limits.backoffMinMs, Math.min(floorMs, wishMaxMs))
  const ceiling = Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** failures)
  return Math.round(floor + chance * Math.max(0, ceiling - floor))
}
