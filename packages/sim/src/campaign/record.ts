// What is true in a simulated world: every entry the log ever recorded, kept for ever, as a tree. An entry knows the one
// before it; a lifetime (one epoch of one session) knows which entries are its history now; what a crash or a backup took
// away stays in the tree and is marked as lost. All laws are judged against this and nothing else.
//
// It listens at the port and shares no code with kernel, driver or log: it folds by the book, from the texts.

import { epoch as epochOf, type Entry, type Epoch, type SessionName } from "@tidemark/kernel"
import type { AppendOutcome, AppendPart, LogAnswer, LogRequest } from "@tidemark/driver"
import type { DiskWatcher } from "../fake-disk.ts"
import { Violation } from "./violation.ts"

/** One entry as the log recorded it. */
export interface TrueEntry {
  readonly lifetime: Lifetime
  readonly position: number
  readonly revision: number
  readonly mark: number
  readonly text: string
  readonly type: Entry["type"]
  readonly kind: string
  readonly committed: boolean
  /** `undefined`: the first of its lifetime. */
  readonly before: TrueEntry | undefined
  /** It was in the history of its lifetime and is not any more, or was not for a while. */
  lost: boolean
}

/** What the log model shows after an entry. */
export interface Shown {
  readonly view: string
  /** Texts of the events since the last commit. */
  readonly since: readonly string[]
  /** Events since then that are too many to be shown: the oldest. */
  readonly omitted: number
}

/** One epoch of one session. */
export class Lifetime {
  readonly session: SessionName
  readonly epoch: Epoch
  /** The history now, from position 1. */
  readonly entries: TrueEntry[] = []
  /** Every entry there ever was, by position and mark. */
  readonly byPlace = new Map<string, TrueEntry>()
  /** The highest floor and the highest head there ever were. */
  floorMost = 0
  headMost = 0
  /** A close was recorded in it, lost since or not. */
  everClosed = false
  /** Up to here whoever asks must be told of it, even by a log's only user: somebody was told that it is recorded, or that it may be. */
  acknowledged = 0
  /** It was not the session's lifetime any more, at some time. */
  ended = false
  /** Where the history was cut, and when: step of the world, and the head after it. */
  readonly cuts: { readonly step: number; readonly head: number }[] = []

  constructor(session: SessionName, epoch: Epoch) {
    this.session = session
    this.epoch = epoch
  }

  get head(): TrueEntry | undefined {
    return this.entries.at(-1)
  }

  /** Whether `entry` is in the history now; `undefined` is the place before the first. */
  holds(entry: TrueEntry | undefined): boolean {
    return entry === undefined || this.entries[entry.position - 1] === entry
  }

  /** The lowest head since a step of the world, when the head was `then`. */
  lowestSince(step: number, then: number): number {
    return this.cuts.reduce((least, cut) => (cut.step >= step ? Math.min(least, cut.head) : least), then)
  }
}

interface Effect {
  readonly session: SessionName
  /** Made, or undefined where the effect is another. */
  readonly made?: Lifetime
  readonly deleted?: true
  readonly entries: readonly TrueEntry[]
}

/** How many events a log view's provisional part shows. */
const provisionalMost = 1_000

export class Record implements DiskWatcher {
  readonly lifetimes = new Map<Epoch, Lifetime>()
  /** The lifetime each session is in. */
  readonly current = new Map<SessionName, Lifetime>()
  /** What each change of the disk did. */
  readonly #effects: Effect[][] = []
  readonly #step: () => number
  readonly #numberOf: (text: string) => number | undefined
  /** Numbers of the data that each lifetime holds now: none may stand there twice. */
  readonly #numbers = new Map<Lifetime, Set<number>>()

  /** `numberOf` gives the number of an event's data that no other event has. */
  constructor(step: () => number, numberOf: (text: string) => number | undefined) {
    this.#step = step
    this.#numberOf = numberOf
  }

