// What publishers send, checked: one draft, an array of them, or one a line. All of a batch is looked at before any of it
// is handed on, so that one bad entry leaves nothing. Written by hand, not by schema: this is the hot path, and a refusal
// names the entry and the field. Data is checked and kept as it was written: it is neither decoded nor encoded here.

import * as Either from "effect/Either"
import { jsonText, utf8Bytes, type Draft, type Json, type JsonText } from "@tidemark/kernel"
import { parseFields, type JsonField } from "@tidemark/protocol"
import type { Exchange } from "./exchange.ts"
import { formatLimit } from "./limits.ts"
import { badJson, refuse, refused, type Refused } from "./refused.ts"

type Checked<Value> = Either.Either<Value, Refused>

export const ndjson = "application/x-ndjson"

/** The drafts of a body of `/events`; none of them commits, whatever their `kind` says. */
export function parseDrafts(exchange: Exchange, body: string): Checked<readonly Draft[]> {
  const drafts: Draft[] = []
  const wrong = exchange.mediaType === ndjson ? takeLines(exchange, body, drafts) : takeBody(exchange, body, drafts)
  if (wrong !== undefined) return Either.left(wrong)
  return drafts.length > 0 ? Either.right(drafts) : refuse("empty-batch", "The batch has no events: send at least one.")
}

/** A commit's draft: its data is the new view, and bounded by the model instead of `event-bytes`. */
export function commitDraft(view: Json, kind: string, viewBytesMax: number): Checked<Draft> {
  const data = jsonText(view)
  if (utf8Bytes(data) > viewBytesMax) {
    return refuse("too-large", `The view is over the ${formatLimit("bytes", viewBytesMax)} this model holds: commit a smaller one.`)
  }
  return Either.map(parseKind(theBody, kind), (checked) => ({ type: "event", kind: checked, data, commit: true }))
}

/** Gives what is wrong with the first bad entry. */
function takeBody(exchange: Exchange, body: string, drafts: Draft[]): Refused | undefined {
  const parsed = parseFields(body, { depth: exchange.limits["json-depth"] })
  if (parsed.type === "refused") return badJson("The body", parsed)
  for (const [index, fields] of parsed.elements.entries()) {
    const wrong = takeDraft(exchange, parsed.isArray ? () => `Entry ${index + 1}` : theBody, fields, drafts)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const theBody = (): string => "The body"

function takeLines(exchange: Exchange, body: string, drafts: Draft[]): Refused | undefined {
  for (const [index, line] of body.split("\n").entries()) {
    if (line.trim() === "") continue
    const parsed = parseFields(line, { depth: exchange.limits["json-depth"] })
    if (parsed.type === "refused") return badJson(`Line ${index + 1}`, parsed)
    const wrong = takeDraft(exchange, () => `Line ${index + 1}`, parsed.isArray ? undefined : parsed.elements[0], drafts)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** `what`: how the entry is called in a sentence. */
function takeDraft(exchange: Exchange, what: () => string, fields: readonly JsonField[] | undefined, drafts: Draft[]): Refused | undefined {
  if (fields === undefined) return refused("bad-request", `${what()} is no object: send {"kind": …, "data": …}.`)
  let data = noData
  let kind: JsonText | undefined
  for (const { name, text } of fields) {
    if (name === "data") data = text
    else if (name === "kind") kind = text
    else return refused("unknown-field", `${what()} has a field ${JSON.stringify(name)}: a draft has kind and data, put the rest into data.`)
  }
  const most = exchange.limits["event-bytes"]
  if (utf8Bytes(data) > most) {
    const advice = "keep large things elsewhere and put their address into the data"
    return refused("too-large", `${what()} has data of over ${formatLimit("bytes", most)} (limit event-bytes): ${advice}.`)
  }
  const checked = parseKind(what, kind === undefined ? undefined : JSON.parse(kind))
  if (Either.isLeft(checked)) return checked.left
  drafts.push({ type: "event", kind: checked.right, data, commit: false })
  return undefined
}

const noData = jsonText(null)

function parseKind(what: () => string, kind: Json | undefined): Checked<string> {
  if (typeof kind === "string" && /^\P{Cc}{1,128}$/u.test(kind)) return Either.right(kind)
  const problem = kind === undefined ? "has no kind" : "has a kind that is none"
  return refuse("bad-kind", `${what()} ${problem}: it is a text of 1–128 characters without control characters.`)
}

/** Whether it is an object with fields, and no list. */
export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !isArray(value)
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
