// The hash behind marks, cursor tags and content hashes. Two 32-bit lanes with odd multipliers and a final avalanche in
// the manner of MurmurHash3 (Appleby, public domain): fast on UTF-16 units without a copy to bytes. It guards against
// accidents, not attackers: a cursor is a place, never a permission.

import { mark, type Mark } from "./ids.ts"
import { utf8Bytes } from "./json.ts"

interface Lanes {
  readonly high: number
  readonly low: number
  /** The bits of all units taken together: below 0x80, the text is ASCII throughout. */
  readonly bits: number
}

/** 64 bits of `text`, from two 32-bit seeds. */
export function hash64(text: string, seedHigh: number, seedLow: number): Lanes {
  let high = seedHigh ^ text.length
  let low = seedLow ^ 0x9e3779b9
  let bits = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    bits |= unit
    high = Math.imul(high ^ unit, 0x85ebca6b)
    high = (high << 13) | (high >>> 19)
    low = Math.imul(low ^ unit, 0xc2b2ae35)
    low = (low << 17) | (low >>> 15)
  }
  const crossed = high ^ Math.imul(low, 0x27d4eb2f)
  return { high: avalanche(crossed), low: avalanche(low ^ crossed), bits }
}

function avalanche(lane: number): number {
  let mixed = lane ^ (lane >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** 48 bits of `text`, as a whole number. */
export function hash48(text: string, seedHigh: number, seedLow: number): number {
  return bits48(hash64(text, seedHigh, seedLow))
}

/**
 * The mark of the entry with this text, right after the entry with mark `previous`. A log that cannot run this where it
 * assigns positions may use another hash: marks are compared, never recomputed.
 */
export function markAfter(previous: Mark, text: string): Mark {
  return mark(bits48(chained(previous, text)))
}

/** The mark, and the bytes of `text` in UTF-8: the hash sees every unit anyway, and a second walk would cost nearly as much. */
export function markAndBytes(previous: Mark, text: string): { readonly mark: Mark; readonly bytes: number } {
  const lanes = chained(previous, text)
  return { mark: mark(bits48(lanes)), bytes: lanes.bits < 0x80 ? text.length : utf8Bytes(text) }
}

/** 128 bits as 32 hexadecimal digits: tells two contents under one idempotency key apart. */
export function contentHash(text: string): string {
  const a = hash64(text, 0x243f6a88, 0x85a308d3)
  const b = hash64(text, 0x13198a2e, 0x03707344)
  return [a.high, a.low, b.high, b.low].map((lane) => lane.toString(16).padStart(8, "0")).join("")
}

function chained(previous: Mark, text: string): Lanes {
  return hash64(text, Math.floor(previous / 2 ** 32), previous % 2 ** 32 | 0)
}

function bits48({ high, low }: Lanes): number {
  return (high >>> 16) * 2 ** 32 + low
}
