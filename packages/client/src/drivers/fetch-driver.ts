// Binds the client's machine to `fetch` and the platform's clock, timers and chance. All of it runs inside `advance`: when
// nobody asks for the next item, nothing is read, and the stream waits in the network.

import type { ConnectRequest, ReplayClient } from "../replay-client.ts"
import type { Refusal } from "../client-error.ts"
import { describeFailure, readRefusal } from "./read-refusal.ts"
import { now, Waker } from "./waker.ts"

/** How a request of the machine becomes one of HTTP. */
export interface StreamTarget {
  readonly fetch: typeof fetch
  readonly headers: Readonly<Record<string, string>>
  url(request: ConnectRequest): string
}

export class FetchDriver {
  readonly #client: ReplayClient
  readonly #target: StreamTarget
  readonly #waker = new Waker()
  #stream: EventStream | undefined

  constructor(client: ReplayClient, target: StreamTarget) {
    this.#client = client
    this.#target = target
  }

  /** Does what the machine wants and waits until something has happened: a fact came, time passed, or `wake` was called. */
  async advance(): Promise<void> {
    const client = this.#client
    const request = client.pollConnect(now(), Math.random())
    if (request !== undefined || !client.connectionWanted) this.#drop()
    if (request !== undefined) this.#stream = new EventStream(this.#target, request, this.#waker.wake)
    const stream = this.#stream
    stream?.read()
    await this.#waker.wait(client.pollTimeout())
    const fact = stream?.take()
    if (fact !== undefined) hand(client, fact)
    client.handleTimeout(now())
  }

  /** Ends a wait. A property, so that it can be passed on. */
  readonly wake = this.#waker.wake

  close(): void {
    this.#drop()
    this.#waker.wake()
  }

  #drop(): void {
    this.#stream?.close()
    this.#stream = undefined
  }
}

function hand(client: ReplayClient, fact: Fact): void {
  switch (fact.type) {
    case "response":
      return client.handleResponse(now(), fact)
    case "bytes":
      return client.handleBytes(now(), fact.chunk)
    case "end":
      return client.handleEnd(now(), fact.because)
  }
}

type Fact =
  | (Refusal & { readonly type: "response"; readonly eventStream: boolean })
  | { readonly type: "bytes"; readonly chunk: Uint8Array }
  | { readonly type: "end"; readonly because: string }

/** One connection. Holds at most one fact; reads on only when that was taken. */
class EventStream {
  readonly #controller = new AbortController()
  readonly #wake: () => void
  #under: boolean
  #fact: Fact | undefined
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined

  constructor(target: StreamTarget, request: ConnectRequest, wake: () => void) {
    this.#wake = wake
    this.#under = true
    void this.#settle(this.#open(target, request))
  }

  /** Asks for the next fact, unless one waits or is under way. */
  read(): void {
    if (this.#under || this.#fact !== undefined || this.#reader === undefined) return
    this.#under = true
    void this.#settle(this.#next(this.#reader))
  }

  take(): Fact | undefined {
    const fact = this.#fact
    this.#fact = undefined
    return fact
  }

  close(): void {
    this.#controller.abort()
  }

  async #open(target: StreamTarget, request: ConnectRequest): Promise<Fact> {
    const headers = { ...target.headers, accept: "text/event-stream" }
    const send = target.fetch // not as a method: the platform's refuses another `this`
    const response = await send(target.url(request), { headers, cache: "no-store", signal: this.#controller.signal })
    const eventStream = /^text\/event-stream\s*(;|$)/i.test(response.headers.get("content-type") ?? "")
    if (response.status !== 200) return { type: "response", eventStream, ...(await readRefusal(response)) }
    if (eventStream) this.#reader = response.body?.getReader()
    return { type: "response", eventStream, status: 200, retryAfterMs: undefined, problem: undefined }
  }

  async #next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Fact> {
    const chunk = await reader.read()
    return chunk.done ? { type: "end", because: "the stream ended" } : { type: "bytes", chunk: chunk.value }
  }

  async #settle(fact: Promise<Fact>): Promise<void> {
    try {
      this.#fact = await fact
    } catch (error) {
      this.#fact = { type: "end", because: describeFailure(error) }
    }
    this.#under = false
    this.#wake()
  }
}
