// What a command says on standard error while it works: sentences that stay, and, on a terminal, one line that moves on.

import { systemClock } from "../clock.ts"

/** A line that moves is drawn at most this often, in milliseconds. */
const shownEveryMs = 100

export class Progress {
  readonly #terminal = process.stderr.isTTY
  #shownAt: number = Number.NEGATIVE_INFINITY

  /** Takes the place of the line that moves. */
  say(text: string): void {
    process.stderr.write(`${this.#terminal ? "\r\x1b[K" : ""}tidemark: ${text}\n`)
  }

  /** Only on a terminal. */
  show(text: string): void {
    const now = systemClock.now()
    if (!this.#terminal || now - this.#shownAt < shownEveryMs) return
    this.#shownAt = now
    process.stderr.write(`\r\x1b[K${text}`)
  }
}

/** `1 line`, `12,000 lines`. */
export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`
}
