// What one question may be answered with, judged against the record: observations, pages of events, resumed stretches,
// receipts. Streams have their own checker; what is here is asked once and answered once.

import { idOf, type Entry, type LiveReplayGapReason, type SessionName, type SessionObservation } from "@tidemark/kernel"
import type { AppendCallOutcome, DescribeOutcome, ExplainOutcome, ListOutcome } from "@tidemark/driver"
import type { ObserveOutcome, QueryOutcome, Receipt, ResumeCallOutcome } from "@tidemark/driver"
import { standingOf, untrue, type Asked, type Standing } from "./gap-reasons.ts"
import { shownAfter, type Lifetime, type Record, type TrueEntry } from "./record.ts"
import type { CheckedWorld } from "./reader-checker.ts"
import { Violation } from "./violation.ts"

/** Where the log was when a question about a session was asked. */
export interface AskedOf extends Asked {
  readonly session: SessionName
}

export function askedNow(world: CheckedWorld, session: SessionName): AskedOf {
  return { session, step: world.schedule.steps, ...world.headOf(session) }
}

/** A session that was there before the question, and is there still, is not called unknown. */
export function checkKnown(record: Record, { session, lifetime }: AskedOf, outcome: { readonly type: string }): void {
  if (outcome.type !== "unknown_session" || lifetime === undefined || lifetime.ended) return
  if (record.current.get(session) === lifetime) throw new Violation("L6", `${session} was called unknown, and was there all the time`)
}

/** Whether a session is, and how far, is not older than the question. */
export function checkDescribed(record: Record, asked: AskedOf, outcome: DescribeOutcome): void {
  checkKnown(record, asked, outcome)
  if (outcome.type !== "session") return
  const { epoch, head } = outcome.info
  const lifetime = record.lifetimes.get(epoch)
  if (lifetime?.session !== asked.session) throw new Violation("L2", `${asked.session} was described in epoch ${epoch}, which it never had`)
  if (head > lifetime.headMost) throw new Violation("L6", `${asked.session} was described at ${head}, and it never was`)
  if (lifetime === asked.lifetime && head < lifetime.lowestSince(asked.step, asked.head)) {
    throw new Violation("L6", `${asked.session} was described at ${head}, and the log was at ${asked.head} when it was asked`)
  }
}

/** A page that is not full holds every session that was there before the question, and is there still. */
export function checkListed(record: Record, asked: readonly AskedOf[], limit: number, outcome: ListOutcome): void {
  if (outcome.type !== "listed" || outcome.sessions.length >= limit) return
  const listed = new Set(outcome.sessions.map(({ session }) => session))
  for (const { session, lifetime } of asked) {
    const isThere = lifetime !== undefined && !lifetime.ended && record.current.get(session) === lifetime
    if (isThere && !listed.has(idOf(session))) throw new Violation("L6", `${session} is not in a list, and was there all the time`)
  }
}

export function checkObserved(record: Record, asked: AskedOf, outcome: ObserveOutcome): void {
  checkKnown(record, asked, outcome)
  if (outcome.type !== "observed") return
  checkExact(record, asked.session, outcome.observation)
  checkNotOlder(record, asked, outcome.observation.cursor, "the observation")
}

/** The cursor is at or after the head that the log had when it was asked. */
function checkNotOlder(record: Record, { session, step, lifetime, head }: AskedOf, cursor: string, what: string): void {
  const place = placeOf(record, session, cursor)
  if (place === undefined) throw new Violation("L6", `${what} of ${session} is at a place that never was: ${cursor}`)
  if (lifetime === place.lifetime && place.position < lifetime.lowestSince(step, head)) {
    throw new Violation("L6", `${what} of ${session} is at ${place.position}, and the log was at ${head} when it was asked`)
  }
}

function checkExact(record: Record, session: SessionName, observation: SessionObservation): void {
  const place = placeOf(record, session, observation.cursor)
  if (place === undefined) throw new Violation("L10", `an observation of ${session} at a place that never was`)
  const { view, since, omitted } = shownAfter(place.entry)
  const said = observation.json()
  if (JSON.stringify(said.view) !== view) throw new Violation("L10", `the observation at ${place.position} shows ${JSON.stringify(said.view)}, not ${view}`)
  if (JSON.stringify(said.provisional) !== `{"events":[${since.join(",")}],"omitted":${omitted}}`) {
    throw new Violation("L10", `the observation at ${place.position} shows other events since the commit: ${JSON.stringify(said.provisional)}`)
  }
}

/** Events in a row after `position`, with nothing left out but holes and the close, and nothing that was never recorded. */
export function checkQueried(record: Record, asked: AskedOf, since: number, limit: number, outcome: QueryOutcome): void {
  checkKnown(record, asked, outcome)
  if (outcome.type !== "page") return
  const lifetime = record.lifetimes.get(outcome.epoch)
  if (lifetime === undefined || lifetime.session !== asked.session) {
    throw new Violation("L2", `a page of epoch ${outcome.epoch}, which ${asked.session} never had`)
  }
  let last = since
  for (const event of outcome.events) {
    const entry = entryOf(lifetime, event)
    checkStretch(lifetime, entry, last)
    last = entry.position
  }
  if (outcome.next === null && lifetime === asked.lifetime && limit > 0) {
    const rest = lifetime.entries.slice(last).filter((entry) => entry.type === "event" && entry.position > lifetime.floorMost)
    const before = rest.filter((entry) => entry.position <= lifetime.lowestSince(asked.step, asked.head))
    if (before.length > 0) throw new Violation("L6", `a page of ${asked.session} ends at ${last} as if that were the head, and ${before.length} events follow`)
  }
}

