// What can be wrong with a request, as RFC 9457 problem details. The table is the whole set: a server answers with one of
// these names, and a client may switch over them. A name, once released, keeps its meaning and its status for ever.
//
// `type` is a stable identifier, not an address: it need not resolve, and nobody should fetch it.

import type { Problem } from "./wire.ts"

interface ProblemKind {
  readonly status: number
  /** What every problem of this name has in common; what to do stands in `detail`. */
  readonly title: string
}

/** Name → status and title. `type` on the wire is `problemTypeBase` followed by the name. */
export const problemKinds = {
  "cursor-malformed": { status: 400, title: "The cursor is damaged" },
  "cursor-wrong-session": { status: 400, title: "The cursor is of another session" },
  "cursor-unsupported-version": { status: 400, title: "The cursor is of a version this server does not read" },
  "bad-request": { status: 400, title: "The request cannot be understood" },
  "bad-id": { status: 400, title: "The name is not one a session or workspace can have" },
  "bad-kind": { status: 400, title: "The kind is not one an event can have" },
  "bad-json": { status: 400, title: "The JSON cannot be taken as it stands" },
  "bad-utf8": { status: 400, title: "The body is not UTF-8" },
  "bad-key": { status: 400, title: "The idempotency key cannot be used" },
  "unknown-parameter": { status: 400, title: "The query has a parameter this route does not know" },
  "unknown-field": { status: 400, title: "The body has a field this route does not know" },
  "empty-batch": { status: 400, title: "The batch is empty" },
  "forbidden-host": { status: 403, title: "The Host is not one this server answers to" },
  "forbidden-origin": { status: 403, title: "The Origin may not use this server" },
  "not-found": { status: 404, title: "There is no such route" },
  "unknown-session": { status: 404, title: "There is no such session" },
  "method-not-allowed": { status: 405, title: "The route does not take this method" },
  "key-conflict": { status: 409, title: "The idempotency key was used with other content" },
  "key-expired": { status: 409, title: "The producer's number is not one that can be appended" },
  "session-closed": { status: 409, title: "The session is closed" },
  "settings-conflict": { status: 409, title: "The session exists with other settings" },
  "recording-conflict": { status: 409, title: "The session cannot be recorded now" },
  "since-conflict": { status: 409, title: "The place asked for is not in this log" },
  "expectation-failed": { status: 412, title: "The session is not where the request expects it" },
  "too-large": { status: 413, title: "The body or an event in it is too large" },
  "unsupported-media-type": { status: 415, title: "The body is of a type this route does not take" },
  "too-many-requests": { status: 429, title: "Requests come too fast" },
  "limit-reached": { status: 429, title: "There are as many as there may be" },
  "header-too-large": { status: 431, title: "The request's headers are too large" },
  internal: { status: 500, title: "The server failed" },
  unavailable: { status: 503, title: "The log cannot be reached" },
  "outcome-unknown": { status: 503, title: "Nobody knows whether the append happened" },
  "shutting-down": { status: 503, title: "The server is shutting down" },
  "storage-full": { status: 507, title: "The disk is full" },
} as const satisfies Record<string, ProblemKind>

/** Every problem there is. */
export type ProblemName = keyof typeof problemKinds

/** A problem's `type` is this followed by its name. */
export const problemTypeBase = "https://tidemark.dev/problems/"

/** The media type of a body that holds a problem. */
export const problemMediaType = "application/problem+json"

/**
 * The object to send. `detail` is a sentence that says what to do; `extra` adds members (`actual`, `highest`, …) and
 * cannot replace the standard ones.
 */
export function problem(name: ProblemName, detail: string, extra?: Readonly<Record<string, unknown>>): Problem {
  const { status, title } = problemKinds[name]
  const standard = { type: problemTypeBase + name, title, status, detail }
  // Twice: first for the order people read in, then so that nothing in `extra` replaces it.
  return { ...standard, ...extra, ...standard }
}

/** The name behind a problem's `type`; `undefined` for a type that is not in the table. */
export function problemName(type: string): ProblemName | undefined {
  if (!type.startsWith(problemTypeBase)) return undefined
  const name = type.slice(problemTypeBase.length)
  return isProblemName(name) ? name : undefined
}

function isProblemName(name: string): name is ProblemName {
  return Object.hasOwn(problemKinds, name)
}
