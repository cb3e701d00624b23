// The durable log of one host: a data directory, the lock on it, a thread that writes and one that reads. This file holds
// what outlives a thread: when one breaks off, both are ended, and the file is opened and synced anew before anything more
// is asked of it. Until then requests fail, and say that nothing was done.

import { timestamp } from "@tidemark/kernel"
import { checkPart, type Durability, type LogAnswer, type LogRequest, type SessionLog } from "@tidemark/driver"
import { dataPaths, DirectoryLock, makeDirectory } from "./data-directory.ts"
import { damaged, durabilityOf, type DurabilityLevel } from "./data-file.ts"
import type { SqliteLogLimits } from "./log-writer.ts"
import { LogThread, type ThreadEnd, type ThreadEvents, type ThreadStarted } from "./log-thread.ts"
import { DataRefused } from "./faults.ts"
import type { ThreadRole } from "./thread-messages.ts"

export interface SqliteLogOptions {
  /** Made where it is not there. */
  readonly directory: string
  readonly durability: DurabilityLevel
  readonly limits: SqliteLogLimits
  /** Milliseconds since the Unix epoch: what ages are counted from while nobody appends. */
  readonly wall: () => number
  /** What the operator should know; not a failure of a request. */
  readonly report: (notice: LogNotice) => void
  /** A bug of ours surfaced where nobody can be answered: the process must not go on. */
  readonly fatal: (error: unknown) => void
  /** False for a tool that only passes by: what is too old is left to the host, whose limits say what that is. Default true. */
  readonly sweeps?: boolean
}

export interface LogNotice {
  readonly level: "info" | "warning" | "error"
  readonly message: string
}

interface Threads {
  readonly writer: LogThread
  readonly reader: LogThread
}

/** How often the log looks for what has become too old. */
const sweepMs = 1000
/** How long after a failed attempt the file is opened again. */
const reopenMs = 1000

export class SqliteLog implements SessionLog {
  readonly sole = true
  readonly keepsEntries = true
  /** One is committed while the next is on its way. */
  readonly appendsInFlightMax = 2
  readonly durability: Durability
  readonly #options: SqliteLogOptions
  readonly #lock: DirectoryLock
  /** `undefined` while the file is not open. */
  #threads: Threads | undefined
  /** Why not, for those who ask meanwhile. */
  #because = "it is being opened"
  /** The file is damaged: it is read where that is possible, and not written any more. */
  #damage: string | undefined
  #closed = false
  /** The last append found no room. */
  #full = false
  readonly #listeners: (() => void)[] = []
  #reopening: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #sweeps: NodeJS.Timeout

  private constructor(options: SqliteLogOptions, lock: DirectoryLock) {
    this.#options = options
    this.#lock = lock
    this.durability = durabilityOf(options.durability)
    this.#sweeps = setInterval(() => this.#sweep(), sweepMs)
    this.#sweeps.unref()
  }

  /** Rejects with `DataRefused` when the directory cannot be used as it is; nothing of it was changed then. */
  static async open(options: SqliteLogOptions): Promise<SqliteLog> {
    const paths = dataPaths(options.directory)
    makeDirectory(paths)
    const log = new SqliteLog(options, DirectoryLock.take(paths))
    const refused = await log.#start(false)
    if (refused === undefined) return log
    await log.close()
    throw refused
  }

  whenReopened(listener: () => void): void {
    this.#listeners.push(listener)
  }

  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
    const threads = this.#threads
    if (threads === undefined) return answer(unavailable(`the log is not open: ${this.#because}`))
    switch (request.type) {
      case "head":
      case "open":
      case "range":
      case "list":
        return threads.reader.submit(request, answer)
      case "append":
        for (const part of request.parts) checkPart(part)
    }
    if (this.#damage !== undefined) return answer(unavailable(this.#damage))
    threads.writer.submit(request, (given) => {
      this.#sayIfFull(given)
      answer(given)
    })
  }

