// JSON from outside, taken only if it can be kept as it is. `JSON.parse` changes some texts without a word (digits beyond
// 2^53 are rounded, 1e400 becomes infinite, of two equal keys the last one stays) and lets through halves of surrogate
// pairs that cannot be sent as UTF-8. One scan refuses these before it, and every error of syntax with its place, so that
// `JSON.parse` after it cannot fail. How a number is spelled (`1.0`, `-0`, `1e2`) and the order of keys are not data.

import { contract, type Json } from "@tidemark/kernel"

export type ParseJsonOutcome =
  | { readonly type: "json"; readonly value: Json }
  /** `reason` is a sentence that says what to do; `at` is where, in UTF-16 units from 0. */
  | { readonly type: "refused"; readonly reason: string; readonly at: number }

/** `depth`: how many arrays and objects may stand inside one another, 0–1,000; a lone number needs 0, `[]` needs 1. */
export function parseJson(text: string, limits: { readonly depth: number }): ParseJsonOutcome {
  contract(limits.depth >= 0 && limits.depth <= 1_000, `a depth is 0–1,000, not ${limits.depth}`)
  const scan = new Scan(text, limits.depth)
  return scan.document() ? { type: "json", value: JSON.parse(text) } : { type: "refused", reason: scan.reason, at: scan.at }
}

/** Walks over one text. Each method says true with `at` behind what it read, or false with `at` at what is wrong. */
class Scan {
  at = 0
  reason = ""
  readonly #text: string
  readonly #depthMax: number
  /** Hash, start and end of each key of the objects around `at`, the outermost first: nothing is allocated per object. */
  readonly #keys: number[] = []
  /** Of the string that was read last, its escapes resolved. */
  #hash = 0

  constructor(text: string, depthMax: number) {
    this.#text = text
    this.#depthMax = depthMax
  }

