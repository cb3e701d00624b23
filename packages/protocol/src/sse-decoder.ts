// An event stream's bytes to blocks, as the WHATWG HTML standard says (§9.2.6 "Interpreting an event stream"), however
// the bytes are cut. Lines are found among the bytes and only whole ones are decoded, so nothing but the line and the
// block under way is carried from one chunk to the next, and both are bounded. Keep it so: text decoded chunk by chunk
// needs a decoder with a state of its own, and someone who sets it up.

import { decodeUtf8 } from "./utf8.ts"

/** A block that was dispatched. */
export interface SseBlock {
  /** The `event` field; `message` where there is none. */
  readonly event: string
  readonly data: string
  /** What this block's own `id` field says; `undefined` where it has none, or one with NUL in it, which does not count. */
  readonly id: string | undefined
  /** The last event id in force: this block's own or an earlier one's; empty where there was none. */
  readonly lastEventId: string
}

export type SseItem =
  | { readonly type: "event"; readonly block: SseBlock }
  /** A block with an id and no data: the last event id is this one now, and nothing is dispatched. */
  | { readonly type: "id"; readonly id: string }
  /** A valid `retry` field; past 2^53 − 1 it says 2^53 − 1. */
  | { readonly type: "retry"; readonly ms: number }
  /** A comment line, without its colon and one space after it: a sign of life. */
  | { readonly type: "comment"; readonly text: string }

export interface SseDecoderLimits {
  /** Bytes of one line, without its end. */
  readonly lineBytesMax: number
  /** Bytes of one block's data, the line breaks between its lines included. */
  readonly blockBytesMax: number
}

/**
 * Decodes one body. A new connection takes a new decoder; a block that the end of the body cuts off is discarded with
 * it, as the standard asks. After each `push`, poll items until `undefined`.
 */
export class SseDecoder {
  readonly #limits: SseDecoderLimits
  readonly #items: SseItem[] = []
  #itemsTaken = 0
  /** The beginning of a line whose end has not come. */
  #line = new Uint8Array(0)
  #lineBytes = 0
  #firstLine = true
  /** The last chunk ended in CR: an LF that begins the next one belongs to it. */
  #afterReturn = false
  #tooLong = false
  // The block under way.
  #event = ""
  #data: string | undefined
  #dataBytes = 0
  #id: string | undefined
  #lastEventId = ""

  constructor(limits: SseDecoderLimits) {
    this.#limits = limits
  }

  /**
   * The next bytes of the body, however cut; may be reused by the caller afterwards. `too_long`: a limit was passed, now
   * or before. Nothing is read any more, what was complete before can still be polled, and the caller ends the connection.
   */
  push(chunk: Uint8Array): "ok" | "too_long" {
    let start = 0
    if (this.#afterReturn && chunk.length > 0) {
      if (chunk[0] === lineFeed) start = 1
      this.#afterReturn = false
    }
    let feed = chunk.indexOf(lineFeed, start)
    let carriageReturn = chunk.indexOf(returnByte, start)
    while (!this.#tooLong && (feed !== -1 || carriageReturn !== -1)) {
      const end = feed === -1 || (carriageReturn !== -1 && carriageReturn < feed) ? carriageReturn : feed
      this.#endLine(chunk, start, end)
      start = end + 1
      if (end === carriageReturn) {
        if (start === chunk.length) this.#afterReturn = true
        else if (start === feed) start += 1
        carriageReturn = chunk.indexOf(returnByte, start)
      }
      if (feed !== -1 && feed < start) feed = chunk.indexOf(lineFeed, start)
    }
    this.#keep(chunk, start, chunk.length)
    return this.#tooLong ? "too_long" : "ok"
  }

  /** The next item, in the order of the stream; `undefined` when more bytes are needed. */
  pollItem(): SseItem | undefined {
    const item = this.#items[this.#itemsTaken]
    this.#itemsTaken += 1
    if (item === undefined) {
      this.#items.length = 0
      this.#itemsTaken = 0
    }
    return item
  }

