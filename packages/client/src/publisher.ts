// The publisher's machine: lines in, batches out, each under an idempotency key that says how far it reaches, so that a
// lost answer or a killed process never stores a line twice (L4). No socket, clock, chance or promise.
//
// The contract:
//
// 1. `now` never goes back. `handleAnswer` and `handleFailure` are about the request polled last.
// 2. After any call: drain `pollEvent`, then `pollRequest`; drop the request under way when `requestWanted` is false; give
//    more input while `wantsInput`; arm one timer from `pollTimeout`.
//
// The key of a batch is `@<producer>:<before>-<n>`, n being the number of its last line, counted from 1 over the whole
// input, and before that of the line it follows. A batch is cut once: what is repeated is the very same body under the very
// same key, until somebody has answered. A publisher that was killed may leave a request under way, which arrives after its
// successor has asked how far it had come: whichever of the two is recorded first, the other one is refused.

import { contract, instant, later, utf8Bytes, type Instant, type Timed } from "@tidemark/kernel"
import type { ReceiptAnswer } from "@tidemark/protocol"
import { backoffLimits, backoffMs, wishMaxMs, type BackoffLimits } from "./backoff.ts"
import { ClientError, describeRefusal, isTemporary, problemCode, refused, type Refusal } from "./client-error.ts"

/** Times in milliseconds. */
export interface PublisherTiming extends BackoffLimits {
  /** A batch goes out this long after its first line, full or not. */
  readonly lingerMs: number
  /** A request without an answer for this long is given up, and repeated under its key. */
  readonly answerMs: number
}

export const publisherTiming: PublisherTiming = { ...backoffLimits, lingerMs: 50, answerMs: 45_000 }

/** A batch holds at most this; a single line over `bytes` goes alone. The host takes 4 MiB in one body. */
export interface BatchLimits {
  readonly lines: number
  readonly bytes: number
}

export const batchLimits: BatchLimits = { lines: 500, bytes: 2 ** 20 }

/** Of lines that wait, in batches: more input is wanted below it. */
const batchesWaiting = 4

export interface PublisherSettings {
  /** 1–165 visible ASCII characters. */
  readonly producer: string
  /** The name may have published before: its highest line is asked for, and publishing starts after it. */
  readonly continues: boolean
  readonly batch: BatchLimits
  readonly timing: PublisherTiming
}

/** `POST …/events` with this key and this NDJSON body. */
export interface PublishRequest {
  readonly key: string
  readonly body: string
}

export type PublishAnswer = { readonly type: "stored"; readonly receipt: ReceiptAnswer } | ({ readonly type: "refused" } & Refusal)

export type PublishEvent =
  /**
   * Lines up to `after` were stored by an earlier run and are passed over; 0: none. First, for a named producer; and again
   * where a request of that run was still under way then.
   */
  | { readonly type: "continued"; readonly after: number }
  /** Lines up to `lines` are stored. */
  | { readonly type: "stored"; readonly lines: number; readonly receipt: ReceiptAnswer }
  /** No answer, or not yet: the same again after `retryInMs`. */
  | { readonly type: "retrying"; readonly attempt: number; readonly retryInMs: number; readonly because: string }

interface Batch extends PublishRequest {
  readonly first: number
  readonly last: number
  readonly probe: boolean
  readonly chance: number
  state: { readonly type: "sent"; readonly giveUpAt: Instant } | { readonly type: "waiting"; readonly until: Instant }
}

export class Publisher implements Timed {
  readonly #settings: PublisherSettings
  readonly #events: PublishEvent[] = []
  /** The lines after the batch under way, in order; the last is number `#lines`. */
  #waiting: string[] = []
  #waitingBytes = 0
  /** Of the oldest line that waits, or when the batch before it was cut. */
  #waitingSince: Instant = instant(0)
  #batch: Batch | undefined
  #lines = 0
  /** Lines up to here were stored before this run; `undefined`: not asked yet. */
  #storedBefore: number | undefined
  /** This run has stored a batch. */
  #stores = false
  #inputEnded = false
  #failures = 0
  #ended: { readonly failure: ClientError | undefined } | undefined

  constructor(settings: PublisherSettings) {
    if (!/^[\x21-\x7e]{1,165}$/.test(settings.producer)) {
      throw new ClientError("bad-options", "producer: use 1–165 visible ASCII characters without spaces")
    }
    this.#settings = settings
    this.#storedBefore = settings.continues ? undefined : 0
  }

  /** Lines of the input so far. */
  get lines(): number {
    return this.#lines
  }

  /** All lines are stored (no `failure`), or it cannot go on. */
  get ended(): { readonly failure: ClientError | undefined } | undefined {
    return this.#ended
  }

