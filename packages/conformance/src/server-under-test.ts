// A running server as the laws see it: requests that are sent as they stand (no client library mends a path or a header on
// the way), and streams that are read frame by frame. Sessions get names of their own, so that the laws may run again and
// again against one server, and beside other users of it; none of them stays.

import { randomUUID } from "node:crypto"
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type RequestOptions } from "node:http"
import { request as httpsRequest } from "node:https"
import type { SessionEvent } from "@tidemark/kernel"
import { decodeFrame, problemName, SseDecoder, type Frame, type ReceiptAnswer } from "@tidemark/protocol"
import { expect, onTestFinished } from "vitest"

export interface Sent {
  readonly body?: unknown
  /** Instead of `body`: bytes as they are, of this type. */
  readonly raw?: { readonly bytes: string | Uint8Array; readonly mediaType?: string }
  readonly headers?: OutgoingHttpHeaders
}

/** An answer; `json` is `undefined` when the body is none. */
export interface Answered {
  readonly status: number
  readonly headers: IncomingMessage["headers"]
  readonly text: string
  readonly json: Record<string, unknown> | undefined
  /** The name behind a problem's `type`. */
  readonly problem: string | undefined
}

export class ServerUnderTest {
  readonly #base: URL

  constructor(baseUrl: string) {
    this.#base = new URL(baseUrl)
  }

  /** A session nobody else uses, deleted when the law is done. */
  fresh(): SessionUnderTest {
    const session = new SessionUnderTest(this, `law-${randomUUID()}`)
    this.deleteLater(session.path)
    return session
  }

  /** What a law made, and has perhaps deleted itself, goes when it is done. */
  deleteLater(path: string): void {
    onTestFinished(async () => {
      await this.call("DELETE", path)
    })
  }

  async call(method: string, path: string, { body, raw, headers }: Sent = {}): Promise<Answered> {
    const bytes = raw?.bytes ?? (body === undefined ? undefined : JSON.stringify(body))
    const mediaType = raw === undefined ? "application/json" : raw.mediaType
    const described = bytes === undefined || mediaType === undefined ? {} : { "content-type": mediaType }
    const length = bytes === undefined ? {} : { "content-length": Buffer.byteLength(bytes) }
    const response = await this.open(method, path, { ...described, ...length, ...headers }, bytes)
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString("utf8")
    const json = text.startsWith("{") ? JSON.parse(text) : undefined
    const problem = typeof json?.type === "string" ? problemName(json.type) : undefined
    return { status: response.statusCode ?? 0, headers: response.headers, text, json, problem }
  }

  /** The answer as it arrives. `own`: on a connection of its own, which a stream needs. */
  open(method: string, path: string, headers: OutgoingHttpHeaders, bytes?: string | Uint8Array, own = false): Promise<IncomingMessage> {
    const { protocol, port } = this.#base
    const hostname = this.#base.hostname.replace(/^\[(.*)\]$/, "$1")
    const options: RequestOptions = { method, path, headers, hostname, port, ...(own ? { agent: false } : {}) }
    return new Promise((resolve, reject) => {
      const request = (protocol === "https:" ? httpsRequest : httpRequest)(options, resolve)
      request.on("error", reject)
      request.end(bytes)
    })
  }
}

export class SessionUnderTest {
  readonly server: ServerUnderTest
  readonly id: string
  readonly path: string

  constructor(server: ServerUnderTest, id: string) {
    this.server = server
    this.id = id
    this.path = `/v1/sessions/${id}`
  }

  post(route: string, body: unknown, headers: OutgoingHttpHeaders = {}): Promise<Answered> {
    return this.server.call("POST", `${this.path}/${route}`, { body, headers })
  }

  get(route: string, headers: OutgoingHttpHeaders = {}): Promise<Answered> {
    return this.server.call("GET", route === "" ? this.path : `${this.path}/${route}`, { headers })
  }

  /** Records one event of kind `n` for each value. */
  async publish(...values: readonly unknown[]): Promise<ReceiptAnswer> {
    return receiptOf(await this.post("events", values.map((data) => ({ kind: "n", data }))))
  }

