// All publishers of one process: without pause (each sends its next event when the last one was acknowledged), or at a
// steady rate. They keep what they were told, by session and position: it is what deliveries are held against.

import type { Acknowledged } from "./delivery-check.ts"
import { dialects, type DialectName } from "./dialect.ts"
import { sharedMicros } from "./event-text.ts"
import { PublisherConnection, type Answer } from "./publisher-connection.ts"

export interface OpenPublishers {
  readonly url: string
  readonly dialect: DialectName
  readonly sessions: readonly string[]
  readonly connections: number
}

export interface Publish {
  /** In each session. Either so many, or as many as there is time for. */
  readonly events?: number
  readonly ms?: number
  /** In one request. */
  readonly batch: number
}

export interface Published {
  readonly events: number
  readonly requests: number
  readonly tookMs: number
}

export interface LastAcknowledged {
  readonly position: number
  /** What a reader resumes with right after it. */
  readonly cursor: string
}

interface Told {
  readonly tokens: (number | null)[]
  count: number
}

/** What a timer may be late by without the event being called late. */
const timerLateUs = 5000

export class Publisher {
  #connections: PublisherConnection[] = []
  #told: Told[] = []
  #failure: string | undefined
  #stopPacing: (() => void) | undefined

  async open({ url, dialect, sessions, connections }: OpenPublishers): Promise<void> {
    const opening = Array.from({ length: connections }, (_, i) => PublisherConnection.open(i, dialects[dialect], new URL(url), sessions))
    this.#connections = await Promise.all(opening)
    this.#told = sessions.map(() => ({ tokens: [null], count: 0 }))
  }

  /** Without pause, on every connection; a session belongs to one of them, unless there is one session only. */
  async publish({ events = Infinity, ms = Infinity, batch }: Publish): Promise<Published> {
    const began = sharedMicros()
    const until = began + ms * 1000
    const before = this.#count
    const shared = { requests: events / batch }
    let requests = 0
    const ofOne = this.#connections.map((connection, i) => {
      const sessions = this.#told.length === 1 ? [0] : [...this.#told.keys()].filter((session) => session % this.#connections.length === i)
      const left = this.#told.length === 1 ? shared : { requests: (events / batch) * sessions.length }
      let turn = 0
      return new Promise<void>((resolve) => {
        const next = (): void => {
          const session = sessions[turn % sessions.length]
          if (session === undefined || left.requests < 1 || this.#failure !== undefined || sharedMicros() >= until) return resolve()
          left.requests -= 1
          turn += 1
          requests += 1
          connection.publish(session, batch, sharedMicros(), (answer) => {
            this.#take(answer)
            next()
          })
        }
        next()
      })
    })
    await Promise.all(ofOne)
    this.#complain()
    return { events: this.#count - before, requests, tookMs: (sharedMicros() - began) / 1000 }
  }

  /**
   * `events` of the first session at a steady rate, acknowledged or not. One that found every connection waiting is sent
   * when one is free, and is as late as it is: its clock began to run when it was due.
   */
  async pace(perSecond: number, events: number): Promise<void> {
    const began = sharedMicros()
    let left = events
    let sent = 0
    let underWay = 0
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      const sendDue = (): void => {
        clearTimeout(timer)
        if (left <= 0 || this.#failure !== undefined) {
          if (underWay === 0) resolve()
          return
        }
        const dueUs = began + (sent * 1e6) / perSecond
        const nowUs = sharedMicros()
        if (nowUs < dueUs) {
          timer = setTimeout(sendDue, Math.ceil((dueUs - nowUs) / 1000))
          return
        }
        const connection = this.#connections.find((each) => each.isFree)
        if (connection === undefined) return
        left -= 1
        sent += 1
        underWay += 1
        connection.publish(0, 1, nowUs - dueUs > timerLateUs ? dueUs : nowUs, (answer) => {
          underWay -= 1
          this.#take(answer)
          sendDue()
        })
        sendDue()
      }
      this.#stopPacing = () => {
        left = 0
        sendDue()
      }
      sendDue()
    })
    this.#complain()
  }

  /** Ends a pace early; its call resolves once what is under way was acknowledged. */
  stopPace(): void {
    this.#stopPacing?.()
  }

  acknowledged(): readonly Acknowledged[] {
    return this.#told
  }

  last(): LastAcknowledged {
    const bodies = this.#connections.map(({ lastBody }) => ({
      position: Number(/"last":(\d+)/.exec(lastBody)?.[1] ?? 0),
      cursor: /"cursor":"([^"]+)"/.exec(lastBody)?.[1],
    }))
    const { position, cursor } = bodies.reduce((most, each) => (each.position > most.position ? each : most))
    return { position, cursor: cursor ?? String(position) }
  }

  get #count(): number {
    return this.#told.reduce((sum, { count }) => sum + count, 0)
  }

  #take(answer: Answer): void {
    if (answer.type === "failed") {
      this.#failure ??= answer.because
      return
    }
    const { session, tokens, first } = answer
    const told = this.#told[session]
    if (told === undefined) return
    told.count += tokens.length
    if (first === 0) return
    tokens.forEach((token, i) => {
      if (told.tokens[first + i] !== undefined) this.#failure ??= `position ${first + i} was acknowledged to two publishers`
      told.tokens[first + i] = token
    })
  }

  #complain(): void {
    if (this.#failure !== undefined) throw new Error(this.#failure)
  }
}
