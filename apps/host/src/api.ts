// The HTTP surface, declared: every route with its path, query, body and answers. The router decodes with these schemas and
// `/openapi.json` is generated from them, so what is described is what is done. Routes of a session are declared once and
// mounted twice: `/v1/sessions/…` (workspace `default`) and `/v1/workspaces/{workspace}/sessions/…`.

import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { isName } from "@tidemark/kernel"
import { problemKinds, problemMediaType, problemTypeBase } from "@tidemark/protocol"

const Name = Schema.String.pipe(
  Schema.filter(isName, { message: () => "is 1–128 characters of A–Z a–z 0–9 . _ ~ : -, and neither . nor .." }),
  Schema.annotations({ jsonSchema: { type: "string", pattern: "^[A-Za-z0-9._~:-]{1,128}$" } }),
)

/** Digits in, a number out; `most` clamps what is above it. */
function whole(least: number, most: number, description: string) {
  const digits = Schema.String.pipe(
    Schema.filter((text) => /^[0-9]{1,15}$/.test(text) && Number(text) >= least, { message: () => `is a whole number from ${least}` }),
    Schema.annotations({ jsonSchema: { type: "integer", minimum: least, description } }),
  )
  return Schema.transform(digits, Schema.Number, { decode: (text) => Math.min(Number(text), most), encode: String })
}

/** No union of literals: made optional, that one would lose its message. */
function choice<const Value extends string>(values: readonly Value[], description: string) {
  const isChoice = (text: string): text is Value => values.some((value) => value === text)
  const listed = values.join(", ").replace(/, (?=[^,]*$)/, " or ")
  return Schema.String.pipe(
    Schema.filter(isChoice, { message: () => `is ${listed}` }),
    Schema.annotations({ jsonSchema: { type: "string", enum: values, description } }),
  )
}

const Text = (description: string) => Schema.String.annotations({ description })

const Cursor = Text("A cursor, exactly as the server gave it. The Last-Event-ID header counts first, then lastEventId, then cursor.")
const Kinds = Text("Comma separated; `turn.*` takes all that begin with `turn.`.")
const Position = Schema.Number.pipe(Schema.int(), Schema.nonNegative())
const Closed = Schema.NullOr(Schema.Struct({ reason: Schema.String }))
const NoQuery = Schema.Struct({})

const Start = Schema.String.pipe(
  Schema.filter((text) => /^(?:observation|start|now|tail:[1-9][0-9]{0,8})$/.test(text), {
    message: () => "is observation, start, now or tail:N with N from 1",
  }),
  Schema.annotations({ jsonSchema: { type: "string", pattern: "^(observation|start|now|tail:[1-9][0-9]{0,8})$" } }),
)

const WorkspacePath = Schema.Struct({ workspace: Schema.optional(Name) })
const SessionPath = Schema.Struct({ workspace: Schema.optional(Name), id: Name })

export const RetentionBody = Schema.Struct({
  events: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
  bytes: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
  ageMs: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
})

const Bound = (description: string) => Schema.optional(Schema.Number.pipe(Schema.int(), Schema.nonNegative(), Schema.annotations({ description })))

/** What is to be kept; at least one of them. */
export const TrimBody = Schema.Struct({
  events: Bound("The latest so many entries."),
  bytes: Bound("The latest entries whose JSON is so many bytes of UTF-8."),
  ageMs: Bound("Entries that are no older than this, in milliseconds."),
})

/** What a session is made with; all of it may be left out. */
export const SessionBody = Schema.Struct({
  model: Schema.optional(Schema.String),
  retention: Schema.optional(RetentionBody),
  metadata: Schema.optional(Schema.Unknown),
})

export const CommitBody = Schema.Struct({ view: Schema.Unknown, kind: Schema.optional(Schema.String) })

/** What a recording is made with; all of it may be left out. */
export const RecordBody = Schema.Struct({
  secrets: Schema.optional(Schema.Array(Schema.String.pipe(Schema.pattern(/[\p{L}\p{N}]/u), Schema.maxLength(128))).pipe(Schema.maxItems(64))),
  all: Schema.optional(Schema.Boolean),
  forSeconds: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.between(1, 3600))),
})

const Capsule = HttpApiSchema.Text({ contentType: "application/x-ndjson" }).annotations({ description: "A capsule, live; see docs/CAPSULE.md." })

const Reason = Schema.String.pipe(
  Schema.filter((text) => /^\P{Cc}{1,256}$/u.test(text), { message: () => "a text of 1–256 characters without control characters" }),
)

export const CloseBody = Schema.Struct({ reason: Schema.optional(Reason) })

const Draft = Schema.Struct({
  kind: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(128)),
  data: Schema.optional(Schema.Unknown),
}).annotations({ identifier: "Draft", description: "What somebody wants recorded. Missing `data` is null." })

