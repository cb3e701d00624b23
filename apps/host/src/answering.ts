// From a request to the bytes of its answer, for every route alike: who may ask (Host, Origin, rates), which route it is,
// and how its answer or refusal is written. Everything that is not 2xx is a problem document, and everything carries the
// same security headers, whoever made it.

import type { IncomingMessage, ServerResponse } from "node:http"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { later } from "@tidemark/kernel"
import { primeFrame, problemMediaType, reconnectFrame, sseHeaders } from "@tidemark/protocol"
import { empty, noHeaders, text, type Answer, type Headers } from "./answer.ts"
import { answersTo, originOf, parseAuthority } from "./authority.ts"
import type { HostConfig } from "./config.ts"
import type { Exchange } from "./exchange.ts"
import type { HostParts } from "./host-parts.ts"
import { faultOfOurs, isTemporary, refuse, refused, retryLater, type Refused } from "./refused.ts"
import type { Match, Router } from "./router.ts"

export const securityHeaders: Headers = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
}

/** Answers one request; never fails. `overLimit`: its connection is one more than there may be. */
export function answerTo(parts: HostParts, router: Router, exchange: Exchange, overLimit: boolean): Effect.Effect<void> {
  const cors = corsOf(parts.config, exchange.message)
  const headers = Either.getOrElse(cors, () => noHeaders)
  const target = Either.flatMap(cors, () => Either.flatMap(exchange.framing, () => exchange.target))
  if (Either.isLeft(target)) return Effect.sync(() => write(parts, exchange, refusal(parts, exchange, target.left, false), headers, overLimit))
  const match = router.match(exchange.method, target.right.segments)
  const streams = match.type === "route" && match.route.streams
  return run(parts, exchange, match, overLimit).pipe(
    Effect.catchTag("Refused", (refused) => Effect.succeed(refusal(parts, exchange, refused, streams))),
    Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.interrupt : internal(parts, exchange, cause))),
    Effect.map((answer) => write(parts, exchange, answer, headers, overLimit)),
  )
}

/** The same for a request that was admitted already and whose route needs no effect. */
export function answerPlainly(
  parts: HostParts,
  exchange: Exchange,
  { cors, streams }: { readonly cors: Headers; readonly streams: boolean },
  outcome: Either.Either<Answer, Refused>,
): void {
  write(parts, exchange, Either.isRight(outcome) ? outcome.right : refusal(parts, exchange, outcome.left, streams), cors, false)
}

function run(parts: HostParts, exchange: Exchange, match: Match, overLimit: boolean): Effect.Effect<Answer, Refused> {
  const { config, engine, rates, streams } = parts
  if (exchange.method === "OPTIONS") return Effect.succeed(options(exchange, match))
  if (streams.draining) return retryLater("shutting-down", "The host is shutting down: come back in a moment.")
  if (overLimit) {
    return retryLater("limit-reached", `The host has ${config.limits.connections} connections, as many as it may: come back later.`)
  }
  switch (match.type) {
    case "none":
      return refused("not-found", "There is no such route: see /openapi.json for the ones there are.")
    case "other_methods":
      return refused("method-not-allowed", `${exchange.method} is no method of this route: use ${match.allow}.`, {}, { allow: match.allow })
    case "route":
      return Effect.flatMap(rates.admit("requests-per-second", engine.now, exchange.peer), () => match.route.run(exchange, match.params))
  }
}

/** Host and Origin; the CORS headers of the answer, whatever its status. */
export function corsOf(config: HostConfig, message: IncomingMessage): Either.Either<Headers, Refused> {
  const hosts = message.headersDistinct["host"] ?? []
  const authority = parseAuthority(hosts[0] ?? "")
  if (authority === undefined || hosts.length > 1) return refuse("bad-request", "Send one Host header: the name of this host.")
  if (!answersTo(authority, config.host, config.allowedHosts)) {
    const detail = `This host is not called ${JSON.stringify(hosts[0])}: use the address it listens on, or start it with --allowed-hosts.`
    return refuse("forbidden-host", detail)
  }
  const origin = originOf(message.headers.origin?.trim(), authority, config.corsOrigins)
  switch (origin.type) {
    case "foreign":
      return refuse("forbidden-origin", "Pages of this origin may not call: start the host with --cors-origins to let them.")
    case "same":
      return Either.right(config.corsOrigins.length === 0 ? noHeaders : { vary: "Origin" })
    case "listed":
      return Either.right({ ...exposed, "access-control-allow-origin": origin.allow, vary: "Origin" })
  }
}

const exposed: Headers = { "access-control-expose-headers": "ETag, Retry-After" }

