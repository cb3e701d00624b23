// What a log must answer, worked out by a model that keeps every entry and every use of a key for ever, in plain
// arrays, and looks through all of them for each question. It shares no structure with the log: what the log forgets step
// by step, the model leaves out when it is asked. Only epochs (chance) and marks (a hash) are taken from the log's answers.

import { formatTimestamp, mark, origin, pointOf, position, revision, timestamp } from "@tidemark/kernel"
import type { Draft, Entry, Epoch, Point, SessionName, Timestamp } from "@tidemark/kernel"
import type { AppendPart, Durability, LogAnswer, LogRequest, RangeBudget, Retention, SessionSettings, Snapshot } from "@tidemark/driver"
import type { LogLimits } from "./log-under-test.ts"

/** Small, so that a short run reaches all of them: what a log that is compared with the model is made with. */
export const modelLimits: LogLimits = { keyAgeMs: 1000, keysPerSession: 3, keysPerProducer: 2, sessionsPerWorkspace: 2 }

/** What a log keeps of any session, whatever its own retention says; without a snapshot, twice that is the most it takes. */
export interface ModelBounds {
  readonly events: number
  readonly bytes: number
}

export class Model {
  readonly #bounds: ModelBounds
  readonly #durability: Durability
  readonly sessions = new Map<SessionName, ModelSession>()
  #wall = 1_000_000
  #now = 0
  #epochs: readonly string[] = []

  constructor(durability: Durability, bounds: ModelBounds = { events: Infinity, bytes: Infinity }) {
    this.#durability = durability
    this.#bounds = bounds
  }

  /** The log was opened anew: it knows no time but that of the requests since. */
  restarted(): void {
    this.#now = 0
  }