const Ndjson = HttpApiSchema.Text({ contentType: "application/x-ndjson" }).annotations({ description: "One draft a line." })

const Receipt = Schema.Struct({
  session: Schema.String,
  epoch: Schema.String,
  first: Position,
  last: Position,
  revision: Position,
  cursor: Schema.String,
  durability: Schema.Literal("replicated", "local", "written", "memory"),
}).annotations({ identifier: "Receipt", description: "What was recorded, and where." })

const SessionInfo = Schema.Struct({
  session: Schema.String,
  epoch: Schema.String,
  head: Position,
  earliest: Position,
  revision: Position,
  model: Schema.String,
  modelVersion: Position,
  retention: RetentionBody,
  metadata: Schema.Unknown,
  readers: Position,
  closed: Closed,
}).annotations({ identifier: "Session" })

const SessionEvent = Schema.Struct({
  position: Position,
  revision: Position,
  kind: Schema.String,
  at: Schema.String,
  data: Schema.Unknown,
  commit: Schema.optional(Schema.Literal(true)),
}).annotations({ identifier: "Event" })

const Observation = Schema.Struct({
  session: Schema.String,
  epoch: Schema.String,
  revision: Position,
  position: Position,
  cursor: Schema.String,
  view: Schema.Unknown,
  provisional: Schema.Unknown,
  closed: Closed,
  view_failed: Schema.optional(Schema.Literal(true)),
}).annotations({ identifier: "Observation", description: "View, provisional part and cursor, cut at one position." })

const GapReason = Schema.Literal("trimmed", "lagged", "epoch", "ahead", "diverged", "hole", "unknown_log", "budget")

const Gap = Schema.Struct({
  session: Schema.String,
  reason: GapReason,
  requested: Schema.NullOr(Schema.String),
  latest: Schema.String,
  earliest: Position,
  head: Position,
  revision: Position,
  missed: Schema.NullOr(Position),
}).annotations({ identifier: "Gap" })

const ResumeAnswer = Schema.Union(
  Schema.Struct({
    type: Schema.Literal("replayed"),
    events: Schema.Array(SessionEvent),
    cursor: Schema.String,
    upToDate: Schema.Boolean,
    closed: Closed,
  }),
  Schema.Struct({ type: Schema.Literal("gap"), gap: Gap, observation: Observation }),
)

const Explanation = Schema.Struct({
  session: Schema.String,
  outcome: Schema.Literal("replayed", "gap"),
  reason: Schema.NullOr(GapReason),
  entries: Position,
  missed: Schema.NullOr(Position),
  cursor: Schema.Struct({ epoch: Schema.String, position: Position, revision: Position }),
  epoch: Schema.String,
  earliest: Position,
  head: Position,
  revision: Position,
  entriesLeft: Schema.NullOr(Position),
  because: Schema.String,
})

const EventStream = HttpApiSchema.Text({ contentType: "text/event-stream" }).annotations({ description: "Frames; see docs/PROTOCOL.md." })

const AppendHeaders = Schema.Struct({
  "idempotency-key": Schema.optional(Text("1–200 visible ASCII characters, not beginning with `_`; `@<producer>:<n>` and `@<producer>:<after>-<n>` count.")),
  "if-match": Schema.optional(Text("An observation's ETag: append only if the session still stands there.")),
})

const CreateParameter = { create: Schema.optional(choice(["true", "false"], "false: 404 instead of making the session.")) }
const ExpectParameter = { expectRevision: Schema.optional(whole(0, Infinity, "Append only at this revision.")) }

export const publish = HttpApiEndpoint.post("publish", "/events")
  .setPath(SessionPath)
  .setUrlParams(Schema.Struct({ ...CreateParameter, ...ExpectParameter }))
  .setHeaders(AppendHeaders)
  .setPayload(Schema.Union(Draft, Schema.Array(Draft), Ndjson))
  .addSuccess(Receipt)
  .annotate(OpenApi.Description, "Records a draft, several, or one per line: all of them or none. Answers once durable.")

export const commit = HttpApiEndpoint.post("commit", "/commit")
  .setPath(SessionPath)
  .setUrlParams(Schema.Struct({ ...CreateParameter, ...ExpectParameter }))
  .setHeaders(AppendHeaders)
  .setPayload(CommitBody)
  .addSuccess(Receipt)
  .annotate(OpenApi.Description, "Settles the view: revision + 1.")

export const close = HttpApiEndpoint.post("close", "/close")
  .setPath(SessionPath)
  .setUrlParams(Schema.Struct(ExpectParameter))
  .setHeaders(AppendHeaders)
  .setPayload(CloseBody)
  .addSuccess(Receipt)
  .annotate(OpenApi.Description, "Records the last entry. Repeated, it gives the first answer again.")

