// The little arithmetic that figures go through: medians over runs, and ratios that say nothing where there is nothing.

/** Of an even number the mean of the middle two; `undefined` of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2
}

/** `undefined` where one of them is not there, or there is nothing to divide by. */
export function ratio(value: number | undefined, to: number | undefined): number | undefined {
  return value === undefined || to === undefined || to === 0 ? undefined : value / to
}

export type Figures = Readonly<Record<string, number>>

/** Each figure's median over those runs that have it. */
export function medianFigures(runs: readonly Figures[]): Figures {
  const names = new Set(runs.flatMap((figures) => Object.keys(figures)))
  const medians: Record<string, number> = {}
  for (const name of names) {
    const middle = median(runs.flatMap((figures) => figures[name] ?? []))
    if (middle !== undefined) medians[name] = middle
  }
  return medians
}
