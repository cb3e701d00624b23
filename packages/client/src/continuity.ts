// What may come next on a stream, so that nothing is ever skipped or given twice without a word (L8, L9, L11). A server
// that keeps the laws never fails these checks; one that does not is cut off before its frame reaches the consumer.
//
// There are two places: where the stream is (`#here`), and where it was when the cursor last moved (`#anchor`), which is
// where the next connection begins. A verdict of `wrong` has changed nothing.

import type { LiveReplayGap, LiveReplayGapReason, ObservationJson } from "@tidemark/kernel"

/** Whether the frame's cursor counts from now on, or what is wrong with the frame. */
export type Verdict = "moves" | "stands" | { readonly wrong: string }

/** Where a connection begins: at a cursor, or without one, as `from` says. */
export type Start = "cursor" | "observation" | "start" | "elsewhere"

interface Place {
  readonly epoch: string | undefined
  /** The last position given or passed. */
  readonly position: number
  /** The next event is at `position + 1` exactly; else it is only known to be later. */
  readonly dense: boolean
}

/** What must come before anything else that moves the cursor. */
type Due = "nothing" | "observation" | "gap" | "close"

export class Continuity {
  readonly #filtered: boolean
  #anchor: Place = { epoch: undefined, position: 0, dense: false }
  #here: Place = this.#anchor
  #due: Due = "nothing"
  /** The gap that nothing has come of yet. */
  #gap: LiveReplayGap | undefined

  /** `filtered`: a filter hides events, so that positions need not follow one another. */
  constructor(filtered: boolean) {
    this.#filtered = filtered
  }

  /** A gap was said on this connection and the cursor has not moved since. */
  get gapOpen(): boolean {
    return this.#gap !== undefined
  }

  handleConnection(start: Start): void {
    if (start !== "cursor") this.#anchor = { epoch: undefined, position: 0, dense: start === "start" && !this.#filtered }
    this.#here = this.#anchor
    this.#due = start === "observation" ? "observation" : "nothing"
    this.#gap = undefined
  }

  handleHello(epoch: string): void {
    if (this.#here.epoch === undefined) this.#here = { ...this.#here, epoch }
    else if (this.#here.epoch !== epoch) this.#due = "gap"
  }

  handleEvent(position: number): Verdict {
    const { dense, position: last } = this.#here
    if (this.#due !== "nothing") return this.#notDue(`event ${position}`)
    if (position <= last) return { wrong: `event ${position} came after ${last}: it was given before` }
    if (dense && position > last + 1) return { wrong: `event ${position} came after ${last}: what lies between was skipped without a gap` }
    return this.#move(position)
  }

  handleObservation(observation: ObservationJson): Verdict {
    const { epoch, position } = observation
    if (this.#due !== "observation") return { wrong: "an observation came that nothing announced" }
    if (position < this.#here.position) return { wrong: `an observation of position ${position} came after ${this.#here.position}` }
    this.#here = { ...this.#here, epoch }
    return this.#move(position)
  }

  /** Without an observation reading goes on with what is readable, and what follows may be another gap, at another cursor. */
  handleGap(gap: LiveReplayGap, observationFollows: boolean): Verdict {
    if (this.#gap !== undefined && (this.#due === "observation" || this.#gap.requested === gap.requested)) {
      return { wrong: "a second gap came at one cursor" }
    }
    const here = this.#due !== "gap" && comparable.has(gap.reason)
    this.#here = here ? { ...this.#here, dense: false } : { epoch: undefined, position: 0, dense: false }
    this.#due = observationFollows ? "observation" : "nothing"
    this.#gap = gap
    return "stands"
  }

  handleCaughtUp(position: number): Verdict {
    const { dense, position: last } = this.#here
    if (this.#due !== "nothing") return this.#notDue("caught_up")
    if (position < last || (dense && position > last + 1)) return { wrong: `caught_up says position ${position} after ${last}` }
    if (!dense || position === last) return this.#move(position)
    // One past the last event: the close entry, which is no event. The cursor stands until the close itself has come.
    this.#due = "close"
    return "stands"
  }

  /**
   * `moved`: its cursor is another one than before. Where positions are dense it has nothing new to say, and a cursor
   * further on would have skipped an event: it does not count.
   */
  handleHeartbeat(moved: boolean): Verdict {
    if (!moved || this.#here.dense || this.#due !== "nothing") return "stands"
    return this.#move(this.#here.position, false)
  }

  /** `placed`: it carries a cursor, that of the close entry; else the session is gone. */
  handleClosed(placed: boolean): Verdict {
    if (!placed) return "stands"
    if (this.#due === "observation" || this.#due === "gap") return this.#notDue("closed")
    return "moves"
  }

  #move(position: number, dense = !this.#filtered): Verdict {
    this.#here = { epoch: this.#here.epoch, position, dense }
    this.#anchor = this.#here
    this.#due = "nothing"
    this.#gap = undefined
    return "moves"
  }

  #notDue(what: string): Verdict {
    const due = this.#due === "gap" ? "a gap was due: the log is another one than before" : `the ${this.#due} was due`
    return { wrong: `${what} came where ${due}` }
  }
}

/** After these, positions go on from the ones before. */
const comparable: ReadonlySet<LiveReplayGapReason> = new Set(["trimmed", "lagged", "hole", "budget"] as const)
