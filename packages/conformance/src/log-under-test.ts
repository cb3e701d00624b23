// What a log hands in to be examined, and how the laws talk to it: every request is a promise of its one answer, so that
// a law reads the same for a log that answers at once and for one on another machine. Time is only in `at`.

import { contentHash, jsonText, pointOf, sessionName, timestamp } from "@tidemark/kernel"
import type { Draft, Entry, Epoch, Head, Json, Place, Point, SessionName, Timestamp } from "@tidemark/kernel"
import { parseIdempotencyKey, type AppendOutcome, type AppendPart, type Expectation, type LogAnswer } from "@tidemark/driver"
import type { LogRequest, RangeBudget, Retention, SessionLog, SessionSettings, Snapshot } from "@tidemark/driver"
import { onTestFinished } from "vitest"

export interface LogUnderTest {
  readonly log: SessionLog
  /** What it was made with; the laws go up to each and one beyond, so small ones make a quick suite. */
  readonly limits: LogLimits
  /** A log on the same storage as the next process finds it after a kill; left out where nothing outlives the process. */
  readonly reopen?: () => SessionLog | Promise<SessionLog>
  /** Applies the retention now; left out where `append` and `save` have done so when they answer. */
  readonly trim?: () => void | Promise<void>
  /** Called when the law is done. */
  readonly close?: () => void | Promise<void>
}

export interface LogLimits {
  readonly keyAgeMs: number
  /** Keys without a counter that one session remembers. */
  readonly keysPerSession: number
  /** Results of one producer that one session remembers. */
  readonly keysPerProducer: number
  readonly sessionsPerWorkspace: number
}

/** A fresh, empty log. */
export type MakeLog = () => LogUnderTest | Promise<LogUnderTest>

/** The log's answer to `request`. */
export function ask(log: SessionLog, request: LogRequest): Promise<LogAnswer> {
  return new Promise((resolve) => log.submit(request, resolve))
}

/** `value`, when it is the variant `type`; anything else fails the law. */
export function only<Union extends Variant, Type extends Union["type"]>(
  value: Union | undefined,
  type: Type,
): Extract<Union, { type: Type }> {
  if (value === undefined || !is(value, type)) throw new Error(`expected ${type}, got ${JSON.stringify(value)}`)
  return value
}

function is<Union extends Variant, Type extends Union["type"]>(value: Union, type: Type): value is Extract<Union, { type: Type }> {
  return value.type === type
}

interface Variant {
  readonly type: string
}

export type AppendedOutcome = Extract<AppendOutcome, { type: "appended" }>

/** How a law appends, where it is not the usual way. */
export interface PartOptions {
  /** As sent: `@<producer>:<n>` for a producer's. */
  readonly key?: string
  /** What the key's content hash is made of; left out, it is the drafts. */
  readonly content?: string
  readonly expect?: Expectation
  /** `false`: the session must be there. Left out: it is made with `plain`. */
  readonly create?: SessionSettings | false
}

export const plain: SessionSettings = { model: "log", retention: {}, metadata: null }
export const ada = sessionName("lab", "ada")
export const bob = sessionName("lab", "bob")
/** Friday, 13 February 2009, 23:31:30 UTC. */
export const start = timestamp(1_234_567_890_000)
export const all: RangeBudget = { events: 10_000, bytes: 1e9 }

export function afterStart(ms: number): Timestamp {
  return timestamp(start + ms)
}

export function event(data: Json): Draft {
  return { type: "event", kind: "line", data: jsonText(data), commit: false }
}

export function commit(view: Json): Draft {
  return { type: "event", kind: "committed", data: jsonText(view), commit: true }
}

export function close(reason: string): Draft {
  return { type: "close", reason }
}

export function part(session: SessionName, drafts: readonly Draft[], options: PartOptions = {}): AppendPart {
  const key = options.key === undefined ? undefined : parseIdempotencyKey(options.key)
  if (options.key !== undefined && key === undefined) throw new Error(`no idempotency key: ${options.key}`)
  return {
    session,
    drafts,
    key,
    contentHash: key === undefined ? undefined : contentHash(options.content ?? JSON.stringify(drafts)),
    expect: options.expect,
    create: options.create === false ? undefined : (options.create ?? plain),
  }
}

export function snapshotAt(point: Point, view: Json): Snapshot {
  return { point: pointOf(point), modelVersion: 1, shown: { view, provisional: null } }
}

