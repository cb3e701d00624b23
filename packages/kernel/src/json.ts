// JSON as data. `jsonText` is where a value becomes text for the first and only time: what it lets through can be
// stored, marked, framed and parsed again without a change, and what cannot is refused, never mangled.

import { contract } from "./contract.ts"
import { brandJsonText, type JsonText } from "./ids.ts"

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !isList(value)
}

/** What `Array.isArray` does not tell the compiler of a list that is read-only. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

/** A `\ud800`-style escape: `JSON.stringify` writes one exactly where a string holds half a surrogate pair. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\ud[89a-f][0-9a-f]{2}/

/**
 * The text of a value, on one line.
 *
 * Throws `ContractViolation` for what JSON cannot carry: `undefined`, functions, numbers that are not finite, lone
 * surrogates. Input from outside is checked before it gets here (the protocol's `parseJson`).
 */
export function jsonText(value: Json): JsonText {
  checkCarried(value)
  const text: unknown = JSON.stringify(value)
  contract(typeof text === "string", "a value without a JSON form cannot be recorded")
  // Looked for first, because the expression takes longer than all the rest and hardly any text has such an escape.
  contract(!text.includes("\\ud") || !loneSurrogate.test(text), "a string with half a surrogate pair cannot be sent as UTF-8")
  return brandJsonText(text)
}

/**
 * A text that was sent, kept as it was spelled. Whoever calls this has scanned it (the protocol's `parseFields`): it is
 * JSON without space between its parts, with whole characters only, and every number and key of it outlives `JSON.parse`.
 */
export function keptJsonText(scanned: string): JsonText {
  return brandJsonText(scanned)
}

/** Whether JSON carries all of it. A walk of its own, because `JSON.stringify` with a replacer takes twice as long as both. */
function checkCarried(value: unknown): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return
    case "number":
      return contract(Number.isFinite(value), "NaN and infinities have no JSON form")
    case "object":
      if (Array.isArray(value)) for (const item of value) checkCarried(item)
      else if (value !== null) for (const item of Object.values(value)) checkCarried(item)
      return
    default:
      contract(false, "undefined, functions, symbols and big integers have no JSON form")
  }
}

/** Bytes of `text` in UTF-8. Most texts are ASCII, which an expression sees in less than half of the loop's time. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  if (!beyondAscii.test(text)) return bytes
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) bytes += 1
    else if (unit >= 0xd800 && unit <= 0xdfff) bytes += 1 // half of a pair: four bytes for two units
    else bytes += 2
  }
  return bytes
}

const beyondAscii = /[\u0080-\uffff]/
