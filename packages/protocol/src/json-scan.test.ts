// Strict JSON against vectors/json.json, and against a model: JSON.parse with a tokenizer over what it took.

import { readFileSync } from "node:fs"
import { ContractViolation, jsonText, type Json } from "@tidemark/kernel"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { parseFields, parseJson } from "./json-scan.ts"

interface Vectors {
  readonly depth: number
  readonly taken: readonly { readonly name: string; readonly text: string }[]
  readonly refused: readonly { readonly name: string; readonly text: string; readonly at: number; readonly reason: string }[]
}

const { depth, taken, refused }: Vectors = JSON.parse(readFileSync(new URL("../vectors/json.json", import.meta.url), "utf8"))

describe("JSON that can be kept as it is, is taken", () => {
  test.each(taken)("$name", ({ text }) => {
    const value: Json = JSON.parse(text)
    expect(parseJson(text, { depth })).toEqual({ type: "json", value })
    expect(parseFields(text, { depth }).type).toBe("fields")
  })
})

describe("JSON that would be changed or cannot be read is refused, with what to do and where", () => {
  test.each(refused)("$name", ({ text, at, reason }) => {
    expect(parseJson(text, { depth })).toEqual({ type: "refused", reason, at })
    expect(parseFields(text, { depth })).toEqual({ type: "refused", reason, at })
  })
})

test("a field is the very text that was sent: numbers and escapes keep their spelling", () => {
  const sent = '{"data":{"a":1.0,"b":"\\u0041\\n😀"},"\\u006bind":"turn.text","n":-0}'
  expect(parseFields(sent, { depth })).toEqual({
    type: "fields",
    isArray: false,
    elements: [
      [
        { name: "data", text: '{"a":1.0,"b":"\\u0041\\n😀"}' },
        { name: "kind", text: '"turn.text"' },
        { name: "n", text: "-0" },
      ],
    ],
  })
})

test("space inside of a field is not kept, space around it and inside of strings is nobody's business", () => {
  expect(parseFields('\n{ "a" :\t{ "b": [1,\r\n 2] } , "c" : "x  y" }\n', { depth })).toEqual({
    type: "fields",
    isArray: false,
    elements: [
      [
        { name: "a", text: '{"b":[1,2]}' },
        { name: "c", text: '"x  y"' },
      ],
    ],
  })
})

test("each element of an array has its fields, and an element that is no object has none", () => {
  const isArray = true
  expect(parseFields('[{"a":1}, {}, 7, [{"a":1}]]', { depth })).toEqual({
    type: "fields",
    isArray,
    elements: [[{ name: "a", text: "1" }], [], undefined, undefined],
  })
  expect(parseFields("[]", { depth })).toEqual({ type: "fields", isArray, elements: [] })
  expect(parseFields('"a"', { depth })).toEqual({ type: "fields", isArray: false, elements: [undefined] })
})

test("__proto__ is an ordinary key: it pollutes nothing, is kept when nested, and is written again", () => {
  const text = '{"__proto__":{"admin":true},"a":{"__proto__":{"b":{"__proto__":1}}}}'
  const outcome = parseJson(text, { depth })
  expect(JSON.stringify(outcome)).toBe(`{"type":"json","value":${text}}`)
  expect(outcome.type === "json" && jsonText(outcome.value)).toBe(text)
  expect("admin" in {}).toBe(false)
})

test("a depth of 0 takes a lone value and nothing with an inside", () => {
  expect(parseJson("1", { depth: 0 })).toEqual({ type: "json", value: 1 })
  expect(parseJson("[]", { depth: 0 })).toEqual({
    type: "refused",
    reason: "Nest at most 0 arrays and objects: flatten this value, or send it as a string.",
    at: 0,
  })
})

test("a depth that could exhaust the stack is a bug of the caller", () => {
  expect(parseJson("[".repeat(1_000) + "]".repeat(1_000), { depth: 1_000 }).type).toBe("json")
  expect(() => parseJson("1", { depth: 1_001 })).toThrow(ContractViolation)
  expect(() => parseJson("1", { depth: Number.NaN })).toThrow(ContractViolation)
})

test("two keys of one hash are told apart", () => {
  expect(parseJson('{"n5p":1,"5o4a":2}', { depth })).toEqual({ type: "json", value: { n5p: 1, "5o4a": 2 } })
  expect(parseJson('{"n5p":1,"5o4a":2,"n5p":3}', { depth })).toMatchObject({ type: "refused", at: 18 })
})

/** Of a text that JSON.parse takes: whether it would come out as it went in. */
function wouldBeKept(text: string, depthMax: number): boolean {
  const open: (Set<string> | undefined)[] = []
  let expectsKey = false
  for (const token of text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/gsu) ?? []) {
    const keys = open.at(-1)
    if (token.startsWith('"')) {
      const content: string = JSON.parse(token)
      if (/\p{Cs}/u.test(token) || /\p{Cs}/u.test(content)) return false
      if (expectsKey && keys?.has(content)) return false
      if (expectsKey) keys?.add(content)
    } else if (/^[-\d]/.test(token)) {
      const written = String(Number(token))
      if (written.endsWith("Infinity")) return false
      if (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token))) return false
      if (/^-?\d+$/.test(written) && !Number.isSafeInteger(Number(written))) return false
    }
    if (token === "{") open.push(new Set())
    if (token === "[") open.push(undefined)
    if (open.length > depthMax) return false
    if (token === "}" || token === "]") open.pop()
    expectsKey = (token === "{" || token === ",") && open.at(-1) !== undefined
  }
  return true
}

