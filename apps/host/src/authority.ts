// Who a request says it is talking to, and from where. A web page can reach loopback too: through a name of its own that
// resolves to it (then `Host` is not ours) or straight across origins (then `Origin` is not ours). Both are refused.
// Pure functions over header values.

/** Host and port as a `Host` header names them; lower case, IPv6 in brackets. */
export interface Authority {
  readonly host: string
  readonly port: string | undefined
}

/** `undefined` for what is not `name`, `name:port`, `[v6]` or `[v6]:port`. */
export function parseAuthority(text: string): Authority | undefined {
  const [, host, port] = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::([0-9]{1,5}))?$/i.exec(text) ?? []
  return host === undefined ? undefined : { host: host.toLowerCase(), port }
}

/** Whether only this machine can reach it: `localhost`, `127.0.0.0/8`, `::1`. */
export function isLoopbackName(name: string): boolean {
  return name === "localhost" || isLoopbackAddress(name)
}

/** As Node spells a socket's remote address. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/.test(address)
}

/** Whether this host answers to that name: a loopback name, the listen address, or one of `allowedHosts`. */
export function answersTo(authority: Authority, listenHost: string, allowedHosts: readonly string[]): boolean {
  const { host, port } = authority
  if (host === "localhost" || host === "127.0.0.1" || host === "[::1]") return true
  if (host === listenHost || host === `[${listenHost}]`) return true
  return allowedHosts.some((allowed) => allowed === host || (port !== undefined && allowed === `${host}:${port}`))
}

/** What an `Origin` may do. */
export type OriginOutcome =
  /** None was sent, or it is this host's own: no CORS headers. */
  | { readonly type: "same" }
  /** Listed: `allow` goes into `Access-Control-Allow-Origin`. */
  | { readonly type: "listed"; readonly allow: string }
  | { readonly type: "foreign" }

/** Host and port are compared; the scheme is not, because a proxy in front may end TLS. */
export function originOf(origin: string | undefined, authority: Authority, corsOrigins: readonly string[]): OriginOutcome {
  if (origin === undefined) return { type: "same" }
  if (corsOrigins.includes(origin)) return { type: "listed", allow: origin }
  if (URL.canParse(origin)) {
    const { protocol, host } = new URL(origin)
    const asSent = authority.port === undefined ? authority.host : `${authority.host}:${authority.port}`
    const bare = authority.port === defaultPorts[protocol] ? authority.host : asSent
    if (host !== "" && host === bare) return { type: "same" }
  }
  return corsOrigins.includes("*") ? { type: "listed", allow: "*" } : { type: "foreign" }
}

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }
