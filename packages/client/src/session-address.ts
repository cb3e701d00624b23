// Where a host and a session are, and the URLs that follow. Everything a caller may get wrong here is refused before
// anything is sent: `fetch` reports a bad URL or header like a lost network, and a client would try again for ever.

import { isName } from "@tidemark/kernel"
import { ClientError } from "./client-error.ts"

export interface HostAddress {
  /** `http://127.0.0.1:4477`, with a path where the host stands behind one; in a browser also a path of the page's own origin, or "". */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Another `fetch` than the platform's. */
  readonly fetch?: typeof fetch
  /** Aborting ends what is under way. */
  readonly signal?: AbortSignal
}

export interface WorkspaceAddress extends HostAddress {
  /** Left out: the principal's default workspace. */
  readonly workspace?: string
}

export interface SessionAddress extends WorkspaceAddress {
  readonly session: string
}

type Query = Readonly<Record<string, string | number | undefined>>

/** The URL of a session, or of one of its calls (`events`, `subscribe`, …). Throws `ClientError` `bad-options`. */
export function sessionUrl(at: SessionAddress, call = "", query: Query = {}): string {
  const session = `/${checkedName("session", at.session)}`
  return `${sessionsPath(at)}${session}${call === "" ? "" : `/${call}`}${queryText(query)}`
}

/** The URL that lists a workspace's sessions. Throws `ClientError` `bad-options`. */
export function sessionsUrl(at: WorkspaceAddress, query: Query): string {
  return sessionsPath(at) + queryText(query)
}

/** Throws `ClientError` `bad-options` for headers that cannot be sent. */
export function checkHeaders(at: HostAddress): void {
  try {
    new Headers(at.headers)
  } catch {
    throw new ClientError("bad-options", "headers: a name or value cannot be sent; use visible ASCII without line breaks")
  }
}

function sessionsPath(at: WorkspaceAddress): string {
  const workspace = at.workspace === undefined ? "" : `/workspaces/${checkedName("workspace", at.workspace)}`
  return `${base(at.url)}/v1${workspace}/sessions`
}

function base(text: string): string {
  const url = parsedUrl(text)
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ClientError("bad-options", `url: ${JSON.stringify(text)} is no http address; give one like http://127.0.0.1:4477`)
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new ClientError("bad-options", "url: give the host's address without user, query or fragment; credentials go into headers")
  }
  return url.origin + url.pathname.replace(/\/+$/, "")
}

function parsedUrl(text: string): URL | undefined {
  try {
    return new URL(text, globalThis.location?.href) // Node has none
  } catch {
    return undefined
  }
}

function checkedName(what: string, name: string): string {
  if (isName(name)) return name
  const shape = 'use 1–128 of A–Z a–z 0–9 . _ ~ : - and neither "." nor ".."'
  throw new ClientError("bad-options", `${what}: ${JSON.stringify(name)} is no name; ${shape}`)
}

function queryText(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
  return given.length === 0 ? "" : `?${given.join("&")}`
}