  document(): boolean {
    if (this.#text.charCodeAt(0) === byteOrderMark) return this.#refuse("Send the JSON without a byte order mark.")
    if (!this.#value(0)) return false
    this.#skipSpace()
    return this.at === this.#text.length || this.#refuse("Send one JSON value: something follows the first.")
  }

  #value(depth: number): boolean {
    this.#skipSpace()
    switch (this.#text.charCodeAt(this.at)) {
      case quote:
        return this.#string()
      case braceOpen:
        return this.#mayNest(depth) && this.#object(depth + 1)
      case bracketOpen:
        return this.#mayNest(depth) && this.#array(depth + 1)
      case 0x74:
        return this.#word("true")
      case 0x66:
        return this.#word("false")
      case 0x6e:
        return this.#word("null")
      default:
        return this.#number()
    }
  }

  #object(depth: number): boolean {
    const firstKey = this.#keys.length
    let texts: Set<string> | undefined
    this.at += 1
    this.#skipSpace()
    if (this.#skip(braceClose)) return true
    while (true) {
      const start = this.at
      if (this.#text.charCodeAt(start) !== quote) return this.#refuse("A key in double quotes is missing here.")
      if (!this.#string()) return false
      if (texts === undefined && this.#keys.length - firstKey === fewKeys * unitsPerKey) texts = this.#keyTexts(firstKey)
      if (texts === undefined ? this.#isAmong(firstKey, start) : texts.has(this.#keyText(start, this.at))) {
        return this.#refuse("Send each key once: this one is there already, and only one of the two could be kept.", start)
      }
      if (texts === undefined) this.#keys.push(this.#hash, start, this.at)
      else texts.add(this.#keyText(start, this.at))
      this.#skipSpace()
      if (!this.#skip(colon)) return this.#refuse('A ":" is missing here.')
      if (!this.#value(depth)) return false
      this.#skipSpace()
      if (this.#skip(braceClose)) break
      if (!this.#skip(comma)) return this.#refuse('A "," or "}" is missing here.')
      this.#skipSpace()
    }
    this.#keys.length = firstKey
    return true
  }

  #array(depth: number): boolean {
    this.at += 1
    this.#skipSpace()
    if (this.#skip(bracketClose)) return true
    while (true) {
      if (!this.#value(depth)) return false
      this.#skipSpace()
      if (this.#skip(bracketClose)) return true
      if (!this.#skip(comma)) return this.#refuse('A "," or "]" is missing here.')
    }
  }

  /** From its opening quote. */
  #string(): boolean {
    const text = this.#text
    let hash = hashSeed
    let at = this.at + 1
    while (true) {
      const unit = text.charCodeAt(at)
      if (unit === quote) break
      if (unit === backslash) {
        const resolved = this.#escape(at, hash)
        if (resolved === undefined) return false
        hash = resolved
        at = this.at
      } else if (unit >= 0x20 && (unit < 0xd800 || unit > 0xdfff)) {
        hash = mix(hash, unit)
        at += 1
      } else if (unit >= 0xd800) {
        const low = text.charCodeAt(at + 1)
        if (!isHigh(unit) || !isLow(low)) return this.#refuse(halfPair, at)
        hash = mix(mix(hash, unit), low)
        at += 2
      } else if (at >= text.length) {
        return this.#refuse("The text ends inside a string: send all of it.", at)
      } else {
        return this.#refuse("Write a control character inside a string as an escape, such as \\n or \\u0000.", at)
      }
    }
    this.#hash = hash
    this.at = at + 1
    return true
  }

  /** The escape, or the pair of escapes, that begins at `at`: `hash` with what it stands for. */
  #escape(at: number, hash: number): number | undefined {
    const letter = this.#text.charCodeAt(at + 1)
    if (letter !== 0x75) {
      const place = "\"\\/bfnrt".indexOf(this.#text.charAt(at + 1))
      if (Number.isNaN(letter) || place === -1) {
        this.#refuse('Write "\\\\" for a backslash: this is no escape that JSON knows.', at)
        return undefined
      }
      this.at = at + 2
      return mix(hash, "\"\\/\b\f\n\r\t".charCodeAt(place))
    }
    const unit = this.#hexDigits(at + 2)
    if (unit === undefined) {
      this.#refuse("Write four hexadecimal digits after \\u.", at)
      return undefined
    }
    this.at = at + 6
    if (!isHigh(unit) && !isLow(unit)) return mix(hash, unit)
    const low = this.#text.startsWith("\\u", at + 6) ? this.#hexDigits(at + 8) : undefined
    if (!isHigh(unit) || low === undefined || !isLow(low)) {
      this.#refuse(halfPair, at)
      return undefined
    }
    this.at = at + 12
    return mix(mix(hash, unit), low)
  }

  #hexDigits(at: number): number | undefined {
    let value = 0
    for (let i = at; i < at + 4; i++) {
      const unit = this.#text.charCodeAt(i)
      if (isDigit(unit)) value = value * 16 + unit - 0x30
      else if ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x66) value = value * 16 + (unit | 0x20) - 0x57
      else return undefined
    }
    return value
  }

  #number(): boolean {
    const start = this.at
    this.#skip(minus)
    const digits = this.at
    if (!this.#skip(zero) && !this.#skipDigits()) return this.#refuse(this.#missingValue(), start)
    const whole = this.at
    if (this.#skip(point) && !this.#skipDigits()) return this.#refuse("A digit is missing after the decimal point.")
    if (this.#skip(0x65) || this.#skip(0x45)) {
      if (!this.#skip(plus)) this.#skip(minus)
      if (!this.#skipDigits()) return this.#refuse("A digit is missing in the exponent.")
    }
    if (this.at === whole && whole - digits <= safeDigits) return true
    const size = Math.abs(Number(this.#text.slice(start, this.at)))
    if (size <= Number.MAX_SAFE_INTEGER) return true
    if (size === Infinity) return this.#refuse("Send this number as a string: it is too large for a double.", start)
    if (this.at !== whole && size >= writtenWithExponent) return true
    return this.#refuse("Send this number as a string: beyond 2^53 - 1 digits are lost.", start)
  }

  #missingValue(): string {
    return this.#text.trim() === "" ? "Send a JSON value: there is none." : "A JSON value is missing here."
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.at)) return this.#refuse("A JSON value is missing here.")
    this.at += word.length
    return true
  }

  /** Whether the key from `start` to `at` equals one since `firstKey`. */
  #isAmong(firstKey: number, start: number): boolean {
    for (let i = firstKey; i < this.#keys.length; i += unitsPerKey) {
      if (this.#keys[i] !== this.#hash) continue
      if (this.#keyText(this.#keys[i + 1] ?? 0, this.#keys[i + 2] ?? 0) === this.#keyText(start, this.at)) return true
    }
    return false
  }

  #keyTexts(firstKey: number): Set<string> {
    const texts = new Set<string>()
    for (let i = firstKey; i < this.#keys.length; i += unitsPerKey) {
      texts.add(this.#keyText(this.#keys[i + 1] ?? 0, this.#keys[i + 2] ?? 0))
    }
    return texts
  }

  /** The key between two quotes, its escapes resolved. */
  #keyText(start: number, end: number): string {
    const written = this.#text.slice(start, end)
    return written.includes("\\") ? JSON.parse(written) : written.slice(1, -1)
  }

  #mayNest(depth: number): boolean {
    if (depth < this.#depthMax) return true
    return this.#refuse(`Nest at most ${this.#depthMax} arrays and objects: flatten this value, or send it as a string.`)
  }

  #skipSpace(): void {
    let unit = this.#text.charCodeAt(this.at)
    while (unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09) unit = this.#text.charCodeAt(++this.at)
  }

  #skip(unit: number): boolean {
    if (this.#text.charCodeAt(this.at) !== unit) return false
    this.at += 1
    return true
  }

  #skipDigits(): boolean {
    const start = this.at
    while (isDigit(this.#text.charCodeAt(this.at))) this.at += 1
    return this.at > start
  }

  #refuse(reason: string, at = this.at): false {
    this.at = at
    this.reason = reason
    return false
  }
}

const byteOrderMark = 0xfeff
const quote = 0x22
const backslash = 0x5c
const braceOpen = 0x7b
const braceClose = 0x7d
const bracketOpen = 0x5b
const bracketClose = 0x5d
const colon = 0x3a
const comma = 0x2c
const minus = 0x2d
const plus = 0x2b
const point = 0x2e
const zero = 0x30

/** As many digits are below 2^53 whatever they are. */
const safeDigits = 15
/** From here on `JSON.stringify` writes an exponent instead of digits that are not there. */
const writtenWithExponent = 1e21

/** With more keys than this an object's keys go into a set: by then comparing each with each would cost more. */
const fewKeys = 16
const unitsPerKey = 3

const halfPair = "Send whole characters: half of a surrogate pair cannot be sent as UTF-8."

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39
const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

/** Equal strings have equal hashes; the rest is checked by comparing, so a simple one will do. */
const hashSeed = 0x1747b28c
const mix = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193)
