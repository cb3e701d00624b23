// The JSON routes of a session: what is published, asked and settled in one request and one answer. Streams and resume are
// in `stream-routes.ts`. A route decodes, asks the driver and words the outcome; what is refused is worded in `refused.ts`.

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { everything, logModel, parseFilter, type Draft, type Entry, type Filter, type Json } from "@tidemark/kernel"
import type { QueryOutcome, QuerySince } from "@tidemark/driver"
import { empty, json, jsonText, type Answer } from "./answer.ts"
import * as api from "./api.ts"
import { append, publish, type AppendOptions } from "./appending.ts"
import { commitDraft, isRecord } from "./drafts.ts"
import type { Exchange } from "./exchange.ts"
import { ask, type HostParts } from "./host-parts.ts"
import { logFailed, refuse, refused, unanswered, unchanged, workspaceFull, type Refused } from "./refused.ts"
import { route, type Route } from "./router.ts"
import { defaultWorkspace, nameOf, type SessionPath } from "./session-path.ts"
import { defined } from "./session-settings.ts"
import { awaited } from "./settling.ts"

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
  const { engine, rates, newSession } = parts
  const appended = (exchange: Exchange, path: SessionPath, drafts: readonly Draft[], options: AppendOptions) =>
    awaited<Answer>((settle) => append(parts, exchange, path, drafts, options, settle))

  const publishing = route(api.publish, (exchange, path, query) => {
    const options = { expectRevision: query.expectRevision, creates: query.create !== "false" }
    return awaited<Answer>((settle) => publish(parts, exchange, path, options, settle))
  })

  const commit = route(api.commit, (exchange, path, query) =>
    Effect.gen(function* () {
      const body = yield* exchange.readJson()
      yield* rates.admit("publish-bytes-per-second", engine.now, exchange.peer, exchange.bodyBytes)
      const { kind = "committed" } = yield* decodeBody(api.CommitBody, body)
      const view = member(body, "view")
      if (view === undefined) return yield* refused("bad-request", "The field view is missing: send what the view is from now on.")
      const draft = yield* commitDraft(view, kind, logModel.viewBytesMax)
      return yield* appended(exchange, path, [draft], { expectRevision: query.expectRevision, creates: query.create !== "false" })
    }),
  )

  const close = route(api.close, (exchange, path, query) =>
    Effect.gen(function* () {
      const { reason = "closed" } = yield* decodeBody(api.CloseBody, (yield* exchange.readJson()) ?? {})
      return yield* appended(exchange, path, [{ type: "close", reason }], { expectRevision: query.expectRevision, creates: false })
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
      const { model = newSession.model, retention } = yield* decodeBody(api.SessionBody, body)
      if (model !== logModel.name) {
        return yield* refused("bad-request", `This host has no model ${JSON.stringify(model)}: leave it out, or use ${logModel.name}.`)
      }
      const wanted = { model, retention: { ...newSession.retention, ...defined(retention) }, metadata: member(body, "metadata") ?? null }
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

  return [publishing, commit, close, trim, create, describe, remove, observation, query, explain]
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

function sinceOf(since: string | undefined, epoch: string | undefined): QuerySince {
  if (since === undefined || since === "") return { type: "position", position: 0, epoch }
  if (/^[0-9]{1,15}$/.test(since)) return { type: "position", position: Number(since), epoch }
  return { type: "cursor", cursor: since, epoch }
}

function sinceConflict({ reason, head: { epoch, head, floor } }: Extract<QueryOutcome, { type: "conflict" }>): Refused {
  const extra = { reason, epoch, head: head.position, earliest: floor.position + 1 }
  return refused("since-conflict", `The place asked for is not in this log (${reason}): ask anew without since.`, extra)
}

/** The body as the schema has it; a field that it does not have is refused. */
export function decodeBody<Value, Encoded>(schema: Schema.Schema<Value, Encoded>, body: Json | undefined): Either.Either<Value, Refused> {
  if (body === undefined) return refuse("bad-json", "The body is empty: send JSON.")
  if (!isRecord(body)) return refuse("bad-request", "The body is no object: send one.")
  return Either.mapLeft(Schema.decodeUnknownEither(schema)(body, { onExcessProperty: "error" }), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const field = `The field ${issue?.path.join(".")}`
    if (issue?._tag === "Unexpected") return refused("unknown-field", `${field} is not known here: check its spelling, or leave it out.`)
    return refused("bad-request", `${field} cannot be taken: ${issue?.message ?? "it has another shape"}.`)
  })
}

function member(body: Json | undefined, name: string): Json | undefined {
  return isRecord(body) && Object.hasOwn(body, name) ? body[name] : undefined
}
