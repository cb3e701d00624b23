// Single calls: one request, one answer, no state and no second try. What streams or must survive a lost answer is
// `connect` and `publish`. Everything that is not the answer asked for is thrown as `ClientError`.

import type { Closed, Explanation, Json, ObservationJson, SessionEvent } from "@tidemark/kernel"
import type { ReceiptAnswer, ResumeAnswer } from "@tidemark/protocol"
import { ClientError, refused } from "./client-error.ts"
import type { PublishDraft } from "./drivers/publish.ts"
import { describeFailure, readRefusal } from "./drivers/read-refusal.ts"
import { checkHeaders, sessionsUrl, sessionUrl, type HostAddress, type SessionAddress, type WorkspaceAddress } from "./session-address.ts"

/** What a session keeps of its history; a bound left out does not exist. */
export interface Retention {
  readonly events?: number
  readonly bytes?: number
  readonly ageMs?: number
}

export interface SessionSettings {
  /** `log` where it is left out. */
  readonly model?: string
  readonly retention?: Retention
  readonly metadata?: Json
}

export interface SessionAnswer {
  readonly session: string
  readonly epoch: string
  readonly head: number
  /** The first position the log still holds; `head + 1` when it holds none. */
  readonly earliest: number
  readonly revision: number
  readonly model: string
  readonly modelVersion: number
  readonly retention: Retention
  readonly metadata: Json
  readonly readers: number
  readonly closed: Closed | null
}

/** `created`: it was not there before. */
export interface CreatedSession extends SessionAnswer {
  readonly created: boolean
}

export interface SessionsPage {
  readonly sessions: readonly SessionAnswer[]
  /** `after` of the next page; null at the end. */
  readonly next: string | null
}

export interface EventsPage {
  readonly epoch: string
  readonly events: readonly SessionEvent[]
  /** `since` of the next page; null when the head was reached. */
  readonly next: number | null
  /** Events after `since` that nobody can be given any more. */
  readonly missed: number
}

/** What an append is made under. A failed expectation is `expectation-failed` (412), with `actual` in the problem. */
export interface AppendOptions {
  /** Repeating the call under the same key gives the first result again; without one, a repetition may append twice. */
  readonly key?: string
  /** Only if nothing was recorded since: the cursor of an observation. */
  readonly ifMatch?: string
  readonly expectRevision?: number
  /** False: a session that is not there is refused, not made. */
  readonly create?: boolean
}

/** Makes the session, or answers with the one that is there with the same settings; others are `settings-conflict` (409). */
export async function createSession(at: SessionAddress, settings: SessionSettings = {}): Promise<CreatedSession> {
  const { status, text } = await request(at, "PUT", sessionUrl(at), {}, inJson(settings))
  return { ...parsed<SessionAnswer>(text), created: status === 201 }
}

export function getSession(at: SessionAddress): Promise<SessionAnswer> {
  return json(at, "GET", sessionUrl(at))
}

/** In the order of their ids. */
export function listSessions(at: WorkspaceAddress, page: { readonly limit?: number; readonly after?: string } = {}): Promise<SessionsPage> {
  return json(at, "GET", sessionsUrl(at, page))
}

/** With everything in it; open readers are told `closed` with the reason `deleted`. */
export async function deleteSession(at: SessionAddress): Promise<void> {
  await request(at, "DELETE", sessionUrl(at))
}

/** Appends one batch: all of it or nothing. For many, or over a network that fails, use `publish`. */
export function append(at: SessionAddress, drafts: readonly PublishDraft[], options: AppendOptions = {}): Promise<ReceiptAnswer> {
  return json(at, "POST", sessionUrl(at, "events", appendQuery(options)), appendHeaders(options), inJson(drafts))
}

/** Settles the view: revision + 1. `kind` is `committed` where it is left out. */
export function commit(
  at: SessionAddress,
  change: { readonly view: Json; readonly kind?: string },
  options: AppendOptions = {},
): Promise<ReceiptAnswer> {
  return json(at, "POST", sessionUrl(at, "commit", appendQuery(options)), appendHeaders(options), inJson(change))
}

