// How each server is spoken to: what is posted where, how a stream is asked for, and how it says that it is there. Raw
// loops and most peers speak one dialect, so that they differ in what they do and not in what they are sent.

import { eventTemplate, tokenInData } from "./event-text.ts"

export type DialectName = "tidemark" | "raw" | "unnumbered"

export interface Dialect {
  readonly name: DialectName
  /** Each event has a position, dense from 1, and whoever publishes is told it. */
  readonly hasPositions: boolean
  /** The stream says `caught_up` once it is live; else it is with its head. */
  readonly saysCaughtUp: boolean
  publishPath(session: string): string
  subscribePath(session: string, start: Start): string
}

/** Where readers begin. `cursor` is what the publisher was told at that position. */
export type Start =
  | { readonly type: "start" }
  | { readonly type: "now"; readonly position: number }
  | { readonly type: "after"; readonly position: number; readonly cursor: string }

const ours: Dialect = {
  name: "tidemark",
  hasPositions: true,
  saysCaughtUp: true,
  publishPath: (session) => `/v1/sessions/${session}/events`,
  subscribePath: (session, { type }) => `/v1/sessions/${session}/subscribe?from=${type === "now" ? "now" : "start"}`,
}

const raw: Dialect = {
  name: "raw",
  hasPositions: true,
  saysCaughtUp: false,
  publishPath: (session) => `/s/${session}`,
  subscribePath: (session, { type }) => `/s/${session}${type === "start" ? "?from=start" : ""}`,
}

/** Peers whose ids are no positions: their streams are held to the order of each publisher. */
const unnumbered: Dialect = { ...raw, name: "unnumbered", hasPositions: false, subscribePath: raw.publishPath }

export const dialects: Readonly<Record<DialectName, Dialect>> = { tidemark: ours, raw, unnumbered }

export function subscribeRequest(dialect: Dialect, host: string, session: string, start: Start): string {
  const resume = start.type === "after" ? `Last-Event-ID: ${start.cursor}\r\n` : ""
  return `GET ${dialect.subscribePath(session, start)} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n${resume}\r\n`
}

/** A request with room for its events, and where each of them has its token. */
export interface PublishTemplate {
  readonly bytes: Buffer
  readonly tokensAt: readonly number[]
}

/** `batch` events in one request; only Tidemark takes more than one. */
export function publishTemplate(dialect: Dialect, host: string, session: string, batch: number): PublishTemplate {
  if (batch !== 1 && dialect.name !== "tidemark") throw new Error(`${dialect.name} takes one event a request, not ${batch}`)
  const draft = dialect.name === "tidemark" ? `{"kind":"bench","data":${eventTemplate}}` : eventTemplate
  const body = batch === 1 ? draft : `[${Array.from({ length: batch }, () => draft).join(",")}]`
  const head =
    `POST ${dialect.publishPath(session)} HTTP/1.1\r\nHost: ${host}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  const tokensAt: number[] = []
  for (let at = body.indexOf(eventTemplate); at !== -1; at = body.indexOf(eventTemplate, at + 1)) tokensAt.push(head.length + at + tokenInData)
  return { bytes: Buffer.from(head + body, "latin1"), tokensAt }
}

/** Makes sessions that must be there before somebody reads them. */
export async function prepare(dialect: Dialect, url: string, sessions: readonly string[]): Promise<void> {
  if (dialect.name !== "tidemark") return
  for (let at = 0; at < sessions.length; at += makeAtOnce) {
    await Promise.all(sessions.slice(at, at + makeAtOnce).map((session) => makeSession(`${url}/v1/sessions/${session}`)))
  }
}

const makeAtOnce = 50

async function makeSession(url: string): Promise<void> {
  const headers = { "content-type": "application/json" }
  const response = await fetch(url, { method: "PUT", headers, body: "{}" })
  if (!response.ok) throw new Error(`PUT ${url} was answered ${response.status}: ${await response.text()}`)
  await response.arrayBuffer()
}
