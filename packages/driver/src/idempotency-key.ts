// Idempotency keys (L4). A key of the shape `@<producer>:<n>` is the n-th batch of a producer that counts, and one of the
// shape `@<producer>:<after>-<n>` says what it follows, too: it is appended only where the producer has not come further
// than `after`. So a request of a killed publisher that arrives after its successor's first one is refused, and what both
// of them carry is recorded once. Any other text is only a key.

/** A key as the log compares it. */
export type IdempotencyKey =
  | { readonly type: "key"; readonly text: string }
  | { readonly type: "producer"; readonly producer: string; readonly n: number; readonly after?: number }

/**
 * Reads a key: 1–200 visible ASCII characters. `undefined` for anything else, and for a text that begins with `@` and is
 * neither `@<producer>:<n>` nor `@<producer>:<after>-<n>`, with a producer of at least one character, whole numbers from 0
 * without leading zeros, and `after` below `n`.
 */
export function parseIdempotencyKey(text: string): IdempotencyKey | undefined {
  if (!/^[\x21-\x7e]{1,200}$/.test(text)) return undefined
  if (!text.startsWith("@")) return { type: "key", text }
  const [, producer, follows, digits] = /^@([\x21-\x7e]+):(?:(0|[1-9][0-9]*)-)?(0|[1-9][0-9]*)$/.exec(text) ?? []
  if (producer === undefined || digits === undefined) return undefined
  const n = Number(digits)
  if (!Number.isSafeInteger(n)) return undefined
  if (follows === undefined) return { type: "producer", producer, n }
  const after = Number(follows)
  return after < n ? { type: "producer", producer, n, after } : undefined
}

/** Whether a number above the producer's highest may be appended: not when the producer has come further than it follows. */
export function mayFollow({ after }: { readonly after?: number }, highest: number): boolean {
  return after === undefined || highest <= after
}
