// `trim`: lets go of a session's oldest entries now, because somebody says so. The log trims nothing that no snapshot covers,
// so one is saved first where the last one does not reach far enough; what comes after it, while it is saved, stays.

import type { Head, Instant, Kernel, SessionName, Timestamp } from "@tidemark/kernel"
import type { Call } from "./call.ts"
import type { CallDesk, NoAnswer } from "./call-desk.ts"
import type { OpenSession } from "./open-session.ts"
import type { OpenSessions } from "./open-sessions.ts"
import type { TrimOutcome } from "./outcomes.ts"
import { failure, movedAway, type RequestDesk } from "./request-desk.ts"
import { sessionInfo } from "./session-info.ts"
import type { Retention } from "./session-log.ts"

export class Trimming {
  readonly #kernel: Kernel
  readonly #desk: RequestDesk
  readonly #sessions: OpenSessions
  readonly #calls: CallDesk

  constructor(kernel: Kernel, desk: RequestDesk, sessions: OpenSessions, calls: CallDesk) {
    this.#kernel = kernel
    this.#desk = desk
    this.#sessions = sessions
    this.#calls = calls
  }

  trim(now: Instant, at: Timestamp, session: SessionName, keep: Retention): Call<TrimOutcome> {
    return this.#calls.atDoor<TrimOutcome>(now, session, (then, { session: held, proof }, call) => {
      const through = mostToGo(proof, keep)
      if (through <= proof.floor.position) return this.#send(at, held, proof, keep, call)
      this.#sessions.reach(then, held, proof.epoch, through, (_later, reached) => {
        if (reached.type === "reached") this.#send(at, held, proof, keep, call)
        else this.#calls.settle(call, reached)
      })
    }, true)
  }

  #send(at: Timestamp, held: OpenSession, { epoch }: Head, keep: Retention, call: Call<TrimOutcome | NoAnswer>): void {
    const { name, settings } = held
    this.#desk.ask({ type: "trim", session: name, epoch, keep, at }, (now, answer) => {
      if (answer.type === "trimmed" || answer.type === "unreadable") this.#sessions.learned(now, held, answer.head)
      if (answer.type === "absent") return this.#calls.settle(call, { type: "unknown_session" })
      if (answer.type === "unreadable") return this.#calls.settle(call, movedAway)
      if (answer.type !== "trimmed" || settings === undefined) return this.#calls.settle(call, failure(answer))
      this.#calls.settle(call, { type: "trimmed", info: sessionInfo(this.#kernel, name, answer.head, settings) })
    })
  }
}

/** The last position that may have to go: how many entries bytes or ages are, only the log can tell. */
function mostToGo({ head }: Head, keep: Retention): number {
  return keep.bytes === undefined && keep.ageMs === undefined ? head.position - (keep.events ?? head.position) : head.position
}
