// Numbers and failures in words, the same wherever they stand: in the report of a campaign, of one run, and on the line that
// says how far it is. Nothing here asks for a locale, so that a report has the same bytes on every machine.

import type { RunFailure } from "./run.ts"

/** The law first, once. */
export function failureText({ law, message }: Pick<RunFailure, "law" | "message">): string {
  return message.startsWith(`${law}: `) ? message : `${law}: ${message}`
}

/** `1 run`, `2,000 runs`. */
export function count(sum: number, noun: string, nouns = `${noun}s`): string {
  return `${grouped(sum)} ${sum === 1 ? noun : nouns}`
}

/** Thousands apart. */
export function grouped(number: number): string {
  return `${number}`.replace(/\B(?=(\d{3})+$)/g, ",")
}

/** As large a unit as leaves two of it. */
export function roughly(ms: number): string {
  if (ms >= 2 * 3_600_000) return count(Math.round(ms / 3_600_000), "hour")
  return ms >= 2 * 60_000 ? count(Math.round(ms / 60_000), "minute") : seconds(ms)
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
