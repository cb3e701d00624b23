// Resumable sessions on plain node:http, without framework and without Effect: the routes stand here, and
// `plain-node/engine.ts` binds driver and log to Node. Copy both and change what you like.
//
//   POST /v1/sessions/{id}/events      a draft {"kind", "data"} or an array of them, safe to repeat with Idempotency-Key
//   GET  /v1/sessions/{id}/subscribe   server-sent events, on from Last-Event-ID or ?cursor=, else ?from=
//
// What `tidemark serve` has and this has not: authorisation, checks of Host and Origin, rate limits, the other routes, and
// a drain at shutdown. It listens on loopback, at PORT.

import { isUtf8 } from "node:buffer"
import { randomBytes } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { buffer } from "node:stream/consumers"
import { Driver, MemoryLog, parseIdempotencyKey } from "@tidemark/driver"
import { everything, isName, jsonText, Kernel, logModel, sessionName, timestamp } from "@tidemark/kernel"
import type { Json, ReaderStart, SessionName } from "@tidemark/kernel"
import { parseJson, problem, problemMediaType, type ProblemName } from "@tidemark/protocol"
import { Engine } from "./plain-node/engine.ts"

const MiB = 1024 * 1024
/** Of kernel, driver and log together: each takes what is its own, and none has a default. */
const limits = {
  ...{ windowEvents: 2048, windowBytes: 4 * MiB, windowAgeMs: 900_000, readersPerSession: 1000, recoverEvents: 1000 },
  ...{ encodesPerSecond: 2, retryMs: 1000, sessionsInMemoryMax: 1000, sessionIdleMs: 60_000, pageEvents: 1000, pageBytes: MiB },
  ...{ snapshotEvents: 2048, snapshotBytes: 4 * MiB, groupDraftsMax: 1000, groupBytesMax: 4 * MiB },
  ...{ waitingDraftsMax: 65_536, waitingBytesMax: 64 * MiB, memoryLogEvents: 100_000, memoryLogBytes: 64 * MiB },
  ...{ keysPerSession: 10_000, keysPerProducer: 64, keyAgeMs: 86_400_000, sessionsPerWorkspace: 1000 },
}
const log = new MemoryLog({ limits, token: () => randomBytes(12).toString("base64url") })
const engine = new Engine(new Driver(limits, new Kernel({ ...limits, models: [logModel] }), log), log)

const server = createServer((request, response) => {
  route(request, response).catch((error: unknown) => {
    if (request.complete) throw error // a bug; the other way to get here is a client that left within its request
  })
})
server.listen(Number(process.env["PORT"] ?? 4480), "127.0.0.1", () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === "object" ? address?.port : address}`)
})

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost")
  const [, id = "", call = ""] = /^\/v1\/sessions\/([^/]+)\/(events|subscribe)$/.exec(url.pathname) ?? []
  if (call === "") return refuse(response, "not-found", "There is POST …/events and GET …/subscribe.")
  if (request.method !== (call === "events" ? "POST" : "GET")) return refuse(response, "method-not-allowed", "POST …/events, GET …/subscribe.")
  if (!isName(id)) return refuse(response, "bad-id", "Use 1–128 characters of A–Z a–z 0–9 . _ ~ : -")
  const session = sessionName("default", id)
  if (call === "events") return append(request, response, session)
  const cursor = request.headers["last-event-id"]?.toString() || url.searchParams.get("cursor") || undefined
  return subscribe(response, session, url.searchParams.get("from") ?? "observation", cursor)
}

async function append(request: IncomingMessage, response: ServerResponse, session: SessionName): Promise<void> {
  const { "content-type": type = "", "content-length": length, "idempotency-key": given } = request.headers
  if (!type.startsWith("application/json")) return refuse(response, "unsupported-media-type", "Send JSON as application/json.")
  if (!(Number(length) <= 4 * MiB)) return refuse(response, "too-large", "Send at most 4 MiB, with a Content-Length.")
  const body = await buffer(request)
  if (!isUtf8(body)) return refuse(response, "bad-utf8", "Send the body as UTF-8.")
  const parsed = parseJson(body.toString(), { depth: 64 })
  if (parsed.type === "refused") return refuse(response, "bad-json", parsed.reason)
  const list: readonly Json[] = Array.isArray(parsed.value) ? parsed.value : [parsed.value]
  const drafts = list.filter(isDraft).map(({ kind, data = null }) => ({ type: "event", kind, data: jsonText(data), commit: false }) as const)
  if (list.length === 0 || drafts.length < list.length) return refuse(response, "bad-request", 'Send {"kind": text, "data": JSON}, or some of them.')
  const key = given === undefined ? undefined : parseIdempotencyKey(given.toString())
  if (given !== undefined && key === undefined) return refuse(response, "bad-key", "Send 1–200 visible ASCII characters.")

  const create = { model: "log", retention: {}, metadata: null }
  const part = { session, drafts, create, ...(key === undefined ? {} : { key }) }
  const outcome = await engine.ask((driver, now) => driver.append(now, timestamp(Date.now()), part))
  if (outcome.type === "appended") return answer(response, 200, "application/json", outcome.receipt)
  if (outcome.type === "conflict") return refuse(response, "key-conflict", "Use another key for other content.")
  if (outcome.type === "key_expired") return refuse(response, "key-expired", "Go on after `highest`.", { highest: outcome.highest })
  if (outcome.type === "full") return refuse(response, "limit-reached", "There are as many sessions as there may be.")
  if (outcome.type === "closed") return refuse(response, "session-closed", "Append to another session.")
  const unknown = outcome.type === "failed" && outcome.effect === "unknown"
  if (!unknown) return refuse(response, "unavailable", "Nothing was stored: come back in a moment.")
  refuse(response, "outcome-unknown", "Repeat it under the same key; without one it may be stored twice.")
}

function isDraft(value: Json): value is { readonly kind: string; readonly data?: Json } {
  const kind = typeof value === "object" && value !== null && "kind" in value ? value["kind"] : undefined
  return typeof kind === "string" && /^\P{Cc}{1,128}$/u.test(kind)
}

async function subscribe(response: ServerResponse, session: SessionName, from: string, cursor: string | undefined): Promise<void> {
  if (from !== "observation" && from !== "start" && from !== "now") return refuse(response, "bad-request", "from: observation, start or now.")
  const start: ReaderStart = cursor === undefined ? { type: from } : { type: "cursor", cursor }
  const outcome = await engine.ask((driver, now) => driver.subscribe(now, session, start, { filter: everything, recovery: "events" }))
  if (outcome.type === "rejected") return refuse(response, `cursor-${outcome.reason}`, "Send a cursor as it was given, or none to start anew.")
  if (outcome.type === "unknown_session") return refuse(response, "unknown-session", "Append something to it first.")
  if (outcome.type !== "subscribed") return refuse(response, "unavailable", "Come back in a moment.")
  engine.stream(response, session, outcome)
}

function refuse(response: ServerResponse, name: ProblemName, detail: string, extra = {}): void {
  const body = problem(name, detail, extra)
  answer(response, body.status, problemMediaType, body)
}

function answer(response: ServerResponse, status: number, type: string, body: object): void {
  response.writeHead(status, { "content-type": type }).end(JSON.stringify(body))
}
