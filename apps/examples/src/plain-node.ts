// Resumable sessions on plain node:http, in one file, on loopback at PORT, without framework or Effect: copy it.
//
//   POST /v1/sessions/{id}/events      a draft {"kind", "data"} or an array of them, safe to repeat with Idempotency-Key
//   GET  /v1/sessions/{id}/subscribe   server-sent events, on from Last-Event-ID or ?cursor=, else ?from=observation (the default), start or now
//
// Whatever touches the driver ends with `wake()`, or requests stay unsent, calls unanswered and readers unread. What it has
// not, and `tidemark serve` has: authorisation, checks of Host and Origin, rate limits, the other routes, a drain at shutdown.

import { isUtf8 } from "node:buffer"
import { randomBytes } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { buffer } from "node:stream/consumers"
import { Driver, MemoryLog, parseIdempotencyKey, type Call } from "@tidemark/driver"
import { everything, instant, isName, jsonText, Kernel, logModel, sessionName, timestamp } from "@tidemark/kernel"
import type { Draft, Instant, Json, ReaderId, ReaderStart, SessionName } from "@tidemark/kernel"
import { encodeBatch, encodeObservation, parseJson, problem, problemMediaType, ServerConnection, sseHeaders, type ProblemName } from "@tidemark/protocol"

const MiB = 2 ** 20
/** Of kernel, driver and log together: each takes what is its own, and none has a default. */
const limits = {
  windowEvents: 2048, windowBytes: 4 * MiB, windowAgeMs: 900_000, readersPerSession: 1000, recoverEvents: 1000, encodesPerSecond: 2,
  retryMs: 1000, sessionsInMemoryMax: 1000, sessionIdleMs: 60_000, pageEvents: 1000, pageBytes: MiB, sessionsPerWorkspace: 1000,
  snapshotEvents: 2048, snapshotBytes: 4 * MiB, groupDraftsMax: 1000, groupBytesMax: 4 * MiB, waitingDraftsMax: 65_536, waitingBytesMax: 64 * MiB,
  memoryLogEvents: 100_000, memoryLogBytes: 64 * MiB, keysPerSession: 10_000, keysPerProducer: 64, keyAgeMs: 86_400_000,
}
/** Events and bytes of one read: what a client that stops reading leaves in this process's memory, and not more. */
const budget = { events: 64, bytes: 65_536 }
const heartbeatMs = 15_000

const log = new MemoryLog({ limits, token: () => randomBytes(12).toString("base64url") })
const driver = new Driver(limits, new Kernel({ ...limits, models: [logModel] }), log)
const pumps = new Map<ReaderId, () => void>()
const now = (): Instant => instant(performance.now())
let turnDue = false

/** Heartbeats, and what the driver has to do by itself: a quarter of a second late at most. */
setInterval(() => {
  driver.handleTimeout(now())
  for (const pump of pumps.values()) pump()
  wake()
}, 250)

const server = createServer((request, response) => {
  const [path = "", query] = (request.url ?? "").split("?")
  const [, id = "", call] = /^\/v1\/sessions\/([^/]+)\/(events|subscribe)$/.exec(path) ?? []
  if (call === undefined) return refuse(response, "not-found", "There is POST …/events and GET …/subscribe.")
  if (request.method !== (call === "events" ? "POST" : "GET")) return refuse(response, "method-not-allowed", "POST …/events, GET …/subscribe.")
  if (!isName(id)) return refuse(response, "bad-id", "Use 1–128 characters of A–Z a–z 0–9 . _ ~ : -")
  if (call === "events") void append(request, response, sessionName("default", id))
  else void subscribe(request, response, sessionName("default", id), new URLSearchParams(query))
})
server.listen(Number(process.env["PORT"] ?? 4480), "127.0.0.1", () => console.log(`http://127.0.0.1:${Object(server.address()).port} listens`))

async function append(request: IncomingMessage, response: ServerResponse, session: SessionName): Promise<void> {
  const { "content-type": type = "", "content-length": length, "idempotency-key": given } = request.headers
  if (!type.startsWith("application/json")) return refuse(response, "unsupported-media-type", "Send JSON as application/json.")
  if (!(Number(length) <= 4 * MiB)) return refuse(response, "too-large", "Send at most 4 MiB, with a Content-Length.")
  const body = await buffer(request).catch(() => Buffer.alloc(0)) // the client left: what follows is said to nobody
  if (!isUtf8(body)) return refuse(response, "bad-utf8", "Send the body as UTF-8.")
  const parsed = parseJson(body.toString(), { depth: 64 })
  if (parsed.type === "refused") return refuse(response, "bad-json", parsed.reason)
  const list: readonly Json[] = Array.isArray(parsed.value) ? parsed.value : [parsed.value]
  const drafts = list.flatMap(draftOf)
  if (list.length === 0 || drafts.length < list.length) return refuse(response, "bad-request", 'Send {"kind": text, "data": JSON}, or some of them.')
  const key = given === undefined ? undefined : parseIdempotencyKey(given.toString())
  if (given !== undefined && key === undefined) return refuse(response, "bad-key", "Send 1–200 visible ASCII characters.")
  const create = { model: "log", retention: {}, metadata: null }
  const outcome = await settled(driver.append(now(), timestamp(Date.now()), { session, drafts, create, key }))
  if (outcome.type === "appended") return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(outcome.receipt))
  if (outcome.type === "conflict") return refuse(response, "key-conflict", "Use another key for other content.")
  if (outcome.type === "key_expired") return refuse(response, "key-expired", "Go on after `highest`.", { highest: outcome.highest })
  refuse(response, outcome.type === "failed" && outcome.effect === "unknown" ? "outcome-unknown" : "unavailable", "Repeat it under the same key.")
}

