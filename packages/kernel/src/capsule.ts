// Capsules: what was recorded of a session, and how it is made to happen again. A fresh kernel is told what the capsule says
// that the other one was told, call by call with the same `now`, and must answer the same to the last byte. Nothing of it
// needs a host, a log or a clock: a capsule in a test is three lines.
//
// A capsule is NDJSON: a header, a line for each call, and an end with the number of calls and a hash over all lines. One
// that was cut is as good as far as it goes.

import { Fields, Malformed, readCall, type CapsuleCall } from "./capsule-call.ts"
import { Telling, type Told } from "./capsule-outcome.ts"
import { chained, outcomeHash, type CapsuleNumbers } from "./capsule-recording.ts"
import { ContractViolation } from "./contract.ts"
import { contentHash } from "./hash.ts"
import { parseSessionName, type ReaderId, type SessionName } from "./ids.ts"
import { DisabledLiveReplayStore, InMemoryLiveReplayStore } from "./live-replay-store.ts"
import { Kernel } from "./machine.ts"
import type { SessionModel } from "./model.ts"
import { noMask } from "./secret-mask.ts"

export type ReplayCapsuleOutcome =
  /** Every call gave what it gave then. `end`: why the recording ended; `undefined` where the capsule was cut. */
  | { readonly type: "same"; readonly calls: number; readonly end: string | undefined }
  /** From 1: the first call that gave something else, or that is not the one that was recorded. */
  | {
      readonly type: "differs"
      readonly call: number
      readonly line: number
      readonly name: string
      /** For people; where the words are the same, the hashes behind them are not. */
      readonly recorded: string
      readonly replayed: string
    }
  /** Not what a recording wrote. `line` counts from 1. */
  | { readonly type: "malformed"; readonly line: number; readonly because: string }
  /** None of the models given is the one it was recorded with. */
  | { readonly type: "unknown_model"; readonly name: string; readonly version: number }

/** Makes the calls of a capsule again. `models`: those of the session, in the version it was recorded with. */
export function replayCapsule(text: string, models: readonly SessionModel[]): ReplayCapsuleOutcome {
  const { lines, wasCut } = linesOf(text)
  let at = 0
  try {
    const [first = ""] = lines
    const header = headerOf(parsed(first))
    const replay = new Replay(header, models)
    let hash = contentHash(first)
    for (at = 1; at < lines.length; at++) {
      const line = lines[at] ?? ""
      const value = parsed(line)
      if (isEnd(value)) {
        checkEnd(value, at - 1, hash)
        const isLast = at === lines.length - 1 && !wasCut
        return isLast ? { type: "same", calls: at - 1, end: value.end } : malformed(at + 2, "something stands behind the end")
      }
      const differs = replay.make(at, line, value)
      if (differs !== undefined) return differs
      hash = chained(hash, line)
    }
    return { type: "same", calls: lines.length - 1, end: undefined }
  } catch (error) {
    if (error instanceof UnknownModel) return { type: "unknown_model", name: error.model, version: error.version }
    if (error instanceof Malformed || error instanceof ContractViolation) return malformed(at + 1, error.message)
    if (error instanceof RangeError) return malformed(at + 1, "it is nested too deeply, or counts too far")
    throw error
  }
}

/** What stands behind the last line end was cut off in the middle, unless it is a line all the same. */
function linesOf(text: string): { readonly lines: readonly string[]; readonly wasCut: boolean } {
  const lines = text.split("\n")
  const rest = lines.pop() ?? ""
  if (rest === "") return { lines, wasCut: false }
  const isWhole = lines.length === 0 || jsonOf(rest) !== undefined
  return isWhole ? { lines: [...lines, rest], wasCut: false } : { lines, wasCut: true }
}

interface Header {
  readonly session: SessionName
  readonly numbers: CapsuleNumbers
  readonly keepsLog: boolean
  readonly models: ReadonlyMap<string, number>
}

function headerOf(value: unknown): Header {
  const fields = new Fields(value, "the line")
  if (fields.number("capsule") !== 1) throw new Malformed("this is no capsule of version 1, the only one there is")
  const session = fields.text("session")
  const slash = session.indexOf("/")
  const name = parseSessionName(session.slice(0, Math.max(0, slash)), session.slice(slash + 1))
  if (name === undefined) throw new Malformed("session is no name of one")
  const kernel = fields.inner("kernel")
  const models = fields.list("models", (model, what) => {
    const named = new Fields(model, what)
    return [named.text("name"), named.number("version")] as const
  })
  return {
    session: name,
    numbers: {
      windowEvents: kernel.bound("windowEvents"),
      windowBytes: kernel.bound("windowBytes"),
      windowAgeMs: kernel.bound("windowAgeMs"),
      readersPerSession: kernel.bound("readersPerSession"),
      recoverEvents: kernel.bound("recoverEvents"),
      encodesPerSecond: kernel.bound("encodesPerSecond"),
      retryMs: kernel.bound("retryMs"),
    },
    keepsLog: fields.json("keepsLog") === true,
    models: new Map(models),
  }
}

interface End {
  readonly end: string
  readonly calls: unknown
  readonly hash: unknown
}

function isEnd(value: unknown): value is End {
  return typeof value === "object" && value !== null && "end" in value && typeof value.end === "string" && "calls" in value && "hash" in value
}