  /** The wall clock after it moved by `ms`, back too. */
  clock(ms: number): Timestamp {
    this.#wall += ms
    return timestamp(this.#wall)
  }

  /** The right answer, as `plainly` writes it; takes epochs and marks of what is new from the `answer` that was given. */
  answerTo(request: LogRequest, answer: LogAnswer): unknown {
    if (request.type === "append" || request.type === "create" || request.type === "trim") this.#now = Math.max(this.#now, request.at)
    if (request.type === "append") {
      const given = answer.type === "appended" ? answer.outcomes : []
      const outcomes = request.parts.map((part, i) => this.#append(part, request.at, given[i]))
      return { type: "appended", durability: this.#durability, outcomes }
    }
    if (request.type === "create") return this.#create(request, answer)
    if (request.type === "list") return this.#list(request.after, request.limit, answer)
    const session = this.sessions.get(request.session)
    if (session === undefined) return { type: "absent" }
    if ("head" in answer) this.#adoptFloor(session, answer.head.floor.position)
    switch (request.type) {
      case "head":
        return { type: "head", head: session.headAnswer() }
      case "delete":
        this.sessions.delete(request.session)
        return { type: "deleted" }
      case "open": {
        const from = Math.max(session.saved?.point.position ?? 0, session.floor)
        const entries = session.slice(from, request.budget)
        return { type: "opened", head: session.headAnswer(), settings: settings(session.retention), snapshot: session.saved, entries }
      }
      case "range":
        return this.#range(session, request)
      case "save":
        this.#save(session, request.epoch, request.snapshot)
        return { type: "saved", head: session.headAnswer() }
      case "trim":
        if (request.epoch !== session.epoch) return { type: "unreadable", reason: "epoch", head: session.headAnswer() }
        session.floor = session.floorOf(request.keep, request.at)
        return { type: "trimmed", head: session.headAnswer() }
    }
  }

  #append(part: AppendPart, at: number, given: { type: string; epoch?: Epoch; entries?: readonly Entry[] } | undefined): unknown {
    let session = this.sessions.get(part.session)
    const repeated = this.#repeated(session, part)
    if (repeated !== undefined) return repeated
    const created = session === undefined
    if (session === undefined) {
      const { epoch, position = 0, revision = 0 } = part.expect ?? {}
      if (part.create === undefined || epoch !== undefined || position > 0 || revision > 0) return { type: "absent" }
      if (this.#isWorkspaceFull(part.session)) return { type: "full", limit: 2 }
      session = this.#make(part.session, given?.epoch, part.create.retention, at)
    }
    const { epoch, head } = session
    if (session.closed !== null) return { type: "closed", closed: session.closed, at: head, epoch }
    const actual = { epoch, position: head.position, revision: head.revision }
    const expected = { ...actual, ...part.expect }
    const failed = expected.epoch !== epoch || expected.position !== head.position || expected.revision !== head.revision
    if (failed) return { type: "expectation_failed", epoch, actual: head }
    if (session.isFull()) return { type: "storage_full" }

    session.lastAt = Math.max(session.lastAt, at)
    const texts = part.drafts.map((draft, i) => this.#write(session, draft, given?.entries?.[i]?.mark ?? 0))
    const result = { first: head.position + 1, last: session.head }
    if (part.key !== undefined) {
      const name = part.key.type === "key" ? part.key.text : `@${part.key.producer}`
      const n = part.key.type === "key" ? undefined : part.key.n
      session.uses = [...session.uses, { name, n, content: part.contentHash ?? "", used: this.#now, ...result }]
    }
    session.floor = session.floorBy(this.#now)
    return { type: "appended", epoch, ...result, entries: texts, floor: session.pointAt(session.floor), created }
  }

  #repeated(session: ModelSession | undefined, part: AppendPart): unknown {
    if (part.key === undefined) return undefined
    let use: KeyUse | undefined
    let highest: number | undefined
    if (part.key.type === "key") use = session?.plainUse(part.key.text, this.#now)
    else {
      const { producer, n, after = Infinity } = part.key
      const chain = session?.producerUses(`@${producer}`, this.#now) ?? []
      highest = Math.max(0, ...chain.map((each) => each.n ?? 0))
      use = chain.slice(-modelLimits.keysPerProducer).find((each) => each.n === n)
      if (use === undefined && (n <= highest || after < highest)) return { type: "key_expired", highest }
    }
    if (use === undefined) return undefined
    if (use.content !== part.contentHash) return { type: "conflict", highest }
    return { type: "repeated", epoch: session?.epoch, first: use.first, last: use.last }
  }

  #write(session: ModelSession, draft: Draft, givenMark: number): string {
    const { head } = session
    const commit = draft.type === "event" && draft.commit
    const place = { position: position(head.position + 1), revision: revision(commit ? head.revision + 1 : head.revision) }
    const at = formatTimestamp(timestamp(session.lastAt))
    let text = JSON.stringify({ ...place, at, hole: { reason: "lost" } })
    if (draft.type === "event") {
      text = JSON.stringify({ ...place, kind: draft.kind, at, data: JSON.parse(draft.data), ...(commit ? { commit } : {}) })
    }
    if (draft.type === "close") {
      text = JSON.stringify({ ...place, at, closed: { reason: draft.reason } })
      session.closed = { reason: draft.reason }
    }
    session.written = [...session.written, { ...place, mark: mark(givenMark), text, at: session.lastAt }]
    return text
  }

  #create(request: Extract<LogRequest, { type: "create" }>, answer: LogAnswer): unknown {
    const known = this.sessions.get(request.session)
    if (known === undefined && this.#isWorkspaceFull(request.session)) return { type: "full", limit: 2 }
    const head = answer.type === "created" ? answer.summary.head : undefined
    const session = known ?? this.#make(request.session, head?.epoch, request.settings.retention, request.at)
    if (head !== undefined) this.#adoptFloor(session, head.floor.position)
    const summary = { session: request.session, head: session.headAnswer(), settings: settings(session.retention) }
    return { type: "created", created: known === undefined, summary }
  }

  #list(after: string | undefined, limit: number, answer: LogAnswer): unknown {
    const ids = [...this.sessions.keys()].filter((name) => name.startsWith("lab/") && (after === undefined || name > `lab/${after}`))
    const listed = ids.sort((a, b) => (a < b ? -1 : 1))
    const sessions = listed.slice(0, limit).flatMap((name) => {
      const session = this.sessions.get(name)
      const given = answer.type === "listed" ? answer.sessions.find((summary) => summary.session === name) : undefined
      if (session === undefined) return []
      if (given !== undefined) this.#adoptFloor(session, given.head.floor.position)
      return [{ session: name, head: session.headAnswer(), settings: settings(session.retention) }]
    })
    return { type: "listed", sessions, next: listed.length > limit ? sessions.at(-1)?.session.slice(4) : undefined }
  }

  #range(session: ModelSession, { epoch, after, budget }: Extract<LogRequest, { type: "range" }>): unknown {
    const unreadable = (reason: string) => ({ type: "unreadable", reason, head: session.headAnswer() })
    if (epoch !== session.epoch) return unreadable("epoch")
    if (after.position > session.written.length) return unreadable("ahead")
    if (after.position < session.floor) return unreadable("trimmed")
    const here = session.pointAt(after.position)
    if (after.point !== undefined && after.point.mark !== here.mark) return unreadable("diverged")
    return { type: "page", after: here, entries: session.slice(after.position, budget), head: session.headAnswer() }
  }

  #save(session: ModelSession, epoch: Epoch, snapshot: Snapshot): void {
    const { position, mark } = snapshot.point
    const older = position < Math.max(session.saved?.point.position ?? 0, session.floor)
    if (epoch !== session.epoch || position > session.written.length || older || session.pointAt(position).mark !== mark) return
    session.saved = snapshot
    session.floor = session.floorBy(this.#now)
  }

  #make(name: SessionName, epoch: Epoch | undefined, retention: Retention, at: number): ModelSession {
    if (epoch === undefined || this.#epochs.includes(epoch)) throw new Error(`${name} was made under epoch ${epoch}, which is not new`)
    this.#epochs = [...this.#epochs, epoch]
    const session = new ModelSession(epoch, retention, at, this.#bounds)
    this.sessions.set(name, session)
    return session
  }

  #isWorkspaceFull(name: SessionName): boolean {
    const [workspace] = name.split("/")
    return [...this.sessions.keys()].filter((each) => each.split("/")[0] === workspace).length >= 2
  }

  /** A silent session's old entries leave when its turn comes: any floor up to the one that is due is right. */
  #adoptFloor(session: ModelSession, given: number): void {
    if (given > session.floor && given <= session.floorBy(this.#now)) session.floor = given
  }
}

class ModelSession {
  readonly epoch: Epoch
  readonly retention: Retention
  lastAt: number
  written: readonly Written[] = []
  uses: readonly KeyUse[] = []
  saved: Snapshot | undefined
  closed: { reason: string } | null = null
  floor = 0
  readonly #bounds: ModelBounds

  constructor(epoch: Epoch, retention: Retention, at: number, bounds: ModelBounds) {
    this.#bounds = bounds
    this.epoch = epoch
    this.retention = retention
    this.lastAt = at
  }

  get head(): Point {
    return this.pointAt(this.written.length)
  }

  pointAt(place: number): Point {
    return pointOf(this.written[place - 1] ?? origin)
  }

  headAnswer() {
    return { epoch: this.epoch, head: this.head, floor: this.pointAt(this.floor), closed: this.closed }
  }

  /** The floor that the session's own retention and the log's bounds make, at `now`. */
  floorBy(now: number): number {
    const { events = Infinity, bytes = Infinity, ...age } = this.retention
    return this.floorOf({ events: Math.min(events, this.#bounds.events), bytes: Math.min(bytes, this.#bounds.bytes), ...age }, now)
  }

  /** The least floor at which what is held is within every bound, or the snapshot's place if that is lower. */
  floorOf({ events = Infinity, bytes = Infinity, ageMs = Infinity }: Retention, now: number): number {
    const fits = (floor: number) => {
      const held = this.written.slice(floor)
      const size = held.reduce((sum, written) => sum + written.text.length, 0)
      return held.length <= events && size <= bytes && held.every((written) => now - written.at <= ageMs)
    }
    let floor = this.floor
    while (floor < (this.saved?.point.position ?? 0) && !fits(floor)) floor += 1
    return floor
  }

  isFull(): boolean {
    const unsaved = this.written.slice(this.saved?.point.position ?? 0)
    const size = unsaved.reduce((sum, written) => sum + written.text.length, 0)
    return unsaved.length >= 2 * this.#bounds.events || size >= 2 * this.#bounds.bytes
  }

  /** The latest use of a key without a counter that is still remembered. */
  plainUse(name: string, now: number): KeyUse | undefined {
    const latest = new Map<string, KeyUse>()
    for (const use of this.uses.toReversed()) if (use.n === undefined && !latest.has(use.name)) latest.set(use.name, use)
    const remembered = [...latest.values()].slice(0, modelLimits.keysPerSession)
    return remembered.find((use) => use.name === name && now - use.used <= modelLimits.keyAgeMs)
  }

  /** A producer's uses since it was last forgotten, by silence or because others pushed it out. */
  producerUses(name: string, now: number): readonly KeyUse[] {
    const chain: KeyUse[] = []
    const others = new Set<string>()
    let next = now
    for (const use of this.uses.toReversed()) {
      if (use.n === undefined) continue
      if (use.name !== name) {
        others.add(use.name)
        continue
      }
      if (others.size >= modelLimits.keysPerSession || next - use.used > modelLimits.keyAgeMs) break
      chain.unshift(use)
      others.clear()
      next = use.used
    }
    return chain
  }

  slice(from: number, budget: RangeBudget): readonly string[] {
    const texts: string[] = []
    for (const { text } of this.written.slice(from)) {
      const size = [...texts, text].reduce((sum, each) => sum + each.length, 0)
      if (texts.length > 0 && (texts.length === budget.events || size > budget.bytes)) break
      texts.push(text)
    }
    return texts
  }
}

interface Written extends Point {
  readonly text: string
  readonly at: number
}

interface KeyUse {
  /** `k1`, or `@p` for a producer. */
  readonly name: string
  readonly n: number | undefined
  readonly content: string
  /** The model's time when it was used. */
  readonly used: number
  readonly first: number
  readonly last: Point
}

export function settings(retention: Retention): SessionSettings {
  return { model: "log", retention, metadata: null }
}

/** An answer as the model gives it: entries as their texts, and no words for people. */
export function plainly(answer: LogAnswer): unknown {
  if (answer.type === "page" || answer.type === "opened") return { ...answer, entries: answer.entries.map((entry) => entry.text) }
  if (answer.type !== "appended") return answer
  const outcomes = answer.outcomes.map((outcome) => {
    if (outcome.type === "storage_full") return { type: "storage_full" }
    return outcome.type === "appended" ? { ...outcome, entries: outcome.entries.map((entry) => entry.text) } : outcome
  })
  return { ...answer, outcomes }
}