function checkAgainstModel(text: string): void {
  const value = parsed(text)
  const outcome = parseJson(text, { depth: 3 })
  expect(fieldsOf(text)).toEqual(outcome.type === "json" ? elementsOf(outcome.value) : outcome)
  if (value === undefined || !wouldBeKept(text, 3)) {
    expect(outcome).toEqual({ type: "refused", reason: expect.stringMatching(/\.$/), at: expect.any(Number) })
    expect(outcome.type === "refused" && outcome.at >= 0 && outcome.at <= text.length).toBe(true)
  } else {
    expect(outcome).toEqual({ type: "json", value })
    expect(JSON.parse(jsonText(value))).toEqual(JSON.parse(JSON.stringify(value)))
  }
}

/** What `parseFields` says, its texts parsed, each of which is to be on one line that needs no more space. */
function fieldsOf(text: string): unknown {
  const outcome = parseFields(text, { depth: 3 })
  if (outcome.type === "refused") return outcome
  const elements = outcome.elements.map((fields) =>
    fields?.map((field): [string, Json] => {
      expect(field.text.replace(/"(?:[^"\\]|\\.)*"/gsu, "").search(/\s/)).toBe(-1)
      return [field.name, JSON.parse(field.text)]
    }),
  )
  return { isArray: outcome.isArray, elements: elements.map(inOrder) }
}

function elementsOf(value: Json): unknown {
  const isArray = Array.isArray(value)
  const elements: readonly Json[] = isArray ? value : [value]
  return { isArray, elements: elements.map((element) => (isObject(element) ? inOrder(Object.entries(element)) : undefined)) }
}

/** `JSON.parse` puts keys that are whole numbers first. */
function inOrder(fields: readonly (readonly [string, Json])[] | undefined): unknown {
  return fields?.toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const spaces = fc.stringMatching(/^[ \t\r\n]{0,3}$/)

test("random JSON with random space between its parts is given in fields that parse to what was sent", () => {
  const letters = fc.constantFrom("a", "\\n", "\\u0061", "\\ud83d\\ude00", "😀", "é", "\uffff", " ", "{", ",", "x".repeat(15), "x".repeat(40))
  const text = fc.array(letters, { maxLength: 4 }).map((each) => `"${each.join("")}"`)
  const number = fc.constantFrom("0", "-0", "1.50", "1e2", "12345678901234")
  const { element } = fc.letrec<{ leaf: string; list: string; object: string; element: string }>((tie) => ({
    leaf: fc.oneof(text, number, fc.constantFrom("true", "null")),
    list: fc.array(spaced(tie("element")), { maxLength: 3 }).map((each) => `[${each.join(",")}]`),
    object: fc.array(fc.tuple(spaced(text), spaced(tie("element"))), { maxLength: 3 }).map((each) => `{${each.map((pair) => pair.join(":")).join(",")}}`),
    element: fc.oneof({ depthSize: "small" }, tie("leaf"), tie("object"), tie("list")),
  }))
  fc.assert(fc.property(spaced(element), checkAgainstModel), { numRuns: 10_000 })
})

function spaced(part: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(spaces, part, spaces).map((pieces) => pieces.join(""))
}

const signs = "{}[],:\"\\ \n0123456789.eE+-tfnu".split("")
const numbers = ["9007199254740993", "e20", "1e400", "-0"]
const words = ["true", "false", "null", '"a"', '"\\u0061"', '"b":', '"a":1,', '{"a":', "[[", "]]", "😀", "é", "\0"]
const halves = ["\\ud83d", "\\ude00", "\ud83d", "\ude00"]
const scrap = fc.constantFrom(...signs, ...words, ...numbers, ...halves)

test("random scraps of JSON are taken exactly if they are JSON that would be kept", () => {
  fc.assert(fc.property(fc.array(scrap, { maxLength: 12 }).map((scraps) => scraps.join("")), checkAgainstModel), { numRuns: 20_000 })
})

test("JSON with a scrap put in, or a piece cut out, is taken exactly if it is JSON that would be kept", () => {
  const change = fc.record({ at: fc.nat(200), cut: fc.nat(3), put: fc.oneof(scrap, fc.constant("")) })
  const spaced = fc.jsonValue({ maxDepth: 3, stringUnit: "binary" }).map((value) => JSON.stringify(value, null, 1))
  const text = fc.oneof(fc.json({ maxDepth: 4 }), spaced)
  fc.assert(
    fc.property(text, fc.array(change, { maxLength: 2 }), (start, changes) => {
      let changed = start
      for (const { at, cut, put } of changes) changed = changed.slice(0, at) + put + changed.slice(at + cut)
      checkAgainstModel(changed)
    }),
    { numRuns: 10_000 },
  )
})

test("numbers are taken exactly if they are finite and would not be written in digits that were lost", () => {
  const digits = fc.stringMatching(/^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?$/)
  fc.assert(fc.property(digits, checkAgainstModel), { numRuns: 10_000 })
})

test("objects of few and of many keys are taken exactly if no key comes twice", () => {
  const key = fc.oneof(fc.constantFrom("a", "\\u0061", "b", "__proto__", "", "\\n"), fc.nat(60).map(String))
  const members = fc.array(key, { maxLength: 40 }).map((keys) => `{${keys.map((each) => `"${each}":{"a":0}`).join(",")}}`)
  fc.assert(fc.property(members, checkAgainstModel), { numRuns: 2_000 })
})
