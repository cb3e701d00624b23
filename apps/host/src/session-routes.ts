// The JSON routes of a session: what is published, asked and settled in one request and one answer. Streams and resume are
// in `stream-routes.ts`. A route decodes, asks the driver and words the outcome; what is refused is worded in `refused.ts`.

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import {
  everything,
  logModel,
  parseCursor,
  parseFilter,
  sessionName,
  type Draft,
  type Entry,
  type Filter,
  type Json,
  type SessionName,
} from "@tidemark/kernel"
import { parseIdempotencyKey } from "@tidemark/driver"
import type { Expectation, IdempotencyKey, QueryOutcome, QuerySince, Retention, SessionSettings } from "@tidemark/driver"
import { empty, json, jsonText } from "./answer.ts"
import * as api from "./api.ts"
import { commitDraft, isRecord, ndjson, parseDrafts } from "./drafts.ts"
import type { Exchange } from "./exchange.ts"
import { ask, type HostParts } from "./host-parts.ts"
import type { Limits } from "./limits.ts"
import { appendRefused, logFailed, refuse, refused, rejectedCursor, unanswered, unchanged, workspaceFull, type Refused } from "./refused.ts"
import { route, type Route } from "./router.ts"

export interface SessionPath {
  readonly workspace?: string | undefined
  readonly id: string
}

/** What the short path means, as long as there is no authentication. */
const defaultWorkspace = "default"

export function nameOf(path: SessionPath): SessionName {
  return sessionName(path.workspace ?? defaultWorkspace, path.id)
}

export function filterOf(kinds: string | undefined): Either.Either<Filter, Refused> {
  if (kinds === undefined) return Either.right(everything)
  const filter = parseFilter(kinds.split(","))
  if (filter !== undefined) return Either.right(filter)
  return refuse("bad-request", "The parameter kinds is a comma separated list; `turn.*` stands for all that begin with `turn.`.")
}

/** Entries as they were sealed, which is how they are sent. */
export function eventsJson(entries: readonly Entry[]): string {
  return `[${entries.flatMap((entry) => (entry.type === "event" ? [entry.text] : [])).join(",")}]`
}

