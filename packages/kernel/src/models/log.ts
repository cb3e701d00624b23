// The `log` model, the default: any JSON goes. A commit's data is the new view; activity since then is the provisional
// part, the latest of it up to a bound, with a count of what the bound left out.
//
// Folds share one growing array of events: a fold sees its own stretch of it, so that folding an event is one push and
// older folds (kept by observations) stay what they were. Events are kept by reference and parsed only when shown.

import { foldable, type FoldableEvent, type SessionEvent } from "../entry.ts"
import { isList, isObject, type Json } from "../json.ts"
import type { Fold, SessionModel, Shown } from "../model.ts"

/** The provisional part holds at most this many events, and this many bytes of them. */
const provisionalEventsMax = 1_000
const provisionalBytesMax = 1_048_576

class LogFold implements Fold {
  /** What the last commit settled: its event, or a view that was restored. */
  readonly #settled: { readonly view: Json } | FoldableEvent
  readonly #events: FoldableEvent[]
  readonly #from: number
  readonly #to: number
  readonly #bytes: number
  readonly #omitted: number

  constructor(settled: { readonly view: Json } | FoldableEvent, events: FoldableEvent[], stretch: Stretch) {
    this.#settled = settled
    this.#events = events
    this.#from = stretch.from
    this.#to = stretch.to
    this.#bytes = stretch.bytes
    this.#omitted = stretch.omitted
  }

  apply(event: FoldableEvent): LogFold {
    if (event.committed) return new LogFold(event, [], nothing)
    // Another fold may already have gone on from here: then this one gets an array of its own.
    let events = this.#events.length === this.#to ? this.#events : this.#events.slice(0, this.#to)
    let from = this.#from
    let bytes = this.#bytes + event.bytes
    let omitted = this.#omitted
    events.push(event)
    while (events.length - from > 1 && (events.length - from > provisionalEventsMax || bytes > provisionalBytesMax)) {
      bytes -= events[from]?.bytes ?? 0
      from += 1
      omitted += 1
    }
    if (from > provisionalEventsMax) {
      events = events.slice(from)
      from = 0
    }
    return new LogFold(this.#settled, events, { from, to: events.length, bytes, omitted })
  }

  show(): Shown {
    const events = this.#events.slice(this.#from, this.#to).map(shownEvent)
    const view = "view" in this.#settled ? this.#settled.view : this.#settled.event().data
    return { view, provisional: { events, omitted: this.#omitted } }
  }
}

interface Stretch {
  readonly from: number
  readonly to: number
  readonly bytes: number
  readonly omitted: number
}

const nothing: Stretch = { from: 0, to: 0, bytes: 0, omitted: 0 }

/** An event as JSON, field by field: what travels is spelled out here. */
function shownEvent(held: FoldableEvent): { readonly [key: string]: Json } {
  const { position, revision, kind, at, data } = held.event()
  return { position, revision, kind, at, data }
}

export const logModel: SessionModel = {
  name: "log",
  version: 1,
  viewBytesMax: 1_048_576,
  initial: new LogFold({ view: null }, [], nothing),
  restore({ view, provisional }) {
    const events = provisionalEvents(provisional)
    if (events === undefined) return undefined
    const held = events.list.map(foldable)
    const bytes = held.reduce((sum, event) => sum + event.bytes, 0)
    return new LogFold({ view }, held, { from: 0, to: held.length, bytes, omitted: events.omitted })
  },
}

function provisionalEvents(provisional: Json): { readonly list: readonly SessionEvent[]; readonly omitted: number } | undefined {
  if (!isObject(provisional)) return undefined
  const events = provisional["events"]
  const omitted = provisional["omitted"]
  if (!isList(events) || typeof omitted !== "number") return undefined
  const list: SessionEvent[] = []
  for (const item of events) {
    if (!isObject(item)) return undefined
    const { position, revision, kind, at, data } = item
    if (typeof position !== "number" || typeof revision !== "number" || typeof kind !== "string") return undefined
    if (typeof at !== "string" || data === undefined) return undefined
    list.push({ position, revision, kind, at, data })
  }
  return { list, omitted }
}
