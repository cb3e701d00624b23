// Subscribe and resume: the two ways to go on from a cursor. Both answer a gap with 200 and in band; what is refused for
// good is a status, and what is refused for now is said in band to clients that would take a status for good (`answering.ts`).

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { everything, parseCursor, type CursorText, type ReaderStart, type Recovery, type SessionName } from "@tidemark/kernel"
import type { ObserveOutcome, SessionInfo, SubscribeCallOutcome, SubscribeOptions } from "@tidemark/driver"
import { sseHeaders } from "@tidemark/protocol"
import { empty, jsonText, type Answer } from "./answer.ts"
import * as api from "./api.ts"
import type { Exchange } from "./exchange.ts"
import { ask, type HostParts } from "./host-parts.ts"
import type { StreamKind } from "./open-streams.ts"
import { refuse, rejectedCursor, retryLater, unanswered, type Refused } from "./refused.ts"
import { route, type Route } from "./router.ts"
import { nameOf, type SessionPath } from "./session-path.ts"
import { eventsJson, filterOf } from "./session-routes.ts"
import { atOnce, awaited, nothingToTakeBack, settling, type Settle, type TakeBack } from "./settling.ts"

/** Routes below `/v1/sessions/{id}`. */
export function streamRoutes(parts: HostParts): readonly Route[] {
  const subscribe = route(
    api.subscribe,
    (exchange, path, query) => {
      if (!exchange.headOnly) return awaited((settle) => subscribed(parts, exchange, path, query, settle))
      return Effect.flatMap(startOf(exchange, nameOf(path), query.from), (start) =>
        Effect.flatMap(filterOf(query.kinds), () => headersOnly(parts, path, start, query.missing)),
      )
    },
    true,
  )

  const resume = route(
    api.resume,
    (exchange, path, { limit = 500, wait = 0 }) =>
      Effect.gen(function* () {
        const session = nameOf(path)
        const start = yield* startOf(exchange, session, undefined)
        if (start.type !== "cursor") return yield* refuse("bad-request", "Send the cursor to resume from as ?cursor=.")
        if (!exchange.acceptsStream) return yield* resumePage(parts, path, start.cursor, limit, exchange.headOnly ? 0 : wait)
        if (exchange.headOnly) return yield* headersOnly(parts, path, undefined, undefined)
        yield* parts.rates.admit("connects-per-second", parts.engine.now, exchange.peer)
        const kind = { finite: { eventsMax: limit } }
        return yield* awaited<Answer>((settle) => openStream(parts, exchange, path, { start, options: everyEvent, kind }, settle))
      }),
    true,
  )

  return [subscribe, resume]
}

const everyEvent: SubscribeOptions = { filter: everything, recovery: "events" }

/** What a subscription may be asked for, decoded. */
export interface SubscribeQuery {
  readonly from?: string | undefined
  readonly kinds?: string | undefined
  readonly recover?: Recovery | undefined
  readonly missing?: "wait" | undefined
}

/** Answers `GET …/subscribe` with a stream, in plain code: a thousand readers that were cut off together come back together. */
export function subscribed(parts: HostParts, exchange: Exchange, path: SessionPath, query: SubscribeQuery, settle: Settle<Answer>): TakeBack {
  const wanted = Either.gen(function* () {
    const start = yield* startOf(exchange, nameOf(path), query.from)
    const filter = yield* filterOf(query.kinds)
    yield* parts.rates.admit("connects-per-second", parts.engine.now, exchange.peer)
    const options: SubscribeOptions = { filter, recovery: recoveryOf(start, query.recover) }
    return { start, options, kind: {} }
  })
  if (Either.isLeft(wanted)) return atOnce(settle, Either.left(wanted.left))
  return openStream(parts, exchange, path, wanted.right, (outcome) => {
    const waits = query.missing === "wait" && Either.isLeft(outcome) && outcome.left.name === "unknown-session"
    settle(waits ? Either.right(waitingStream(parts, exchange, path, wanted.right)) : outcome)
  })
}

/** The cursor that counts, checked before any store is asked (L7); without one, `from`. */
function startOf(exchange: Exchange, session: SessionName, from: string | undefined): Either.Either<ReaderStart, Refused> {
  const { cursor } = exchange
  if (cursor !== undefined) {
    const parsed = parseCursor(session, cursor)
    return parsed.type === "rejected" ? Either.left(rejectedCursor(parsed.reason)) : Either.right({ type: "cursor", cursor })
  }
  switch (from) {
    case undefined:
    case "observation":
      return Either.right({ type: "observation" })
    case "start":
    case "now":
      return Either.right({ type: from })
    default:
      return Either.right({ type: "tail", events: Number(from.slice("tail:".length)) })
  }
}

/** Who asks for the log from its start, or its tail, wants what is readable, and no observation for what is not. */
function recoveryOf(start: ReaderStart, recover: Recovery | undefined): Recovery {
  return start.type === "start" || start.type === "tail" ? "rest" : (recover ?? "events")
}

/** `start`: of a stream that lives on; left out for a finite one, which ends with 200 wherever it begins. */
function headersOnly(
  parts: HostParts,
  path: SessionPath,
  start: ReaderStart | undefined,
  missing: "wait" | undefined,
): Effect.Effect<Answer, Refused> {
  const session = nameOf(path)
  return Effect.gen(function* () {
    const outcome = yield* ask(parts.engine, (driver, now) => driver.describe(now, session))
    if (outcome.type !== "session" && !(outcome.type === "unknown_session" && missing === "wait")) {
      return yield* unanswered(path.id, outcome)
    }
    if (outcome.type !== "session" || start === undefined) return empty(200, sseHeaders)
    const { info } = outcome
    const ended = yield* awaited<boolean>((settle) => onEnded(parts, session, start, info, (is) => settle(Either.right(is))))
    return ended ? empty(204) : empty(200, sseHeaders)
  })
}

