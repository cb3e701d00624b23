// The log in this process's memory: the port's smallest honest implementation, for embedding, for tests and for
// `tidemark serve --log memory`. Nothing outlives the process. It answers within `submit`, reads no clock (the requests
// carry `at`) and draws no chance but from `token`, so that the same requests give the same answers (L16).
//
// What bounds it: entries are let go of only behind the last saved snapshot, or the view could never be folded again. A
// session whose snapshot is never saved therefore grows to twice its limits and then answers `storage_full`.

import { contract, epoch, idOf, timestamp, unreachable, workspaceOf } from "@tidemark/kernel"
import type { SessionName, Timestamp } from "@tidemark/kernel"
import { checkPart, firstAppend } from "./append-rules.ts"
import { MemorySession, type MemorySessionLimits } from "./memory-session.ts"
import type { AppendOutcome, AppendPart, Durability, LogAnswer, LogRequest } from "./session-log.ts"
import type { SessionLog, SessionSettings } from "./session-log.ts"

export interface MemoryLogLimits extends MemorySessionLimits {
  /** From 1. */
  readonly sessionsPerWorkspace: number
}

export interface MemoryLogOptions {
  readonly limits: MemoryLogLimits
  /** A fresh random token, 1–22 characters of `A–Z a–z 0–9 _ -`: drawn once for the log and once for every session made. */
  readonly token: () => string
  /** False for `--log disabled`: positions, keys and snapshots as ever, but the floor is always at the head. Default true. */
  readonly keepsEntries?: boolean
}

/** What is held now; all zero once every session is deleted. */
export interface MemoryLogStats {
  readonly workspaces: number
  readonly sessions: number
  readonly entries: number
  /** UTF-8 bytes of the entries' texts. */
  readonly bytes: number
  /** Idempotency keys without a counter, and producers. */
  readonly keys: number
}

export class MemoryLog implements SessionLog {
  readonly sole = true
  readonly appendsInFlightMax = 1
  readonly durability: Durability = "memory"
  readonly #limits: MemoryLogLimits
  readonly #token: () => string
  readonly keepsEntries: boolean
  readonly #generation: string
  readonly #sessions = new Map<SessionName, MemorySession>()
  readonly #workspaces = new Map<string, Workspace>()
  /** The latest time that a request has carried: what is too old is so for all sessions, wherever the wall clock goes. */
  #now = timestamp(0)
  /** Goes round all sessions, a few steps with every append: what is too old in a silent session is forgotten too (L17). */
  #round: Iterator<MemorySession, undefined> = this.#sessions.values()

  constructor(options: MemoryLogOptions) {
    const { limits } = options
    for (const [name, value] of Object.entries(limits)) {
      const least = name === "keyAgeMs" ? 0 : 1
      contract(Number.isSafeInteger(value) && value >= least, () => `${name} is a whole number from ${least}, not ${value}`)
    }
    this.#limits = limits
    this.#token = options.token
    this.keepsEntries = options.keepsEntries ?? true
    this.#generation = options.token()
  }

  /** Answers before it returns. */
  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
    answer(this.#answer(request))
  }

  stats(): MemoryLogStats {
    const stats = { workspaces: this.#workspaces.size, sessions: this.#sessions.size, entries: 0, bytes: 0, keys: 0 }
    for (const session of this.#sessions.values()) {
      const { entries, bytes, keys } = session.held
      stats.entries += entries
      stats.bytes += bytes
      stats.keys += keys
    }
    return stats
  }

  #answer(request: LogRequest): LogAnswer {
    switch (request.type) {
      case "append":
        this.#advance(request.at)
        return this.#appendAll(request.at, request.parts)
      case "create":
        this.#advance(request.at)
        return this.#createIfAbsent(request.at, request.session, request.settings)
      case "list":
        return this.#list(request.workspace, request.after, request.limit)
      case "head":
      case "open":
      case "range":
      case "delete":
      case "save":
        return this.#answerFor(request)
      case "trim":
        this.#advance(request.at)
        return this.#answerFor(request)
      default:
        return unreachable(request)
    }
  }

