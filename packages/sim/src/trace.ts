// What happened in a world, line by line, for whoever wonders why a test failed: the last lines are kept, and stand in the
// message of whatever did not come true.

import type { ClientItem } from "@tidemark/client"

const linesKept = 40
const columnsMost = 160

export class Trace {
  readonly lines: string[] = []
  readonly #now: () => number
  readonly #onLine: ((line: string) => void) | undefined

  constructor(now: () => number, onLine?: (line: string) => void) {
    this.#now = now
    this.#onLine = onLine
  }

  say(who: string, what: string): void {
    const line = `${String(this.#now()).padStart(8)} ms  ${who.padEnd(9)} ${what.length > columnsMost ? `${what.slice(0, columnsMost)}…` : what}`
    this.lines.push(line)
    if (this.lines.length > linesKept) this.lines.shift()
    this.#onLine?.(line)
  }

  /** `message`, and what happened before. */
  told(message: string): string {
    return `${message}\n\nwhat happened last:\n${this.lines.join("\n")}`
  }
}

export function describeItem(item: ClientItem): string {
  switch (item.type) {
    case "event":
      return `event ${item.event.position} ${item.event.kind} ${JSON.stringify(item.event.data)}`
    case "observation":
      return `observation at ${item.observation.position} ${JSON.stringify(item.observation.view)}`
    case "gap":
      return `gap ${item.gap.reason}, ${item.gap.missed ?? "nobody knows how many"} missed`
    case "caught_up":
      return `caught_up at ${item.position}`
    case "closed":
      return `closed: ${item.closed.reason}`
    case "status":
      return `status ${item.status}${item.because === undefined ? "" : `: ${item.because}`}`
  }
}

/** An outcome of a call, or an answer of the log: its type, and where that leaves the session. */
export function describeAnswer(answer: { readonly type: string }): string {
  return ["→", answer.type, ...placesOf(answer)].join(" ")
}

function placesOf(answer: object): readonly string[] {
  if ("outcomes" in answer && Array.isArray(answer.outcomes)) return answer.outcomes.flatMap((each: object) => placesOf(each))
  if ("receipt" in answer) return placesOf(Object(answer.receipt))
  if ("detail" in answer) return [String(answer.detail)]
  if ("reason" in answer) return [String(answer.reason)]
  if ("first" in answer && "last" in answer) return [`${String(answer.first)}–${String(Object(answer.last).position ?? answer.last)}`]
  if ("head" in answer) return [`at ${String(Object(answer.head).head?.position ?? answer.head)}`]
  return []
}