/** The same as `append` for drafts that are lines of JSON already: each is sent as it stands, as NDJSON. */
export function appendLines(at: SessionAddress, lines: readonly string[], options: AppendOptions = {}): Promise<ReceiptAnswer> {
  const body = { type: "application/x-ndjson", text: `${lines.join("\n")}\n` }
  return json(at, "POST", sessionUrl(at, "events", appendQuery(options)), appendHeaders(options), body)
}

/** The last entry of the session. Repeated: the first answer again. */
export function close(at: SessionAddress, reason?: string, options: AppendOptions = {}): Promise<ReceiptAnswer> {
  return json(at, "POST", sessionUrl(at, "close", appendQuery(options)), appendHeaders(options), inJson({ reason }))
}

/** Lets go of the oldest entries, for good, until what is kept is within every bound given (at least one). The answer is the session then. */
export function trim(at: SessionAddress, keep: Retention): Promise<SessionAnswer> {
  return json(at, "POST", sessionUrl(at, "trim"), {}, inJson(keep))
}

/** View and provisional part, never older than this call. */
export function observe(at: SessionAddress): Promise<ObservationJson> {
  return json(at, "GET", sessionUrl(at, "observation"))
}

/** One page of what came after the cursor, or the gap. `wait`: seconds to wait for the first event (at most 25). */
export function resume(
  at: SessionAddress,
  from: { readonly cursor: string; readonly limit?: number; readonly wait?: number },
): Promise<ResumeAnswer> {
  return json(at, "GET", sessionUrl(at, "resume", from))
}

/** What a resume at this cursor would do, why, and how long it still can. */
export function explain(at: SessionAddress, cursor: string): Promise<Explanation> {
  return json(at, "GET", sessionUrl(at, "explain", { cursor }))
}

/** Events after `since` (a position or a cursor; left out: from the beginning), oldest first. `epoch`: 409 if it is another now. */
export function queryEvents(
  at: SessionAddress,
  query: { readonly since?: number | string; readonly limit?: number; readonly kinds?: readonly string[]; readonly epoch?: string } = {},
): Promise<EventsPage> {
  return json(at, "GET", sessionUrl(at, "events", { ...query, kinds: query.kinds?.join(",") }))
}

type Headers = Readonly<Record<string, string>>

function appendQuery({ expectRevision, create }: AppendOptions) {
  return { expectRevision, create: create === false ? "false" : undefined }
}

function appendHeaders({ key, ifMatch }: AppendOptions): Headers {
  return { ...(key === undefined ? {} : { "idempotency-key": key }), ...(ifMatch === undefined ? {} : { "if-match": `"${ifMatch}"` }) }
}

/** A body as it is sent. */
interface Body {
  readonly type: string
  readonly text: string
}

function inJson(value: unknown): Body {
  return { type: "application/json", text: JSON.stringify(value) }
}

async function json<Answer>(at: HostAddress, method: string, url: string, headers: Headers = {}, body?: Body): Promise<Answer> {
  return parsed((await request(at, method, url, headers, body)).text)
}

/** What a host answers to a call of this protocol is taken at its word. */
function parsed<Answer>(text: string): Answer {
  try {
    return JSON.parse(text)
  } catch {
    throw new ClientError("not-tidemark", "the answer is no JSON; check the address")
  }
}

async function request(at: HostAddress, method: string, url: string, headers: Headers = {}, body?: Body) {
  checkHeaders(at)
  const send = at.fetch ?? fetch
  const type: Headers = body === undefined ? {} : { "content-type": body.type }
  const init: RequestInit = { method, headers: { ...at.headers, ...headers, ...type } }
  if (body !== undefined) init.body = body.text
  if (at.signal !== undefined) init.signal = at.signal
  try {
    const response = await send(url, init)
    if (!response.ok) throw refused(await readRefusal(response))
    return { status: response.status, text: await response.text() }
  } catch (error) {
    if (error instanceof ClientError || at.signal?.aborted === true) throw error
    throw new ClientError("unreachable", `nobody answered at ${new URL(url).origin}: ${describeFailure(error)}`)
  }
}
