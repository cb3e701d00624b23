// The readers of this process: the session each was given for, and the pages of history that those behind the window wait
// for. Where a reader stands and what it is told is the kernel's; nothing here keeps an entry for anybody (L12).

import { contract, type Instant, type Kernel, type ReadBudget, type ReaderId, type ReadOutcome } from "@tidemark/kernel"
import { History } from "./history.ts"
import type { OpenSession } from "./open-session.ts"
import type { OpenSessions } from "./open-sessions.ts"
import type { RequestDesk } from "./request-desk.ts"

/** `read`'s outcome, with history fetched. */
export type DriverReadOutcome = Exclude<ReadOutcome, { readonly type: "behind" }>

export class Readers {
  readonly #kernel: Kernel
  readonly #history: History
  /** The session each reader was given for; a reader outlives neither. */
  readonly #sessionOf = new Map<ReaderId, OpenSession>()
  /** Finite readers, and how to go on with them when their page is there. */
  readonly #finite = new Map<ReaderId, (now: Instant) => void>()

  constructor(kernel: Kernel, desk: RequestDesk, sessions: OpenSessions, retryMs: number) {
    this.#kernel = kernel
    this.#history = new History(desk, retryMs, {
      wake: (now, reader) => this.#wake(now, reader),
      learned: (now, session, head) => sessions.learned(now, session, head),
      reopen: (now, session) => sessions.reopen(now, session),
    })
  }

  get pagesHeld(): number {
    return this.#history.size
  }

  /** The kernel made `reader` for `session`. */
  add(reader: ReaderId, session: OpenSession): void {
    this.#sessionOf.set(reader, session)
  }

  /** As the kernel's `read`, with history fetched: a reader behind the window is idle until its page is there. */
  read(now: Instant, reader: ReaderId, budget: ReadBudget): DriverReadOutcome {
    const page = this.#history.take(now, reader)
    if (page?.type === "waiting") return { type: "idle", upToDate: false }
    if (page?.type === "failed") return page
    const given = page === undefined ? undefined : this.#kernel.handleHistory(now, reader, page)
    const outcome = given ?? this.#kernel.read(now, reader, budget)
    if (outcome.type !== "behind") return outcome
    const session = this.#sessionOf.get(reader)
    contract(session !== undefined, "a reader of the driver's belongs to a session")
    this.#history.want(session, outcome.epoch, outcome.after, budget, reader)
    return { type: "idle", upToDate: false }
  }

  /** Whether a page of history is under way for `reader`: else what it waits for is the kernel's to say. */
  waitsForPage(reader: ReaderId): boolean {
    return this.#history.has(reader)
  }

  /** Calls `goOn` instead of making `reader` ready, once, when what it waits for is there. */
  whenReady(reader: ReaderId, goOn: (now: Instant) => void): void {
    this.#finite.set(reader, goOn)
  }

  unsubscribe(reader: ReaderId): void {
    this.#sessionOf.delete(reader)
    this.#finite.delete(reader)
    this.#history.leave(reader)
    this.#kernel.unsubscribe(reader)
  }

  handleTimeout(now: Instant): void {
    this.#history.handleTimeout(now)
  }

  pollTimeout(): Instant | undefined {
    return this.#history.pollTimeout()
  }

  #wake(now: Instant, reader: ReaderId): void {
    const goOn = this.#finite.get(reader)
    this.#finite.delete(reader)
    if (goOn === undefined) this.#kernel.wake(reader)
    else goOn(now)
  }
}