  #endLine(chunk: Uint8Array, start: number, end: number): void {
    if (this.#lineBytes === 0) {
      if (end - start > this.#limits.lineBytesMax) this.#tooLong = true
      else this.#handleLine(chunk, start, end)
      return
    }
    this.#keep(chunk, start, end)
    const length = this.#lineBytes
    this.#lineBytes = 0
    if (!this.#tooLong) this.#handleLine(this.#line, 0, length)
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#lineBytes + end - start
    if (needed > this.#limits.lineBytesMax) this.#tooLong = true
    if (this.#tooLong || start >= end) return
    if (needed > this.#line.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#line.length, 1024))
      grown.set(this.#line.subarray(0, this.#lineBytes))
      this.#line = grown
    }
    this.#line.set(chunk.subarray(start, end), this.#lineBytes)
    this.#lineBytes = needed
  }

  #handleLine(bytes: Uint8Array, lineStart: number, end: number): void {
    let start = lineStart
    if (this.#firstLine) {
      this.#firstLine = false
      if (beginsWithByteOrderMark(bytes, start, end)) start += 3
    }
    if (start === end) return this.#endBlock()
    let nameEnd = start
    while (nameEnd < end && bytes[nameEnd] !== colon) nameEnd += 1
    let valueStart = Math.min(nameEnd + 1, end)
    if (valueStart < end && bytes[valueStart] === space) valueStart += 1
    if (nameEnd === start) this.#items.push({ type: "comment", text: decodeUtf8(bytes, valueStart, end) })
    else this.#handleField(fieldAt(bytes, start, nameEnd), bytes, valueStart, end)
  }

  #handleField(name: FieldName | undefined, bytes: Uint8Array, valueStart: number, end: number): void {
    switch (name) {
      case "data":
        this.#dataBytes += end - valueStart + (this.#data === undefined ? 0 : 1)
        if (this.#dataBytes > this.#limits.blockBytesMax) this.#tooLong = true
        else this.#data = (this.#data === undefined ? "" : `${this.#data}\n`) + decodeUtf8(bytes, valueStart, end)
        return
      case "event":
        this.#event = decodeUtf8(bytes, valueStart, end)
        return
      case "id": {
        const id = decodeUtf8(bytes, valueStart, end)
        if (!id.includes("\0")) this.#id = this.#lastEventId = id
        return
      }
      case "retry": {
        const digits = decodeUtf8(bytes, valueStart, end)
        if (/^[0-9]+$/.test(digits)) this.#items.push({ type: "retry", ms: Math.min(Number(digits), Number.MAX_SAFE_INTEGER) })
        return
      }
    }
  }

  #endBlock(): void {
    const id = this.#id
    if (this.#data !== undefined) {
      const event = this.#event === "" ? "message" : this.#event
      this.#items.push({ type: "event", block: { event, data: this.#data, id, lastEventId: this.#lastEventId } })
    } else if (id !== undefined) {
      this.#items.push({ type: "id", id })
    }
    this.#event = ""
    this.#data = undefined
    this.#dataBytes = 0
    this.#id = undefined
  }
}

const lineFeed = 0x0a
const returnByte = 0x0d
const space = 0x20
const colon = 0x3a

const fieldNames = ["data", "id", "event", "retry"] as const
type FieldName = (typeof fieldNames)[number]

/** Which of the four names stands here; compared as bytes, because most lines are looked at for this alone. */
function fieldAt(bytes: Uint8Array, start: number, end: number): FieldName | undefined {
  for (const name of fieldNames) {
    let matched = 0
    while (matched < name.length && bytes[start + matched] === name.charCodeAt(matched)) matched += 1
    if (matched === name.length && start + matched === end) return name
  }
  return undefined
}

function beginsWithByteOrderMark(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf
}