/** A log and somebody who uses it; every method fails the law when the answer is not of the expected kind. */
export class LogUser {
  readonly under: LogUnderTest
  log: SessionLog

  private constructor(under: LogUnderTest) {
    this.under = under
    this.log = under.log
  }

  /** Makes the log, and closes it when the test is over. */
  static async of(make: MakeLog): Promise<LogUser> {
    const under = await make()
    onTestFinished(async () => under.close?.())
    return new LogUser(under)
  }

  /** Goes on with the storage as the next process finds it. */
  async reopen(): Promise<void> {
    if (this.under.reopen === undefined) throw new Error("this log has nothing to reopen")
    this.log = await this.under.reopen()
  }

  /** One request of many parts. */
  async group(parts: readonly AppendPart[], at = start): Promise<readonly AppendOutcome[]> {
    const { outcomes } = only(await ask(this.log, { type: "append", at, parts }), "appended")
    if (outcomes.length !== parts.length) throw new Error(`${parts.length} parts have ${outcomes.length} outcomes`)
    return outcomes
  }

  async append(session: SessionName, drafts: readonly Draft[], options: PartOptions = {}, at = start): Promise<AppendOutcome> {
    const [outcome] = await this.group([part(session, drafts, options)], at)
    if (outcome === undefined) throw new Error("a part has an outcome")
    return outcome
  }

  async appended(session: SessionName, drafts: readonly Draft[], options: PartOptions = {}, at = start): Promise<AppendedOutcome> {
    return only(await this.append(session, drafts, options, at), "appended")
  }

  /** Events `1` to `count`, in one batch. */
  async appendedEvents(session: SessionName, count: number, options: PartOptions = {}): Promise<AppendedOutcome> {
    return this.appended(session, Array.from({ length: count }, (_, i) => event(i + 1)), options)
  }

  async create(session: SessionName, settings = plain, at = start): Promise<LogAnswer> {
    return ask(this.log, { type: "create", session, settings, at })
  }

  async delete(session: SessionName): Promise<LogAnswer> {
    return ask(this.log, { type: "delete", session })
  }

  async head(session: SessionName): Promise<Head> {
    return only(await ask(this.log, { type: "head", session }), "head").head
  }

  async range(session: SessionName, epoch: Epoch, after: Place, budget = all): Promise<LogAnswer> {
    return ask(this.log, { type: "range", session, epoch, after, budget })
  }

  /** The entries after a point of the session's present epoch. */
  async entriesAfter(session: SessionName, after: Point, budget = all): Promise<readonly Entry[]> {
    const { epoch } = await this.head(session)
    return only(await this.range(session, epoch, { position: after.position, point: after }, budget), "page").entries
  }

  async open(session: SessionName, budget = all): Promise<Extract<LogAnswer, { type: "opened" }>> {
    return only(await ask(this.log, { type: "open", session, budget }), "opened")
  }

  async list(workspace: string, after: string | undefined, limit: number): Promise<Extract<LogAnswer, { type: "listed" }>> {
    return only(await ask(this.log, { type: "list", workspace, after, limit }), "listed")
  }

  async trim(session: SessionName, epoch: Epoch, keep: Retention, at = start): Promise<LogAnswer> {
    return ask(this.log, { type: "trim", session, epoch, keep, at })
  }

  /** The head after a trim that was carried out. */
  async trimmed(session: SessionName, epoch: Epoch, keep: Retention, at = start): Promise<Head> {
    return only(await this.trim(session, epoch, keep, at), "trimmed").head
  }

  /** Saves, and waits for what may go because of it. */
  async save(session: SessionName, epoch: Epoch, snapshot: Snapshot): Promise<void> {
    only(await ask(this.log, { type: "save", session, epoch, snapshot }), "saved")
    await this.under.trim?.()
  }
}

/** Where an entry stands, and its text: what two tellings of one entry have in common. */
export function told(entry: Entry): { position: number; revision: number; mark: number; text: string; type: string } {
  return { position: entry.position, revision: entry.revision, mark: entry.mark, text: entry.text, type: entry.type }
}

/** Data of the events among `entries`. */
export function dataOf(entries: readonly Entry[]): Json[] {
  return entries.flatMap((entry) => (entry.type === "event" ? [entry.event().data] : []))
}

export function place(point: Point): Place {
  return { position: point.position, point }
}