function options(exchange: Exchange, match: Match): Answer {
  const preflight = exchange.header("access-control-request-method") !== undefined
  const allow = match.type === "other_methods" ? match.allow : "GET, HEAD, POST, PUT, DELETE, OPTIONS"
  if (!preflight) return empty(204, { allow })
  return empty(204, {
    allow,
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
    "access-control-allow-headers": "Content-Type, Last-Event-ID, Idempotency-Key, If-Match, Authorization",
    "access-control-max-age": "600",
  })
}

function internal(parts: HostParts, exchange: Exchange, cause: Cause.Cause<never>): Effect.Effect<Answer> {
  return Effect.sync(() => refusal(parts, exchange, faultOfOurs(Cause.squash(cause)), false))
}

/** As a problem document; to a client that would take a status for final, what time alone mends is said in band. */
function refusal({ meter, streams, report }: HostParts, exchange: Exchange, refusal: Refused, streaming: boolean): Answer {
  meter.refuse(refusal.name)
  if (refusal.fault !== undefined) report(`a request failed: ${exchange.method} ${exchange.message.url}`, refusal.fault)
  const inBand = streaming && exchange.method === "GET" && exchange.acceptsStream
  if (inBand && isTemporary(refusal) && exchange.query["refuse"] !== "status") {
    const afterMs = streams.retryMs()
    const frames = primeFrame(afterMs) + reconnectFrame({ afterMs, reason: refusal.name })
    return text(frames, sseHeaders["content-type"], { ...sseHeaders, connection: "close" })
  }
  const { problem, headers } = refusal
  return { type: "body", status: problem.status, mediaType: problemMediaType, body: JSON.stringify(problem), headers }
}

function write({ engine, config, streams }: HostParts, exchange: Exchange, answer: Answer, cors: Headers, overLimit: boolean): void {
  const { response } = exchange
  if (response.destroyed || response.headersSent) return
  if (answer.type === "stream") return answer.open(response, { ...securityHeaders, ...cors })
  const unread = exchange.bodyUnread
  const closing = unread || streams.draining || overLimit ? { connection: "close" } : noHeaders
  writeHead(response, answer, cors, closing)
  const sent = answer.type === "empty" || exchange.headOnly ? undefined : answer.body
  if (unread) linger(engine, exchange, response, sent)
  else response.end(sent)
  // Nearly always the system has taken all of it by now, and nobody needs to be watched.
  if (!unread && response.socket?.writableLength === 0) return
  const deadline = (): void => void response.destroy()
  engine.schedule(deadline, later(engine.now, config.limits["write-deadline"]))
  response.once("close", () => engine.schedule(deadline, undefined))
}

/** Most answers have nothing of their own: those get a list, which Node takes as it is and which costs a third of an object. */
function writeHead(response: ServerResponse, answer: Exclude<Answer, { type: "stream" }>, cors: Headers, closing: Headers): void {
  const isUsual = answer.type === "body" && answer.headers === noHeaders && cors === noHeaders && closing === noHeaders
  if (isUsual) {
    const length = String(Buffer.byteLength(answer.body))
    response.writeHead(answer.status, [...securityHeaderList, "content-type", answer.mediaType, "content-length", length])
  } else {
    response.writeHead(answer.status, { ...securityHeaders, ...described(answer), ...answer.headers, ...cors, ...closing })
  }
}

const securityHeaderList: readonly string[] = Object.entries(securityHeaders).flat()

function described(answer: Exclude<Answer, { type: "stream" }>): Headers {
  if (answer.type === "empty") return {}
  return { "content-type": answer.mediaType, "content-length": String(Buffer.byteLength(answer.body)) }
}

/** How long, and for how many bytes, a client that was answered early may go on sending before it is cut off. */
const lingerMs = 1000
const lingerBytes = 16 * 1024 * 1024

/**
 * Answers a client that is still sending. Closing at once would reset the connection, and the reset can overtake the
 * answer; so the answer is sent, what comes is thrown away for a moment, and then the connection is closed.
 */
function linger(engine: HostParts["engine"], { message }: Exchange, response: ServerResponse, body: string | undefined): void {
  let thrownAway = 0
  const finish = (): void => {
    engine.schedule(finish, undefined)
    message.off("data", onData).off("end", finish)
    response.end()
  }
  const onData = (chunk: Buffer): void => {
    thrownAway += chunk.length
    if (thrownAway > lingerBytes) finish()
  }
  if (body === undefined) response.flushHeaders()
  else response.write(body)
  engine.schedule(finish, later(engine.now, lingerMs))
  response.once("close", () => engine.schedule(finish, undefined))
  message.on("data", onData).on("end", finish).resume()
}
