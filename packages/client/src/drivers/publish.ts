// Binds the publisher's machine to `fetch`, an async iterable and the platform's clock, timers and chance. One line of
// input is asked for at a time, and none while the machine has enough: a slow host slows the input.

import { jsonText, type Json } from "@tidemark/kernel"
import type { ReceiptAnswer } from "@tidemark/protocol"
import { ClientError } from "../client-error.ts"
import { batchLimits, Publisher, publisherTiming } from "../publisher.ts"
import type { BatchLimits, PublishAnswer, PublishEvent, PublishRequest, PublisherTiming } from "../publisher.ts"
import { checkHeaders, sessionUrl, type SessionAddress } from "../session-address.ts"
import { describeFailure, readRefusal } from "./read-refusal.ts"
import { now, Waker } from "./waker.ts"

/** What a publisher wants recorded. */
export interface PublishDraft {
  readonly kind: string
  readonly data: Json
}

export interface PublishOptions extends SessionAddress {
  /** In order. A string is a draft as one line of JSON and is sent as it stands. */
  readonly drafts: AsyncIterable<PublishDraft | string> | Iterable<PublishDraft | string>
  /** Goes on where an earlier run under this name stopped; the input must be the same from its first line. Left out: a name of its own. */
  readonly producer?: string
  /** Called for every step, in order, before anything else happens. */
  readonly onEvent?: (event: PublishEvent) => void
  readonly batch?: Partial<BatchLimits>
  readonly timing?: Partial<PublisherTiming>
}

export interface PublishSummary {
  /** Of the input; every one is stored. */
  readonly lines: number
  /** Of the last batch of this run; absent when nothing was left to store. */
  readonly receipt?: ReceiptAnswer
}

/**
 * Stores every draft once, in order, over lost connections and host restarts; with `producer` also over restarts of the
 * publisher. Resolves when all are stored. When the input throws, what came before is stored first; then it rejects with
 * that error. Rejects with the signal's reason when it aborts, and with `ClientError` for what trying again cannot mend.
 */
export async function publish(options: PublishOptions): Promise<PublishSummary> {
  const url = sessionUrl(options, "events")
  checkHeaders(options)
  const publisher = new Publisher({
    producer: options.producer ?? ownName(),
    continues: options.producer !== undefined,
    batch: { ...batchLimits, ...options.batch },
    timing: { ...publisherTiming, ...options.timing },
  })
  const waker = new Waker()
  const input = new Input(options.drafts, waker.wake)
  let sending: Sending | undefined
  let receipt: ReceiptAnswer | undefined
  options.signal?.addEventListener("abort", waker.wake)
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      input.hand(publisher)
      sending?.hand(publisher)
      publisher.handleTimeout(now())
      for (let event = publisher.pollEvent(); event !== undefined; event = publisher.pollEvent()) {
        if (event.type === "stored") receipt = event.receipt
        options.onEvent?.(event)
      }
      if (publisher.ended !== undefined) break
      if (!publisher.requestWanted) sending?.close()
      const request = publisher.pollRequest(now(), Math.random())
      if (request !== undefined) sending = new Sending(options, url, request, waker.wake)
      if (publisher.wantsInput) input.read()
      await waker.wait(publisher.pollTimeout())
    }
  } finally {
    options.signal?.removeEventListener("abort", waker.wake)
    sending?.close()
    input.close()
  }
  if (publisher.ended.failure !== undefined) throw publisher.ended.failure
  if (input.failure !== undefined) throw input.failure.error
  return { lines: publisher.lines, ...(receipt === undefined ? {} : { receipt }) }
}

/** The input, one draft ahead at most. */
class Input {
  readonly #iterator: AsyncIterator<PublishDraft | string> | Iterator<PublishDraft | string>
  readonly #wake: () => void
  #under = false
  #read: { readonly line: string | undefined } | undefined
  #ended = false
  /** What the input threw. */
  failure: { readonly error: unknown } | undefined

  constructor(drafts: PublishOptions["drafts"], wake: () => void) {
    this.#iterator = Symbol.asyncIterator in drafts ? drafts[Symbol.asyncIterator]() : drafts[Symbol.iterator]()
    this.#wake = wake
  }

  read(): void {
    if (this.#under || this.#read !== undefined || this.#ended) return
    this.#under = true
    void this.#settle()
  }

  hand(publisher: Publisher): void {
    const read = this.#read
    if (read === undefined) return
    this.#read = undefined
    if (read.line !== undefined) return publisher.handleLine(now(), read.line)
    this.#ended = true
    publisher.handleInputEnd(now())
  }

  /** Lets go of the source, which may be a file or a pipe. */
  close(): void {
    if (!this.#ended) void this.#release()
  }

  async #release(): Promise<void> {
    try {
      await this.#iterator.return?.()
    } catch {
      // The outcome of the publishing is told already, and what a source says while it is let go of does not change it.
    }
  }

  async #settle(): Promise<void> {
    try {
      const next = await this.#iterator.next()
      this.#read = { line: next.done === true ? undefined : lineOf(next.value) }
    } catch (error) {
      this.failure = { error }
      this.#read = { line: undefined }
    }
    this.#under = false
    this.#wake()
  }
}

/** One request under way. */
class Sending {
  readonly #controller = new AbortController()
  #answer: PublishAnswer | { readonly type: "failed"; readonly because: string } | undefined
  #closed = false

  constructor(options: PublishOptions, url: string, request: PublishRequest, wake: () => void) {
    void this.#send(options, url, request).then((answer) => {
      this.#answer = answer
      wake()
    })
  }

  hand(publisher: Publisher): void {
    const answer = this.#answer
    this.#answer = undefined
    if (answer === undefined || this.#closed) return
    if (answer.type === "failed") publisher.handleFailure(now(), answer.because)
    else publisher.handleAnswer(now(), answer)
  }

  close(): void {
    this.#closed = true
    this.#controller.abort()
  }

  async #send(options: PublishOptions, url: string, request: PublishRequest) {
    const send = options.fetch ?? fetch
    const headers = { ...options.headers, "content-type": "application/x-ndjson", "idempotency-key": request.key }
    try {
      const response = await send(url, { method: "POST", headers, body: request.body, signal: this.#controller.signal })
      if (response.status !== 200) return { type: "refused", ...(await readRefusal(response)) } as const
      const text = await response.text()
      const receipt = parseReceipt(text)
      if (receipt === undefined) return { type: "refused", status: 200, retryAfterMs: undefined, problem: undefined } as const
      return { type: "stored", receipt } as const
    } catch (error) {
      return { type: "failed", because: describeFailure(error) } as const
    }
  }
}

function parseReceipt(text: string): ReceiptAnswer | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isReceipt(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isReceipt(value: unknown): value is ReceiptAnswer {
  if (typeof value !== "object" || value === null || !("first" in value) || !("last" in value)) return false
  return typeof value.first === "number" && typeof value.last === "number"
}

function lineOf(draft: PublishDraft | string): string {
  if (typeof draft !== "string") return jsonText({ kind: draft.kind, data: draft.data })
  if (draft !== "" && !/[\r\n]/.test(draft)) return draft
  throw new ClientError("bad-options", "drafts: a draft given as text is one line of JSON, not empty and without line breaks")
}

/** Nobody else has it: 128 random bits. */
function ownName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")
}
