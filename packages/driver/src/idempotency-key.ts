// Idempotency keys (L4). A key of the shape `@<producer>:<n>` is the n-th batch of a producer that counts; any other
// text is only a key.

/** A key as the log compares it. */
export type IdempotencyKey =
  | { readonly type: "key"; readonly text: string }
  | { readonly type: "producer"; readonly producer: string; readonly n: number }

/**
 * Reads a key: 1–200 visible ASCII characters. `undefined` for anything else, and for a text that begins with `@` and is
 * not `@<producer>:<n>` with a producer of at least one character and `n` a whole number from 0 without leading zeros.
 */
export function parseIdempotencyKey(text: string): IdempotencyKey | undefined {
  if (!/^[\x21-\x7e]{1,200}$/.test(text)) return undefined
  if (!text.startsWith("@")) return { type: "key", text }
  const [, producer, digits] = /^@([\x21-\x7e]+):(0|[1-9][0-9]*)$/.exec(text) ?? []
  if (producer === undefined || digits === undefined) return undefined
  const n = Number(digits)
  return Number.isSafeInteger(n) ? { type: "producer", producer, n } : undefined
}