  async commit(view: unknown): Promise<ReceiptAnswer> {
    return receiptOf(await this.post("commit", { view }))
  }

  /** Everything that is there, as data. */
  async stored(): Promise<readonly unknown[]> {
    const { json } = await this.get("events")
    const events: readonly SessionEvent[] = json === undefined ? [] : Object(json["events"])
    return events.map((event) => event.data)
  }

  subscribe(query = "", headers: OutgoingHttpHeaders = {}): Promise<StreamUnderTest> {
    return this.#stream(query === "" ? "subscribe" : `subscribe?${query}`, headers)
  }

  /** The finite stream of a resume. */
  resumeStream(query: string): Promise<StreamUnderTest> {
    return this.#stream(`resume?${query}`, {})
  }

  async #stream(route: string, headers: OutgoingHttpHeaders): Promise<StreamUnderTest> {
    const accept = { accept: "text/event-stream", ...headers }
    return StreamUnderTest.of(await this.server.open("GET", `${this.path}/${route}`, accept, undefined, true))
  }
}

export class StreamUnderTest {
  readonly status: number
  readonly headers: IncomingMessage["headers"]
  readonly #response: IncomingMessage
  readonly #chunks: AsyncIterator<Buffer>
  readonly #decoder = new SseDecoder({ lineBytesMax: 32 * 1024 * 1024, blockBytesMax: 32 * 1024 * 1024 })

  private constructor(response: IncomingMessage) {
    this.#response = response
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    this.#chunks = response[Symbol.asyncIterator]()
  }

  static of(response: IncomingMessage): StreamUnderTest {
    response.on("error", () => {})
    return new StreamUnderTest(response)
  }

  /** The next frame that is no heartbeat; `undefined` at the end, clean or not. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = await this.nextOrHeartbeat()
      if (frame?.type !== "heartbeat") return frame
    }
  }

  async nextOrHeartbeat(): Promise<Frame | undefined> {
    for (;;) {
      for (let item = this.#decoder.pollItem(); item !== undefined; item = this.#decoder.pollItem()) {
        if (item.type !== "event") continue
        const outcome = decodeFrame(item.block)
        expect(outcome.type, outcome.type === "malformed" ? outcome.reason : item.block.event).toBe("frame")
        if (outcome.type === "frame") return outcome.frame
      }
      const chunk = await this.#chunks.next().catch(() => undefined)
      if (chunk === undefined || chunk.done === true) return undefined
      expect(this.#decoder.push(chunk.value)).toBe("ok")
    }
  }

  /** All frames up to the first of `type`, that one included. */
  async until(type: Frame["type"]): Promise<readonly Frame[]> {
    const frames: Frame[] = []
    for (;;) {
      const frame = type === "heartbeat" ? await this.nextOrHeartbeat() : await this.next()
      expect(frame, `the stream ended before ${type}, after ${frames.map((each) => each.type).join(", ")}`).not.toBe(undefined)
      if (frame === undefined) return frames
      frames.push(frame)
      if (frame.type === type) return frames
    }
  }

  /** All frames up to the server's end. */
  async rest(): Promise<readonly Frame[]> {
    const frames: Frame[] = []
    for (let frame = await this.next(); frame !== undefined; frame = await this.next()) frames.push(frame)
    return frames
  }

  /** As many events as that, whatever stands between them. */
  async events(count: number): Promise<readonly SessionEvent[]> {
    const events: SessionEvent[] = []
    while (events.length < count) {
      const frame = await this.next()
      expect(frame, `the stream ended after ${events.length} events`).not.toBe(undefined)
      if (frame === undefined) return events
      if (frame.type === "event") events.push(frame.data)
    }
    return events
  }

  /** Cuts the connection, as a network does. */
  cut(): void {
    this.#response.destroy()
  }
}

export function receiptOf({ status, json, text }: Answered): ReceiptAnswer {
  expect(status, text).toBe(200)
  return Object(json)
}

export function dataOf(frames: readonly Frame[]): readonly unknown[] {
  return frames.flatMap((frame) => (frame.type === "event" ? [frame.data.data] : []))
}

export function typesOf(frames: readonly Frame[]): readonly string[] {
  return frames.map((frame) => frame.type)
}