export const trim = HttpApiEndpoint.post("trim", "/trim")
  .setPath(SessionPath)
  .setUrlParams(NoQuery)
  .setPayload(TrimBody)
  .addSuccess(SessionInfo)
  .annotate(OpenApi.Description, "Lets go of the oldest entries, for good, until what is kept is within every bound that is given; at least one.")

export const observation = HttpApiEndpoint.get("observation", "/observation")
  .setPath(SessionPath)
  .setUrlParams(NoQuery)
  .addSuccess(Observation)
  .annotate(OpenApi.Description, "Never older than its request. The ETag is the cursor in quotes.")

export const resume = HttpApiEndpoint.get("resume", "/resume")
  .setPath(SessionPath)
  .setUrlParams(
    Schema.Struct({
      cursor: Schema.optional(Cursor),
      lastEventId: Schema.optional(Cursor),
      limit: Schema.optional(whole(1, 1000, "Events of a page; 500 unless said, at most 1,000.")),
      wait: Schema.optional(whole(0, 25, "Seconds to wait for an event where there is none; at most 25.")),
      refuse: Schema.optional(choice(["status"], "Refuse a stream with 429 or 503, not in band.")),
    }),
  )
  .addSuccess(ResumeAnswer)
  .annotate(
    OpenApi.Description,
    "The events after the cursor, or a gap and the observation that replaces them. Accept: text/event-stream gets a finite stream.",
  )

export const subscribe = HttpApiEndpoint.get("subscribe", "/subscribe")
  .setPath(SessionPath)
  .setUrlParams(
    Schema.Struct({
      cursor: Schema.optional(Cursor),
      lastEventId: Schema.optional(Cursor),
      from: Schema.optional(Start.annotations({ description: "Where to begin without a cursor; observation unless said." })),
      kinds: Schema.optional(Kinds),
      recover: Schema.optional(choice(["events", "auto", "rest"], "What to do about a gap.")),
      missing: Schema.optional(choice(["wait"], "Wait for a session that is not there, instead of 404.")),
      refuse: Schema.optional(choice(["status"], "Refuse with 429 or 503, not in band.")),
    }),
  )
  .addSuccess(EventStream)
  .addSuccess(HttpApiSchema.NoContent)
  .annotate(OpenApi.Description, "Replay, then live, without a seam. 204 to a cursor at the end of a closed session.")

export const query = HttpApiEndpoint.get("query", "/events")
  .setPath(SessionPath)
  .setUrlParams(
    Schema.Struct({
      since: Schema.optional(Text("A position or a cursor; 0 unless said.")),
      limit: Schema.optional(whole(0, 1000, "Events of a page; at most 1,000, or 4 MiB of them.")),
      kinds: Schema.optional(Kinds),
      epoch: Schema.optional(Text("409 if the session is in another one.")),
    }),
  )
  .addSuccess(
    Schema.Struct({ epoch: Schema.String, events: Schema.Array(SessionEvent), next: Schema.NullOr(Position), missed: Position }),
  )
  .annotate(OpenApi.Description, "The events after `since`. `next` is the `since` of the next page, null at the head.")

export const explain = HttpApiEndpoint.get("explain", "/explain")
  .setPath(SessionPath)
  .setUrlParams(Schema.Struct({ cursor: Schema.optional(Cursor), lastEventId: Schema.optional(Cursor) }))
  .addSuccess(Explanation)
  .annotate(OpenApi.Description, "What resume would do with the cursor, why, and until when.")

export const record = HttpApiEndpoint.post("record", "/record")
  .setPath(SessionPath)
  .setUrlParams(NoQuery)
  .setPayload(RecordBody)
  .addSuccess(Capsule)
  .annotate(OpenApi.Description, "Records what the kernel is told of the session and what it answers, secrets hashed, until the client leaves.")

export const endRecording = HttpApiEndpoint.del("endRecording", "/record")
  .setPath(SessionPath)
  .setUrlParams(NoQuery)
  .addSuccess(HttpApiSchema.NoContent)
  .annotate(OpenApi.Description, "Ends the recording, which gets its last line; also where there is none.")

export const create = HttpApiEndpoint.put("create", "/")
  .setPath(SessionPath)
  .setUrlParams(NoQuery)
  .setPayload(SessionBody)
  .addSuccess(SessionInfo)
  .addSuccess(SessionInfo, { status: 201 })
  .annotate(OpenApi.Description, "Makes the session; 200 if it is there with the same settings, 409 if with others.")

export const describe = HttpApiEndpoint.get("describe", "/").setPath(SessionPath).setUrlParams(NoQuery).addSuccess(SessionInfo)

