// One of the log's threads, as the process sees it: requests in, answers out, and one end.

import { Worker } from "node:worker_threads"
import { Slots, type LogAnswer } from "@tidemark/driver"
import type { Timestamp } from "@tidemark/kernel"
import { receivedAnswer, sentRequest } from "./crossing.ts"
import type { ReadRequest } from "./log-reader.ts"
import type { WriteRequest } from "./log-writer.ts"
import { DataRefused, messageOf } from "./faults.ts"
import { told } from "./stored-answer.ts"
import type { FromThread, ThreadRole, ThreadStart, ToThread } from "./thread-messages.ts"

/** How a thread ended that was not told to. */
export interface ThreadEnd {
  readonly detail: string
  /** Of what it had not answered. */
  readonly effect: "none" | "unknown"
  readonly damaged: boolean
}

export interface ThreadEvents {
  /** Called at most once, before what was not answered is answered as failed. */
  ended(thread: LogThread, end: ThreadEnd): void
  /** Something could not be read because the file is damaged. */
  damaged(detail: string): void
  /** A bug of ours surfaced in the thread. */
  fatal(error: unknown): void
}

export type ThreadStarted =
  | { readonly type: "ready"; readonly thread: LogThread; readonly notices: readonly string[] }
  | { readonly type: "refused"; readonly refused: DataRefused }

/** Run from `dist` whether this file is source or compiled: a thread does not read TypeScript. */
const entry = new URL("../dist/thread-entry.js", import.meta.url)

export class LogThread {
  readonly #worker: Worker
  readonly #role: ThreadRole
  readonly #events: ThreadEvents
  readonly #waiting = new Slots<(answer: LogAnswer) => void>()
  readonly #exited: Promise<void>
  #ended: ThreadEnd | undefined

  private constructor(worker: Worker, role: ThreadRole, events: ThreadEvents) {
    this.#worker = worker
    this.#role = role
    this.#events = events
    this.#exited = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#end({ detail: "the thread ended", effect: "unknown", damaged: false })
        resolve()
      })
    })
  }

  /** How it ended, if it has: whoever has it has been told, or was not there yet to be told. */
  get end(): ThreadEnd | undefined {
    return this.#ended
  }

  static start(start: ThreadStart, events: ThreadEvents): Promise<ThreadStarted> {
    const worker = new Worker(entry, { workerData: start, execArgv: [], name: `tidemark log ${start.role}` })
    const thread = new LogThread(worker, start.role, events)
    return new Promise((resolve) => {
      let isReady = false
      let because = `the log's ${start.role} ended before it was ready; try again`
      const refuse = (message: string): void => {
        because = message
        thread.#ended = { detail: message, effect: "none", damaged: false }
      }
      void thread.#exited.then(() => {
        if (!isReady) resolve({ type: "refused", refused: new DataRefused(because) })
      })
      worker.once("error", (error) => {
        if (isReady) events.fatal(error)
        else refuse(`the log's ${start.role} could not start: ${messageOf(error)}`)
      })
      worker.on("message", (message: FromThread) => {
        if (message.type === "refused") return refuse(message.message)
        if (message.type !== "ready") return thread.#take(message)
        isReady = true
        resolve({ type: "ready", thread, notices: message.notices })
      })
    })
  }

  submit(request: WriteRequest | ReadRequest, answer: (answer: LogAnswer) => void): void {
    this.#post({ type: "request", id: this.#waiting.put(answer), request: sentRequest(request) })
  }

  sweep(at: Timestamp): void {
    this.#post({ type: "sweep", at })
  }

  /** Resolves when all that was asked is answered and the file is closed. */
  async close(): Promise<void> {
    this.#post({ type: "close" })
    await this.#exited
  }

  /** Resolves when the thread is gone, whatever it was doing. */
  async stop(): Promise<void> {
    this.#end({ detail: "the thread was stopped", effect: "unknown", damaged: false }, false)
    await this.#worker.terminate()
    await this.#exited
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  #take(message: Exclude<FromThread, { type: "ready" | "refused" }>): void {
    switch (message.type) {
      case "answers":
        for (const [id, answer] of message.answers) this.#answer(id, told(receivedAnswer(answer)))
        return
      case "unreadable":
        if (message.damaged) this.#events.damaged(message.detail)
        return this.#answer(message.id, { type: "failed", effect: "none", reason: "unavailable", detail: `the log cannot be read there: ${message.detail}` })
      case "broken":
        return this.#end(message)
    }
  }

  #answer(id: number, answer: LogAnswer): void {
    this.#waiting.take(id)?.(answer)
  }

  #end(end: ThreadEnd, isNews = true): void {
    if (this.#ended !== undefined) return
    this.#ended = end
    if (isNews) this.#events.ended(this, end)
    const effect = this.#role === "reader" ? "none" : end.effect
    const answer: LogAnswer = { type: "failed", effect, reason: "unavailable", detail: `the log broke off: ${end.detail}` }
    for (const waiting of this.#waiting.takeAll()) waiting(answer)
  }
}