/** Routes below `/v1/sessions/{id}`. */
export function sessionRoutes(parts: HostParts): readonly Route[] {
  const { engine, rates } = parts
  const settings = defaultSettings(parts.config.limits)

  const publish = route(api.publish, (exchange, path, query) =>
    Effect.gen(function* () {
      const body = yield* exchange.readText(["application/json", ndjson])
      yield* rates.admit("publish-bytes-per-second", engine.now, exchange.peer, exchange.bodyBytes)
      const drafts = yield* parseDrafts(exchange, body)
      return yield* append(parts, exchange, path, drafts, query, query.create === "false" ? undefined : settings)
    }),
  )

  const commit = route(api.commit, (exchange, path, query) =>
    Effect.gen(function* () {
      const body = yield* exchange.readJson()
      yield* rates.admit("publish-bytes-per-second", engine.now, exchange.peer, exchange.bodyBytes)
      const { kind = "committed" } = yield* decodeBody(api.CommitBody, body)
      const view = member(body, "view")
      if (view === undefined) return yield* refused("bad-request", "The field view is missing: send what the view is from now on.")
      const draft = yield* commitDraft(view, kind, logModel.viewBytesMax)
      return yield* append(parts, exchange, path, [draft], query, query.create === "false" ? undefined : settings)
    }),
  )

  const close = route(api.close, (exchange, path, query) =>
    Effect.gen(function* () {
      const { reason = "closed" } = yield* decodeBody(api.CloseBody, (yield* exchange.readJson()) ?? {})
      return yield* append(parts, exchange, path, [{ type: "close", reason }], query, undefined)
    }),
  )

  const trim = route(api.trim, (exchange, path) =>
    Effect.gen(function* () {
      const keep = defined(yield* decodeBody(api.TrimBody, yield* exchange.readJson()))
      if (Object.keys(keep).length === 0) {
        return yield* refused("bad-request", "The body does not say what to keep: send events, bytes or ageMs, at least one of them.")
      }
      const outcome = yield* ask(engine, (driver, now, at) => driver.trim(now, at, nameOf(path), keep))
      return outcome.type === "trimmed" ? json(outcome.info) : yield* unchanged(path.id, outcome)
    }),
  )

  const create = route(api.create, (exchange, path) =>
    Effect.gen(function* () {
      const body = (yield* exchange.readJson()) ?? {}
      const { model = settings.model, retention } = yield* decodeBody(api.SessionBody, body)
      if (model !== logModel.name) {
        return yield* refused("bad-request", `This host has no model ${JSON.stringify(model)}: leave it out, or use ${logModel.name}.`)
      }
      const wanted = { model, retention: { ...settings.retention, ...defined(retention) }, metadata: member(body, "metadata") ?? null }
      const outcome = yield* ask(engine, (driver, now, at) => driver.create(now, at, nameOf(path), wanted))
      switch (outcome.type) {
        case "created":
          return json(outcome.info, 201)
        case "existed":
          return json(outcome.info)
        case "settings_conflict":
          return yield* refused("settings-conflict", "The session is there with other settings: use it as it is, or delete it first.", {
            actual: outcome.info,
          })
        case "full":
          return yield* workspaceFull(outcome.limit)
        case "failed":
          return yield* unchanged(path.id, outcome)
      }
    }),
  )

  const describe = route(api.describe, (_exchange, path) =>
    Effect.gen(function* () {
      const outcome = yield* ask(engine, (driver, now) => driver.describe(now, nameOf(path)))
      return outcome.type === "session" ? json(outcome.info) : yield* unanswered(path.id, outcome)
    }),
  )

  const remove = route(api.remove, (_exchange, path) =>
    Effect.gen(function* () {
      const outcome = yield* ask(engine, (driver, now) => driver.delete(now, nameOf(path)))
      return outcome.type === "deleted" ? empty(204) : yield* unchanged(path.id, outcome)
    }),
  )

  const observation = route(api.observation, (exchange, path) =>
    Effect.gen(function* () {
      const outcome = yield* ask(engine, (driver, now) => driver.observe(now, nameOf(path)))
      if (outcome.type !== "observed") return yield* unanswered(path.id, outcome)
      const headers = { etag: `"${outcome.observation.cursor}"`, "cache-control": "no-cache" }
      if (exchange.header("if-none-match") === headers.etag) return empty(304, headers)
      return json(outcome.observation, 200, headers)
    }),
  )

  const query = route(api.query, (_exchange, path, { since, limit = 1000, kinds, epoch }) =>
    Effect.gen(function* () {
      const filter = yield* filterOf(kinds)
      const budget = { events: limit, bytes: queryBytesMax }
      const outcome = yield* ask(engine, (driver, now) => driver.query(now, nameOf(path), sinceOf(since, epoch), filter, budget))
      if (outcome.type === "conflict") return yield* sinceConflict(outcome)
      if (outcome.type !== "page") return yield* unanswered(path.id, outcome)
      const { events, next, missed } = outcome
      return jsonText(`{"epoch":${JSON.stringify(outcome.epoch)},"events":${eventsJson(events)},"next":${next},"missed":${missed}}`)
    }),
  )

  const explain = route(api.explain, (exchange, path) =>
    Effect.gen(function* () {
      const { cursor } = exchange
      if (cursor === undefined) return yield* refused("bad-request", "Send the cursor to explain as ?cursor=.")
      const outcome = yield* ask(engine, (driver, now) => driver.explain(now, nameOf(path), cursor))
      return outcome.type === "explained" ? json(outcome.explanation) : yield* unanswered(path.id, outcome)
    }),
  )

  return [publish, commit, close, trim, create, describe, remove, observation, query, explain]
}

/** Routes below `/v1/sessions`. */
export function listRoutes({ engine }: HostParts): readonly Route[] {
  const list = route(api.list, (_exchange, { workspace = defaultWorkspace }, { limit = 100, after }) =>
    Effect.gen(function* () {
      const outcome = yield* ask(engine, (driver, now) => driver.list(now, workspace, after, limit))
      if (outcome.type === "failed") return yield* logFailed(outcome)
      return json({ sessions: outcome.sessions, next: outcome.next })
    }),
  )
  return [list]
}

const queryBytesMax = 4 * 1024 * 1024

