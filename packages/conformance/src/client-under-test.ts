// A client as the laws see it: a function that is given an address and gives items. It is kept so small that any client can
// be wrapped in it, whatever library it is built on; what the library calls things, and how it waits, is its own affair.

import { onTestFinished } from "vitest"
import type { ScriptedServer, ScriptedSession } from "./scripted-server.ts"

/** What to read. */
export interface ClientRequest {
  /** The host: `http://127.0.0.1:4477`. */
  readonly url: string
  readonly session: string
  /** Where to go on: the `cursor` of an item that was taken before, perhaps by another process. Absent: from the start. */
  readonly cursor?: string
  /** Only events of these kinds. Absent: all. */
  readonly kinds?: readonly string[]
  /** All of the above as one address, for a client that is given nothing else: the stream, with its query. */
  readonly subscribeUrl: string
  /** Aborted: let go of the connection and end. */
  readonly signal: AbortSignal
}

/**
 * What a client gives, in order; whatever else it has to say (a status, caught up) stays out. `cursor` is what an
 * application would keep once it has taken the item: where a client that begins later goes on.
 */
export type ClientUnderTestItem = { readonly cursor?: string | undefined } & (
  | { readonly type: "event"; readonly position: number; readonly data: unknown }
  | { readonly type: "gap"; readonly reason: string }
  | { readonly type: "observation"; readonly position: number; readonly view: unknown }
  /** Nothing will ever follow; the iteration ends after it. */
  | { readonly type: "closed" }
)

/**
 * A fresh client. It comes back over lost connections until the session is closed or `signal` is aborted. The iteration
 * throws, whatever error it likes, for what coming back cannot mend (400, 401, 403, 404). Let it come back quickly: pauses
 * of its own, where they can be set, should be a few milliseconds; the server says `retry: 1`.
 */
export type ConnectClient = (request: ClientRequest) => AsyncIterable<ClientUnderTestItem>

/** What a client may do without. */
export interface ClientTraits {
  /** It gives observations. One that does not still goes on from them. */
  readonly observes: boolean
  /** It gives up a connection on which nothing was heard for three heartbeats. */
  readonly watches: boolean
}

/** What one client gave, and why it ended. */
export interface Reading {
  readonly items: readonly ClientUnderTestItem[]
  /** What the iteration threw; `undefined` when it ended. */
  readonly failure: unknown
}

export interface ReadOptions {
  readonly cursor?: string
  readonly kinds?: readonly string[]
  /** Leave after the first item of which this is true, as an application that is stopped. */
  readonly until?: (item: ClientUnderTestItem) => boolean
}

export class ClientUnderTest {
  readonly #connect: ConnectClient
  readonly #server: ScriptedServer

  constructor(connect: ConnectClient, server: ScriptedServer) {
    this.#connect = connect
    this.#server = server
  }

  /** Everything up to the end. A client that throws, or comes again and again, fails the law. */
  async all(session: ScriptedSession, options: ReadOptions = {}): Promise<readonly ClientUnderTestItem[]> {
    const { items, failure } = await this.read(session, options)
    if (failure !== undefined) throw new Error(`the client gave up after ${JSON.stringify(items)}`, { cause: failure })
    return items
  }

  async read(session: ScriptedSession, options: ReadOptions = {}): Promise<Reading> {
    const stop = new AbortController()
    onTestFinished(() => stop.abort())
    return this.readWhile(session, stop, options)
  }

  /** The same, ended by whoever holds `stop` too. */
  async readWhile(session: ScriptedSession, stop: AbortController, { cursor, kinds, until }: ReadOptions = {}): Promise<Reading> {
    const { url } = this.#server
    const asked = { ...(cursor === undefined ? { from: "start" } : { cursor }), ...(kinds === undefined ? {} : { kinds: kinds.join(",") }) }
    const request = { url, session: session.id, signal: stop.signal, subscribeUrl: "" }
    const subscribeUrl = `${url}/v1/sessions/${session.id}/subscribe?${new URLSearchParams(asked).toString()}`
    const wanted = { ...(cursor === undefined ? {} : { cursor }), ...(kinds === undefined ? {} : { kinds }) }
    const items = this.#connect({ ...request, ...wanted, subscribeUrl })[Symbol.asyncIterator]()
    const taken: ClientUnderTestItem[] = []
    try {
      for (;;) {
        const next = await Promise.race([settled(items.next()), session.faulted])
        if ("failure" in next) return { items: taken, failure: next.failure }
        if (next.done === true) return { items: taken, failure: undefined }
        taken.push(next.value)
        if (until?.(next.value) === true) return { items: taken, failure: undefined }
      }
    } finally {
      stop.abort()
      void items.return?.().catch(() => undefined) // what it read is told already
    }
  }
}

type Settled = IteratorResult<ClientUnderTestItem> | { readonly failure: unknown }

/** The client's own error as a value, so that the server's stays apart from it. */
function settled(next: Promise<IteratorResult<ClientUnderTestItem>>): Promise<Settled> {
  return next.catch((error: unknown) => ({ failure: error ?? new Error("the client threw nothing") }))
}
