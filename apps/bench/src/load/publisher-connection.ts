// One publisher: a connection that is kept, one request under way on it, and what it was told about each of its events. The
// request is written once, and only digits change in it.

import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { publishTemplate, type Dialect, type PublishTemplate } from "./dialect.ts"
import { sharedMicros, stampDigits, stampInData, tokenDigits, tokenInData, tokenOf, writeDigits } from "./event-text.ts"

/** What was acknowledged, or in words why it was not. */
export type Answer = { readonly type: "acknowledged"; readonly session: number; readonly tokens: readonly number[]; readonly first: number } | Failed

interface Failed {
  readonly type: "failed"
  readonly because: string
}

interface UnderWay {
  readonly session: number
  readonly tokens: readonly number[]
  readonly done: (answer: Answer) => void
}

/** A server may close what was not used for so long: Node does so after 5 s. Such a connection is made anew before it is used. */
const idleUsMax = 3_000_000

export class PublisherConnection {
  readonly #publisher: number
  readonly #dialect: Dialect
  readonly #url: URL
  readonly #sessions: readonly string[]
  /** By session and size of the batch. */
  readonly #templates = new Map<string, PublishTemplate>()
  /** By session: how many events it published there. */
  readonly #counts: number[] = []
  #socket: Socket
  #usedUs = sharedMicros()
  #underWay: UnderWay | undefined
  #received = ""
  /** Of the last acknowledgement. */
  lastBody = ""

  private constructor(publisher: number, dialect: Dialect, url: URL, sessions: readonly string[]) {
    this.#publisher = publisher
    this.#dialect = dialect
    this.#url = url
    this.#sessions = sessions
    this.#socket = this.#connected()
  }

  static async open(publisher: number, dialect: Dialect, url: URL, sessions: readonly string[]): Promise<PublisherConnection> {
    const connection = new PublisherConnection(publisher, dialect, url, sessions)
    await once(connection.#socket, "connect")
    return connection
  }

  get isFree(): boolean {
    return this.#underWay === undefined
  }

  /** Only while it is free. `stampUs`: when it was sent, or should have been; `done` is called once. */
  publish(session: number, batch: number, stampUs: number, done: (answer: Answer) => void): void {
    const { bytes, tokensAt } = this.#template(session, batch)
    const from = this.#counts[session] ?? 0
    this.#counts[session] = from + batch
    const tokens: number[] = []
    for (const [i, at] of tokensAt.entries()) {
      const token = tokenOf(session, this.#publisher, from + i)
      tokens.push(token)
      writeDigits(bytes, at, tokenDigits, token)
      writeDigits(bytes, at + stampInData - tokenInData, stampDigits, stampUs)
    }
    this.#underWay = { session, tokens, done }
    if (sharedMicros() - this.#usedUs > idleUsMax) this.#renew()
    // Used again for the next request only when this one was answered, and so has left.
    this.#socket.write(bytes)
  }

  #renew(): void {
    // Whatever becomes of the old one is nothing to this request.
    this.#socket.removeAllListeners().on("error", () => undefined).destroy()
    this.#socket = this.#connected()
  }

  #connected(): Socket {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true })
    socket.setEncoding("latin1").on("data", (text: string) => this.#onText(text))
    return socket.on("error", (error) => this.#fail(error.message)).on("close", () => this.#fail("the connection was closed"))
  }

  #template(session: number, batch: number): PublishTemplate {
    const key = `${session} ${batch}`
    const made = this.#templates.get(key) ?? publishTemplate(this.#dialect, this.#url.host, this.#sessions[session] ?? "", batch)
    this.#templates.set(key, made)
    return made
  }

  #onText(text: string): void {
    this.#received += text
    const head = this.#received.indexOf("\r\n\r\n")
    if (head === -1) return
    const length = Number(/^content-length:\s*(\d+)/im.exec(this.#received)?.[1] ?? "NaN")
    if (Number.isNaN(length)) return this.#fail(`an answer without a length: ${this.#received.slice(0, 500)}`)
    if (this.#received.length < head + 4 + length) return
    const status = Number(this.#received.slice(9, 12))
    const body = this.#received.slice(head + 4)
    this.#received = ""
    if (status < 200 || status > 202) return this.#fail(`the server answered ${status}: ${body.slice(0, 500)}`)
    this.#acknowledged(body)
  }

  #acknowledged(body: string): void {
    const underWay = this.#underWay
    if (underWay === undefined) return
    const { session, tokens, done } = underWay
    this.lastBody = body
    const first = this.#dialect.hasPositions ? firstOf(body, tokens.length) : 0
    if (first === undefined) return this.#fail(`an acknowledgement of ${tokens.length} events that is none: ${body.slice(0, 500)}`)
    this.#underWay = undefined
    this.#usedUs = sharedMicros()
    done({ type: "acknowledged", session, tokens, first })
  }

  #fail(because: string): void {
    const underWay = this.#underWay
    this.#underWay = undefined
    underWay?.done({ type: "failed", because })
  }
}

/** The position of the first event, if the answer says that so many have one. */
function firstOf(body: string, count: number): number | undefined {
  const [, first, last] = /"first":(\d+),"last":(\d+)/.exec(body) ?? []
  return Number(last) - Number(first) === count - 1 ? Number(first) : undefined
}
