// What `tail` writes for an item. Standard output and the output file carry what was published and nothing else; what is
// said about it (waiting, gaps, a lost connection) goes to standard error.

import type { ClientItem } from "@tidemark/client"
import type { LiveReplayGap } from "@tidemark/kernel"

/**
 * `lines`: what `publish` read comes out as it was, all else as JSON. `items`: every item but `status`, as JSON.
 * `entries`: of these only what stands in the session once, so that a file holds it once, too.
 */
export type ItemFormat = "lines" | "items" | "entries"

/** With its line end; `undefined`: nothing to write. */
export function itemText(item: ClientItem, format: ItemFormat): string | undefined {
  if (format === "items") return item.type === "status" ? undefined : json(item)
  if (item.type === "observation") return json(format === "entries" ? item : item.observation)
  if (item.type !== "event") return undefined
  if (format === "entries") return json(item)
  const { kind, data } = item.event
  // A string with LF in it would come out as several lines, and nobody could tell them from lines that were published.
  return kind === "line" && typeof data === "string" && !data.includes("\n") ? `${data}\n` : json(item.event)
}

const json = (value: unknown): string => `${JSON.stringify(value)}\n`

/** What is said about a gap. */
export function gapText(gap: LiveReplayGap, observationFollows: boolean): string {
  const { missed } = gap
  const missing = missed === null ? "nobody knows how many entries are" : missed === 1 ? "1 entry is" : `${missed} entries are`
  const next = observationFollows ? "an observation follows that replaces them" : "reading goes on with what can still be read"
  return `gap (${gap.reason}): ${reasons[gap.reason]}; ${missing} missing here, and ${next}. The log holds ${gap.earliest}–${gap.head}.`
}

const reasons: Readonly<Record<LiveReplayGap["reason"], string>> = {
  trimmed: "what follows the cursor is no longer kept",
  lagged: "this reader was too slow and what it needed is no longer kept",
  epoch: "the log is another one than when the cursor was made",
  ahead: "the log is behind the cursor: it has lost its end",
  diverged: "the log has another entry at the cursor than the one that was read",
  hole: "something could not be recorded here",
  unknown_log: "this session keeps no log",
  budget: "the cursor is further behind than was asked for",
}
