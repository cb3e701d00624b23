// Thousands of readers in one process: connected a few at a time, all of them waited for at one place (the goal), and what
// any of them finds wrong counted, with the first few in words.

import { connect, type Socket } from "node:net"
import { compareWithAcknowledged, SessionCheck, type Acknowledged } from "./delivery-check.ts"
import { dialects, subscribeRequest, type DialectName, type Start } from "./dialect.ts"
import { sharedMicros } from "./event-text.ts"
import { Histogram } from "./histogram.ts"
import { ChunkMemory, Reader, type ReaderSession, type ReaderWorld } from "./reader.ts"

export interface OpenReaders {
  readonly url: string
  readonly dialect: DialectName
  readonly sessions: readonly string[]
  /** Spread over the sessions in turn. */
  readonly readers: number
  readonly start: Start
}

export interface Goal {
  /** Of every session. */
  readonly position: number
  readonly timeoutMs: number
}

export interface Latencies {
  readonly count: number
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
}

export interface Verdict {
  readonly wrong: number
  /** The first few, in words. */
  readonly examples: readonly string[]
}

const examplesMax = 5
/** That wait for an answer at once: less than a server's backlog holds, or attempts are dropped and repeated seconds later. */
const connectingMax = 200
const connectMsMax = 60_000

export class Readers implements ReaderWorld {
  readonly latency = new Histogram()
  #readers: Reader[] = []
  #stalled: Socket[] = []
  readonly #checks = new Map<number, ReaderSession>()
  readonly #examples: string[] = []
  #wrong = 0
  #goal = Infinity
  #atGoal = 0
  #whenAtGoal: (() => void) | undefined

  /** Resolves when every stream is live; gives the milliseconds that took. */
  async open(given: OpenReaders): Promise<number> {
    const began = sharedMicros()
    let live = 0
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${live} of ${given.readers} streams were live after ${connectMsMax} ms`)), connectMsMax)
      this.#connectAll(given, () => {
        live += 1
        if (live < given.readers) return
        clearTimeout(timer)
        resolve()
      })
    })
    return (sharedMicros() - began) / 1000
  }

  /** Everybody connects and reads up to the goal; gives the milliseconds that took. */
  async storm(given: OpenReaders, goal: Goal): Promise<number> {
    const began = sharedMicros()
    this.#connectAll(given, () => {})
    await this.reach(goal)
    return (sharedMicros() - began) / 1000
  }

  /** Connections that ask for a stream and never read a byte of it. */
  async stall({ url, dialect, sessions, readers, start }: OpenReaders): Promise<void> {
    const { hostname, port, host } = new URL(url)
    const request = subscribeRequest(dialects[dialect], host, sessions[0] ?? "", start)
    for (let i = 0; i < readers; i++) {
      await new Promise<void>((resolve, reject) => {
        // Paused before it is connected, or Node would read the first bytes ahead.
        const socket = connect({ host: hostname, port: Number(port) }).pause()
        socket.once("connect", () => {
          socket.write(request)
          resolve()
        })
        socket.on("error", reject)
        this.#stalled.push(socket)
      })
    }
  }

  /** Resolves when every reader is there, and rejects, with where they are, when that takes too long. */
  reach({ position, timeoutMs }: Goal): Promise<void> {
    this.#goal = position
    this.#atGoal = this.#readers.filter((reader) => reader.position >= position).length
    if (this.#atGoal >= this.#readers.length) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(this.#whereTheyAre(timeoutMs))), timeoutMs)
      this.#whenAtGoal = () => {
        clearTimeout(timer)
        this.#whenAtGoal = undefined
        resolve()
      }
    })
  }

  /** Cuts everybody; `reset` forgets the connections as well. */
  cut(reset: boolean): void {
    for (const reader of this.#readers) reader.close(reset)
    for (const socket of this.#stalled) socket.resetAndDestroy()
    this.#readers = []
    this.#stalled = []
  }

  latencies(): Latencies {
    const { latency } = this
    return { count: latency.count, p50Us: latency.percentile(0.5), p99Us: latency.percentile(0.99), maxUs: latency.max }
  }

  /** Of everything so far, held against what was acknowledged; by session. */
  verdict(acknowledged: readonly Acknowledged[]): Verdict {
    const late = this.#readers.filter((reader) => reader.position > this.#goal).length
    if (late > 0) this.wrong(`${late} readers were given more than was published`)
    acknowledged.forEach((each, session) => {
      const check = this.#checks.get(session)?.check
      if (check !== undefined) for (const what of compareWithAcknowledged(check, each)) this.wrong(what)
    })
    return { wrong: this.#wrong, examples: this.#examples }
  }

  readonly wrong = (what: string): void => {
    this.#wrong += 1
    if (this.#examples.length < examplesMax) this.#examples.push(what)
  }

  readonly moved = (before: number, after: number): void => {
    if (before >= this.#goal || after < this.#goal) return
    this.#atGoal += 1
    if (this.#atGoal === this.#readers.length) this.#whenAtGoal?.()
  }

  #connectAll({ url, dialect: name, sessions, readers, start }: OpenReaders, whenLive: () => void): void {
    const dialect = dialects[name]
    const { hostname, port, host } = new URL(url)
    const position = start.type === "start" ? 0 : start.position
    const fresh = Array.from({ length: readers }, (_, i) => {
      const session = this.#session(i % sessions.length, dialect.hasPositions, position, readers > sessions.length)
      return new Reader(`reader ${i}`, this, session, position, dialect.saysCaughtUp, whenLive)
    })
    this.#readers.push(...fresh)
    let next = 0
    const connectNext = (): void => {
      const reader = fresh[next]
      const session = sessions[next % sessions.length]
      next += 1
      if (reader !== undefined && session !== undefined) reader.open(hostname, Number(port), subscribeRequest(dialect, host, session, start), connectNext)
    }
    for (let i = 0; i < connectingMax; i++) connectNext()
  }

  #session(number: number, hasPositions: boolean, after: number, shared: boolean): ReaderSession {
    const found = this.#checks.get(number)
    if (found !== undefined) return found
    const memory = shared && hasPositions ? new ChunkMemory() : undefined
    const made = { check: new SessionCheck(number, hasPositions, after), memory }
    this.#checks.set(number, made)
    return made
  }

  #whereTheyAre(timeoutMs: number): string {
    const behind = this.#readers.filter((reader) => reader.position < this.#goal)
    const furthest = Math.min(...behind.map((reader) => reader.position))
    const said = this.#examples.length === 0 ? "" : `; ${this.#examples.join("; ")}`
    return `after ${timeoutMs} ms ${behind.length} of ${this.#readers.length} readers were not at ${this.#goal}, one only at ${furthest}${said}`
  }
}
