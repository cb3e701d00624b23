// What the kernel is told and what it tells, as a capsule may show it: data with its secrets hashed, marks replaced by others
// that are equal where they were. Both directions go through the same mask, so that a kernel that is given what stands in
// the capsule answers what stands in it. What is masked is never a mark's proof again; nobody computes marks anew.

import { cursorText, parseCursor, type CursorRejection } from "./cursor.ts"
import { CloseEntry, EventEntry, HoleEntry, pointOf, type Entry } from "./entry.ts"
import type { Head } from "./head.ts"
import { epoch, origin, sessionName, type Point, type SessionName } from "./ids.ts"
import { isList, isObject, type Json } from "./json.ts"
import type { Shown } from "./model.ts"
import { logModel } from "./models/log.ts"
import type { SessionOrigin } from "./origin.ts"
import type { ExplainOptions, HistoryPage, Place, ReaderOptions } from "./outcomes.ts"
import type { Secrets } from "./secrets.ts"

export interface Mask {
  /** Of the size of `entry`, whatever its text has. */
  entry(entry: Entry): Entry
  /** A bare point, also where it is given an entry. */
  point(point: Point): Point
  cursor(text: string): string
  shown(model: string, shown: Shown): Shown
}

/** For what stands in a capsule already. */
export const noMask: Mask = {
  entry: (entry) => entry,
  point: pointOf,
  cursor: (text) => text,
  shown: (_model, shown) => shown,
}

export class SecretMask implements Mask {
  readonly #session: SessionName
  readonly #secrets: Secrets
  /** An entry is told to the kernel once and given to many. */
  readonly #entries = new WeakMap<Entry, Entry>()

  constructor(session: SessionName, secrets: Secrets) {
    this.#session = session
    this.#secrets = secrets
  }

  entry(entry: Entry): Entry {
    const known = this.#entries.get(entry)
    if (known !== undefined) return known
    const masked = this.#masked(entry)
    this.#entries.set(entry, masked)
    return masked
  }

  point({ position, revision, mark }: Point): Point {
    return { position, revision, mark: this.#secrets.mark(mark) }
  }

  cursor(text: string): string {
    const parsed = parseCursor(this.#session, text)
    if (parsed.type === "rejected") return rejectedLike(this.#session, parsed.reason)
    return cursorText(this.#session, parsed.cursor.epoch, this.point(parsed.cursor.point))
  }

  shown(model: string, { view, provisional }: Shown): Shown {
    const isLog = model === logModel.name
    return { view: this.#secrets.hashed(view), provisional: isLog ? this.#logProvisional(provisional) : this.#secrets.hashed(provisional) }
  }

  /** As the `log` model shows it: events whose data, and nothing else, may hold secrets. */
  #logProvisional(provisional: Json): Json {
    if (!isObject(provisional)) return provisional
    const events = provisional["events"]
    if (!isList(events)) return provisional
    return { ...provisional, events: events.map((event) => (isObject(event) ? { ...event, data: this.#secrets.hashed(event["data"] ?? null) } : event)) }
  }

  #masked(entry: Entry): Entry {
    const at = this.point(entry)
    switch (entry.type) {
      case "event":
        return new EventEntry(at, this.#text(entry), entry.bytes, entry.kind, entry.committed)
      case "hole":
        return new HoleEntry(at, entry.text, entry.bytes, entry.count, entry.reason)
      case "close":
        return new CloseEntry(at, entry.text, entry.bytes, entry.reason)
    }
  }

  #text(entry: EventEntry): string {
    const event = entry.event()
    const data = this.#secrets.hashed(event.data)
    return data === event.data ? entry.text : JSON.stringify({ ...event, data })
  }
}

export function maskedHead(mask: Mask, { epoch, head, floor, closed, ...more }: Head): Head {
  nothingMore(more)
  return { epoch, head: mask.point(head), floor: mask.point(floor), closed }
}

export function maskedPlace(mask: Mask, { position, point }: Place): Place {
  return { position, point: point === undefined ? undefined : mask.point(point) }
}

export function maskedPage(mask: Mask, page: HistoryPage): HistoryPage {
  const head = maskedHead(mask, page.head)
  if (page.type === "unreadable") return { type: "unreadable", after: page.after, reason: page.reason, head }
  return { type: "page", after: mask.point(page.after), entries: page.entries.map((entry) => mask.entry(entry)), head }
}

export function maskedOrigin(mask: Mask, from: SessionOrigin): SessionOrigin {
  const { epoch, model, modelVersion, floor, base, entries, head, ...more } = from
  nothingMore(more)
  const { point, shown, closed } = base
  return {
    epoch,
    model,
    modelVersion,
    floor: mask.point(floor),
    base: { point: mask.point(point), shown: shown === undefined ? undefined : mask.shown(model, shown), closed },
    entries: entries.map((entry) => mask.entry(entry)),
    ...(head === undefined ? {} : { head: mask.point(head) }),
  }
}

/** A field that is new to the kernel must be masked, written and read: the compiler finds it here. */
function nothingMore(_more: Record<string, never>): void {}

export function maskedAsked(mask: Mask, asked: ExplainOptions): ExplainOptions {
  const { proof, history, retentionEvents, ...more } = asked
  nothingMore(more)
  return {
    ...(proof === undefined ? {} : { proof: maskedHead(mask, proof) }),
    ...(history === undefined ? {} : { history: maskedPage(mask, history) }),
    ...(retentionEvents === undefined ? {} : { retentionEvents }),
  }
}

/** The filter's words are the reader's own, and no secret. */
export function maskedOptions(options: ReaderOptions): ReaderOptions {
  const { filter, recovery, finite, ...more } = options
  nothingMore(more)
  return { filter, recovery, ...(finite === undefined ? {} : { finite }) }
}

const elsewhere = sessionName("elsewhere", "one")

/** A text that is rejected for the same reason: a damaged cursor may still hold a mark. */
function rejectedLike(session: SessionName, reason: CursorRejection): string {
  switch (reason) {
    case "malformed":
      return "malformed"
    case "unsupported-version":
      return "9999.unsupported"
    case "wrong-session":
      return cursorText(session === elsewhere ? sessionName("elsewhere", "two") : elsewhere, epoch("of", "another"), origin)
  }
}