function append(
  { engine, meter }: HostParts,
  exchange: Exchange,
  path: SessionPath,
  drafts: readonly Draft[],
  query: { readonly expectRevision?: number | undefined },
  create: SessionSettings | undefined,
) {
  return Effect.gen(function* () {
    const session = nameOf(path)
    const key = yield* keyOf(exchange)
    const matched = yield* matchOf(exchange, session)
    const expectation = { ...matched, ...(query.expectRevision === undefined ? {} : { revision: query.expectRevision }) }
    const request = {
      session,
      drafts,
      ...(key === undefined ? {} : { key }),
      ...(Object.keys(expectation).length === 0 ? {} : { expect: expectation }),
      // Who has observed a session means that one: it is not made anew in its place.
      ...(create === undefined || matched !== undefined ? {} : { create }),
    }
    const outcome = yield* ask(engine, (driver, now, at) => driver.append(now, at, request))
    if (outcome.type === "appended") {
      meter.appends += 1
      if (!outcome.repeated) meter.eventsAppended += drafts.length
      return json(outcome.receipt)
    }
    const closing = drafts.some((draft) => draft.type === "close")
    if (outcome.type === "closed" && closing) return json(outcome.receipt)
    return yield* appendRefused(path.id, outcome)
  })
}

/** The key under which a repetition is told from a second append (L4). */
function keyOf(exchange: Exchange): Either.Either<IdempotencyKey | undefined, Refused> {
  const text = exchange.header("idempotency-key")
  if (text === undefined) return Either.right(undefined)
  if (text.startsWith("_")) return refuse("bad-key", "Keys that begin with _ are the host's own: begin it with something else.")
  const key = parseIdempotencyKey(text)
  if (key !== undefined) return Either.right(key)
  const shape = "1–200 visible ASCII characters; one that begins with @ is `@<producer>:<n>`, n a number from 0"
  return refuse("bad-key", `An Idempotency-Key is ${shape}.`)
}

/** What `If-Match` expects: the very place that an observation was cut at. */
function matchOf(exchange: Exchange, session: SessionName): Either.Either<Expectation | undefined, Refused> {
  const text = exchange.header("if-match")
  if (text === undefined) return Either.right(undefined)
  const [, cursor] = /^"([^"]*)"$/.exec(text) ?? []
  if (cursor === undefined) return refuse("bad-request", "If-Match takes one ETag, in its quotes, as an observation gave it.")
  const parsed = parseCursor(session, cursor)
  if (parsed.type === "rejected") return Either.left(rejectedCursor(parsed.reason))
  const { epoch, point } = parsed.cursor
  return Either.right({ epoch, position: point.position, mark: point.mark })
}

function sinceOf(since: string | undefined, epoch: string | undefined): QuerySince {
  if (since === undefined || since === "") return { type: "position", position: 0, epoch }
  if (/^[0-9]{1,15}$/.test(since)) return { type: "position", position: Number(since), epoch }
  return { type: "cursor", cursor: since, epoch }
}

function sinceConflict({ reason, head: { epoch, head, floor } }: Extract<QueryOutcome, { type: "conflict" }>): Refused {
  const extra = { reason, epoch, head: head.position, earliest: floor.position + 1 }
  return refused("since-conflict", `The place asked for is not in this log (${reason}): ask anew without since.`, extra)
}

function decodeBody<Value, Encoded>(schema: Schema.Schema<Value, Encoded>, body: Json | undefined): Either.Either<Value, Refused> {
  if (body === undefined) return refuse("bad-json", "The body is empty: send JSON.")
  if (!isRecord(body)) return refuse("bad-request", "The body is no object: send one.")
  return Either.mapLeft(Schema.decodeUnknownEither(schema)(body, { onExcessProperty: "error" }), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const field = `The field ${issue?.path.join(".")}`
    if (issue?._tag === "Unexpected") return refused("unknown-field", `${field} is not known here: check its spelling, or leave it out.`)
    return refused("bad-request", `${field} cannot be taken: ${issue?.message ?? "it has another shape"}.`)
  })
}

function defaultSettings(limits: Limits): SessionSettings {
  const retention = defined({ events: limits["retention-events"], bytes: limits["retention-bytes"], ageMs: limits["retention-age"] })
  return { model: logModel.name, retention, metadata: null }
}

type Bounds = { readonly [Bound in keyof Retention]?: Retention[Bound] | undefined }

function defined({ events, bytes, ageMs }: Bounds = {}): Retention {
  return {
    ...(events === undefined ? {} : { events }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(ageMs === undefined ? {} : { ageMs }),
  }
}

function member(body: Json | undefined, name: string): Json | undefined {
  return isRecord(body) && Object.hasOwn(body, name) ? body[name] : undefined
}
