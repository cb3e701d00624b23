// Bytes into lines. A line ends at LF and nowhere else: a CR before it stays in the line, so that what `tail --output`
// writes is what `publish` read, byte for byte. The one byte that can differ is the last: a last line without its LF is
// a line all the same, and comes out with one. Nothing is replaced and nothing is skipped: the first line that cannot
// be published ends the splitting, and the lines before it stand.

import { isUtf8 } from "node:buffer"

export interface Split {
  /** Without their line ends; the first one has the number `first`. */
  readonly lines: readonly string[]
  /** From 1. */
  readonly first: number
  /** The line after `lines` cannot be published; there will be no more. */
  readonly refused?: Refused
}

export interface Refused {
  readonly line: number
  readonly because: string
}

const lf = 10

export class LineSplitter {
  readonly #lineBytesMax: number
  /** What came after the last LF. */
  #rest: Uint8Array[] = []
  #restBytes = 0
  #next = 1
  #refused: Refused | undefined

  /** `lineBytesMax` bounds what is held, too: a line is refused when it gets longer, not when it ends. */
  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax
  }

  /** The lines that `chunk` completes. The chunk is kept until its last line ends: do not write into it again. */
  push(chunk: Uint8Array): Split {
    const end = chunk.lastIndexOf(lf)
    const whole = end < 0 ? [] : this.#take(Buffer.concat([...this.#rest, chunk.subarray(0, end)]))
    const tail = chunk.subarray(end + 1)
    if (end >= 0) {
      this.#rest = []
      this.#restBytes = 0
    }
    if (tail.length > 0) this.#rest.push(tail)
    this.#restBytes += tail.length
    return this.#answer(whole, this.#restBytes > this.#lineBytesMax)
  }

  /** The last line, if the input did not end with a line end. */
  end(): Split {
    const last = this.#restBytes === 0 ? [] : this.#take(Buffer.concat(this.#rest))
    this.#rest = []
    this.#restBytes = 0
    return this.#answer(last, false)
  }

  #answer(lines: readonly string[], restTooLong: boolean): Split {
    const first = this.#next
    this.#next += lines.length
    if (restTooLong) this.#refused ??= { line: this.#next, because: this.#tooLong() }
    return { lines, first, ...(this.#refused === undefined ? {} : { refused: this.#refused }) }
  }

  /** The lines of `block`, which holds whole lines, without the LF of the last. */
  #take(block: Buffer): readonly string[] {
    if (this.#refused !== undefined) return []
    if (block.length <= this.#lineBytesMax && isUtf8(block)) return block.toString("utf8").split("\n")
    const lines: string[] = []
    for (let from = 0; from <= block.length; ) {
      const found = block.indexOf(lf, from)
      const to = found < 0 ? block.length : found
      const line = block.subarray(from, to)
      const because = line.length > this.#lineBytesMax ? this.#tooLong() : isUtf8(line) ? undefined : "it is not UTF-8"
      if (because !== undefined) {
        this.#refused = { line: this.#next + lines.length, because }
        return lines
      }
      lines.push(line.toString("utf8"))
      from = to + 1
    }
    return lines
  }

  #tooLong(): string {
    return `it is longer than ${this.#lineBytesMax} bytes`
  }
}
