// Requests out, answers in: gives each request of the log a number and keeps what is to be done with its answer. Answers
// come late and out of order; what is done with one holds the object it was asked for, never its name.

import { contract, type Instant } from "@tidemark/kernel"
import type { LogFailed } from "./outcomes.ts"
import type { LogAnswer, LogRequest } from "./session-log.ts"
import { Slots } from "./slots.ts"

/** A request for the log; its answer comes back with the id. */
export interface NumberedRequest {
  readonly id: number
  readonly request: LogRequest
}

export type AnswerHandler = (now: Instant, answer: LogAnswer) => void

export class RequestDesk {
  readonly #out: NumberedRequest[] = []
  readonly #handlers = new Slots<AnswerHandler>()

  /** Asked and not answered yet. */
  get inFlight(): number {
    return this.#handlers.size
  }

  ask(request: LogRequest, then: AnswerHandler): void {
    this.#out.push({ id: this.#handlers.put(then), request })
  }

  poll(): NumberedRequest | undefined {
    return this.#out.shift()
  }

  handle(now: Instant, id: number, answer: LogAnswer): void {
    const then = this.#handlers.take(id)
    contract(then !== undefined, () => `request ${id} was answered already, or never asked`)
    then(now, answer)
  }
}

/** An answer that brought nothing: the log failed, or answered something else than it was asked. */
export function failure(answer: LogAnswer): LogFailed {
  if (answer.type === "failed") return answer
  return { type: "failed", effect: "none", reason: "unavailable", detail: `the log gave an answer nobody asked for: ${answer.type}` }
}

/** Why a call could not be answered, where the log itself did not fail it. Nothing was done. */
export const storeFailed: LogFailed = { type: "failed", effect: "none", reason: "unavailable", detail: "the live replay store could not be read" }

export const notRead: LogFailed = { type: "failed", effect: "none", reason: "unavailable", detail: "what follows the cursor could not be read" }

export const movedAway: LogFailed = { type: "failed", effect: "none", reason: "unavailable", detail: "the log changed while it was read; ask again" }