  /** Resolves when everything is written, synced and closed, and another process may have the directory. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#sweeps)
    clearTimeout(this.#timer)
    await this.#reopening
    const threads = this.#threads
    this.#threads = undefined
    this.#because = "it was closed"
    // The reader first: the last connection to close moves the write-ahead log into the data file.
    await threads?.reader.close()
    await threads?.writer.close()
    this.#lock.release(dataPaths(this.#options.directory))
  }

  /** Said once, and once more when it is over: publishers are told each time. */
  #sayIfFull(answer: LogAnswer): void {
    const full = answer.type === "failed" && answer.reason === "storage_full" ? answer.detail : undefined
    if (full !== undefined && !this.#full) this.#options.report({ level: "error", message: `nothing is recorded: ${full}` })
    if (answer.type === "appended" && this.#full) this.#options.report({ level: "info", message: "there is room again, and events are recorded" })
    if (full !== undefined || answer.type === "appended") this.#full = full !== undefined
  }

  #sweep(): void {
    const { sweeps = true, wall } = this.#options
    if (sweeps && this.#damage === undefined) this.#threads?.writer.sweep(timestamp(Math.floor(wall())))
  }

  async #start(afterBreak: boolean): Promise<DataRefused | undefined> {
    const writer = await this.#startThread("writer", afterBreak)
    if (writer.type === "refused") return writer.refused
    const reader = await this.#startThread("reader", afterBreak)
    if (reader.type === "refused") {
      await writer.thread.stop()
      return reader.refused
    }
    const end = writer.thread.end ?? reader.thread.end
    if (end !== undefined) {
      await Promise.all([writer.thread.stop(), reader.thread.stop()])
      const paths = dataPaths(this.#options.directory)
      return end.damaged ? damaged(paths, end.detail) : new DataRefused(`${paths.data} broke off while it was opened: ${end.detail}; try again`)
    }
    for (const message of writer.notices) this.#options.report({ level: "warning", message })
    this.#threads = { writer: writer.thread, reader: reader.thread }
    return undefined
  }

  #startThread(role: ThreadRole, afterBreak: boolean): Promise<ThreadStarted> {
    const { directory, durability, limits, fatal } = this.#options
    const events: ThreadEvents = {
      ended: (thread, end) => this.#threadEnded(thread, end),
      damaged: (detail) => this.#damaged(detail),
      fatal,
    }
    return LogThread.start({ role, directory, durability, limits, afterBreak }, events)
  }

  #threadEnded(thread: LogThread, end: ThreadEnd): void {
    const threads = this.#threads
    if (this.#closed || threads === undefined || (thread !== threads.writer && thread !== threads.reader)) return
    if (end.damaged) return this.#damaged(end.detail)
    this.#threads = undefined
    if (this.#damage !== undefined) {
      // Opening it again would write to it: it stays shut.
      this.#because = this.#damage
      this.#reopening = Promise.all([threads.writer.stop(), threads.reader.stop()]).then(() => undefined)
      return
    }
    this.#because = `${end.detail}; it is being opened and synced anew`
    this.#options.report({ level: "error", message: `the log broke off: ${end.detail}; it takes nothing until it was opened and synced anew` })
    this.#reopening = this.#reopen(threads)
  }

  async #reopen(broken: Threads): Promise<void> {
    await Promise.all([broken.writer.stop(), broken.reader.stop()])
    await this.#tryToOpen()
  }

  async #tryToOpen(): Promise<void> {
    if (this.#closed) return
    const refused = await this.#start(true)
    if (refused === undefined) {
      this.#options.report({ level: "info", message: "the log was opened and synced anew, and is served again" })
      for (const listener of this.#listeners) listener()
      return
    }
    this.#because = refused.message
    this.#options.report({ level: "error", message: `the log could not be opened anew: ${refused.message}` })
    if (!this.#closed) this.#timer = setTimeout(() => (this.#reopening = this.#tryToOpen()), reopenMs)
  }

  #damaged(detail: string): void {
    if (this.#damage !== undefined) return
    const { directory } = this.#options
    const advice = `end the host and run \`tidemark doctor --data-dir ${directory}\``
    this.#damage = `the data file in ${directory} is damaged (${detail}): nothing more is written to it; ${advice}`
    this.#options.report({ level: "error", message: this.#damage })
    void this.#threads?.writer.stop()
  }
}

function unavailable(detail: string): LogAnswer {
  return { type: "failed", effect: "none", reason: "unavailable", detail }
}
