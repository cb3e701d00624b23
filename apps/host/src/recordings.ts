// Sessions that are being recorded, and how a recording begins and ends. It can begin only while nobody reads the session:
// connected readers are asked to come again, which is what they can do best, and those who come meanwhile are asked the
// same. It ends when its time is over, its client leaves or takes nothing, somebody says so, or the host shuts down.

import { createHmac } from "node:crypto"
import * as Either from "effect/Either"
import { later, type RecordingKernel, type SecretOptions, type SessionName } from "@tidemark/kernel"
import type { Answer } from "./answer.ts"
import { CapsuleStream, waitingBytesMax } from "./capsule-stream.ts"
import type { Chance } from "./clock.ts"
import type { Engine } from "./engine.ts"
import type { Exchange } from "./exchange.ts"
import { formatLimit, type Limits } from "./limits.ts"
import type { OpenStreams } from "./open-streams.ts"
import { refused, retryLater, type Refused } from "./refused.ts"
import { pathOf } from "./session-path.ts"
import { atOnce, type Settle, type TakeBack } from "./settling.ts"

/** What is asked for. */
export interface RecordingWish {
  readonly secrets: readonly string[]
  readonly all: boolean
  readonly forMs: number
}

/** One that is to begin, or has begun. */
interface Recorded {
  readonly stream: CapsuleStream
  /** Ends it where it has begun, and gives it up where it has not. */
  readonly stop: (because: string) => void
}

/** How long readers have until it is given up, and until those that are slow are cut: their cursors stay good. */
const clearWithinMs = 30_000
const cutAfterMs = 5_000
const lookAgainMs = 20
/** For those who came meanwhile and are slow, too. To find them is to go through all streams of the host. */
const cutAgainMs = 500

export class Recordings {
  readonly #engine: Engine
  readonly #kernel: RecordingKernel
  readonly #streams: OpenStreams
  readonly #limits: Limits
  readonly #chance: Chance
  readonly #recorded = new Map<SessionName, Recorded>()

  constructor(engine: Engine, kernel: RecordingKernel, streams: OpenStreams, limits: Limits, chance: Chance) {
    this.#engine = engine
    this.#kernel = kernel
    this.#streams = streams
    this.#limits = limits
    this.#chance = chance
  }

  /** Those that are about to begin included. */
  get size(): number {
    return this.#recorded.size
  }

  /** Settles with the capsule as a stream once it has begun. The client that leaves ends it, before and after. */
  begin(exchange: Exchange, session: SessionName, wish: RecordingWish, settle: Settle<Answer>): TakeBack {
    if (this.#recorded.has(session)) {
      const detail = `The session is being recorded already: wait for that recording, or end it with DELETE ${pathOf(session)}/record.`
      return atOnce(settle, Either.left(refused("recording-conflict", detail)))
    }
    const most = this.#limits.recordings
    if (this.#recorded.size >= most) {
      const detail = `As many sessions are recorded as limit recordings allows, ${most}: come back later, or end one with DELETE /v1/sessions/{id}/record.`
      return atOnce(settle, Either.left(retryLater("limit-reached", detail)))
    }
    const since = this.#engine.now
    let cutAt = later(since, cutAfterMs)
    let hasBegun = false
    const stream = new CapsuleStream(() => stop(`more than ${formatLimit("bytes", waitingBytesMax)} waited for the client`))
    const stop = (because: string): void => {
      if (this.#recorded.get(session)?.stream !== stream) return
      this.#recorded.delete(session)
      this.#streams.letIn(session)
      for (const action of [attempt, timeIsOver]) this.#engine.schedule(action, undefined)
      exchange.response.off("close", clientLeft)
      // Its first lines may be too many, and then the kernel records before it has said so.
      this.#kernel.endRecording(session, because)
      if (!hasBegun) return settle(Either.left(notBegun(because)))
      stream.end()
      this.#cutAtDeadline(exchange)
    }
    const timeIsOver = (): void => stop("the time is over")
    const clientLeft = (): void => stop("the client left")
    const attempt = (): void => {
      const { now } = this.#engine
      const outcome = this.#kernel.beginRecording(now, session, this.#secrets(wish), stream.write)
      switch (outcome.type) {
        case "recording":
          if (this.#recorded.get(session)?.stream !== stream) return
          hasBegun = true
          this.#streams.letIn(session)
          this.#engine.schedule(timeIsOver, later(now, wish.forMs))
          return settle(Either.right({ type: "stream", open: stream.open }))
        case "in_use":
          if (now >= later(since, clearWithinMs)) return stop(`it still has readers (${outcome.readers}) after ${clearWithinMs / 1000} s`)
          this.#streams.askAgain(session, "recording")
          if (now >= cutAt) {
            this.#streams.cut(session)
            cutAt = later(now, cutAgainMs)
          }
          return this.#engine.schedule(attempt, later(now, lookAgainMs))
        case "refused":
          return stop(outcome.because)
        case "recorded_already":
          return stop("it is being recorded already")
      }
    }
    this.#recorded.set(session, { stream, stop })
    exchange.response.once("close", clientLeft)
    attempt()
    return clientLeft
  }

  /** Nothing happens where nothing is recorded. */
  end(session: SessionName, because: string): void {
    this.#recorded.get(session)?.stop(because)
  }

  /** The host is shutting down. */
  drain(): void {
    for (const { stop } of [...this.#recorded.values()]) stop("the host is shutting down")
  }

  /** The key is drawn for this recording and forgotten with it. */
  #secrets({ secrets, all }: RecordingWish): SecretOptions {
    const key = this.#chance.token() + this.#chance.token()
    return { hash: (text) => createHmac("sha256", key).update(text).digest("hex"), names: secrets, all }
  }

  /** What the client has not taken of a capsule by then, it is not given. */
  #cutAtDeadline({ response }: Exchange): void {
    if (response.closed) return
    const deadline = (): void => void response.destroy()
    this.#engine.schedule(deadline, later(this.#engine.now, this.#limits["write-deadline"]))
    response.once("close", () => this.#engine.schedule(deadline, undefined))
  }
}

function notBegun(because: string): Refused {
  return refused("recording-conflict", `The session cannot be recorded now: ${because}. Try again in a while.`)
}
