// JSON as data. `jsonText` is where a value becomes text for the first and only time: what it lets through can be
// stored, marked, framed and parsed again without a change, and what cannot is refused, never mangled.

import { contract } from "./contract.ts"
import { brandJsonText, type JsonText } from "./ids.ts"

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A `\ud800`-style escape: `JSON.stringify` writes one exactly where a string holds half a surrogate pair. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\ud[89a-f][0-9a-f]{2}/

/**
 * The text of a value, on one line.
 *
 * Throws `ContractViolation` for what JSON cannot carry: `undefined`, functions, numbers that are not finite, lone
 * surrogates. Input from outside is checked before it gets here (the protocol's `parseJson`).
 */
export function jsonText(value: Json): JsonText {
  const text = JSON.stringify(value, refuseNonFinite)
  contract(typeof text === "string", "a value without a JSON form cannot be recorded")
  contract(!loneSurrogate.test(text), "a string with half a surrogate pair cannot be sent as UTF-8")
  return brandJsonText(text)
}

function refuseNonFinite(_key: string, value: unknown): unknown {
  contract(typeof value !== "number" || Number.isFinite(value), "NaN and infinities have no JSON form")
  contract(value !== undefined && typeof value !== "function", "undefined and functions have no JSON form")
  return value
}

/** Bytes of `text` in UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) bytes += 1
    else if (unit >= 0xd800 && unit <= 0xdfff) bytes += 1 // half of a pair: four bytes for two units
    else bytes += 2
  }
  return bytes
}
