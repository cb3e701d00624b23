// What a fake host is asked over the network, and how it answers: the streams and the publishing of a real one, without
// HTTP around them. Statuses and problems are those of the protocol, so that the client's machines cannot tell.

import { parseIdempotencyKey, type AppendCallOutcome, type LogFailed, type SessionSettings, type SubscribeCallOutcome } from "@tidemark/driver"
import { everything, jsonText, parseCursor, parseFilter, type Draft, type Json, type ReaderStart, type Recovery, type SessionName } from "@tidemark/kernel"
import { problem, type ProblemName } from "@tidemark/protocol"
import type { FakeConnection } from "./fake-network.ts"
import type { FakeHost } from "./fake-host.ts"
import { FakeStream } from "./fake-stream.ts"

export type FakeRequest =
  | {
      readonly type: "subscribe"
      readonly session: SessionName
      readonly start: ReaderStart
      readonly kinds: readonly string[] | undefined
      readonly recover: Recovery
      readonly waits: boolean
    }
  /** Lines of `{"kind", "data"}`. */
  | { readonly type: "publish"; readonly session: SessionName; readonly key: string; readonly body: string; readonly create: SessionSettings | undefined }

export function answerRequest(host: FakeHost, request: FakeRequest, connection: FakeConnection): void {
  if (request.type === "publish") publish(host, request, connection)
  else subscribe(host, request, connection)
}

function subscribe(host: FakeHost, request: Extract<FakeRequest, { type: "subscribe" }>, connection: FakeConnection): void {
  const { session, start, kinds, waits, recover } = request
  const filter = kinds === undefined ? everything : parseFilter(kinds)
  if (filter === undefined) return refuse(connection, "bad-request", "kinds is no filter")
  const options = { filter, recovery: recover } as const
  const parsed = start.type === "cursor" ? parseCursor(session, start.cursor) : undefined
  if (parsed?.type === "rejected") {
    host.note(request, parsed)
    return refuse(connection, `cursor-${parsed.reason}`, "send a cursor as it was given")
  }
  if (waits) {
    let giveUp = (): void => {}
    const stream = new FakeStream(host, connection, session, false, () => giveUp())
    giveUp = host.askPatiently(
      (driver, now) => driver.subscribe(now, session, start, { ...options, missing: "wait" }),
      (outcome) => {
        host.note(request, outcome)
        if (outcome.type === "subscribed") stream.attach(outcome.reader, outcome.hello)
        else stream.drain("unavailable")
      },
    )
    return
  }
  let gone = false
  connection.serve({ handleDrain: () => {}, handleClose: () => (gone = true) })
  host.ask<SubscribeCallOutcome>(
    (driver, now) => driver.subscribe(now, session, start, options),
    (outcome) => {
      host.note(request, outcome)
      if (outcome.type === "subscribed" && gone) return host.removeReader(outcome.reader)
      if (gone) return
      if (outcome.type === "subscribed") {
        const stream = new FakeStream(host, connection, session, false, () => {})
        return stream.attach(outcome.reader, outcome.hello)
      }
      if (outcome.type === "unknown_session") return refuse(connection, "unknown-session", "there is no such session")
      if (outcome.type === "refused") return refuse(connection, "limit-reached", "there are too many readers")
      refuse(connection, "unavailable", outcome.type === "failed" ? outcome.detail : outcome.reason)
    },
  )
}

function publish(host: FakeHost, request: Extract<FakeRequest, { type: "publish" }>, connection: FakeConnection): void {
  const { session, create } = request
  const key = parseIdempotencyKey(request.key)
  const drafts = request.body.split("\n").flatMap(draftOf)
  host.ask<AppendCallOutcome>(
    (driver, now, at) => driver.append(now, at, { session, drafts, key, create }),
    (outcome) => {
      host.note(request, outcome)
      if (outcome.type !== "appended") return refuseAppend(connection, outcome)
      connection.respond({ status: 200 })
      connection.write(new TextEncoder().encode(JSON.stringify(outcome.receipt)))
      connection.end()
    },
  )
}

function draftOf(line: string): readonly Draft[] {
  if (line === "") return []
  const { kind, data }: { readonly kind: string; readonly data: Json } = JSON.parse(line)
  return [{ type: "event", kind, data: jsonText(data), commit: false }]
}

function refuseAppend(connection: FakeConnection, outcome: Exclude<AppendCallOutcome, { type: "appended" }> | LogFailed): void {
  switch (outcome.type) {
    case "conflict":
      return refuse(connection, "key-conflict", "the key was used with other content", { highest: outcome.highest })
    case "key_expired":
      return refuse(connection, "key-expired", "go on after the highest", { highest: outcome.highest })
    case "unknown_session":
      return refuse(connection, "unknown-session", "there is no such session")
    case "closed":
      return refuse(connection, "session-closed", "the session is closed")
    case "expectation_failed":
      return refuse(connection, "expectation-failed", "the session is elsewhere")
    case "full":
      return refuse(connection, "limit-reached", "there are too many sessions")
    case "failed":
      if (outcome.effect === "unknown") return refuse(connection, "outcome-unknown", outcome.detail)
      return refuse(connection, outcome.reason === "storage_full" ? "storage-full" : "unavailable", outcome.detail)
  }
}

function refuse(connection: FakeConnection, name: ProblemName, detail: string, extra: Readonly<Record<string, unknown>> = {}): void {
  const body = problem(name, detail, extra)
  connection.respond({ status: body.status, problem: body })
  connection.end()
}
