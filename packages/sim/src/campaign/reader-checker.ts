// What one client may be given, judged item by item against the record: exactly the events after the one before, or a gap
// whose reason is true, with the observation that replaces what is missing. It knows where the client stands as an entry
// of the record; cursors are only read to find that entry.

import { parseFilter, type Filter, type Json, type LiveReplayGap, type SessionName } from "@tidemark/kernel"
import type { ClientItem, ConnectRequest } from "@tidemark/client"
import type { FakeClient, FakeClientOptions } from "../fake-client.ts"
import type { FakeDisk } from "../fake-disk.ts"
import { placeOf, standingOf, untrue, type Asked, type Standing } from "./gap-reasons.ts"
import { shownAfter, type Lifetime, type Record, type TrueEntry } from "./record.ts"
import { Violation } from "./violation.ts"

/** What must come next. */
type Due =
  | "anything"
  /** The first thing on a connection that was opened without a cursor. */
  | "beginning"
  /** A gap was said and the observation follows. */
  | "observation"
  /** Reading goes on with what is readable, and nobody has told where that is. */
  | "rest"
  /** The cursor is of no place that ever was: a gap must say so. */
  | "gap"

/** What a checker must know of the world around it. */
export interface CheckedWorld {
  readonly record: Record
  readonly disk: FakeDisk
  readonly schedule: { readonly steps: number }
  headOf(session: SessionName): { readonly lifetime: Lifetime | undefined; readonly head: number }
}

export class ReaderChecker {
  readonly #record: Record
  readonly #options: FakeClientOptions
  readonly #filter: Filter | undefined
  readonly #recoverEvents: number
  readonly #world: CheckedWorld
  #at: Standing | undefined
  #due: Due = "beginning"
  /** Where it stood after the last item that its user was done with. */
  #takenAt: Standing | undefined
  /** The last gap on this connection, while nothing came after it. */
  #gap: LiveReplayGap | undefined
  /** When the request went out, and where the session's log was then. */
  #asked: Asked = { step: 0, lifetime: undefined, head: 0 }
  /** It was made up, and names no place that ever was. */
  #forged: string | undefined
  /** The connection was opened without a cursor, in a way that takes no observation. */
  #takesRest = false
  #closed = false
  readonly #onGap: (reason: LiveReplayGap["reason"]) => void

  constructor(world: CheckedWorld, options: FakeClientOptions, recoverEvents: number, onGap: (reason: LiveReplayGap["reason"]) => void) {
    this.#world = world
    this.#record = world.record
    this.#options = options
    this.#filter = options.kinds === undefined ? undefined : parseFilter(options.kinds)
    this.#recoverEvents = recoverEvents
    this.#onGap = onGap
  }