  /** Back-pressure: false, hold the input back. */
  get wantsInput(): boolean {
    const { batch } = this.#settings
    if (this.#ended !== undefined || this.#inputEnded) return false
    return this.#waiting.length < batchesWaiting * batch.lines && this.#waitingBytes < batchesWaiting * batch.bytes
  }

  /** False: drop the request that was polled last, if it is still under way. */
  get requestWanted(): boolean {
    return this.#batch?.state.type === "sent"
  }

  /** The next line: one draft `{kind, data}` as JSON, without a line break. */
  handleLine(now: Instant, draft: string): void {
    contract(!this.#inputEnded, "no line follows the end of the input")
    contract(draft !== "" && !/[\r\n]/.test(draft), "a line is one JSON text without line breaks")
    if (this.#ended !== undefined) return
    this.#lines += 1
    if (this.#storedBefore !== undefined && this.#lines <= this.#storedBefore) return
    if (this.#waiting.length === 0) this.#waitingSince = now
    this.#waiting.push(draft)
    this.#waitingBytes += utf8Bytes(draft) + 1
  }

  handleInputEnd(_now: Instant): void {
    this.#inputEnded = true
    this.#endIfDone()
  }

  /** What to send now, if anything; a repetition is the same as before. `chance` in [0, 1) decides how long to wait should it fail. */
  pollRequest(now: Instant, chance: number): PublishRequest | undefined {
    if (this.#ended !== undefined) return undefined
    if (this.#batch === undefined) this.#batch = this.#cut(now, chance)
    else if (this.#batch.state.type === "waiting" && now >= this.#batch.state.until) this.#batch = { ...this.#batch, chance }
    else return undefined
    if (this.#batch === undefined) return undefined
    this.#batch.state = { type: "sent", giveUpAt: later(now, this.#settings.timing.answerMs) }
    return { key: this.#batch.key, body: this.#batch.body }
  }

  handleAnswer(now: Instant, answer: PublishAnswer): void {
    const batch = this.#batch
    if (batch === undefined || batch.state.type !== "sent") return
    if (answer.type === "stored") this.#handleStored(now, batch, answer.receipt)
    else this.#handleRefused(now, batch, answer)
    this.#endIfDone()
  }

  /** No answer: the connection could not be made, or was lost. */
  handleFailure(now: Instant, because: string): void {
    if (this.#batch?.state.type === "sent") this.#retry(now, this.#batch, because)
  }

  pollEvent(): PublishEvent | undefined {
    return this.#events.shift()
  }

  handleTimeout(now: Instant): void {
    const batch = this.#batch
    if (batch?.state.type !== "sent" || now < batch.state.giveUpAt) return
    this.#retry(now, batch, `no answer for ${this.#settings.timing.answerMs} ms`)
  }

  /** When to call `handleTimeout` and `pollRequest`. */
  pollTimeout(): Instant | undefined {
    if (this.#ended !== undefined) return undefined
    const batch = this.#batch
    if (batch !== undefined) return batch.state.type === "sent" ? batch.state.giveUpAt : batch.state.until
    return this.#waiting.length === 0 ? undefined : later(this.#waitingSince, this.#settings.timing.lingerMs)
  }

  #cut(now: Instant, chance: number): Batch | undefined {
    if (this.#waiting.length === 0) return undefined
    const before = this.#lines - this.#waiting.length
    const state = { type: "sent", giveUpAt: now } as const
    if (this.#storedBefore === undefined) {
      const body = `${this.#waiting[0]}\n`
      return { key: `@${this.#settings.producer}:0`, body, first: 1, last: 1, probe: true, chance, state }
    }
    const { batch, timing } = this.#settings
    const full = this.#waiting.length >= batch.lines || this.#waitingBytes >= batch.bytes
    if (!full && !this.#inputEnded && now < later(this.#waitingSince, timing.lingerMs)) return undefined
    let count = 0
    let bytes = 0
    for (const line of this.#waiting) {
      const more = utf8Bytes(line) + 1
      if (count === batch.lines || (count > 0 && bytes + more > batch.bytes)) break
      count += 1
      bytes += more
    }
    const body = `${this.#waiting.slice(0, count).join("\n")}\n`
    this.#drop(count, bytes)
    this.#waitingSince = now
    return { key: `@${this.#settings.producer}:${before}-${before + count}`, body, first: before + 1, last: before + count, probe: false, chance, state }
  }

  #handleStored(now: Instant, batch: Batch, receipt: ReceiptAnswer): void {
    if (batch.probe) {
      return this.#fail("not-tidemark", `the server stored the question ${batch.key}, which no host of ours does; look at the session`)
    }
    if (receipt.last - receipt.first !== batch.last - batch.first) {
      const told = `positions ${receipt.first}–${receipt.last} for lines ${batch.first}–${batch.last}`
      return this.#fail("not-tidemark", `the server answered with ${told}, which cannot be; look at the session`)
    }
    this.#batch = undefined
    this.#stores = true
    this.#failures = 0
    this.#waitingSince = now
    this.#events.push({ type: "stored", lines: batch.last, receipt })
  }

  #handleRefused(now: Instant, batch: Batch, refusal: Refusal): void {
    const code = problemCode(refusal)
    if (isTemporary(refusal.status)) return this.#retry(now, batch, describeRefusal(refusal), refusal.retryAfterMs)
    if (refusal.status < 300) return this.#fail("not-tidemark", `the answer (${refusal.status}) is no receipt; check the address`, refusal)
    if (refusal.status === 409 && code === "key-expired") return this.#handleExpired(now, batch, refusal)
    if (refusal.status === 409 && code === "key-conflict") {
      return this.#fail(
        "input-changed",
        `line ${batch.last} was stored with other content under producer ${this.#name}: the input is not the same as before, or two ` +
          `publishers use the name at once; give the same input from its first line, or another producer name`,
        refusal,
      )
    }
    // The server counts lines from the first of the body; it stored none of them.
    const { first, last } = batch
    const range = first === last ? `line ${first}` : `lines ${first}–${last} (sent as 1–${last - first + 1})`
    this.#end(refused(refusal, batch.probe ? "" : `${range} not stored: `))
  }

  #handleExpired(now: Instant, batch: Batch, refusal: Refusal): void {
    const highest = refusal.problem?.["highest"]
    if (typeof highest !== "number" || !Number.isSafeInteger(highest) || highest < 0) {
      return this.#fail("not-tidemark", `the server did not say which line of producer ${this.#name} is the highest it holds`, refusal)
    }
    const asked = batch.probe || (this.#settings.continues && !this.#stores && highest >= batch.first)
    if (!asked) {
      // Our numbers only rise and only we were to use the name: one that is neither new nor remembered is somebody else's doing.
      return this.#fail(
        "producer-in-use",
        `producer ${this.#name} has stored line ${highest} while this run was at line ${batch.last}: another publisher uses the name; ` +
          `stop it, or use another name, and start again with the same input`,
        refusal,
      )
    }
    if (!batch.probe) this.#takeBack(batch)
    const passed = this.#storedBefore ?? 0
    this.#batch = undefined
    this.#failures = 0
    this.#storedBefore = highest
    const known = this.#waiting.slice(0, highest - passed)
    this.#drop(known.length, known.reduce((bytes, line) => bytes + utf8Bytes(line) + 1, 0))
    this.#waitingSince = now
    this.#events.push({ type: "continued", after: highest })
  }

  /** The lines of a batch that was not stored wait again, before the others. */
  #takeBack({ body }: Batch): void {
    this.#waiting = [...body.slice(0, -1).split("\n"), ...this.#waiting]
    this.#waitingBytes += utf8Bytes(body)
  }

  #retry(now: Instant, batch: Batch, because: string, wishMs = 0): void {
    this.#failures += 1
    const retryInMs = Math.max(backoffMs(this.#settings.timing, this.#failures, batch.chance), Math.min(wishMs, wishMaxMs))
    batch.state = { type: "waiting", until: later(now, retryInMs) }
    this.#events.push({ type: "retrying", attempt: this.#failures, retryInMs, because })
  }

  #endIfDone(): void {
    if (this.#ended !== undefined || !this.#inputEnded || this.#batch !== undefined || this.#waiting.length > 0) return
    const before = this.#storedBefore ?? 0
    if (this.#lines >= before) return this.#end(undefined)
    this.#fail(
      "input-changed",
      `producer ${this.#name} has stored ${before} lines before and the input has only ${this.#lines}: it is not the same input, and ` +
        `nothing of it was stored; give the same input from its first line, or another producer name`,
    )
  }

  #drop(count: number, bytes: number): void {
    this.#waiting = this.#waiting.slice(count)
    this.#waitingBytes -= bytes
  }

  get #name(): string {
    return JSON.stringify(this.#settings.producer)
  }

  #fail(code: string, message: string, refusal?: Refusal): void {
    this.#end(new ClientError(code, message, refusal))
  }

  #end(failure: ClientError | undefined): void {
    this.#batch = undefined
    this.#waiting = []
    this.#waitingBytes = 0
    this.#ended = { failure }
  }
}