function draftOf(value: Json): readonly Draft[] {
  const { kind, data = null } = Object(value)
  return typeof kind === "string" && /^\P{Cc}{1,128}$/u.test(kind) ? [{ type: "event", kind, data: jsonText(data), commit: false }] : []
}

async function subscribe(request: IncomingMessage, response: ServerResponse, session: SessionName, query: URLSearchParams): Promise<void> {
  const cursor = request.headers["last-event-id"]?.toString() || query.get("cursor") || undefined
  const from = query.get("from") ?? "observation"
  if (from !== "observation" && from !== "start" && from !== "now") return refuse(response, "bad-request", "from: observation, start or now.")
  const start: ReaderStart = cursor === undefined ? { type: from } : { type: "cursor", cursor }
  const outcome = await settled(driver.subscribe(now(), session, start, { filter: everything, recovery: "events" }))
  if (outcome.type === "rejected") return refuse(response, `cursor-${outcome.reason}`, "Send a cursor as it was given, or none to start anew.")
  if (outcome.type === "unknown_session") return refuse(response, "unknown-session", "Append something to it first.")
  if (outcome.type !== "subscribed") return refuse(response, "unavailable", "Come back in a moment.")

  const { session: id, epoch, head, earliest, revision, model, modelVersion } = outcome.hello
  const retryMs = 250 + Math.floor(500 * Math.random()) // not all at once
  const connection = new ServerConnection(now(), { session, heartbeatMs, maxAgeMs: 600_000, retryMs, quietEntriesMax: 512, finite: false })
  connection.handleHello(now(), { session: id, epoch, head, earliest, revision, model, modelVersion })

  const pump = (): void => {
    connection.handleTimeout(now())
    // What a slow client has not taken yet is not read yet: it costs a place in the log, and no memory here.
    while (!response.writableNeedDrain && !response.writableEnded) {
      const output = connection.pollOutput()
      if (output?.type === "end") response.end()
      else if (output?.type === "text") response.write(output.text)
      else if (output !== undefined) response.write(output.type === "batch" ? encodeBatch(output.batch) : encodeObservation(output.observation))
      else connection.handleRead(now(), driver.read(now(), outcome.reader, budget), driver.kernel.cursorOf(outcome.reader))
      if (output === undefined && !connection.hasOutput && !connection.wantsRead) break
    }
    wake()
  }
  const leave = (): void => {
    if (!pumps.delete(outcome.reader)) return
    driver.unsubscribe(outcome.reader)
    response.destroy()
    wake()
  }
  pumps.set(outcome.reader, pump)
  response.writeHead(200, sseHeaders).on("drain", pump).once("close", leave)
  // A client that half-closes and reads nothing raises only `end`; one that just stops reading raises only a timeout.
  response.socket?.once("end", leave).setTimeout(2 * heartbeatMs, leave)
  if (response.closed) leave()
  else pump()
}

function refuse(response: ServerResponse, name: ProblemName, detail: string, extra = {}): void {
  const body = problem(name, detail, extra)
  response.writeHead(body.status, { "content-type": problemMediaType }).end(JSON.stringify(body))
}

/** The outcome of a call on the driver, once it is there. */
function settled<Outcome>(call: Call<Outcome>): Promise<Outcome> {
  wake()
  return new Promise((resolve) => (call.waiter = { settled: () => call.outcome !== undefined && resolve(call.outcome) }))
}

/** Asks for a turn, soon and one for all who ask: submit what is to be asked, settle calls, read the readers that are ready. */
function wake(): void {
  if (turnDue) return
  turnDue = true
  setImmediate(() => {
    turnDue = false
    for (let numbered = driver.pollRequest(); numbered !== undefined; numbered = driver.pollRequest()) {
      const { id, request } = numbered
      log.submit(request, (answer) => {
        driver.handleAnswer(now(), id, answer)
        wake()
      })
    }
    for (let call = driver.pollSettled(); call !== undefined; call = driver.pollSettled()) call.waiter?.settled()
    for (let reader = driver.pollReady(); reader !== undefined; reader = driver.pollReady()) pumps.get(reader)?.()
  })
}
