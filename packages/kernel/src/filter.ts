// What a reader wants to see: a list of kinds. A filter hides events, never gaps, holes or the close; the cursor moves
// past what it hides (L15). Two readers with the same words share batches, so a filter has a canonical key.

/** Which events a reader is given. */
export interface Filter {
  /** Equal for filters that pass the same kinds; `*` for the one that passes all. */
  readonly key: string
  passes(kind: string): boolean
}

/** Passes every event. */
export const everything: Filter = { key: "*", passes: () => true }

/** At most this many names in one filter. */
export const filterKindsMax = 64

const pattern = /^[^,*\s]{1,128}$/

/**
 * A filter of exact kinds and of prefixes written `turn.*` (which passes `turn.text`, not `turn`); `*` alone passes
 * all. `undefined` when the list is empty, longer than `filterKindsMax`, or a name cannot be read.
 */
export function parseFilter(kinds: readonly string[]): Filter | undefined {
  if (kinds.length === 0 || kinds.length > filterKindsMax) return undefined
  if (kinds.includes("*")) return everything
  const exact = new Set<string>()
  const prefixes = new Set<string>()
  for (const kind of kinds) {
    const stem = kind.endsWith(".*") ? kind.slice(0, -1) : kind
    if (!pattern.test(stem)) return undefined
    if (stem === kind) exact.add(kind)
    else prefixes.add(stem)
  }
  const starts = [...prefixes]
  return {
    key: [...exact, ...starts.map((start) => `${start}*`)].sort().join(","),
    passes: (kind) => exact.has(kind) || starts.some((start) => kind.startsWith(start)),
  }
}
