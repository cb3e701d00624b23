// What of an event's data is a secret, and what stands in a capsule instead: characters of a keyed hash, as many bytes of
// JSON as there were, so that sizes and budgets stay and equal secrets stay equal. The key is the caller's, drawn for one
// recording and kept nowhere: without it a short secret cannot be found by trying all there are.
//
// Secrets are found by the names of fields. What somebody writes into a line of text is none that anybody can find: whoever
// wants nothing of the data to be seen says `all`.

import { contract, ContractViolation } from "./contract.ts"
import { mark, type Mark } from "./ids.ts"
import { isList, utf8Bytes, type Json } from "./json.ts"

export interface SecretOptions {
  /** A keyed hash of a text (HMAC, with a key of 128 random bits at least): 32 hexadecimal digits or more. */
  readonly hash: (text: string) => string
  /** Further names of fields that hold secrets. */
  readonly names?: readonly string[]
  /** Every text and number of the data is one. */
  readonly all?: boolean
}

/** Compared word by word: `dbPassword`, `db-password` and `DB_PASSWORDS` hold the word `password`. */
export const secretNames: readonly string[] = [
  ...["password", "passwd", "pwd", "passphrase", "secret", "token", "authorization", "bearer", "cookie", "credential"],
  ...["api_key", "private_key", "access_key", "signing_key", "encryption_key", "otp"],
]

/** Names whose verdict is remembered, if they are no longer than `nameMax`. */
const verdictsMax = 4_096
const nameMax = 128

export class Secrets {
  readonly #options: SecretOptions
  readonly #names: ReadonlySet<string>
  /** Of the longest name: no longer run of words is looked at, or a long name would take its square. */
  readonly #longest: number
  readonly #verdicts = new Map<string, boolean>()

  constructor(options: SecretOptions) {
    this.#options = options
    this.#names = new Set([...secretNames, ...(options.names ?? [])].map((name) => wordsOf(name).join("")).filter((name) => name !== ""))
    this.#longest = Math.max(...[...this.#names].map((name) => name.length))
  }

  /** `data` with its secrets hashed; the very same value where there are none. */
  hashed(data: Json): Json {
    return this.#walk(data, this.#options.all === true)
  }

  /** A mark would tell a short secret to whoever tries all there are, since the rest of its entry is known. */
  mark(real: Mark): Mark {
    return real === 0 ? real : mark(Number.parseInt(this.#digest(`mark ${real}`).slice(0, 12), 16))
  }

  /** Whether a field of this name holds a secret. */
  isSecret(name: string): boolean {
    const known = this.#verdicts.get(name)
    if (known !== undefined) return known
    const words = wordsOf(name)
    const verdict = words.some((_, from) => this.#beginsSecret(words, from))
    if (name.length > nameMax) return verdict
    if (this.#verdicts.size >= verdictsMax) this.#verdicts.clear()
    this.#verdicts.set(name, verdict)
    return verdict
  }

  /** Whether a run of words that begins here is a secret's name, or its plural. */
  #beginsSecret(words: readonly string[], from: number): boolean {
    let run = ""
    for (let to = from; to < words.length && run.length <= this.#longest; to++) {
      run += words[to] ?? ""
      if (this.#names.has(run) || (run.endsWith("s") && this.#names.has(run.slice(0, -1)))) return true
    }
    return false
  }

  #walk(value: Json, isSecret: boolean): Json {
    switch (typeof value) {
      case "string":
        return isSecret ? this.#text(value) : value
      case "number":
        return isSecret ? this.#number(value) : value
      case "boolean":
        return value
      case "object":
        return value === null ? null : this.#inside(value, isSecret)
    }
  }

  #inside(value: Exclude<Json, null | boolean | number | string>, isSecret: boolean): Json {
    let changed = false
    const walked = (inner: Json, secret: boolean): Json => {
      const outer = this.#walk(inner, secret)
      if (outer !== inner) changed = true
      return outer
    }
    if (isList(value)) {
      const list = value.map((item) => walked(item, isSecret))
      return changed ? list : value
    }
    const fields = Object.entries(value).map(([name, inner]): [string, Json] => [name, walked(inner, isSecret || this.isSecret(name))])
    return changed ? Object.fromEntries(fields) : value
  }

  #text(value: string): string {
    const json = JSON.stringify(value)
    return this.#characters(json, utf8Bytes(json) - 2)
  }

  /** A number that is written with as many characters: of its own digits nothing is left. */
  #number(value: number): number {
    const length = JSON.stringify(value).length
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const text = numberOf(this.#characters(`${attempt} number ${JSON.stringify(value)}`, length), length)
      if (JSON.stringify(Number(text)) === text) return Number(text)
    }
    throw new ContractViolation(`no number is written with ${length} characters`)
  }

  #characters(of: string, length: number): string {
    const first = this.#digest(of)
    let characters = first
    for (let part = 1; characters.length < length; part++) characters += this.#digest(`part ${part} ${first}`)
    return characters.slice(0, length)
  }

  #digest(text: string): string {
    const digits = this.#options.hash(text)
    contract(/^[0-9a-f]{32,}$/.test(digits), "the keyed hash gives 32 hexadecimal digits or more")
    return digits
  }
}

/** Of 17 digits, some one in ten is what its own number is written with. */
const attemptsMax = 10_000

/** A number of `length` characters as JavaScript writes it, mostly; at most 25, as many as the longest has. */
function numberOf(hex: string, length: number): string {
  const digits = [...hex].map((digit) => Number.parseInt(digit, 16))
  const decimal = (from: number, to: number): string => digits.slice(from, to).map((digit) => digit % 10).join("")
  const leading = (at: number): string => String(1 + ((digits[at] ?? 0) % 8))
  if (length === 1) return decimal(0, 1)
  if (length <= 16) return leading(0) + decimal(1, length)
  const sign = length > 22 ? "-" : ""
  const behindPoint = length - sign.length - 2
  const significant = Math.max(15, behindPoint - 5)
  return `${sign}0.${"0".repeat(behindPoint - significant)}${leading(0)}${decimal(1, significant - 1)}${leading(significant - 1)}`
}

/** `dbAccessKeys2` is db, access, key, 2. */
function wordsOf(name: string): readonly string[] {
  const spaced = name
    .normalize("NFKC")
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .replace(/(\p{L})(\p{N})/gu, "$1 $2")
    .replace(/(\p{N})(\p{L})/gu, "$1 $2")
  const words = spaced.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "")
  return words.map((word) => (word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word))
}