export const remove = HttpApiEndpoint.del("remove", "/")
  .setPath(SessionPath)
  .setUrlParams(NoQuery)
  .addSuccess(HttpApiSchema.NoContent)
  .annotate(OpenApi.Description, "Deletes the session; its open readers get `closed`.")

export const list = HttpApiEndpoint.get("list", "/")
  .setPath(WorkspacePath)
  .setUrlParams(
    Schema.Struct({
      limit: Schema.optional(whole(1, 1000, "Sessions of a page; 100 unless said, at most 1,000.")),
      after: Schema.optional(Name.annotations({ description: "The `next` of the page before." })),
    }),
  )
  .addSuccess(Schema.Struct({ sessions: Schema.Array(SessionInfo), next: Schema.NullOr(Schema.String) }))

export const health = HttpApiEndpoint.get("health", "/healthz")
  .setPath(NoQuery)
  .setUrlParams(NoQuery)
  .addSuccess(Schema.Struct({ status: Schema.Literal("ok") }))

export const metrics = HttpApiEndpoint.get("metrics", "/metrics")
  .setPath(NoQuery)
  .setUrlParams(NoQuery)
  .addSuccess(HttpApiSchema.Text({ contentType: "text/plain" }))
  .annotate(OpenApi.Description, "Prometheus text.")

export const stats = HttpApiEndpoint.get("stats", "/v1/stats").setPath(NoQuery).setUrlParams(NoQuery).addSuccess(Schema.Unknown)

export const openapi = HttpApiEndpoint.get("openapi", "/openapi.json").setPath(NoQuery).setUrlParams(NoQuery).addSuccess(Schema.Unknown)

/** Where the routes of one session, and of a workspace's sessions, are mounted. */
export const mounts = [
  { name: "sessions", collection: "/v1/sessions", session: "/v1/sessions/:id" },
  { name: "workspaces", collection: "/v1/workspaces/:workspace/sessions", session: "/v1/workspaces/:workspace/sessions/:id" },
] as const

function sessionGroup<const Id extends string>(id: Id) {
  return HttpApiGroup.make(id)
    .add(create)
    .add(describe)
    .add(remove)
    .add(publish)
    .add(query)
    .add(commit)
    .add(close)
    .add(trim)
    .add(observation)
    .add(resume)
    .add(subscribe)
    .add(explain)
    .add(record)
    .add(endRecording)
}

const Problem = Schema.Struct({
  type: Schema.Literal(...Object.keys(problemKinds).map((name) => problemTypeBase + name)),
  title: Schema.String,
  status: Schema.Number,
  detail: Schema.String,
}).annotations({ identifier: "Problem", description: "RFC 9457; `detail` says what to do. Further members depend on the type." })

/** The document at `/openapi.json`. */
export function openApiDocument(version: string): object {
  const [short, long] = mounts
  const api = HttpApi.make("tidemark")
    .add(HttpApiGroup.make("lists").add(list).prefix(short.collection))
    .add(HttpApiGroup.make("workspaceLists").add(list).prefix(long.collection))
    .add(sessionGroup("sessions").prefix(short.session))
    .add(sessionGroup("workspaces").prefix(long.session))
    .add(HttpApiGroup.make("host", { topLevel: true }).add(health).add(metrics).add(stats).add(openapi))
    .annotate(OpenApi.Title, "Tidemark")
    .annotate(OpenApi.Version, version)
    .annotate(OpenApi.Description, "Live sessions that survive the disconnect.")
    .annotate(HttpApi.AdditionalSchemas, [Problem])
  const generated = OpenApi.fromApi(api)
  const { HttpApiDecodeError: _1, Issue: _2, PropertyKey: _3, ...schemas } = generated.components.schemas
  const paths = mapValues(generated.paths, (item, path) => mapValues(item, (operation) => operation && asAnswered(operation, path)))
  return { ...generated, paths, components: { ...generated.components, schemas } }
}

/** What the generator cannot know: errors are problems, not its own; a route mounted without a workspace has none in its path. */
function asAnswered(operation: OpenApi.OpenAPISpecOperation, path: string): object {
  const { 400: _frameworks, ...successes } = operation.responses
  const problem = { description: "A problem", content: { [problemMediaType]: { schema: { $ref: "#/components/schemas/Problem" } } } }
  const parameters = operation.parameters
    .filter(({ in: place, name }) => place !== "path" || path.includes(`{${name}}`))
    .map((parameter) => (parameter.in === "path" ? { ...parameter, required: true } : parameter))
  return { ...operation, parameters, responses: { ...successes, default: problem } }
}

function mapValues<Value, Mapped>(record: Readonly<Record<string, Value>>, map: (value: Value, key: string) => Mapped) {
  return Object.fromEntries(Object.entries(record).map(([key, value]): [string, Mapped] => [key, map(value, key)]))
}
