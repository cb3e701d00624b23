// A capsule on its way to whoever asked for it. Lines come from inside the kernel, many in one step; they are gathered and
// written once a round. What a client does not take is held up to a bound: a recording must not cost more than it is worth.

import type { ServerResponse } from "node:http"
import type { Headers } from "./answer.ts"

/** Bytes that may wait for the client. */
export const waitingBytesMax = 8 * 1024 * 1024

export class CapsuleStream {
  readonly #whenFull: () => void
  #lines: string[] = []
  #bytes = 0
  #response: ServerResponse | undefined
  #flushing: NodeJS.Immediate | undefined
  #isFull = false
  #isOver = false

  /** `whenFull` is called once, within `write`, and may write a last line. */
  constructor(whenFull: () => void) {
    this.#whenFull = whenFull
  }

  /** Lines wait until there is a response to write them to. */
  readonly open = (response: ServerResponse, headers: Headers): void => {
    this.#response = response
    response.writeHead(200, { ...headers, "content-type": "application/x-ndjson" })
    response.flushHeaders()
    this.#flush()
  }

  readonly write = (line: string): void => {
    this.#lines.push(line)
    this.#bytes += Buffer.byteLength(line) + 1
    if (!this.#isFull && this.#bytes + (this.#response?.writableLength ?? 0) > waitingBytesMax) {
      this.#isFull = true
      this.#whenFull()
    }
    this.#flushing ??= setImmediate(() => this.#flush())
  }

  /** Nothing follows. */
  end(): void {
    this.#isOver = true
    this.#flush()
  }

  #flush(): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    const response = this.#response
    if (response === undefined) return
    if (this.#lines.length > 0) response.write(`${this.#lines.join("\n")}\n`)
    this.#lines = []
    this.#bytes = 0
    if (this.#isOver) response.end()
  }
}
