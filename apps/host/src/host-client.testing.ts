// HTTP as a careful stranger speaks it, for tests that kill the host: nothing of our own client, so that what a test has
// written down was read off the wire by other code than what wrote it there.

import { request, type IncomingMessage } from "node:http"

export interface Answer {
  readonly status: number
  /** Of the body, without parameters. */
  readonly mediaType: string
  readonly body: Readonly<Record<string, unknown>>
}

export interface Sent {
  readonly body?: unknown
  readonly key?: string
}

/** Rejects when no answer came. */
export async function call(method: string, url: string, { body, key }: Sent = {}): Promise<Answer> {
  const headers = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...(key === undefined ? {} : { "idempotency-key": key }) }
  const response = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body) })
  const text = await response.text()
  const mediaType = response.headers.get("content-type")?.split(";")[0] ?? ""
  return { status: response.status, mediaType, body: text === "" ? {} : JSON.parse(text) }
}

/** Asks for one thing, which must be there. */
export async function get(url: string): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await call("GET", url)
  if (status !== 200) throw new Error(`${url} answered ${status}: ${JSON.stringify(body)}`)
  return body
}

/** All events of a session from a position on, page after page; each as JSON text. */
export async function storedEvents(session: string, since = 0): Promise<readonly string[]> {
  const texts: string[] = []
  for (let next: unknown = since; next !== null; ) {
    const page = await get(`${session}/events?since=${String(next)}&limit=1000`)
    if (!Array.isArray(page["events"])) throw new Error(`a page without events: ${JSON.stringify(page)}`)
    for (const event of page["events"]) texts.push(JSON.stringify(event))
    next = page["next"]
  }
  return texts
}

export interface StreamFrame {
  /** `message` where the frame names none. */
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

/** Hands every whole frame to `take` until the stream ends. Rejects when it is cut, hung up on, or refused. */
export async function eachFrame(url: string, take: (frame: StreamFrame) => void, signal?: AbortSignal): Promise<void> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // A connection of its own, since it may be cut; `fetch` would open another one in its place, and leave it idle.
    const options = { agent: false, headers: { accept: "text/event-stream" }, ...(signal === undefined ? {} : { signal }) }
    request(url, options, resolve).on("error", reject).end()
  })
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`)
  response.setEncoding("utf8")
  let text = ""
  for await (const chunk of response) {
    text += String(chunk)
    const blocks = text.split("\n\n")
    text = blocks.pop() ?? ""
    for (const block of blocks) {
      const frame = frameOf(block)
      if (frame !== undefined) take(frame)
    }
  }
}

/** What `call` and `eachFrame` reject with when the host dies, or when we hang up. */
export function wasCut(error: unknown): boolean {
  return (error instanceof TypeError && error.cause !== undefined) || (error instanceof Error && "code" in error && /^(E|ABORT_ERR)/.test(String(error.code)))
}

function frameOf(block: string): StreamFrame | undefined {
  const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]))
  const data = fields.get("data")
  return data === undefined ? undefined : { event: fields.get("event") ?? "message", data, id: fields.get("id") }
}
