// What the kernel answered, in two forms: a few words for people, and a text that holds all of it, of which a capsule keeps
// the hash. Both are made of what a mask lets through. Batches and observations go to many readers: their texts are long, and
// are hashed once.

import { contentHash } from "./hash.ts"
import type { ReaderId } from "./ids.ts"
import type { SessionState } from "./kernel-config.ts"
import { ContractViolation } from "./contract.ts"
import { logModel } from "./models/log.ts"
import type { SessionObservation } from "./observation.ts"
import type { OpenOutcome } from "./origin.ts"
import type { Batch, ExplainOutcome, HandleOutcome, ReadOutcome, SubscribeOutcome } from "./outcomes.ts"
import { maskedPlace, type Mask } from "./secret-mask.ts"

export interface Told {
  /** For people. */
  readonly summary: string
  /** Every byte of it. */
  readonly text: string
}

export class Telling {
  readonly #mask: Mask
  readonly #batches = new WeakMap<Batch, string>()
  readonly #observations = new WeakMap<SessionObservation, string>()
  #model = ""

  constructor(mask: Mask) {
    this.#mask = mask
  }

  /** Whose views are seen from now on. */
  modelIs(name: string): void {
    this.#model = name
  }

  nothing(): Told {
    return told("done", null)
  }

  word(word: string): Told {
    return told(word, word)
  }

  opened(outcome: OpenOutcome): Told {
    return told(outcome.type, outcome)
  }

  handled(outcome: HandleOutcome): Told {
    if (outcome.type !== "missing") return told(outcome.type, outcome)
    return told(`missing after ${outcome.after.position}`, { ...outcome, after: this.#mask.point(outcome.after) })
  }

  /** `reader`: its number, where one was made. */
  subscribed(outcome: SubscribeOutcome, reader: number): Told {
    switch (outcome.type) {
      case "subscribed":
        return told(`reader ${reader}`, { type: outcome.type, reader })
      case "rejected":
        return told(`rejected: ${outcome.reason}`, outcome)
      case "store_failed":
        return told(outcome.type, { type: outcome.type })
      case "unknown_session":
      case "refused":
        return told(outcome.type, outcome)
    }
  }

  read(outcome: ReadOutcome): Told {
    switch (outcome.type) {
      case "events": {
        const { type, batch, upToDate } = outcome
        const count = batch.events.length
        const summary = `${count} ${count === 1 ? "event" : "events"}, through ${batch.through.position}${upToDate ? ", up to date" : ""}`
        return told(summary, { type, batch: this.#batch(batch), upToDate })
      }
      case "gap": {
        const { type, gap, observation } = outcome
        const { requested, latest } = gap
        const masked = { ...gap, requested: requested === null ? null : this.#mask.cursor(requested), latest: this.#mask.cursor(latest) }
        const missed = gap.missed === null ? "" : `, ${gap.missed} missed`
        const at = observation === undefined ? "" : `, at ${observation.point.position}`
        return told(`gap ${gap.reason}${missed}${at}`, { type, gap: masked, observation: observation && this.#observation(observation) })
      }
      case "observation":
        return told(`observation at ${outcome.observation.point.position}`, { type: outcome.type, observation: this.#observation(outcome.observation) })
      case "behind":
        return told(`behind, at ${outcome.after.position}`, { ...outcome, after: maskedPlace(this.#mask, outcome.after) })
      case "idle":
        return told(outcome.upToDate ? "idle, up to date" : "idle", outcome)
      case "failed":
        return told(outcome.type, outcome)
      case "ended": {
        const { cursor, ...ended } = outcome
        return told(`ended: ${outcome.reason}`, { ...ended, cursor: cursor && this.#mask.cursor(cursor) })
      }
    }
  }

  /** `undefined`: the page was not about where the reader stood. */
  given(outcome: ReadOutcome | undefined): Told {
    return outcome === undefined ? told("not for it", null) : this.read(outcome)
  }

  observed(observation: SessionObservation | undefined): Told {
    if (observation === undefined) return told("unknown_session", null)
    return told(`observation at ${observation.point.position}`, this.#observation(observation))
  }

  described(state: SessionState | undefined): Told {
    if (state === undefined) return told("unknown_session", null)
    return told(`at ${state.point.position}, ${state.readers} readers`, { ...state, point: this.#mask.point(state.point) })
  }

  explained(outcome: ExplainOutcome): Told {
    switch (outcome.type) {
      case "explained":
        return told(outcome.explanation.reason ?? outcome.explanation.outcome, outcome)
      case "behind":
        return told(`behind, at ${outcome.after.position}`, { ...outcome, after: maskedPlace(this.#mask, outcome.after) })
      case "rejected":
        return told(`rejected: ${outcome.reason}`, outcome)
      case "unknown_session":
      case "store_failed":
        return told(outcome.type, { type: outcome.type })
    }
  }

  cursor(cursor: string | undefined): Told {
    const masked = cursor === undefined ? null : this.#mask.cursor(cursor)
    return told(masked ?? "none", masked)
  }

  /** `reader`: its number, `undefined` for none that the capsule knows. */
  ready(id: ReaderId | undefined, reader: number | undefined): Told {
    return this.word(id === undefined ? "nobody" : `reader ${reader ?? "of nobody"}`)
  }

  /** What others throw may say anything; what the contract says holds names and places only. */
  threw(error: unknown): Told {
    if (error instanceof ContractViolation) return told(`threw: ${error.message}`, `threw ${error.message}`)
    return this.word(`threw ${error instanceof Error ? error.name : "something"}`)
  }

  #batch(batch: Batch): string {
    const known = this.#batches.get(batch)
    if (known !== undefined) return known
    const points = [this.#mask.point(batch.after), this.#mask.point(batch.through)]
    const entries = batch.events.map((event) => {
      const { position, revision, mark, bytes, kind, committed, text } = masked(this.#mask, event)
      return `${position} ${revision} ${mark} ${bytes} ${JSON.stringify(kind)} ${committed}\n${text}\n`
    })
    const hash = contentHash(`${JSON.stringify([batch.session, batch.epoch, points])}\n${entries.join("")}`)
    this.#batches.set(batch, hash)
    return hash
  }

  /**
   * Of a view, only what the `log` model shows is compared: it shows data as it came, so that hashing secrets before it folds
   * and after it shows is the same. Another model may do with them as it likes.
   */
  #observation(observation: SessionObservation): string {
    const known = this.#observations.get(observation)
    if (known !== undefined) return known
    const { session, epoch, point, cursor, closed, viewFailed } = observation
    const { view, provisional } = observation.json()
    const shown = this.#model === logModel.name ? this.#mask.shown(this.#model, { view, provisional }) : null
    const whole = { session, epoch, point: this.#mask.point(point), cursor: this.#mask.cursor(cursor), closed, viewFailed, shown }
    const hash = contentHash(JSON.stringify(whole))
    this.#observations.set(observation, hash)
    return hash
  }
}

function told(summary: string, whole: unknown): Told {
  return { summary, text: JSON.stringify(whole) }
}

function masked(mask: Mask, event: Batch["events"][number]): Batch["events"][number] {
  const entry = mask.entry(event)
  return entry.type === "event" ? entry : event
}
