// A session that a log feeds, with the log beside it: for tests that record what a kernel is told of it. The log does what
// a real one may: it trims, loses its end, is made anew, and holds secrets in its data.

import { cursorText } from "./cursor.ts"
import { pointOf, seal, type Entry } from "./entry.ts"
import { contentHash } from "./hash.ts"
import type { Head } from "./head.ts"
import { epoch, origin, timestamp, type CursorText, type Epoch, type Point, type SessionName } from "./ids.ts"
import { jsonText, type Json } from "./json.ts"
import type { SessionOrigin } from "./origin.ts"
import type { HistoryPage, Place } from "./outcomes.ts"
import type { SecretOptions } from "./secrets.ts"

/** A secret of every event, by its number. */
export const secretOf = (n: number): string => `hunter-${n}-ü\n"`

/** With a key, as a host would draw one. */
export const keyed: SecretOptions = { hash: (text) => contentHash(`a key of no importance ${text}`) }

export class FedLog {
  readonly session: SessionName
  epoch: Epoch
  entries: Entry[] = []
  floor: Point = origin
  #made = 0
  #epochs = 1

  constructor(session: SessionName) {
    this.session = session
    this.epoch = epoch("gen", "e1")
  }

  get head(): Head {
    return { epoch: this.epoch, head: this.at(this.entries.length), floor: this.floor, closed: null }
  }

  /** The point at a position; the head's beyond it. */
  at(position: number): Point {
    return pointOf(this.entries[Math.min(position, this.entries.length) - 1] ?? origin)
  }

  cursor(position: number): CursorText {
    return cursorText(this.session, this.epoch, this.at(position))
  }

  append(commit = false, more: Json = null): void {
    this.#made += 1
    const data = { n: this.#made, password: secretOf(this.#made), nested: { apiKeys: [secretOf(this.#made), this.#made * 1_000_003.5] }, more }
    const kind = this.#made % 3 === 0 ? "b" : "a.x"
    const draft = { type: "event", kind, data: jsonText(data), commit } as const
    this.entries.push(seal(this.at(this.entries.length), timestamp(this.#made), draft))
  }

  hole(): void {
    this.entries.push(seal(this.at(this.entries.length), timestamp(this.#made), { type: "hole", count: 2, reason: "the log was full" }))
  }

  trim(keep: number): void {
    const position = Math.max(this.floor.position, this.entries.length - keep)
    this.floor = this.at(position)
  }

  /** The last `count` entries never were. */
  lose(count: number): void {
    this.entries = this.entries.slice(0, Math.max(this.floor.position, this.entries.length - count))
  }

  anew(): void {
    this.#epochs += 1
    this.epoch = epoch("gen", `e${this.#epochs}`)
    this.entries = []
    this.floor = origin
  }

  after(position: number, count: number): readonly Entry[] {
    return this.entries.slice(position, position + count)
  }

  /** What the log says when it is asked for what follows a place. */
  page(place: Place, count: number): HistoryPage {
    const { head } = this
    const unreadable = (reason: "trimmed" | "ahead" | "diverged"): HistoryPage => ({ type: "unreadable", after: place.position, reason, head })
    if (place.position < this.floor.position) return unreadable("trimmed")
    if (place.position > head.head.position) return unreadable("ahead")
    const after = this.at(place.position)
    if (place.point !== undefined && place.point.mark !== after.mark) return unreadable("diverged")
    return { type: "page", after, entries: this.after(place.position, count), head }
  }

  /** The whole of it, from the beginning; only where nothing was trimmed. */
  origin(): SessionOrigin {
    const base = { point: origin, shown: undefined, closed: null }
    const head = this.entries.at(-1) ?? origin
    return { epoch: this.epoch, model: "log", modelVersion: 1, floor: this.floor, base, entries: this.after(0, Infinity), head }
  }
}
