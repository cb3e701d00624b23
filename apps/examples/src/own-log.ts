// A log of your own, written against the public port and nothing else: one file of JSON lines that only grows. A line is a
// fact (made, appended, saved, trimmed, deleted), written and synced before it is answered; `apply` is the one place where
// facts change anything, so that a file read again comes out as it was. `own-log.test.ts` proves it with the conformance suite.
//
// What it is not: it never makes its file smaller, holds every session in memory, reads all of the file when it opens, lets
// the process wait while the disk syncs, and does not notice a second process that writes to the same file.

import { randomBytes } from "node:crypto"
import { appendFileSync, closeSync, fsyncSync, ftruncateSync, openSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { checkPart, firstAppend, mayFollow, meets, sealAll } from "@tidemark/driver"
import type { AppendOutcome, AppendPart, Durability, IdempotencyKey, KeyLimits, KeyResult, KeyVerdict, LogAnswer } from "@tidemark/driver"
import type { LogRequest, RangeBudget, Retention, SessionLog, SessionSettings, SessionSummary, Snapshot } from "@tidemark/driver"
import { contract, epoch, idOf, origin, pointOf, timestamp, unseal, workspaceOf } from "@tidemark/kernel"
import type { Closed, Entry, Epoch, Head, Mark, Place, Point, SessionName, Timestamp } from "@tidemark/kernel"

export interface OwnLogLimits extends KeyLimits {
  readonly sessionsPerWorkspace: number
}

/** One line of the file. */
type Fact =
  | { readonly type: "log"; readonly version: 1; readonly generation: string }
  | { readonly type: "made"; readonly session: SessionName; readonly epoch: Epoch; readonly settings: SessionSettings; readonly at: Timestamp }
  | { readonly type: "deleted"; readonly session: SessionName }
  | FactOfOne

/** Ages count from `now`, the latest time that any request had carried. */
type FactOfOne = { readonly session: SessionName; readonly now: Timestamp } & (
  | Appended
  | { readonly type: "saved"; readonly snapshot: Snapshot }
  | { readonly type: "trimmed"; readonly keep: Retention }
)

/** All of a part in one line: it is there as a whole or not at all. */
interface Appended {
  readonly type: "appended"
  readonly at: Timestamp
  readonly entries: readonly (readonly [text: string, mark: Mark])[]
  readonly key: IdempotencyKey | undefined
  readonly hash: string | undefined
}

export class OwnLog implements SessionLog {
  readonly sole = true
  readonly keepsEntries = true
  readonly appendsInFlightMax = 1
  readonly durability: Durability = "local"
  readonly #file: number
  readonly #limits: OwnLogLimits
  readonly #sessions = new Map<SessionName, Session>()
  #generation = ""
  #now = timestamp(0)
  /** Facts that are applied and not written yet. */
  #unwritten = ""
  /** Why the file and what is in memory may not be the same any more: nothing is answered after that. */
  #broken: string | undefined

  /** Opens the log in the file at `path`, made if it is not there. Throws where a line is none of this log's. */
  constructor(path: string, limits: OwnLogLimits) {
    this.#limits = limits
    this.#file = openSync(path, "a+")
    const bytes = readFileSync(this.#file)
    const end = bytes.lastIndexOf("\n") + 1 // what follows was cut off by a crash, and never answered
    if (end < bytes.length) ftruncateSync(this.#file, end)
    const lines = bytes.toString("utf8", 0, end).split("\n").slice(0, -1)
    for (const [i, line] of lines.entries()) {
      try {
        this.#apply(JSON.parse(line))
      } catch (error) {
        this.close()
        throw new Error(`${path}: line ${i + 1} is no fact of this log; take a copy that is whole`, { cause: error })
      }
    }
    if (this.#generation !== "") return
    this.#record({ type: "log", version: 1, generation: token() })
    this.#write()
    const folder = openSync(dirname(path), "r")
    fsyncSync(folder) // or a power cut may take the file's name with it
    closeSync(folder)
  }

  close(): void {
    closeSync(this.#file)
  }

  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
    if (this.#broken !== undefined) return answer(failed("none", this.#broken))
    const given = this.#answer(request)
    try {
      this.#write()
    } catch (error) {
      this.#broken = `the log could not be written (${error instanceof Error ? error.message : String(error)}): start again, and see the disk`
      return answer(failed("unknown", this.#broken))
    }
    answer(given)
  }

  #answer(request: LogRequest): LogAnswer {
    if ("at" in request && request.at > this.#now) this.#now = request.at
    if (request.type === "append") {
      for (const part of request.parts) checkPart(part)
      return { type: "appended", outcomes: request.parts.map((part) => this.#append(request.at, part)), durability: this.durability }
    }
    if (request.type === "list") return this.#list(request.workspace, request.after, request.limit)
    if (request.type === "create") return this.#create(request.session, request.settings, request.at)
    const session = this.#sessions.get(request.session)
    if (session === undefined) return { type: "absent" }
    switch (request.type) {
      case "head":
        return { type: "head", head: session.head }
      case "open":
        return session.open(request.budget)
      case "range":
        return session.range(request.epoch, request.after, request.budget)
      case "delete":
        this.#record({ type: "deleted", session: request.session })
        return { type: "deleted" }
      case "save":
        if (session.wants(request.epoch, request.snapshot)) {
          this.#record({ type: "saved", session: request.session, now: this.#now, snapshot: request.snapshot })
        }
        return { type: "saved", head: session.head }
      case "trim":
        if (request.epoch !== session.epoch) return { type: "unreadable", reason: "epoch", head: session.head }
        this.#record({ type: "trimmed", session: request.session, now: request.at, keep: request.keep })
        return { type: "trimmed", head: session.head }
    }
  }

  /** The order of the checks is a law: key, absent, closed, expectation, limit. */
  #append(wall: Timestamp, part: AppendPart): AppendOutcome {
    const found = this.#sessions.get(part.session)
    if (found !== undefined) return found.refusal(this.#now, part) ?? this.#seal(found, wall, part, false)
    const first = firstAppend(part)
    if (first.type !== "makes") return first
    if (this.#isFull(part.session)) return { type: "full", limit: this.#limits.sessionsPerWorkspace }
    return this.#seal(this.#make(part.session, first.settings, wall), wall, part, true)
  }

  #seal(session: Session, wall: Timestamp, { session: name, drafts, key, contentHash: hash }: AppendPart, created: boolean): AppendOutcome {
    const at = timestamp(Math.max(wall, session.lastAt))
    const entries = sealAll(session.head.head, at, drafts)
    const texts = entries.map(({ text, mark }) => [text, mark] as const)
    this.#record({ type: "appended", session: name, now: this.#now, at, entries: texts, key, hash })
    const { epoch, head, floor } = session.head
    return { type: "appended", epoch, first: entries[0].position, last: head, entries, floor, created }
  }

  #create(name: SessionName, settings: SessionSettings, at: Timestamp): LogAnswer {
    const found = this.#sessions.get(name)
    if (found === undefined && this.#isFull(name)) return { type: "full", limit: this.#limits.sessionsPerWorkspace }
    return { type: "created", created: found === undefined, summary: (found ?? this.#make(name, settings, at)).summary }
  }

  #make(name: SessionName, settings: SessionSettings, at: Timestamp): Session {
    this.#record({ type: "made", session: name, epoch: epoch(this.#generation, token()), settings, at })
    return this.#session(name)
  }

  #session(name: SessionName): Session {
    const session = this.#sessions.get(name)
    contract(session !== undefined, () => `${name} was never made`)
    return session
  }

  #list(workspace: string, after: string | undefined, limit: number): LogAnswer {
    const following = this.#ofWorkspace(workspace).filter(([id]) => after === undefined || id > after)
    const page = following.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit)
    const next = following.length > page.length ? page.at(-1)?.[0] : undefined
    return { type: "listed", sessions: page.map(([, session]) => session.summary), next }
  }

  #isFull(name: SessionName): boolean {
    return this.#ofWorkspace(workspaceOf(name)).length >= this.#limits.sessionsPerWorkspace
  }

  #ofWorkspace(workspace: string): (readonly [id: string, session: Session])[] {
    return [...this.#sessions].flatMap(([name, session]) => (workspaceOf(name) === workspace ? [[idOf(name), session] as const] : []))
  }

  #record(fact: Fact): void {
    this.#apply(fact)
    this.#unwritten += `${JSON.stringify(fact)}\n`
  }

  #write(): void {
    if (this.#unwritten === "") return
    appendFileSync(this.#file, this.#unwritten)
    fsyncSync(this.#file)
    this.#unwritten = ""
  }

  #apply(fact: Fact): void {
    switch (fact.type) {
      case "log":
        contract(fact.version === 1, () => `version ${fact.version} of the file is not known here`)
        this.#generation = fact.generation
        return
      case "made":
        this.#sessions.set(fact.session, new Session(fact.session, fact.epoch, fact.settings, fact.at, this.#limits))
        return
      case "deleted":
        this.#sessions.delete(fact.session)
        return
      default:
        this.#session(fact.session).apply(fact)
    }
  }
}

/** What the facts of one session come to. */
class Session {
  readonly epoch: Epoch
  readonly #name: SessionName
  readonly #settings: SessionSettings
  readonly #keys: Keys
  readonly #entries: { readonly entry: Entry; readonly at: Timestamp }[] = []
  #bytes = 0
  /** The point before the first entry that is held. */
  #floor: Point = origin
  #last: Point = origin
  #closed: Closed | null = null
  #snapshot: Snapshot | undefined
  /** No entry is stamped earlier than this. */
  lastAt: Timestamp

  constructor(name: SessionName, epoch: Epoch, settings: SessionSettings, at: Timestamp, limits: KeyLimits) {
    this.#name = name
    this.epoch = epoch
    this.#settings = settings
    this.lastAt = at
    this.#keys = new Keys(limits)
  }

  get head(): Head {
    return { epoch: this.epoch, head: this.#last, floor: this.#floor, closed: this.#closed }
  }

  get summary(): SessionSummary {
    return { session: this.#name, head: this.head, settings: this.#settings }
  }

  /** Why a part is not appended; `undefined` when it is. */
  refusal(now: Timestamp, { key, contentHash = "", expect }: AppendPart): AppendOutcome | undefined {
    const verdict = key === undefined ? undefined : this.#keys.check(now, key, contentHash)
    if (verdict?.type === "repeated") return { type: "repeated", epoch: this.epoch, ...verdict.result }
    if (verdict !== undefined && verdict.type !== "new") return verdict
    if (this.#closed !== null) return { type: "closed", closed: this.#closed, at: this.#last, epoch: this.epoch }
    return meets(expect, this.epoch, this.#last) ? undefined : { type: "expectation_failed", epoch: this.epoch, actual: this.#last }
  }

  open(budget: RangeBudget): LogAnswer {
    const from = Math.max(this.#snapshot?.point.position ?? 0, this.#floor.position)
    return { type: "opened", head: this.head, settings: this.#settings, snapshot: this.#snapshot, entries: this.#after(from, budget) }
  }

  range(epoch: Epoch, { position, point }: Place, budget: RangeBudget): LogAnswer {
    const { head } = this
    if (epoch !== this.epoch) return { type: "unreadable", reason: "epoch", head }
    if (position > this.#last.position) return { type: "unreadable", reason: "ahead", head }
    const here = this.#pointAt(position)
    if (here === undefined) return { type: "unreadable", reason: "trimmed", head }
    if (point !== undefined && point.mark !== here.mark) return { type: "unreadable", reason: "diverged", head }
    return { type: "page", after: here, entries: this.#after(position, budget), head }
  }

  /** Not: another epoch's, an older one than is kept, or one of a place that is not in this log. */
  wants(epoch: Epoch, { point }: Snapshot): boolean {
    if (epoch !== this.epoch || point.position > this.#last.position || point.position < (this.#snapshot?.point.position ?? 0)) return false
    const here = this.#pointAt(point.position)
    return here === undefined || here.mark === point.mark
  }

  apply(fact: FactOfOne): void {
    if (fact.type === "saved") this.#snapshot = fact.snapshot
    if (fact.type === "appended") this.#push(fact.now, fact)
    this.#trim(fact.now, fact.type === "trimmed" ? fact.keep : this.#settings.retention)
  }

  #push(now: Timestamp, { entries, at, key, hash }: Appended): void {
    const sealed = entries.map(([text, mark]) => unseal(text, mark))
    for (const entry of sealed) {
      contract(entry.position === this.#last.position + 1, () => `entry ${entry.position} does not follow ${this.#last.position}`)
      this.#entries.push({ entry, at })
      this.#bytes += entry.bytes
      this.#last = pointOf(entry)
      if (entry.type === "close") this.#closed = { reason: entry.reason }
    }
    this.lastAt = at
    const [first] = sealed
    if (key !== undefined && first !== undefined) this.#keys.remember(now, key, hash ?? "", { first: first.position, last: this.#last })
  }

  /** Lets go of the oldest until the rest is within `keep`, but of none after the snapshot. */
  #trim(now: Timestamp, { events = Infinity, bytes = Infinity, ageMs = Infinity }: Retention): void {
    const saved = this.#snapshot?.point.position ?? 0
    for (let oldest = this.#entries[0]; oldest !== undefined && oldest.entry.position <= saved; oldest = this.#entries[0]) {
      if (this.#entries.length <= events && this.#bytes <= bytes && now - oldest.at <= ageMs) return
      this.#bytes -= oldest.entry.bytes
      this.#floor = pointOf(oldest.entry)
      this.#entries.shift()
    }
  }

  #pointAt(position: number): Point | undefined {
    if (position === this.#floor.position) return this.#floor
    const found = this.#entries[position - this.#floor.position - 1]
    return found === undefined ? undefined : pointOf(found.entry)
  }

  /** At least one where there is one. */
  #after(position: number, { events, bytes }: RangeBudget): readonly Entry[] {
    const given: Entry[] = []
    let size = 0
    for (const { entry } of this.#entries.slice(position - this.#floor.position)) {
      size += entry.bytes
      if (given.length > 0 && (given.length >= events || size > bytes)) break
      given.push(entry)
    }
    return given
  }
}

interface Use {
  readonly now: Timestamp
  /** Of a producer's key; 0 of another. */
  readonly n: number
  readonly hash: string
  readonly result: KeyResult
}

/** What is remembered of idempotency keys: the one use of a key, the last uses of a producer; the youngest stand last. */
class Keys {
  readonly #limits: KeyLimits
  readonly #uses = { key: new Map<string, readonly Use[]>(), producer: new Map<string, readonly Use[]>() }

  constructor(limits: KeyLimits) {
    this.#limits = limits
  }

  check(now: Timestamp, key: IdempotencyKey, hash: string): KeyVerdict {
    const uses = this.#usesOf(now, key)
    const highest = key.type === "producer" ? (uses.at(-1)?.n ?? 0) : undefined
    const known = uses.find(({ n }) => n === numberOf(key))
    if (known !== undefined) return known.hash === hash ? { type: "repeated", result: known.result } : { type: "conflict", highest }
    if (key.type === "key" || highest === undefined) return { type: "new" }
    return key.n > highest && mayFollow(key, highest) ? { type: "new" } : { type: "key_expired", highest }
  }

  remember(now: Timestamp, key: IdempotencyKey, hash: string, result: KeyResult): void {
    const uses = [...this.#usesOf(now, key), { now, n: numberOf(key), hash, result }]
    const all = this.#uses[key.type]
    all.delete(nameOf(key))
    all.set(nameOf(key), uses.slice(-this.#limits.keysPerProducer))
    const [oldest] = all.keys()
    if (all.size > this.#limits.keysPerSession && oldest !== undefined) all.delete(oldest)
  }

  #usesOf(now: Timestamp, key: IdempotencyKey): readonly Use[] {
    const uses = this.#uses[key.type].get(nameOf(key)) ?? []
    const last = uses.at(-1)?.now ?? 0
    return last < now - this.#limits.keyAgeMs ? [] : uses
  }
}

function numberOf(key: IdempotencyKey): number {
  return key.type === "producer" ? key.n : 0
}

function nameOf(key: IdempotencyKey): string {
  return key.type === "producer" ? key.producer : key.text
}

/** 96 bits of chance, in 16 characters that an epoch may hold. */
function token(): string {
  return randomBytes(12).toString("base64url")
}

function failed(effect: "none" | "unknown", detail: string): LogAnswer {
  return { type: "failed", effect, reason: "unavailable", detail }
}