  #answerFor(request: OfOneSession): LogAnswer {
    const session = this.#sessions.get(request.session)
    return session === undefined ? { type: "absent" } : this.#answerOf(session, request)
  }

  #answerOf(session: MemorySession, request: OfOneSession): LogAnswer {
    switch (request.type) {
      case "head":
        return { type: "head", head: session.head }
      case "open":
        return session.open(request.budget)
      case "range":
        return session.range(request.epoch, request.after, request.budget)
      case "save":
        session.save(this.#now, request.epoch, request.snapshot)
        return { type: "saved", head: session.head }
      case "trim":
        return session.trim(request.epoch, request.keep, request.at)
      case "delete":
        this.#delete(request.session)
        return { type: "deleted" }
    }
  }

  #appendAll(at: Timestamp, parts: readonly AppendPart[]): LogAnswer {
    for (const part of parts) checkPart(part)
    const outcomes = parts.map((part) => this.#append(at, part))
    this.#sweep(parts.length + 1)
    return { type: "appended", outcomes, durability: this.durability }
  }

  #append(at: Timestamp, part: AppendPart): AppendOutcome {
    const session = this.#sessions.get(part.session)
    if (session !== undefined) return session.append(this.#now, at, part)
    const first = firstAppend(part)
    if (first.type !== "makes") return first
    if (this.#workspaceIsFull(part.session)) return { type: "full", limit: this.#limits.sessionsPerWorkspace }
    const outcome = this.#make(at, part.session, first.settings).append(this.#now, at, part)
    contract(outcome.type === "appended", () => `the first append of a session answered ${outcome.type}`)
    return { ...outcome, created: true }
  }

  #createIfAbsent(at: Timestamp, name: SessionName, settings: SessionSettings): LogAnswer {
    const found = this.#sessions.get(name)
    if (found !== undefined) return { type: "created", created: false, summary: found.summary }
    if (this.#workspaceIsFull(name)) return { type: "full", limit: this.#limits.sessionsPerWorkspace }
    return { type: "created", created: true, summary: this.#make(at, name, settings).summary }
  }

  #workspaceIsFull(name: SessionName): boolean {
    return (this.#workspaces.get(workspaceOf(name))?.size ?? 0) >= this.#limits.sessionsPerWorkspace
  }

  #make(at: Timestamp, name: SessionName, settings: SessionSettings): MemorySession {
    const made = { at, epoch: epoch(this.#generation, this.#token()), settings }
    const session = new MemorySession(name, made, this.#limits, this.keepsEntries)
    this.#sessions.set(name, session)
    const workspace = this.#workspaces.get(workspaceOf(name)) ?? new Workspace()
    workspace.add(idOf(name), session)
    this.#workspaces.set(workspaceOf(name), workspace)
    return session
  }

  #delete(name: SessionName): void {
    this.#sessions.delete(name)
    const workspace = this.#workspaces.get(workspaceOf(name))
    workspace?.delete(idOf(name))
    if (workspace?.size === 0) this.#workspaces.delete(workspaceOf(name))
  }

  #list(name: string, after: string | undefined, limit: number): LogAnswer {
    contract(Number.isSafeInteger(limit) && limit >= 1, () => `a page of sessions has room for at least one, not ${limit}`)
    const { listed, more } = this.#workspaces.get(name)?.page(after, limit) ?? { listed: [], more: false }
    return { type: "listed", sessions: listed.map(([, session]) => session.summary), next: more ? listed.at(-1)?.[0] : undefined }
  }

  #advance(at: Timestamp): void {
    if (at > this.#now) this.#now = at
  }

  #sweep(sessions: number): void {
    for (let i = Math.min(sessions, this.#sessions.size); i > 0; i--) {
      let step = this.#round.next()
      if (step.done === true) {
        this.#round = this.#sessions.values()
        step = this.#round.next()
      }
      step.value?.sweep(this.#now)
    }
  }
}

/** What is asked of a session that must be there. */
type OfOneSession = Extract<LogRequest, { type: "head" | "open" | "range" | "delete" | "save" | "trim" }>

type Listed = readonly [id: string, session: MemorySession]

/** The sessions of one workspace, sorted when somebody lists them. */
class Workspace {
  readonly #sessions = new Map<string, MemorySession>()
  #sorted: readonly Listed[] | undefined

  get size(): number {
    return this.#sessions.size
  }

  add(id: string, session: MemorySession): void {
    this.#sessions.set(id, session)
    this.#sorted = undefined
  }

  delete(id: string): void {
    this.#sessions.delete(id)
    this.#sorted = undefined
  }

  /** In the order of the ids' ASCII codes. */
  page(after: string | undefined, limit: number): { readonly listed: readonly Listed[]; readonly more: boolean } {
    const sorted = (this.#sorted ??= [...this.#sessions].sort(([a], [b]) => (a < b ? -1 : 1)))
    const from = after === undefined ? 0 : firstAfter(sorted, after)
    return { listed: sorted.slice(from, from + limit), more: from + limit < sorted.length }
  }
}

function firstAfter(sorted: readonly Listed[], id: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle]?.[0] ?? "") <= id) low = middle + 1
    else high = middle
  }
  return low
}