  applied(request: LogRequest, answer: LogAnswer): void {
    const effects: Effect[] = []
    if (request.type === "append" && answer.type === "appended") {
      request.parts.forEach((part, i) => this.#appended(effects, part, answer.outcomes[i]))
    } else if (request.type === "create" && answer.type === "created" && answer.created) {
      effects.push({ session: request.session, made: this.#make(request.session, answer.summary.head.epoch), entries: [] })
    } else if (request.type === "delete" && answer.type === "deleted") {
      this.#end(request.session)
      effects.push({ session: request.session, deleted: true, entries: [] })
    }
    if ("head" in answer && "epoch" in answer.head) this.#learnFloor(answer.head.epoch, answer.head.floor.position)
    if (request.type === "append" || request.type === "create" || request.type === "delete" || request.type === "save" || request.type === "trim") {
      this.#effects.push(effects)
    }
  }

  restored(kept: number, generation: string | undefined): void {
    const past = this.#effects.splice(0)
    const before = new Map(this.current)
    const histories = new Map([...this.lifetimes.values()].map((lifetime) => [lifetime, [...lifetime.entries]]))
    for (const lifetime of this.lifetimes.values()) {
      lifetime.entries.length = 0
      this.#numbers.delete(lifetime)
    }
    this.current.clear()
    const successors = new Map<Lifetime, Lifetime>()
    for (const effects of past.slice(0, kept)) this.#effects.push(effects.map((effect) => this.#replay(effect, generation, successors)))
    for (const lifetime of this.lifetimes.values()) {
      for (const entry of histories.get(lifetime) ?? []) if (!lifetime.holds(entry)) entry.lost = true
      lifetime.acknowledged = Math.min(lifetime.acknowledged, lifetime.entries.length)
      lifetime.cuts.push({ step: this.#step(), head: lifetime.entries.length })
    }
    for (const [session, lifetime] of before) if (this.current.get(session) !== lifetime) lifetime.ended = true
  }

  /** The entry that stands, or stood, at a place; `undefined`: none ever did. */
  entryAt(epoch: Epoch, position: number, mark: number): TrueEntry | undefined {
    return this.lifetimes.get(epoch)?.byPlace.get(`${position} ${mark}`)
  }

  #appended(effects: Effect[], part: AppendPart, outcome: AppendOutcome | undefined): void {
    if (outcome?.type !== "appended") return
    const made = outcome.created ? this.#make(part.session, outcome.epoch) : undefined
    const lifetime = made ?? this.current.get(part.session)
    if (lifetime === undefined || lifetime.epoch !== outcome.epoch) {
      throw new Violation("L2", `the log appended to ${part.session} in epoch ${outcome.epoch}, and it is in ${lifetime?.epoch ?? "none"}`)
    }
    const entries = outcome.entries.map((entry) => this.#append(lifetime, entry))
    this.#learnFloor(outcome.epoch, outcome.floor.position)
    effects.push({ session: part.session, entries, ...(made === undefined ? {} : { made }) })
  }

  #append(lifetime: Lifetime, entry: Entry): TrueEntry {
    const before = lifetime.head
    if (entry.position !== (before?.position ?? 0) + 1) throw new Violation("L1", `position ${entry.position} came after ${before?.position ?? 0}`)
    const committed = entry.type === "event" && entry.committed
    if (entry.revision !== (before?.revision ?? 0) + (committed ? 1 : 0)) {
      throw new Violation("L3", `revision ${entry.revision} came after ${before?.revision ?? 0}, ${committed ? "with" : "without"} a commit`)
    }
    if (before?.type === "close") throw new Violation("L21", `entry ${entry.position} came after the close of ${lifetime.session}`)
    if (before !== undefined && timeOf(entry.text) < timeOf(before.text)) {
      throw new Violation("L16", `the time of entry ${entry.position} is before that of the one before it`)
    }
    const kind = entry.type === "event" ? entry.kind : ""
    const { position, revision, mark, text, type } = entry
    // The very same after the very same: what was lost is there again.
    const again = lifetime.byPlace.get(`${position} ${mark}`)
    if (again?.text === text && again.before === before) {
      this.#hold(again)
      return again
    }
    const made: TrueEntry = { lifetime, position, revision, mark, text, type, kind, committed, before, lost: false }
    this.#hold(made)
    return made
  }

  #hold(entry: TrueEntry): void {
    const { lifetime } = entry
    const n = this.#numberOf(entry.text)
    const held = this.#numbers.get(lifetime) ?? new Set()
    this.#numbers.set(lifetime, held)
    if (n !== undefined && held.has(n)) throw new Violation("L4", `number ${n} stands in ${lifetime.session} twice`)
    if (n !== undefined) held.add(n)
    if (entry.type === "close") lifetime.everClosed = true
    lifetime.entries.push(entry)
    lifetime.headMost = Math.max(lifetime.headMost, entry.position)
    lifetime.byPlace.set(`${entry.position} ${entry.mark}`, entry)
  }

  #make(session: SessionName, epoch: Epoch): Lifetime {
    if (this.lifetimes.has(epoch)) throw new Violation("L1", `epoch ${epoch} of ${session} was used before`)
    this.#end(session)
    const lifetime = new Lifetime(session, epoch)
    this.lifetimes.set(epoch, lifetime)
    this.current.set(session, lifetime)
    return lifetime
  }

  #end(session: SessionName): void {
    const lifetime = this.current.get(session)
    if (lifetime !== undefined) lifetime.ended = true
    this.current.delete(session)
  }

  #learnFloor(epoch: Epoch, floor: number): void {
    const lifetime = this.lifetimes.get(epoch)
    if (lifetime !== undefined && floor > lifetime.floorMost) lifetime.floorMost = floor
  }

  #replay(effect: Effect, generation: string | undefined, successors: Map<Lifetime, Lifetime>): Effect {
    const { session } = effect
    if (effect.deleted) {
      this.current.delete(session)
      return effect
    }
    const made = effect.made === undefined ? undefined : this.#again(effect.made, generation, successors)
    if (made !== undefined) this.current.set(session, made)
    const entries = effect.entries.map((entry) => {
      const lifetime = successors.get(entry.lifetime) ?? entry.lifetime
      const again = lifetime === entry.lifetime ? entry : { ...entry, lifetime, before: lifetime.head, lost: false }
      this.#hold(again)
      return again
    })
    return { session, entries, ...(made === undefined ? {} : { made }) }
  }

  /** Under another generation every lifetime has a successor with the same entries and another epoch. */
  #again(made: Lifetime, generation: string | undefined, successors: Map<Lifetime, Lifetime>): Lifetime {
    if (generation === undefined) return made
    const lifetime = new Lifetime(made.session, epochOf(generation, made.epoch.slice(made.epoch.indexOf(".") + 1)))
    this.lifetimes.set(lifetime.epoch, lifetime)
    successors.set(made, lifetime)
    return lifetime
  }
}

/** What is shown after `entry`, by the book: the view is the last commit's data, then come the events since. */
export function shownAfter(entry: TrueEntry | undefined): Shown {
  const since: string[] = []
  let omitted = 0
  for (let each = entry; each !== undefined; each = each.before) {
    if (each.type !== "event") continue
    if (each.committed) return { view: JSON.stringify(JSON.parse(each.text).data), since: since.reverse(), omitted }
    if (since.length < provisionalMost) since.push(each.text)
    else omitted += 1
  }
  return { view: "null", since: since.reverse(), omitted }
}

function timeOf(text: string): string {
  return /"at":"([^"]*)"/.exec(text)?.[1] ?? ""
}
