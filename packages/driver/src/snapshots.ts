// When a session's view is saved, and how far the log can therefore let go. A snapshot is cut at the kernel's head; the log
// lets go of nothing that none covers, and a view that could not be folded covers nothing.

import type { Entry, Epoch, Head, Instant, Kernel, SessionObservation } from "@tidemark/kernel"
import type { OpenSession } from "./open-session.ts"
import type { LogFailed } from "./outcomes.ts"
import { failure, movedAway, type RequestDesk } from "./request-desk.ts"
import type { LogAnswer } from "./session-log.ts"

export interface SnapshotsConfig {
  /** Entries, or bytes of them, after which a snapshot is saved. */
  readonly snapshotEvents: number
  readonly snapshotBytes: number
}

/** Whether the log holds a snapshot that reaches as far as was asked for. */
export type Reached = { readonly type: "reached" } | { readonly type: "unknown_session" } | LogFailed

/** What follows from a save for its session. */
export interface SaveConsequences {
  /** The log has it, and said where it is: what the snapshot covers may be gone. */
  saved(now: Instant, session: OpenSession, head: Head): void
  /** The session owes a snapshot, and is to be looked after again before long: nobody may append to it meanwhile. */
  failed(now: Instant, session: OpenSession): void
  /** The log says that there is no such session. */
  absent(now: Instant, session: OpenSession): void
}

/** Saves under way at once: many sessions that become idle together must not stand in front of every append. */
const savesMax = 16

export class Snapshots {
  readonly #config: SnapshotsConfig
  readonly #kernel: Kernel
  readonly #desk: RequestDesk
  /** False: what is not in a snapshot can never be read again. */
  readonly #keepsEntries: boolean
  readonly #consequences: SaveConsequences
  #underWay = 0

  constructor(config: SnapshotsConfig, kernel: Kernel, desk: RequestDesk, keepsEntries: boolean, consequences: SaveConsequences) {
    this.#config = config
    this.#kernel = kernel
    this.#desk = desk
    this.#keepsEntries = keepsEntries
    this.#consequences = consequences
  }

  /** As many are under way as may be: one that can wait has to. */
  get isBusy(): boolean {
    return this.#underWay >= savesMax
  }

  /** The kernel was given these: saves when it is time. */
  count(now: Instant, session: OpenSession, entries: readonly Entry[]): void {
    session.sinceSnapshot.events += entries.length
    for (const entry of entries) session.sinceSnapshot.bytes += entry.bytes
    // On its way to the head the session is read, not written: one snapshot at the end saves the same work.
    const isOnItsWay = (entries.at(-1)?.position ?? 0) < (session.head?.head.position ?? 0)
    if (!isOnItsWay && !session.owesSnapshot && !this.isBusy && this.#isDue(now, session)) this.save(now, session)
  }

  /** One at a time; not of a view that could not be folded. */
  save(now: Instant, session: OpenSession): void {
    const cut = this.#cut(now, session)
    if (cut.type === "cut" && !session.saving) this.#send(now, session, cut.observation)
  }

  /** Before the session leaves memory: saves what is not saved. False: it must stay, until there is room or the log has it. */
  saveLast(now: Instant, session: OpenSession): boolean {
    if (this.#keepsEntries) {
      // The log has all of it: what no snapshot holds is folded again at the next open.
      if (session.sinceSnapshot.events === 0) return true
      if (this.isBusy) return false
      this.save(now, session)
      return true
    }
    const { epoch, point } = this.#kernel.standing(session.name) ?? {}
    const { saved } = session
    if (point === undefined || point.position === 0 || (saved?.epoch === epoch && saved?.position === point.position)) return true
    // A view that could not be folded is never saved: the next open says so.
    if (this.#cut(now, session).type === "failed") return true
    if (!this.isBusy) this.save(now, session)
    return false
  }

  /** Calls `then` once the log holds a snapshot at or after `through`, which the kernel has reached. */
  reach(now: Instant, session: OpenSession, epoch: Epoch, through: number, then: (now: Instant, reached: Reached) => void): void {
    if (session.gone) return then(now, { type: "unknown_session" })
    if (session.saved?.epoch === epoch && session.saved.position >= through) return then(now, { type: "reached" })
    const underWay = session.saving
    if (!underWay) {
      const cut = this.#cut(now, session)
      if (cut.type === "failed") return then(now, cut)
      if (cut.observation.epoch !== epoch) return then(now, movedAway)
      this.#send(now, session, cut.observation)
    }
    session.whenSaved.push((later, answer) => {
      if (answer.type !== "saved") then(later, answer.type === "absent" ? { type: "unknown_session" } : failure(answer))
      else if (answer.head.epoch !== epoch) then(later, movedAway)
      // One that was under way already may not reach as far.
      else if (underWay) this.reach(later, session, epoch, through, then)
      else then(later, { type: "reached" })
    })
  }

  #cut(now: Instant, session: OpenSession): { readonly type: "cut"; readonly observation: SessionObservation } | LogFailed {
    const observation = session.gone ? undefined : this.#kernel.observe(now, session.name)
    if (observation === undefined) return movedAway
    // A view that could not be folded is no ground to trim on: what it is made of stays in the log.
    if (observation.viewFailed) return notFolded(session)
    return { type: "cut", observation }
  }

  #send(now: Instant, session: OpenSession, observation: SessionObservation): void {
    const { view, provisional } = observation.json()
    const modelVersion = this.#kernel.describe(session.name)?.modelVersion ?? 0
    session.sinceSnapshot = { events: 0, bytes: 0 }
    session.saving = true
    session.savedAt = now
    this.#underWay += 1
    const { epoch, point } = observation
    this.#desk.ask({ type: "save", session: session.name, epoch, snapshot: { point, modelVersion, shown: { view, provisional } } }, (then, answer) => {
      session.saving = false
      this.#underWay -= 1
      if (answer.type === "saved" && answer.head.epoch === epoch) session.saved = { epoch, position: point.position }
      if (session.loaded && !session.gone) this.#answered(then, session, answer)
      for (const tell of session.whenSaved.splice(0)) tell(then, answer)
    })
  }

  #answered(now: Instant, session: OpenSession, answer: LogAnswer): void {
    if (answer.type === "absent") return this.#consequences.absent(now, session)
    if (answer.type !== "saved") {
      session.owesSnapshot = true
      return this.#consequences.failed(now, session)
    }
    this.#consequences.saved(now, session, answer.head)
    // A log that is full until the next one takes no entry that would bring it about.
    if (this.#isDue(now, session)) this.save(now, session)
  }

  /** The log lets go of nothing that no snapshot covers: a session that keeps little is saved as often as that wants. */
  #isDue(now: Instant, session: OpenSession): boolean {
    const { events, bytes } = session.sinceSnapshot
    const kept = session.settings?.retention
    return (
      events >= Math.min(this.#config.snapshotEvents, Math.ceil((kept?.events ?? Infinity) / 4)) ||
      bytes >= Math.min(this.#config.snapshotBytes, Math.ceil((kept?.bytes ?? Infinity) / 4)) ||
      (events > 0 && now >= session.savedAt + (kept?.ageMs ?? Infinity) / 4)
    )
  }
}

function notFolded({ name }: OpenSession): LogFailed {
  const detail =
    `the model could not fold an event of ${name}, so its view cannot be saved, and nothing may be let go of that no saved view covers: ` +
    "mend the model, then restart"
  return { type: "failed", effect: "none", reason: "view_failed", detail }
}
