// The calls of a capsule, and how they are written and read. A call is what the kernel was told, as data: entries with their
// marks and texts, filters by their keys, readers by the order in which they were made. What is read was written by nobody
// knows whom, so everything is checked, and `Malformed` says what is wrong with it.

import { parseFilter, type Filter } from "./filter.ts"
import { unseal, CloseEntry, EventEntry, HoleEntry, type Entry } from "./entry.ts"
import type { Head } from "./head.ts"
import { instant, mark, parseEpoch, position, revision, type Epoch, type Instant, type Point } from "./ids.ts"
import type { Json } from "./json.ts"
import type { Closed } from "./observation.ts"
import type { SessionOrigin } from "./origin.ts"
import type { ExplainOptions, HistoryPage, ReadBudget, ReaderOptions, ReaderStart } from "./outcomes.ts"

export type CapsuleCall =
  | { readonly call: "openSession"; readonly now: Instant; readonly from: SessionOrigin; readonly lost?: "ahead" | "diverged" }
  | { readonly call: "handleAppended"; readonly now: Instant; readonly epoch: Epoch; readonly entries: readonly Entry[] }
  | { readonly call: "handleHead"; readonly now: Instant; readonly head: Head }
  | { readonly call: "handleHistory"; readonly now: Instant; readonly reader: number; readonly page: HistoryPage }
  | { readonly call: "unloadSession" | "deleteSession" | "observe" | "handleTimeout"; readonly now: Instant }
  | { readonly call: "describe" | "pollReady" }
  | { readonly call: "explain"; readonly now: Instant; readonly cursor: string; readonly asked: ExplainOptions }
  | { readonly call: "subscribe"; readonly now: Instant; readonly start: ReaderStart; readonly options: ReaderOptions; readonly proof?: Head }
  | { readonly call: "read"; readonly now: Instant; readonly reader: number; readonly budget: ReadBudget }
  | { readonly call: "cursorOf" | "wake" | "unsubscribe"; readonly reader: number }

/** What stands in a line cannot be taken; the message says what. */
export class Malformed extends Error {
  override readonly name = "Malformed"
}

/** One line of JSON, without its end. */
export function callText(call: CapsuleCall): string {
  return JSON.stringify(call, (_name, value: unknown) => {
    if (value instanceof EventEntry || value instanceof HoleEntry || value instanceof CloseEntry) {
      const { mark, bytes, text } = value
      return { mark, bytes, text }
    }
    if (isFilter(value)) return value.key
    // JSON has no word for it, and nothing else is null where a number stands.
    return value === Infinity ? null : value
  })
}

/** Throws `Malformed` for what `callText` did not write. */
export function readCall(value: unknown): CapsuleCall {
  const fields = new Fields(value, "the line")
  const call = fields.text("call")
  switch (call) {
    case "openSession": {
      const lost = fields.optional("lost", (each, what) => oneOf(each, ["ahead", "diverged"], what))
      return { call, now: fields.now(), from: originOf(fields.inner("from")), ...(lost === undefined ? {} : { lost }) }
    }
    case "handleAppended":
      return { call, now: fields.now(), epoch: fields.epoch(), entries: fields.list("entries", entryOf) }
    case "handleHead":
      return { call, now: fields.now(), head: headOf(fields.inner("head")) }
    case "handleHistory":
      return { call, now: fields.now(), reader: fields.whole("reader"), page: pageOf(fields.inner("page")) }
    case "unloadSession":
    case "deleteSession":
    case "observe":
    case "handleTimeout":
      return { call, now: fields.now() }
    case "describe":
    case "pollReady":
      return { call }
    case "explain":
      return { call, now: fields.now(), cursor: fields.text("cursor"), asked: askedOf(fields.inner("asked")) }
    case "subscribe": {
      const proof = fields.optional("proof", (each, what) => headOf(new Fields(each, what)))
      const [start, options] = [startOf(fields.inner("start")), optionsOf(fields.inner("options"))]
      return { call, now: fields.now(), start, options, ...(proof === undefined ? {} : { proof }) }
    }
    case "read":
      return { call, now: fields.now(), reader: fields.whole("reader"), budget: budgetOf(fields.inner("budget")) }
    case "cursorOf":
    case "wake":
    case "unsubscribe":
      return { call, reader: fields.whole("reader") }
    default:
      throw new Malformed(`there is no call ${JSON.stringify(call)}`)
  }
}

/** The fields of one object, each checked when it is asked for. */
export class Fields {
  readonly #value: Readonly<Record<string, unknown>>
  readonly #what: string

  constructor(value: unknown, what: string) {
    if (!isObject(value)) throw new Malformed(`${what} is no object`)
    this.#value = value
    this.#what = what
  }