  /** The session's end was given to it. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** Its user starts over without a cursor, or with one that was made up. */
  restarted(cursor: string | undefined): void {
    this.#at = undefined
    this.#closed = false
    this.#due = "beginning"
    this.#forged = undefined
    this.#takenAt = undefined
    if (cursor === undefined) return
    this.#at = this.#standingOf(cursor)
    this.#takenAt = this.#at
    if (this.#at === undefined) this.#forged = cursor
  }

  /** Its user is done with the last item. */
  taken(): void {
    this.#takenAt = this.#at
  }

  /** It was killed, and kept `cursor`: nothing that its user was not done with is behind that. */
  killed(cursor: string | undefined): void {
    const kept = cursor === undefined ? undefined : this.#standingOf(cursor)
    // After a gap without an observation a heartbeat moves on to what is readable.
    const judged = this.#due !== "rest" && cursor !== this.#forged
    if (judged && kept !== undefined && this.#takenAt !== undefined) this.#passHidden(this.#takenAt, kept, "L11")
    this.restarted(cursor)
  }

  connecting(request: ConnectRequest): void {
    this.#asked = { step: this.#world.schedule.steps, ...this.#world.headOf(this.#options.session) }
    this.#gap = undefined
    this.#takesRest = request.from === "start" || request.from?.startsWith("tail:") === true
    if (request.cursor !== undefined) {
      // Heartbeats move the cursor past what the filter hides, without an item.
      if (request.cursor === this.#forged) {
        this.#due = "gap"
        return
      }
      const standing = this.#standingOf(request.cursor)
      if (standing === undefined) throw new Violation("L8", `the client came with the cursor ${request.cursor}, which it was never given`)
      if (this.#at !== undefined && this.#due !== "observation" && this.#due !== "rest") this.#passHidden(this.#at, standing, "L15")
      this.#at = standing
      this.#due = "anything"
      return
    }
    this.#at = undefined
    this.#due = "beginning"
  }

  item(client: FakeClient, item: ClientItem): void {
    switch (item.type) {
      case "status":
        if (item.because?.includes("violation") === true) throw new Violation("L8", `the client complains: ${item.because}`)
        return
      case "event":
        return this.#event(item)
      case "gap":
        return this.#gapSaid(item.gap)
      case "observation":
        return this.#observation(item)
      case "caught_up":
        return this.#caughtUp(item)
      case "closed":
        return this.#end(client, item)
    }
  }

  /** What it holds is what somebody who was never cut would hold: everything up to the head, and nothing else. */
  isAtHead(client: FakeClient): boolean {
    const lifetime = this.#record.current.get(this.#options.session)
    if (lifetime === undefined) return true
    const standing = client.cursor === undefined ? undefined : this.#standingOf(client.cursor)
    return standing !== undefined && standing.lifetime === lifetime && lifetime.head === standing.entry
  }

  #event(item: Extract<ClientItem, { type: "event" }>): void {
    const standing = item.cursor === undefined ? undefined : this.#standingOf(item.cursor)
    const entry = standing?.entry
    const { position } = item.event
    if (standing === undefined || entry === undefined) throw new Violation("L5", `event ${position} was given, and the log never recorded it`)
    if (entry.text !== JSON.stringify(item.event)) throw new Violation("L8", `event ${position} is not what was recorded: ${JSON.stringify(item.event)}`)
    if (this.#due === "gap") throw new Violation("L7", `event ${position} was given after a cursor of no place`)
    if (this.#due === "observation") throw new Violation("L9", `event ${position} was given where the observation after a gap was due`)
    if (this.#filter !== undefined && !this.#filter.passes(entry.kind)) throw new Violation("L15", `the filter hides event ${position}`)
    if (this.#due === "beginning" && (this.#options.from ?? "observation") === "observation") {
      throw new Violation("L9", `event ${position} was given where an observation was asked for`)
    }
    if (this.#due === "rest") this.#checkRest(standing, entry)
    else if (this.#at !== undefined) this.#passHidden(this.#at, { lifetime: standing.lifetime, entry: entry.before }, "L8")
    else if (this.#options.from === "start") this.#passHidden({ ...standing, entry: undefined }, { ...standing, entry: entry.before }, "L8")
    this.#move(standing)
    // A state that went wrong stays wrong: every fourth is enough, and takes a quarter of the time.
    if (position % 4 === 0) this.#checkState(item)
  }

  /** After a gap without an observation, the next event is the first that is readable. */
  #checkRest({ lifetime }: Standing, entry: TrueEntry): void {
    const [gap, at] = [this.#gap, this.#at]
    if (gap === undefined || at === undefined || at.lifetime !== lifetime || gap.missed === null || this.#filter !== undefined) return
    if (gap.reason !== "trimmed" && gap.reason !== "lagged") return
    const after = (gap.requested === null ? undefined : this.#standingOf(gap.requested))?.entry?.position ?? 0
    if (entry.position !== after + gap.missed + 1) {
      throw new Violation("L9", `gap ${gap.reason} at ${after} said ${gap.missed} missed, and event ${entry.position} came next`)
    }
  }

  #gapSaid(gap: LiveReplayGap): void {
    this.#onGap(gap.reason)
    if (this.#due === "observation") throw new Violation("L9", `gap ${gap.reason} came where an observation was due`)
    if (this.#gap !== undefined && this.#gap.requested === gap.requested) {
      throw new Violation("L9", `gap ${gap.reason} was said at the cursor of gap ${this.#gap.reason} before it`)
    }
    this.#justify(gap)
    this.#gap = gap
    this.#due = this.#takesRest || this.#options.recover === "rest" ? "rest" : "observation"
  }

  #justify(gap: LiveReplayGap): void {
    const recoverEvents = this.#options.recover === "auto" ? this.#recoverEvents : undefined
    const claim = { ...gap, session: this.#options.session, asked: this.#asked, recoverEvents, filtered: this.#filter !== undefined }
    const wrong = untrue(this.#record, this.#world.disk, claim)
    if (wrong !== undefined) throw new Violation(wrong.law, `gap ${gap.reason} at ${placeOf(claim.session, gap.requested)}: ${wrong.because}`)
  }

  #observation(item: Extract<ClientItem, { type: "observation" }>): void {
    const { observation } = item
    const { position } = observation
    const standing = this.#standingOf(observation.cursor)
    if (standing === undefined) throw new Violation("L10", `an observation of position ${position} that the log never had`)
    if (this.#due === "gap") throw new Violation("L7", "an observation was given without a gap after a cursor of no place")
    if (this.#due !== "observation" && this.#due !== "beginning") throw new Violation("L9", `an observation of position ${position} came unasked`)
    const shown = shownAfter(standing.entry)
    const differs = difference(shown, observation.view, observation.provisional)
    if (differs !== undefined) throw new Violation("L10", `the observation at ${position} of ${standing.lifetime.epoch} is not exact: ${differs}`)
    if (observation.revision !== (standing.entry?.revision ?? 0)) {
      throw new Violation("L3", `the observation at ${position} says revision ${observation.revision}`)
    }
    this.#checkForward(standing, position)
    this.#move(standing)
    this.#checkState(item)
  }

  /** A gap and its observation never lead back, and the gap has said how much it skips. */
  #checkForward({ lifetime }: Standing, position: number): void {
    const [gap, at] = [this.#gap, this.#at]
    if (gap === undefined || at === undefined || at.lifetime !== lifetime) return
    if (gap.reason !== "trimmed" && gap.reason !== "lagged" && gap.reason !== "budget") return
    const requested = gap.requested === null ? undefined : this.#standingOf(gap.requested)
    const from = requested?.entry?.position ?? 0
    if (position < from) throw new Violation("L9", `after gap ${gap.reason} at ${from} came the observation of ${position}`)
    if (gap.missed !== position - from) {
      throw new Violation("L9", `gap ${gap.reason} at ${from} says ${gap.missed} missed, and the observation is of ${position}`)
    }
  }

  #caughtUp(item: Extract<ClientItem, { type: "caught_up" }>): void {
    if (this.#due === "gap" || this.#due === "observation") throw new Violation("L6", `caught_up came where a ${this.#due} was due`)
    const { lifetime, head } = this.#asked
    const standing = item.cursor === undefined ? undefined : this.#standingOf(item.cursor)
    if (standing === undefined) throw new Violation("L6", "caught_up came without a place")
    if (this.#at !== undefined && this.#due !== "rest") this.#passHidden(this.#at, standing, "L8")
    // The close entry is no event: who stands right before it has everything.
    const end = lifetime?.entries[head - 1]?.type === "close" ? head - 1 : head
    if (lifetime === standing.lifetime && lifetime.lowestSince(this.#asked.step, end) > item.position) {
      throw new Violation("L6", `caught_up at ${item.position}, and the log was at ${head} before the request`)
    }
    this.#move(standing)
    this.#checkState(item)
  }

  #end(client: FakeClient, item: Extract<ClientItem, { type: "closed" }>): void {
    const standing = item.cursor === undefined ? undefined : this.#standingOf(item.cursor)
    const entry = standing?.entry
    this.#closed = true
    if (standing !== undefined && entry?.type === "close") {
      const at = this.#due === "rest" ? undefined : this.#at
      if (at !== undefined && at.entry !== entry) this.#passHidden(at, { ...standing, entry: entry.before }, "L21")
      this.#move(standing)
      return
    }
    const lifetime = this.#at?.lifetime
    if (lifetime !== undefined && !lifetime.ended) {
      throw new Violation("L21", `the end (${item.closed.reason}) of ${client.options.session} was given, and it goes on`)
    }
  }

  /** Between `from` and `to` is nothing but events that the filter hides. */
  #passHidden(from: Standing, to: Standing, law: string): void {
    if (from.lifetime !== to.lifetime) throw new Violation(law, `from epoch ${from.lifetime.epoch} to ${to.lifetime.epoch} without a gap`)
    const [start, end] = [from.entry?.position ?? 0, to.entry?.position ?? 0]
    let entry = to.entry
    for (; entry !== undefined && entry.position > start; entry = entry.before) {
      if (entry.type === "close" && entry === to.entry) continue
      if (entry.type !== "event") throw new Violation("L9", `from ${start} to ${end} past the ${entry.type} at ${entry.position}, without a word`)
      if (this.#filter === undefined || this.#filter.passes(entry.kind)) throw new Violation(law, `from ${start} to ${end}: event ${entry.position} is missing`)
    }
    if (entry !== from.entry) throw new Violation(law, `from ${start} to ${end}: ${end < start ? "back again" : "onto another history"}`)
  }

  #checkState(item: ClientItem): void {
    const at = this.#at
    if (this.#options.model === undefined || at === undefined || item.state === undefined) return
    const differs = difference(shownAfter(at.entry), item.state.view, item.state.provisional)
    if (differs === undefined) return
    throw new Violation("L11", `the client's state at ${at.entry?.position ?? 0} is not that of a client that was never cut: ${differs}`)
  }

  #move(standing: Standing): void {
    this.#at = standing
    this.#due = "anything"
    this.#gap = undefined
  }

  #standingOf(cursor: string): Standing | undefined {
    return standingOf(this.#record, this.#options.session, cursor)
  }
}

/** How what is shown differs from what is true; `undefined`: not at all. */
function difference(shown: ReturnType<typeof shownAfter>, view: Json, provisional: Json): string | undefined {
  if (JSON.stringify(view) !== shown.view) return `the view is ${JSON.stringify(view)}, not ${shown.view}`
  const events = `[${shown.since.join(",")}]`
  const said = JSON.stringify(provisional)
  return said === `{"events":${events},"omitted":${shown.omitted}}` ? undefined : `since the commit ${said}, not ${events}`
}
