// History pages: what readers behind the window are given. One range is read per place, however many readers wait for
// it, and goes straight to them: a page lives from the answer until the last of its readers has read it.

import { Deadlines, later, type Epoch, type Head, type HistoryPage, type Instant, type Place, type ReadBudget, type ReaderId } from "@tidemark/kernel"
import type { OpenSession } from "./open-session.ts"
import type { RequestDesk } from "./request-desk.ts"
import type { LogAnswer } from "./session-log.ts"

/** What follows from a page, for its readers and for their session. */
export interface HistoryConsequences {
  /** The reader has something to read, or to be told that the log failed. */
  wake(now: Instant, reader: ReaderId): void
  /** The answer said where the log is. */
  learned(now: Instant, session: OpenSession, head: Head): void
  /** The log is of another epoch, or the session is gone: not a reader's business. */
  reopen(now: Instant, session: OpenSession): void
}

interface Page {
  readonly key: string
  /** The session's `turns` when the page was asked for. */
  readonly turns: number
  readonly readers: Set<ReaderId>
  /** `undefined` until the log has answered. */
  answer: HistoryPage | { readonly type: "failed"; readonly retryAt: Instant } | undefined
}

export class History {
  readonly #desk: RequestDesk
  readonly #retryMs: number
  readonly #consequences: HistoryConsequences
  readonly #pages = new Map<OpenSession, Map<string, Page>>()
  readonly #pageOf = new Map<ReaderId, { readonly session: OpenSession; readonly page: Page }>()
  readonly #retries = new Deadlines<Page>()

  constructor(desk: RequestDesk, retryMs: number, consequences: HistoryConsequences) {
    this.#desk = desk
    this.#retryMs = retryMs
    this.#consequences = consequences
  }

  get size(): number {
    let size = 0
    for (const pages of this.#pages.values()) size += pages.size
    return size
  }

  /** Puts `reader` down for the entries after `place`, as many as it can take; it is woken when they are there. */
  want(session: OpenSession, epoch: Epoch, place: Place, budget: ReadBudget, reader: ReaderId): void {
    const pages = this.#pages.get(session) ?? new Map<string, Page>()
    this.#pages.set(session, pages)
    const key = `${epoch} ${place.position} ${place.point?.mark ?? "?"} ${budget.events} ${budget.bytes}`
    let page = pages.get(key)
    if (page === undefined || page.answer !== undefined || page.turns !== session.turns) {
      page = { key, turns: session.turns, readers: new Set(), answer: undefined }
      pages.set(key, page)
      this.#ask(session, epoch, place, budget, page)
    }
    page.readers.add(reader)
    this.#pageOf.set(reader, { session, page })
  }

  /** What came for `reader`, once: `waiting` while it is under way, `undefined` when it waits for nothing. */
  take(now: Instant, reader: ReaderId): HistoryPage | { readonly type: "failed"; readonly retryAt: Instant } | { readonly type: "waiting" } | undefined {
    // Asked before every read, and readers at the head wait for no page.
    const held = this.#pageOf.size === 0 ? undefined : this.#pageOf.get(reader)
    if (held === undefined) return undefined
    const { page, session } = held
    if (page.answer === undefined) return { type: "waiting" }
    if (page.turns !== session.turns) {
      this.leave(reader)
      return undefined
    }
    if (page.answer.type === "failed" && now < page.answer.retryAt) return page.answer
    this.leave(reader)
    return page.answer.type === "failed" ? undefined : page.answer
  }

  has(reader: ReaderId): boolean {
    return this.#pageOf.has(reader)
  }

  /** The reader is gone, or has read. */
  leave(reader: ReaderId): void {
    const held = this.#pageOf.get(reader)
    if (held === undefined) return
    this.#pageOf.delete(reader)
    held.page.readers.delete(reader)
    if (held.page.readers.size === 0) this.#drop(held.session, held.page)
  }

  handleTimeout(now: Instant): void {
    for (let page = this.#retries.take(now); page !== undefined; page = this.#retries.take(now)) {
      for (const reader of [...page.readers]) this.#consequences.wake(now, reader)
    }
  }

  pollTimeout(): Instant | undefined {
    return this.#retries.next()
  }

  #ask(session: OpenSession, epoch: Epoch, place: Place, budget: ReadBudget, page: Page): void {
    this.#desk.ask({ type: "range", session: session.name, epoch, after: place, budget }, (now, answer) => {
      const readers = [...page.readers]
      page.answer = this.#read(now, session, place, answer)
      if (page.answer === undefined) {
        for (const reader of readers) this.leave(reader)
        this.#consequences.reopen(now, session)
      } else if (page.answer.type !== "failed") this.#consequences.learned(now, session, page.answer.head)
      if (page.answer?.type === "failed" && readers.length > 0) this.#retries.set(page, page.answer.retryAt)
      for (const reader of readers) this.#consequences.wake(now, reader)
    })
  }

  #read(now: Instant, session: OpenSession, place: Place, answer: LogAnswer): Page["answer"] {
    if (session.gone) return undefined
    switch (answer.type) {
      case "page":
        return { type: "page", after: answer.after, entries: answer.entries, head: answer.head }
      case "unreadable":
        return answer.reason === "epoch" ? undefined : { type: "unreadable", after: place.position, reason: answer.reason, head: answer.head }
      case "absent":
        return undefined
      default:
        return { type: "failed", retryAt: later(now, this.#retryMs) }
    }
  }

  #drop(session: OpenSession, page: Page): void {
    this.#retries.set(page, undefined)
    const pages = this.#pages.get(session)
    if (pages?.get(page.key) === page) pages.delete(page.key)
    if (pages?.size === 0) this.#pages.delete(session)
  }
}
