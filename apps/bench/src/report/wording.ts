// Figures as a person reads them: three digits that matter, and the unit.

import type { Unit } from "./results.ts"

/** `0.412 µs`, `12.3 ms`, `1,234 /s`. */
export function amount(value: number | undefined, unit: Unit): string {
  return value === undefined ? "–" : `${digits(value)} ${unit}`
}

/** `0.41×`. */
export function times(value: number | undefined): string {
  return value === undefined ? "–" : `${digits(value)}×`
}

function digits(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString("en-US")
  const places = size >= 10 ? 1 : 2
  return value.toFixed(places)
}