/** What `explain` says of a cursor is what a resume would be told, and true. */
export function checkExplained(world: CheckedWorld, asked: AskedOf, cursor: string, outcome: ExplainOutcome): void {
  checkKnown(world.record, asked, outcome)
  if (outcome.type !== "explained") return
  const { reason } = outcome.explanation
  if (reason !== null) return checkReason(world, asked, cursor, reason)
  const standing = standingOf(world.record, asked.session, cursor)
  if (standing === undefined) throw new Violation("L7", `${cursor} of ${asked.session} would be resumed, and is of no place that ever was`)
}

function checkReason(world: CheckedWorld, asked: AskedOf, requested: string, reason: LiveReplayGapReason): void {
  const wrong = untrue(world.record, world.disk, { session: asked.session, reason, requested, asked, recoverEvents: undefined, filtered: false })
  if (wrong !== undefined) throw new Violation(wrong.law, `gap ${reason} at ${requested} of ${asked.session}: ${wrong.because}`)
}

export function checkResumed(world: CheckedWorld, asked: AskedOf, cursor: string, outcome: ResumeCallOutcome): void {
  const { record } = world
  checkKnown(record, asked, outcome)
  if (outcome.type === "gap") {
    checkReason(world, asked, cursor, outcome.gap.reason)
    return checkExact(record, asked.session, outcome.observation)
  }
  if (outcome.type !== "replayed") return
  const place = placeOf(record, asked.session, cursor)
  if (place === undefined) throw new Violation("L7", `events of ${asked.session} were given after ${cursor}, a place that never was`)
  let last = place.position
  for (const event of outcome.entries) {
    const entry = entryOf(place.lifetime, event)
    if (entry.position !== last + 1) throw new Violation("L6", `event ${entry.position} of ${asked.session} was given after ${last}`)
    last = entry.position
  }
  if (outcome.upToDate) checkNotOlder(record, asked, outcome.cursor, "what is called up to date")
}

/** The receipt names entries that are recorded, with these numbers, in this order. */
export function checkReceipt(
  record: Record,
  receipt: Receipt,
  numbers: readonly (number | undefined)[],
  numberOf: (text: string) => number | undefined,
): readonly TrueEntry[] {
  const { first, last, session } = receipt
  const lifetime = record.lifetimes.get(receipt.epoch)
  const place = lifetime === undefined ? undefined : placeOf(record, lifetime.session, receipt.cursor)
  if (place?.entry === undefined) throw new Violation("L5", `a receipt for ${first}–${last} of ${session}, and the log has no such entries`)
  const entries: TrueEntry[] = []
  for (let entry: TrueEntry | undefined = place.entry; entry !== undefined && entry.position >= receipt.first; entry = entry.before) entries.unshift(entry)
  const found = entries.map((entry) => numberOf(entry.text))
  if (found.length !== numbers.length || found.some((n, i) => n !== numbers[i])) {
    throw new Violation("L4", `the receipt for ${first}–${last} of ${session} names the numbers ${found.join(" ")}, not ${numbers.join(" ")}`)
  }
  return entries
}

/** What an append may be refused for: a close that was recorded, once. */
export function checkRefusal(record: Record, session: SessionName, outcome: Exclude<AppendCallOutcome, { type: "appended" }>): void {
  if (outcome.type !== "closed") return
  const ever = [...record.lifetimes.values()].some((lifetime) => lifetime.session === session && lifetime.everClosed)
  if (!ever) throw new Violation("L21", `an append to ${session} was refused as closed, and it never was`)
}

function checkStretch(lifetime: Lifetime, entry: TrueEntry, last: number): void {
  if (entry.position <= last) throw new Violation("L6", `event ${entry.position} of ${lifetime.session} was given after ${last}`)
  for (let between = entry.before; between !== undefined && between.position > last; between = between.before) {
    if (between.type === "event" && between.position > lifetime.floorMost) {
      throw new Violation("L6", `a page of ${lifetime.session} goes from ${last} to ${entry.position} without event ${between.position}`)
    }
  }
}

function entryOf(lifetime: Lifetime, event: Entry): TrueEntry {
  const entry = lifetime.byPlace.get(`${event.position} ${event.mark}`)
  if (entry === undefined || entry.text !== event.text) {
    throw new Violation("L5", `event ${event.position} of ${lifetime.session} was given, and the log never recorded it`)
  }
  return entry
}

/** The place that a cursor names, with its position. */
function placeOf(record: Record, session: SessionName, cursor: string): (Standing & { readonly position: number }) | undefined {
  const standing = standingOf(record, session, cursor)
  return standing === undefined ? undefined : { ...standing, position: standing.entry?.position ?? 0 }
}