function checkEnd({ calls, hash }: End, callsThere: number, hashThere: string): void {
  if (calls !== callsThere) throw new Malformed(`the end counts ${typeof calls === "number" ? calls : "no"} calls, and ${callsThere} are there`)
  if (hash !== hashThere) throw new Malformed("the hash at the end is not that of the lines above it")
}

/** A model that the capsule needs and nobody has. */
class UnknownModel extends Error {
  readonly model: string
  readonly version: number

  constructor(model: string, version: number) {
    super(model)
    this.model = model
    this.version = version
  }
}

/** The kernel that is told, and the readers it made, in their order. */
class Replay {
  readonly #header: Header
  readonly #known: ReadonlySet<string>
  readonly #kernel: Kernel
  readonly #telling = new Telling(noMask)
  readonly #readers: ReaderId[] = []

  constructor(header: Header, models: readonly SessionModel[]) {
    const usable = models.filter(({ name, version }) => header.models.get(name) === version)
    const [missing] = header.models
    if (missing === undefined) throw new Malformed("models names none")
    if (usable.length === 0) throw new UnknownModel(...missing)
    const { windowEvents: events, windowBytes: bytes, windowAgeMs: ageMs } = header.numbers
    const Store = header.keepsLog ? InMemoryLiveReplayStore : DisabledLiveReplayStore
    this.#header = header
    this.#known = new Set(usable.map(({ name }) => name))
    this.#kernel = new Kernel({ models: usable, ...header.numbers }, { liveReplayStore: new Store({ events, bytes, ageMs }) })
  }

  /** `line` is the one whose value is `value`. */
  make(n: number, line: string, value: unknown): ReplayCapsuleOutcome | undefined {
    const fields = new Fields(value, "the line")
    if (fields.number("n") !== n) throw new Malformed(`this is the place of call ${n}`)
    const [recorded, hash] = [fields.text("outcome"), fields.text("hash")]
    const behind = `,"hash":${JSON.stringify(hash)}}`
    if (!line.endsWith(behind)) throw new Malformed("its last field is not the hash")
    const call = readCall(value)
    const told = this.#told(call)
    const replayedHash = outcomeHash(line.slice(0, -behind.length), told.text)
    if (told.summary === recorded && replayedHash === hash) return undefined
    const [then, now] = told.summary === recorded ? [` (${hash})`, ` (${replayedHash})`] : ["", ""]
    return { type: "differs", call: n, line: n + 1, name: call.call, recorded: recorded + then, replayed: told.summary + now }
  }

  #told(call: CapsuleCall): Told {
    const reader = "reader" in call ? this.#reader(call.reader) : undefined
    if (call.call === "openSession") this.#openingWith(call.from.model)
    try {
      return this.#made(call, reader)
    } catch (error) {
      return this.#telling.threw(error)
    }
  }

  #made(call: CapsuleCall, reader: ReaderId | undefined): Told {
    const [kernel, tell, session] = [this.#kernel, this.#telling, this.#header.session]
    const id = (): ReaderId => {
      if (reader === undefined) throw new ContractViolation("a call on a reader names it")
      return reader
    }
    switch (call.call) {
      case "openSession":
        return tell.opened(kernel.openSession(call.now, session, call.from, call.lost))
      case "handleAppended":
        return tell.handled(kernel.handleAppended(call.now, session, call.epoch, call.entries))
      case "handleHead":
        return tell.handled(kernel.handleHead(call.now, session, call.head))
      case "handleHistory":
        return tell.given(kernel.handleHistory(call.now, id(), call.page))
      case "unloadSession":
        return tell.word(kernel.unloadSession(call.now, session))
      case "deleteSession":
        kernel.deleteSession(call.now, session)
        return tell.nothing()
      case "observe":
        return tell.observed(kernel.observe(call.now, session))
      case "describe":
        return tell.described(kernel.describe(session))
      case "explain":
        return tell.explained(kernel.explain(call.now, session, call.cursor, call.asked))
      case "subscribe": {
        const outcome = kernel.subscribe(call.now, session, call.start, call.options, call.proof)
        if (outcome.type === "subscribed") this.#readers.push(outcome.reader)
        return tell.subscribed(outcome, this.#readers.length)
      }
      case "read":
        return tell.read(kernel.read(call.now, id(), call.budget))
      case "cursorOf":
        return tell.cursor(kernel.cursorOf(id()))
      case "wake":
        kernel.wake(id())
        return tell.nothing()
      case "unsubscribe":
        kernel.unsubscribe(id())
        return tell.nothing()
      case "pollReady": {
        const ready = kernel.pollReady()
        const number = ready === undefined ? 0 : this.#readers.indexOf(ready) + 1
        return tell.ready(ready, number === 0 ? undefined : number)
      }
      case "handleTimeout":
        kernel.handleTimeout(call.now)
        return tell.nothing()
    }
  }

  #reader(number: number): ReaderId {
    const reader = this.#readers[number - 1]
    if (reader === undefined) throw new Malformed(`no line before this one made reader ${number}`)
    return reader
  }

  #openingWith(model: string): void {
    const version = this.#header.models.get(model)
    if (version !== undefined && !this.#known.has(model)) throw new UnknownModel(model, version)
    this.#telling.modelIs(model)
  }
}

function parsed(line: string): unknown {
  const value = jsonOf(line)
  if (value === undefined) throw new Malformed(line === "" ? "it is empty" : "it is no JSON")
  return value
}

/** `undefined`: it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function malformed(line: number, because: string): ReplayCapsuleOutcome {
  return { type: "malformed", line, because }
}