  text(name: string): string {
    return textOf(this.#value[name], this.#place(name))
  }

  number(name: string): number {
    return numberOf(this.#value[name], this.#place(name))
  }

  /** From 0. */
  whole(name: string): number {
    const value = this.number(name)
    if (!Number.isSafeInteger(value) || value < 0) throw new Malformed(`${this.#place(name)} is no whole number from 0`)
    return value
  }

  /** Null stands for no bound. */
  bound(name: string): number {
    return this.#value[name] === null ? Infinity : this.number(name)
  }

  now(): Instant {
    return instant(this.number("now"))
  }

  epoch(): Epoch {
    const epoch = parseEpoch(this.text("epoch"))
    if (epoch === undefined) throw new Malformed(`${this.#place("epoch")} is no epoch`)
    return epoch
  }

  json(name: string): Json {
    const value = this.#value[name]
    if (!isJson(value)) throw new Malformed(`${this.#place(name)} is missing`)
    return value
  }

  inner(name: string): Fields {
    return new Fields(this.#value[name], this.#place(name))
  }

  list<Item>(name: string, read: (value: unknown, what: string) => Item): readonly Item[] {
    const value = this.#value[name]
    if (!Array.isArray(value)) throw new Malformed(`${this.#place(name)} is no list`)
    return value.map((item: unknown, at) => read(item, `${this.#place(name)}[${at}]`))
  }

  optional<Value>(name: string, read: (value: unknown, what: string) => Value): Value | undefined {
    const value = this.#value[name]
    return value === undefined ? undefined : read(value, this.#place(name))
  }

  closed(): Closed | null {
    return this.#value["closed"] === null ? null : { reason: this.inner("closed").text("reason") }
  }

  #place(name: string): string {
    return this.#what === "the line" ? name : `${this.#what}.${name}`
  }
}

function originOf(fields: Fields): SessionOrigin {
  const base = fields.inner("base")
  const shown = base.optional("shown", (value, what) => {
    const inner = new Fields(value, what)
    return { view: inner.json("view"), provisional: inner.json("provisional") }
  })
  const head = fields.optional("head", (value, what) => pointOf(new Fields(value, what)))
  return {
    epoch: fields.epoch(),
    model: fields.text("model"),
    modelVersion: fields.number("modelVersion"),
    floor: pointOf(fields.inner("floor")),
    base: { point: pointOf(base.inner("point")), shown, closed: base.closed() },
    entries: fields.list("entries", entryOf),
    ...(head === undefined ? {} : { head }),
  }
}

function entryOf(value: unknown, what: string): Entry {
  const fields = new Fields(value, what)
  const [text, bytes] = [fields.text("text"), fields.whole("bytes")]
  const sealed = sealedBy(text, fields.number("mark"), what)
  switch (sealed.type) {
    case "event":
      return new EventEntry(sealed, text, bytes, sealed.kind, sealed.committed)
    case "hole":
      return new HoleEntry(sealed, text, bytes, sealed.count, sealed.reason)
    case "close":
      return new CloseEntry(sealed, text, bytes, sealed.reason)
  }
}

function sealedBy(text: string, markThere: number, what: string): Entry {
  try {
    JSON.parse(text)
    return unseal(text, mark(markThere))
  } catch {
    throw new Malformed(`${what} is no entry of a log`)
  }
}

function pointOf(fields: Fields): Point {
  return { position: position(fields.whole("position")), revision: revision(fields.whole("revision")), mark: mark(fields.whole("mark")) }
}

function headOf(fields: Fields): Head {
  return { epoch: fields.epoch(), head: pointOf(fields.inner("head")), floor: pointOf(fields.inner("floor")), closed: fields.closed() }
}

function pageOf(fields: Fields): HistoryPage {
  const head = headOf(fields.inner("head"))
  if (fields.text("type") === "page") {
    return { type: "page", after: pointOf(fields.inner("after")), entries: fields.list("entries", entryOf), head }
  }
  const reason = oneOf(fields.text("reason"), ["trimmed", "ahead", "diverged"], "the reason of a page")
  return { type: "unreadable", after: position(fields.whole("after")), reason, head }
}

function askedOf(fields: Fields): ExplainOptions {
  const proof = fields.optional("proof", (value, what) => headOf(new Fields(value, what)))
  const history = fields.optional("history", (value, what) => pageOf(new Fields(value, what)))
  const retentionEvents = fields.optional("retentionEvents", numberOf)
  return {
    ...(proof === undefined ? {} : { proof }),
    ...(history === undefined ? {} : { history }),
    ...(retentionEvents === undefined ? {} : { retentionEvents }),
  }
}

function startOf(fields: Fields): ReaderStart {
  const type = oneOf(fields.text("type"), ["cursor", "observation", "start", "now", "tail"], "where a reader starts")
  if (type === "cursor") return { type, cursor: fields.text("cursor") }
  return type === "tail" ? { type, events: fields.whole("events") } : { type }
}

function optionsOf(fields: Fields): ReaderOptions {
  const recovery = oneOf(fields.text("recovery"), ["events", "auto", "rest"], "a reader's recovery")
  const finite = fields.optional("finite", (value, what) => oneOf(value, [true, false], what))
  return { filter: filterOf(fields.text("filter")), recovery, ...(finite === undefined ? {} : { finite }) }
}

function filterOf(key: string): Filter {
  const filter = parseFilter(key.split(","))
  if (filter === undefined) throw new Malformed(`${JSON.stringify(key)} is no filter of kinds`)
  return filter
}

function budgetOf(fields: Fields): ReadBudget {
  return { events: fields.bound("events"), bytes: fields.bound("bytes") }
}

function oneOf<const Value>(value: unknown, values: readonly Value[], what: string): Value {
  const found = values.find((each) => each === value)
  if (found === undefined) throw new Malformed(`${what} is ${values.join(", ")} and nothing else`)
  return found
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") throw new Malformed(`${what} is no text`)
  return value
}

function numberOf(value: unknown, what: string): number {
  if (typeof value !== "number") throw new Malformed(`${what} is no number`)
  return value
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** `JSON.parse` gave it: all that can be missing is itself. */
function isJson(value: unknown): value is Json {
  return value !== undefined
}

function isFilter(value: unknown): value is Filter {
  return isObject(value) && typeof value["key"] === "string" && typeof value["passes"] === "function"
}
