// A session as a file: NDJSON, one line for each entry in order, as the log sealed it, and a last line `{"closed": …}` if
// the session is closed. This file reads a line and says what entry it is; what an entry's place, time and epoch were is
// for people, because whoever imports it gives it new ones.

import type { Json } from "@tidemark/kernel"
import { parseJson } from "@tidemark/protocol"
import { isKind } from "./draft-reader.ts"

/** What is to be recorded; `line` is where it stands in the input, from 1. */
export type ImportedEntry =
  | { readonly type: "event"; readonly line: number; readonly kind: string; readonly data: Json; readonly commit: boolean }
  /** What could not be recorded when it happened; `count` left out: nobody knows how many. */
  | { readonly type: "hole"; readonly line: number; readonly count?: number; readonly reason: string }
  /** Nothing follows it. */
  | { readonly type: "close"; readonly line: number; readonly reason: string }

export type ReadLine = ImportedEntry | { readonly type: "refused"; readonly because: string }

/** The host judges how deep data may be nested; this is the most it can be told to take. */
const depthMax = 1_000

/** Every field a line may have; of these, `position`, `revision` and `at` are looked at by people only. */
const fields = new Set(["position", "revision", "at", "kind", "data", "commit", "hole", "closed"])

export function closedLine(reason: string): string {
  return JSON.stringify({ closed: { reason } })
}

export function readLine(text: string, line: number): ReadLine {
  if (text.trim() === "") return refused("it is empty, and every line is an entry")
  const parsed = parseJson(text, { depth: depthMax })
  if (parsed.type === "refused") return refused(`it cannot be taken as JSON, at character ${parsed.at + 1}: ${parsed.reason}`)
  const entry = parsed.value
  if (!isObject(entry)) return notAnEntry
  const unknown = Object.keys(entry).find((field) => !fields.has(field))
  if (unknown !== undefined) return refused(`it has a field ${JSON.stringify(unknown)}, which no entry has`)
  const types = ["kind", "hole", "closed"].filter((field) => Object.hasOwn(entry, field))
  if (types.length !== 1) return notAnEntry
  if (types[0] === "kind") return eventOf(entry, line)
  if (Object.hasOwn(entry, "data") || Object.hasOwn(entry, "commit")) return notAnEntry
  return types[0] === "hole" ? holeOf(entry["hole"], line) : closeOf(entry["closed"], line)
}

function eventOf(entry: JsonObject, line: number): ReadLine {
  const { kind, commit } = entry
  if (typeof kind !== "string" || !isKind(kind)) return refused("its kind is not a text of 1–128 characters without control characters")
  if (!Object.hasOwn(entry, "data")) return refused("it has a kind and no data")
  if (commit !== undefined && commit !== true) return refused("its field commit is not true; an event that is no commit has none")
  return { type: "event", line, kind, data: entry["data"] ?? null, commit: commit === true }
}

function holeOf(hole: Json | undefined, line: number): ReadLine {
  if (!isObject(hole) || typeof hole["reason"] !== "string") return notAnEntry
  const { count, reason } = hole
  if (count === undefined) return { type: "hole", line, reason }
  return typeof count === "number" && Number.isSafeInteger(count) && count > 0 ? { type: "hole", line, count, reason } : notAnEntry
}

function closeOf(closed: Json | undefined, line: number): ReadLine {
  if (!isObject(closed) || typeof closed["reason"] !== "string") return notAnEntry
  return { type: "close", line, reason: closed["reason"] }
}

function refused(because: string): ReadLine {
  return { type: "refused", because }
}

const notAnEntry = refused('it is no entry as `tidemark export` writes them: {"kind": …, "data": …}, {"hole": …} or {"closed": …}')

interface JsonObject {
  readonly [key: string]: Json
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
