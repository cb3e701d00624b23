// Whether a gap's reason is true: each of the eight says something about the log, and the record knows whether it is, or
// was at some time since the question was asked. A reason that is not true is as bad as none: who is told `trimmed` gives
// up what is still there.

import { parseCursor, type LiveReplayGapReason, type SessionName } from "@tidemark/kernel"
import type { FakeDisk } from "../fake-disk.ts"
import type { Lifetime, Record, TrueEntry } from "./record.ts"

/** A place that a cursor names: an entry that the record knows, or the beginning of a lifetime. */
export interface Standing {
  readonly lifetime: Lifetime
  readonly entry: TrueEntry | undefined
}

/** Where the log was when somebody asked, as far as the answer must know. */
export interface Asked {
  /** The world's step. */
  readonly step: number
  readonly lifetime: Lifetime | undefined
  readonly head: number
}

export interface ClaimedGap {
  readonly session: SessionName
  readonly reason: LiveReplayGapReason
  /** `null`: the reader had no cursor that can be named. */
  readonly requested: string | null
  readonly asked: Asked
  /** What a client of `recover=auto` goes back for; `undefined`: it set no such bound. */
  readonly recoverEvents: number | undefined
  /** A filter hides events, so that the place may be before the hole. */
  readonly filtered: boolean
}

export interface Untrue {
  readonly law: string
  readonly because: string
}

/** The place that `cursor` names, where it ever was one of this session. */
export function standingOf(record: Record, session: SessionName, cursor: string): Standing | undefined {
  const parsed = parseCursor(session, cursor)
  if (parsed.type !== "cursor") return undefined
  const { epoch, point } = parsed.cursor
  const lifetime = record.lifetimes.get(epoch)
  if (lifetime === undefined) return undefined
  if (point.position === 0) return { lifetime, entry: undefined }
  const entry = record.entryAt(epoch, point.position, point.mark)
  return entry === undefined || entry.revision !== point.revision ? undefined : { lifetime, entry }
}

/** A cursor as a person reads it. */
export function placeOf(session: SessionName, cursor: string | null): string {
  if (cursor === null) return "no cursor"
  const parsed = parseCursor(session, cursor)
  return parsed.type === "cursor" ? `${parsed.cursor.epoch}:${parsed.cursor.point.position}` : `a cursor that is ${parsed.reason}`
}

/** What is untrue about the claim; `undefined`: nothing. */
export function untrue(record: Record, disk: FakeDisk, claim: ClaimedGap): Untrue | undefined {
  const { session, requested, reason } = claim
  const parsed = requested === null ? undefined : parseCursor(session, requested)
  const cursor = parsed?.type === "cursor" ? parsed.cursor : undefined
  const position = cursor?.point.position ?? 0
  const lifetime = cursor === undefined ? record.current.get(session) : record.lifetimes.get(cursor.epoch)
  const standing = requested === null ? undefined : standingOf(record, session, requested)
  switch (reason) {
    case "trimmed":
    case "lagged":
      if (requested === null) return says(!wasTrimmed(record, session), "L13", "the log holds all")
      return says(lifetime !== undefined && position >= lifetime.floorMost, "L13", `the log holds all from ${lifetime?.floorMost ?? 0} on`)
    case "epoch":
      return says(lifetime !== undefined && !lifetime.ended && requested !== null, "L2", "that is the session's epoch")
    case "ahead":
      if (standing?.entry !== undefined && !standing.entry.lost) return { law: "L7", because: "the log holds that entry" }
      return says(lifetime !== undefined && position <= lifetime.lowestSince(0, headAsked(claim.asked, lifetime)), "L7", "the log is further than that")
    case "diverged":
      return says(standing !== undefined && (standing.entry === undefined || !standing.entry.lost), "L7", "that entry stands there")
    case "hole":
      return says(!holeFollows(lifetime, position, claim.filtered), "L9", "there is no hole")
    case "unknown_log":
      return says(disk.keepsEntries, "L9", "the session keeps its log")
    case "budget":
      if (claim.recoverEvents === undefined) return { law: "L9", because: "the client set no budget" }
      return says(lifetime !== undefined && lifetime.headMost - position <= claim.recoverEvents, "L13", "it is not that far behind")
  }
}

function says(wrong: boolean, law: string, because: string): Untrue | undefined {
  return wrong ? { law, because } : undefined
}

function wasTrimmed(record: Record, session: SessionName): boolean {
  return [...record.lifetimes.values()].some((each) => each.session === session && each.floorMost > 0)
}

function headAsked(asked: Asked, lifetime: Lifetime): number {
  return asked.lifetime === lifetime ? asked.head : 0
}

/** Right after `position`, past what a filter hides. */
function holeFollows(lifetime: Lifetime | undefined, position: number, filtered: boolean): boolean {
  if (lifetime === undefined) return false
  const all = [...lifetime.byPlace.values()]
  return all.some((entry) => entry.type === "hole" && entry.position > position && (entry.position === position + 1 || filtered))
}
