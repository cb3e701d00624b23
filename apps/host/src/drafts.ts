// What publishers send, checked: one draft, an array of them, or one a line. All of a batch is looked at before any of it
// is handed on, so that one bad entry leaves nothing. Written by hand, not by schema: this is the hot path, and a refusal
// names the entry and the field.

import * as Either from "effect/Either"
import { jsonText, utf8Bytes, type Draft, type Json } from "@tidemark/kernel"
import type { Exchange } from "./exchange.ts"
import { formatLimit } from "./limits.ts"
import { refuse, type Refused } from "./refused.ts"

type Checked<Value> = Either.Either<Value, Refused>

export const ndjson = "application/x-ndjson"

/** The drafts of a body of `/events`; none of them commits, whatever their `kind` says. */
export function parseDrafts(exchange: Exchange, body: string): Checked<readonly Draft[]> {
  return Either.gen(function* () {
    const entries = exchange.mediaType === ndjson ? yield* lines(exchange, body) : elements(yield* exchange.parse(body, "The body"))
    if (entries.length === 0) return yield* refuse("empty-batch", "The batch has no events: send at least one.")
    const drafts: Draft[] = []
    for (const entry of entries) drafts.push(yield* parseDraft(exchange, entry))
    return drafts
  })
}

/** A commit's draft: its data is the new view, and bounded by the model instead of `event-bytes`. */
export function commitDraft(view: Json, kind: string, viewBytesMax: number): Checked<Draft> {
  const data = jsonText(view)
  if (utf8Bytes(data) > viewBytesMax) {
    return refuse("too-large", `The view is over the ${formatLimit("bytes", viewBytesMax)} this model holds: commit a smaller one.`)
  }
  return Either.map(parseKind("The body", kind), (checked) => ({ type: "event", kind: checked, data, commit: true }))
}

/** An entry of the batch, and what to call it in a sentence. */
interface Sent {
  readonly what: string
  readonly value: Json
}

function elements(body: Json): readonly Sent[] {
  return isArray(body) ? body.map((value, index) => ({ what: `Entry ${index + 1}`, value })) : [{ what: "The body", value: body }]
}

function lines(exchange: Exchange, body: string): Checked<readonly Sent[]> {
  return Either.gen(function* () {
    const sent: Sent[] = []
    for (const [index, line] of body.split("\n").entries()) {
      const what = `Line ${index + 1}`
      if (line.trim() !== "") sent.push({ what, value: yield* exchange.parse(line, what) })
    }
    return sent
  })
}

function parseDraft(exchange: Exchange, { what, value }: Sent): Checked<Draft> {
  if (!isRecord(value)) return refuse("bad-request", `${what} is no object: send {"kind": …, "data": …}.`)
  const unknown = Object.keys(value).find((field) => field !== "kind" && field !== "data")
  if (unknown !== undefined) {
    const advice = "a draft has kind and data, put the rest into data"
    return refuse("unknown-field", `${what} has a field ${JSON.stringify(unknown)}: ${advice}.`)
  }
  const data = jsonText(value["data"] ?? null)
  const most = exchange.limits["event-bytes"]
  if (utf8Bytes(data) > most) {
    const advice = "keep large things elsewhere and put their address into the data"
    return refuse("too-large", `${what} has data of over ${formatLimit("bytes", most)} (limit event-bytes): ${advice}.`)
  }
  return Either.map(parseKind(what, value["kind"]), (kind) => ({ type: "event", kind, data, commit: false }))
}

function parseKind(what: string, kind: Json | undefined): Checked<string> {
  if (typeof kind === "string" && /^\P{Cc}{1,128}$/u.test(kind)) return Either.right(kind)
  const problem = kind === undefined ? "has no kind" : "has a kind that is none"
  return refuse("bad-kind", `${what} ${problem}: it is a text of 1–128 characters without control characters.`)
}

/** Whether it is an object with fields, and no list. */
export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !isArray(value)
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
