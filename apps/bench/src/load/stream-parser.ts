// The bytes of one event stream, read as cheaply as they can be: HTTP's head, its chunks, and in them the frames. An event
// is found by its `~` (`event-text.ts`); nothing is decoded, no JSON is parsed, and a chunk that the sink has seen whole
// before is not looked at again. Reads end anywhere: what is left of a frame is carried to the next one.

import { endAfterTilde, readDigits, stampAfterTilde, stampDigits, tokenAfterTilde, tokenDigits } from "./event-text.ts"

export interface StreamSink {
  /** The head was read; anything but 200 is the end of it. */
  opened(status: number, head: string): void
  /** A whole chunk that begins and ends a frame: true when it is known and all of it was taken. */
  known(bytes: Buffer, from: number, to: number): boolean
  /** `position` is 0 where the server gives none. */
  event(position: number, token: number, stampUs: number): void
  /** The chunk that `known` did not know was read. */
  learned(bytes: Buffer, from: number, to: number): void
  /** A frame without an event of ours. */
  control(frame: string): void
}

const lf = 0x0a
const cr = 0x0d
const tilde = 0x7e
const letterI = 0x69
const zero = 0x30
const nine = 0x39
/** Where the position begins in a frame that begins with `id: ` and in one that begins with `data: {"position":`. */
const positionAfterId = 4
const positionAfterData = 18

type State = "head" | "size" | "body" | "body_end" | "plain" | "over"

export class StreamParser {
  readonly #sink: StreamSink
  readonly #hasPositions: boolean
  #state: State = "head"
  #head = ""
  /** What is left of a chunk, or what was read of its size. */
  #left = 0
  #sizeDigits = 0
  /** The beginning of a frame whose end has not come. */
  #carry: Buffer | undefined
  #carried = 0

  constructor(sink: StreamSink, hasPositions: boolean) {
    this.#sink = sink
    this.#hasPositions = hasPositions
  }

  /** The bytes may be overwritten afterwards. */
  feed(bytes: Buffer, length: number): void {
    let at = this.#state === "head" ? this.#readHead(bytes, length) : 0
    while (at < length) {
      switch (this.#state) {
        case "size":
          at = this.#readSize(bytes, at, length)
          break
        case "body":
          at = this.#readBody(bytes, at, length)
          break
        case "body_end":
          if (bytes[at] === lf) this.#state = "size"
          at += 1
          break
        case "plain":
          this.#payload(bytes, at, length)
          at = length
          break
        default:
          return
      }
    }
  }

  #readHead(bytes: Buffer, length: number): number {
    const before = this.#head.length
    this.#head += bytes.toString("latin1", 0, length)
    const end = this.#head.indexOf("\r\n\r\n")
    if (end === -1) return length
    const head = this.#head.slice(0, end)
    const status = Number(head.slice(9, 12))
    if (status !== 200) this.#state = "over"
    else this.#state = /^transfer-encoding:\s*chunked/im.test(head) ? "size" : "plain"
    this.#sink.opened(status, status === 200 ? head : this.#head)
    this.#head = ""
    return end + 4 - before
  }

  /** Hexadecimal digits, then CR LF; what else there may be (extensions) nobody sends. */
  #readSize(bytes: Buffer, from: number, to: number): number {
    let at = from
    for (; at < to; at++) {
      const byte = bytes[at] ?? 0
      if (byte === lf) {
        this.#state = this.#left === 0 && this.#sizeDigits > 0 ? "over" : "body"
        this.#sizeDigits = 0
        return at + 1
      }
      if (byte === cr) continue
      this.#left = this.#left * 16 + (byte <= nine ? byte - zero : (byte | 0x20) - 0x57)
      this.#sizeDigits += 1
    }
    return at
  }

  #readBody(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#left)
    const whole = this.#carried === 0 && end - from === this.#left
    this.#left -= end - from
    if (this.#left === 0) this.#state = "body_end"
    if (whole && this.#sink.known(bytes, from, end)) return end
    this.#payload(bytes, from, end)
    if (whole && this.#carried === 0) this.#sink.learned(bytes, from, end)
    return end
  }

  #payload(bytes: Buffer, from: number, to: number): void {
    let at = from
    if (this.#carried > 0) at = this.#finishCarried(bytes, at, to)
    while (at < to) {
      const next = this.#frame(bytes, at, to)
      if (next === -1) return this.#keep(bytes, at, to)
      at = next
    }
  }

  /** Moves bytes behind the carried ones until the frame ends. */
  #finishCarried(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0
      const room = this.#room(1)
      room[this.#carried] = byte
      this.#carried += 1
      if (byte !== lf || this.#carried < 2 || room[this.#carried - 2] !== lf) continue
      this.#frame(room, 0, this.#carried)
      this.#carried = 0
      return at + 1
    }
    return to
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const room = this.#room(to - from)
    bytes.copy(room, this.#carried, from, to)
    this.#carried += to - from
  }

  #room(more: number): Buffer {
    const wanted = this.#carried + more
    if (this.#carry !== undefined && this.#carry.length >= wanted) return this.#carry
    const larger = Buffer.allocUnsafeSlow(Math.max(1024, 2 * wanted))
    this.#carry?.copy(larger, 0, 0, this.#carried)
    this.#carry = larger
    return larger
  }

  /** One frame; where the next begins, or -1 when this one does not end here. */
  #frame(bytes: Buffer, from: number, to: number): number {
    let at = from
    for (; at < to; at++) {
      const byte = bytes[at]
      if (byte === tilde) break
      if (byte === lf && bytes[at + 1] === lf && at + 1 < to) {
        this.#sink.control(bytes.toString("latin1", from, at))
        return at + 2
      }
    }
    if (at === to) return -1
    const end = endOfFrame(bytes, at + endAfterTilde, to)
    if (end === -1) return -1
    const position = this.#hasPositions ? readNumber(bytes, from + (bytes[from] === letterI ? positionAfterId : positionAfterData)) : 0
    const token = readDigits(bytes, at + tokenAfterTilde, tokenDigits)
    this.#sink.event(position, token, readDigits(bytes, at + stampAfterTilde, stampDigits))
    return end
  }
}

/** Behind the next empty line; -1 when there is none. */
function endOfFrame(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at + 1 < to; at++) if (bytes[at] === lf && bytes[at + 1] === lf) return at + 2
  return -1
}

function readNumber(bytes: Buffer, from: number): number {
  let value = 0
  for (let at = from; ; at++) {
    const byte = bytes[at] ?? 0
    if (byte < zero || byte > nine) return value
    value = value * 10 + byte - zero
  }
}
