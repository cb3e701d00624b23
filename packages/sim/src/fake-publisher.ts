// A publisher of a fake world: the real publisher's machine over the fake network. Its lines are stored once and in order,
// whatever happens to its requests, its answers and itself: killed and started again it is given the same input.

import { batchLimits, Publisher, publisherTiming, type BatchLimits, type PublishRequest } from "@tidemark/client"
import type { SessionSettings } from "@tidemark/driver"
import type { SessionName } from "@tidemark/kernel"
import type { Chance } from "./chance.ts"
import { FakeConnection, type CutKind, type NetworkSettings, type Receiver, type ResponseHead } from "./fake-network.ts"
import type { FakeHost } from "./fake-host.ts"
import type { Schedule, Scheduled } from "./schedule.ts"

export interface FakePublisherOptions {
  readonly session: SessionName
  readonly producer: string
  /** Makes the session if it is not there. */
  readonly create?: SessionSettings
  readonly batch?: BatchLimits
}

export class FakePublisher {
  readonly options: FakePublisherOptions
  /** Every line it ever had, in order: what a restart reads again. */
  readonly input: string[] = []
  /** Lines up to this number were acknowledged. */
  stored = 0
  readonly #schedule: Schedule
  readonly #chance: Chance
  readonly #network: NetworkSettings
  readonly #host: () => FakeHost
  #machine: Publisher
  /** Lines of the input that the machine has been given. */
  #fed = 0
  #request: { readonly connection: FakeConnection } | undefined
  #timer: Scheduled | undefined
  /** No line follows; `#told`: the machine knows. */
  #ends = false
  #told = false
  #closed = false

  constructor(schedule: Schedule, chance: Chance, network: NetworkSettings, host: () => FakeHost, options: FakePublisherOptions) {
    this.#schedule = schedule
    this.#chance = chance
    this.#network = network
    this.#host = host
    this.options = options
    this.#machine = this.#newMachine(false)
  }

  /** Nothing more will be sent; with `failure`, because it cannot go on. */
  get ended(): { readonly failure: Error | undefined } | undefined {
    return this.#machine.ended
  }

  /** It was closed by its user. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** The next line of its input: one draft, `{"kind", "data"}` as JSON. Anything else is refused at once. */
  publish(line: string): void {
    if (this.#ends) throw new Error("the input has ended: publish() comes before endInput()")
    if (!isDraft(line)) throw new Error(`publish() takes one line of JSON, {"kind": "said", "data": 1}, and not ${shortly(line)}`)
    this.input.push(line)
    this.#soon()
  }

  endInput(): void {
    this.#ends = true
    this.#soon()
  }

  /** Cuts the request under way, so that nobody knows what became of it. */
  cut(kind: CutKind = "client"): void {
    this.#request?.connection.cut(kind)
  }

  /** Killed, and started again with the same input from its first line. */
  restart(): void {
    this.#drop()
    this.#machine = this.#newMachine(true)
    this.#fed = 0
    this.#told = false
    this.#soon()
  }

  close(): void {
    this.#closed = true
    this.#drop()
    if (this.#timer !== undefined) this.#timer.cancelled = true
  }

  #newMachine(continues: boolean): Publisher {
    const { producer, batch = batchLimits } = this.options
    return new Publisher({ producer, continues, batch, timing: publisherTiming })
  }

  #soon(): void {
    this.#schedule.after(0, () => this.#advance())
  }

  #advance(): void {
    if (this.#closed) return
    const { now } = this.#schedule
    const machine = this.#machine
    while (this.#fed < this.input.length && machine.wantsInput) machine.handleLine(now, this.input[this.#fed++] ?? "")
    if (this.#ends && !this.#told && this.#fed === this.input.length) {
      this.#told = true
      machine.handleInputEnd(now)
    }
    for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) {
      if (event.type === "stored") this.stored = Math.max(this.stored, event.lines)
    }
    if (!machine.requestWanted) this.#drop()
    const request = machine.pollRequest(now, this.#chance.next())
    if (request !== undefined) this.#send(machine, request)
    if (this.#timer !== undefined) this.#timer.cancelled = true
    const next = machine.pollTimeout()
    if (next === undefined) return
    this.#timer = this.#schedule.after(Math.max(0, Math.ceil(next - now)), () => {
      this.#machine.handleTimeout(this.#schedule.now)
      this.#advance()
    })
  }

  #send(machine: Publisher, { key, body }: PublishRequest): void {
    const answer = new Answer((head, text, because) => {
      if (machine !== this.#machine) return
      this.#request = undefined
      const { now } = this.#schedule
      if (head === undefined || (head.status === 200 && text === "")) machine.handleFailure(now, because)
      else if (head.status === 200) machine.handleAnswer(now, { type: "stored", receipt: JSON.parse(text) })
      else machine.handleAnswer(now, { type: "refused", status: head.status, retryAfterMs: head.retryAfterMs, problem: head.problem })
      this.#advance()
    })
    const connection = new FakeConnection(this.#schedule, this.#chance, this.#network, answer)
    this.#request = { connection }
    const { session, create } = this.options
    connection.send((arrived) => this.#host().accept({ type: "publish", session, key, body, create }, arrived))
  }

  #drop(): void {
    this.#request?.connection.leave()
    this.#request = undefined
  }
}

/** What a host takes for a line: a kind of 1–128 characters without control characters, any data, and nothing else. */
function isDraft(line: unknown): boolean {
  if (typeof line !== "string" || /[\r\n]/.test(line)) return false
  try {
    const draft: unknown = JSON.parse(line)
    const { kind, data }: { readonly kind?: unknown; readonly data?: unknown } = Object(draft)
    return typeof kind === "string" && /^\P{Cc}{1,128}$/u.test(kind) && data !== undefined && Object.keys(Object(draft)).length === 2
  } catch {
    return false
  }
}

/** What somebody handed over by mistake, as far as it helps to find it. */
function shortly(given: unknown): string {
  const text = typeof given === "string" ? given : (JSON.stringify(given) ?? String(given))
  return `${typeof given === "string" ? "the text" : `a value of type ${typeof given},`} ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`
}

/** An answer that is only worth something when it is whole. */
class Answer implements Receiver {
  readonly reads = true
  #head: ResponseHead | undefined
  #text = ""
  readonly #done: (head: ResponseHead | undefined, text: string, because: string) => void

  constructor(done: (head: ResponseHead | undefined, text: string, because: string) => void) {
    this.#done = done
  }

  handleResponse(head: ResponseHead): void {
    this.#head = head
  }

  handleBytes(chunk: Uint8Array): void {
    this.#text += new TextDecoder().decode(chunk)
  }

  handleEnd(because: string): void {
    const whole = because === "the answer ended"
    this.#done(whole ? this.#head : undefined, whole ? this.#text : "", because)
  }
}
