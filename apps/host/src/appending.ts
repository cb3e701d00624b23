// What is recorded through a request: read, checked, asked of the driver and answered, in plain code and without a fiber,
// because this is the route that everything else waits for (an effect for each step was 100 µs of a request's 160). The
// routes reach it through an effect, and the hot path (`hot-routes.ts`) directly: there is one way to record.

import * as Either from "effect/Either"
import { parseCursor, type Draft, type SessionName } from "@tidemark/kernel"
import { parseIdempotencyKey } from "@tidemark/driver"
import type { AppendCallOutcome, Expectation, IdempotencyKey } from "@tidemark/driver"
import { receiptJson, type Answer } from "./answer.ts"
import { ndjson, parseDrafts } from "./drafts.ts"
import type { Exchange } from "./exchange.ts"
import type { HostParts } from "./host-parts.ts"
import { appendRefused, refuse, rejectedCursor, type Refused } from "./refused.ts"
import { nameOf, type SessionPath } from "./session-path.ts"
import { atOnce, nothingToTakeBack, settling, type Settle, type TakeBack } from "./settling.ts"

export interface AppendOptions {
  /** Refused unless the session is at this revision. */
  readonly expectRevision: number | undefined
  /** A session that is not there is made. */
  readonly creates: boolean
}

/** Answers `POST …/events`. Taken back, a body is read no further; what was asked of the log is not undone. */
export function publish(parts: HostParts, exchange: Exchange, path: SessionPath, options: AppendOptions, settle: Settle<Answer>): TakeBack {
  let takeBack = nothingToTakeBack
  const stopReading = exchange.onText(published, (text) => {
    settling(settle, () => {
      const drafts = Either.flatMap(text, (body) => draftsOf(parts, exchange, body))
      if (Either.isLeft(drafts)) settle(Either.left(drafts.left))
      else takeBack = append(parts, exchange, path, drafts.right, options, settle)
    })
  })
  return () => {
    stopReading()
    takeBack()
  }
}

function draftsOf({ rates, engine }: HostParts, exchange: Exchange, body: string): Either.Either<readonly Draft[], Refused> {
  const admitted = rates.admit("publish-bytes-per-second", engine.now, exchange.peer, exchange.bodyBytes)
  return Either.isLeft(admitted) ? Either.left(admitted.left) : parseDrafts(exchange, body)
}

const published = ["application/json", ndjson]

/** Records `drafts` under what the request's headers say, and answers with the receipt. */
export function append(
  { engine, meter, newSession }: HostParts,
  exchange: Exchange,
  path: SessionPath,
  drafts: readonly Draft[],
  { expectRevision, creates }: AppendOptions,
  settle: Settle<Answer>,
): TakeBack {
  const session = nameOf(path)
  const terms = termsOf(exchange, session)
  if (Either.isLeft(terms)) return atOnce(settle, Either.left(terms.left))
  const { key, matched } = terms.right
  const expect = expectRevision === undefined ? matched : { ...matched, revision: expectRevision }
  // Who has observed a session means that one: it is not made anew in its place.
  const create = creates && matched === undefined ? newSession : undefined
  return engine.ask<AppendCallOutcome>(
    (driver, now, at) => driver.append(now, at, { session, drafts, key, expect, create }),
    (outcome) => {
      if (outcome.type === "appended") {
        meter.appends += 1
        if (!outcome.repeated) meter.eventsAppended += drafts.length
      }
      settling(settle, () => settle(answered(path, drafts, outcome)))
    },
  )
}

function answered(path: SessionPath, drafts: readonly Draft[], outcome: AppendCallOutcome): Either.Either<Answer, Refused> {
  if (outcome.type === "appended") return Either.right(receiptJson(outcome.receipt))
  const closing = drafts.some((draft) => draft.type === "close")
  if (outcome.type === "closed" && closing) return Either.right(receiptJson(outcome.receipt))
  return Either.left(appendRefused(path.id, outcome))
}

interface Terms {
  readonly key: IdempotencyKey | undefined
  /** From `If-Match`. */
  readonly matched: Expectation | undefined
}

function termsOf(exchange: Exchange, session: SessionName): Either.Either<Terms, Refused> {
  const key = keyOf(exchange)
  if (Either.isLeft(key)) return Either.left(key.left)
  return Either.map(matchOf(exchange, session), (matched) => ({ key: key.right, matched }))
}

/** The key under which a repetition is told from a second append (L4). */
function keyOf(exchange: Exchange): Either.Either<IdempotencyKey | undefined, Refused> {
  const text = exchange.header("idempotency-key")
  if (text === undefined) return nothing
  if (text.startsWith("_")) return refuse("bad-key", "Keys that begin with _ are the host's own: begin it with something else.")
  const key = parseIdempotencyKey(text)
  if (key !== undefined) return Either.right(key)
  const shape = "1–200 visible ASCII characters; one that begins with @ is `@<producer>:<n>` or `@<producer>:<after>-<n>`, with numbers from 0"
  return refuse("bad-key", `An Idempotency-Key is ${shape}.`)
}

/** What `If-Match` expects: the very place that an observation was cut at. */
function matchOf(exchange: Exchange, session: SessionName): Either.Either<Expectation | undefined, Refused> {
  const text = exchange.header("if-match")
  if (text === undefined) return nothing
  const [, cursor] = /^"([^"]*)"$/.exec(text) ?? []
  if (cursor === undefined) return refuse("bad-request", "If-Match takes one ETag, in its quotes, as an observation gave it.")
  const parsed = parseCursor(session, cursor)
  if (parsed.type === "rejected") return Either.left(rejectedCursor(parsed.reason))
  const { epoch, point } = parsed.cursor
  return Either.right({ epoch, position: point.position, mark: point.mark })
}

const nothing: Either.Either<undefined, Refused> = Either.right(undefined)