/** A stream, as it was asked for. */
interface Wanted {
  readonly start: ReaderStart
  readonly options: SubscribeOptions
  readonly kind: StreamKind
}

function openStream(parts: HostParts, exchange: Exchange, path: SessionPath, wanted: Wanted, settle: Settle<Answer>): TakeBack {
  const { engine, streams } = parts
  const { start, options, kind } = wanted
  const session = nameOf(path)
  // Then the observation is asked for.
  let takeBack = nothingToTakeBack
  const stopAsking = engine.ask<SubscribeCallOutcome>(
    (driver, now) => driver.subscribe(now, session, start, options),
    (outcome) => {
      settling(settle, () => {
        if (outcome.type !== "subscribed") return settle(Either.left(subscribeRefused(path.id, outcome)))
        const stream = streams.make(exchange.response, session, kind)
        stream.attach(outcome.reader, outcome.hello)
        const answer = (ended: boolean): void => {
          if (ended) stream.close()
          settle(Either.right(ended ? empty(204) : { type: "stream", open: stream.open }))
        }
        if (kind.finite === undefined) takeBack = onEnded(parts, session, start, outcome.hello, (ended) => settling(settle, () => answer(ended)))
        else answer(false)
      })
    },
  )
  return () => {
    stopAsking()
    takeBack()
  }
}

/** Whether it starts at the close entry: cursor texts are canonical, so the last one of a closed session is that one. */
function onEnded({ engine }: HostParts, session: SessionName, start: ReaderStart, info: SessionInfo, told: (ended: boolean) => void): TakeBack {
  if (start.type !== "cursor" || info.closed === null) {
    told(false)
    return nothingToTakeBack
  }
  const { cursor } = start
  return engine.ask<ObserveOutcome>(
    (driver, now) => driver.observe(now, session),
    (outcome) => told(outcome.type === "observed" && outcome.observation.closed !== null && outcome.observation.cursor === cursor),
  )
}

/** Open and silent until the session is made; `hello` says that it was. */
function waitingStream({ engine, streams }: HostParts, exchange: Exchange, path: SessionPath, { start, options }: Wanted): Answer {
  const session = nameOf(path)
  const stream = streams.make(exchange.response, session)
  const takeBack = engine.ask<SubscribeCallOutcome>(
    (driver, now) => driver.subscribe(now, session, start, { ...options, missing: "wait" }),
    (outcome) => {
      if (outcome.type === "subscribed") stream.attach(outcome.reader, outcome.hello)
      else stream.drain(subscribeRefused(path.id, outcome).name)
    },
    { patient: true },
  )
  stream.whenClosed(takeBack)
  return { type: "stream", open: stream.open }
}

function subscribeRefused(id: string, outcome: Exclude<SubscribeCallOutcome, { type: "subscribed" }>): Refused {
  if (outcome.type !== "refused") return unanswered(id, outcome)
  const detail = `The session has ${outcome.limit} readers, as many as limit readers-per-session allows: come back later.`
  return retryLater("limit-reached", detail)
}

/** One page over JSON; where there is nothing yet, the page that there is after at most `waitSeconds`. */
function resumePage(
  parts: HostParts,
  path: SessionPath,
  cursor: string,
  limit: number,
  waitSeconds: number,
): Effect.Effect<Answer, Refused> {
  const session = nameOf(path)
  return Effect.gen(function* () {
    const outcome = yield* ask(parts.engine, (driver, now) => driver.resume(now, session, cursor, { events: limit, bytes: pageBytesMax }))
    switch (outcome.type) {
      case "replayed": {
        const { entries, upToDate, closed } = outcome
        if (waitSeconds > 0 && upToDate && closed === null && entries.length === 0) {
          yield* changed(parts, path, outcome.cursor, waitSeconds * 1000)
          return yield* resumePage(parts, path, cursor, limit, 0)
        }
        const rest = JSON.stringify({ cursor: outcome.cursor, upToDate, closed })
        return jsonText(`{"type":"replayed","events":${eventsJson(entries)},${rest.slice(1)}`)
      }
      case "gap":
        return jsonText(JSON.stringify({ type: "gap", gap: outcome.gap, observation: outcome.observation }))
      default:
        return yield* unanswered(path.id, outcome)
    }
  })
}

const pageBytesMax = 4 * 1024 * 1024

/** Until something follows the cursor, or nothing did for so long; the caller looks again either way. */
function changed({ engine, streams }: HostParts, path: SessionPath, cursor: CursorText, waitMs: number): Effect.Effect<void, Refused> {
  const session = nameOf(path)
  return Effect.async<void, Refused>((resume) => {
    const done = (): void => resume(Effect.void)
    let stopWaiting = (): void => {}
    const takeBack = engine.ask<SubscribeCallOutcome>(
      (driver, now) => driver.subscribe(now, session, { type: "cursor", cursor }, everyEvent),
      (outcome) => {
        if (outcome.type === "subscribed") stopWaiting = streams.wait(outcome.reader, session, waitMs, done)
        else if (outcome.type === "refused") resume(Effect.fail(subscribeRefused(path.id, outcome)))
        else done()
      },
    )
    return Effect.sync(() => {
      takeBack()
      stopWaiting()
    })
  })
}
