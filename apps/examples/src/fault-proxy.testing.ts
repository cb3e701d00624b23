// A network that breaks: a TCP proxy that cuts connections in the middle, after a number of bytes that a seed decides. It
// knows nothing of HTTP, so that a cut may fall into a head, a chunk's length, a character, or a request.

import { once } from "node:events"
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"

export interface FaultProxyOptions {
  /** The same seed draws the same cuts. */
  readonly seed: number
  /** A connection is cut after 1 to this many bytes, both directions together. */
  readonly bytesMax: number
  /**
   * Never cut right behind a single line end. `@microsoft/fetch-event-source` keeps an id when it has read the id's line
   * and gives out the event at the empty line after it: a cut between the two loses it that event, whatever a server does.
   */
  readonly sparesLineEnds?: boolean
  /**
   * A cut within the head of an answer is a reset, never an orderly close. Over plain http Chromium takes half a head for
   * a whole one, and its `EventSource` gives up for good where the media type stood in the other half.
   */
  readonly resetsHeads?: boolean
}

interface Connection {
  readonly client: Socket
  readonly upstream: Socket
  /** Until it is cut; `undefined` while nothing was drawn. */
  bytesLeft: number | undefined
  /** The last that was passed on, in either direction. */
  lastByte: number | undefined
  /** The head of the answer is through. */
  headPassed: boolean
}

const lineFeed = 0x0a

export class FaultProxy {
  /** Connections cut in the middle so far. */
  cuts = 0
  /** Whether connections are cut; those that are open too, from their next byte on. */
  cutting = false
  /** While true nothing gets through: connections are cut before their first byte. */
  down = false
  readonly #options: FaultProxyOptions
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  #state: number

  private constructor(targetPort: number, options: FaultProxyOptions) {
    this.#options = options
    this.#state = options.seed
    this.#server = createServer((client) => this.#carry(client, connect({ port: targetPort, host: "127.0.0.1" })))
  }

  static async start(target: string, options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(Number(new URL(target).port), options)
    proxy.#server.listen(0, "127.0.0.1")
    await once(proxy.#server, "listening")
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${this.#address().port}`
  }

  /** Cuts every connection there is, now. */
  cutAll(): void {
    for (const connection of this.#connections) this.#cut(connection)
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.cutAll()
    await once(this.#server, "close")
  }

  #carry(client: Socket, upstream: Socket): void {
    const connection: Connection = { client, upstream, bytesLeft: undefined, lastByte: undefined, headPassed: false }
    this.#connections.add(connection)
    const pairs = [[client, upstream], [upstream, client]] as const
    for (const [from, to] of pairs) {
      from.setNoDelay(true).on("error", () => to.destroy())
      from.on("data", (bytes: Buffer) => this.#pass(connection, bytes, to))
      from.on("close", () => {
        this.#connections.delete(connection)
        to.destroySoon()
      })
    }
    if (this.down) this.#cut(connection)
  }

  #pass(connection: Connection, bytes: Buffer, to: Socket): void {
    if (this.cutting) connection.bytesLeft ??= 1 + Math.floor(this.#draw() * this.#options.bytesMax)
    const { bytesLeft = Infinity, lastByte } = connection
    if (bytes.length < bytesLeft) {
      if (connection.bytesLeft !== undefined) connection.bytesLeft -= bytes.length
      connection.lastByte = bytes.at(-1)
      if (to === connection.client) connection.headPassed ||= bytes.includes("\r\n\r\n")
      to.write(bytes)
      return
    }
    const before = bytesLeft >= 2 ? bytes[bytesLeft - 2] : lastByte
    const spared = this.#options.sparesLineEnds === true && bytes[bytesLeft - 1] === lineFeed && before !== lineFeed
    connection.bytesLeft = 0
    to.write(bytes.subarray(0, spared ? bytesLeft - 1 : bytesLeft), () => this.#cut(connection))
  }

  /** As a peer that closes, or as a network that resets: what is on its way is lost then, too. */
  #cut({ client, upstream, headPassed }: Connection): void {
    if (client.destroyed) return
    this.cuts += 1
    const orderly = this.#draw() < 0.5 && (headPassed || this.#options.resetsHeads !== true)
    if (orderly) client.destroy()
    else client.resetAndDestroy()
    upstream.destroy()
  }

  /** The linear congruential generator of Numerical Recipes: in [0, 1). */
  #draw(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return this.#state / 2 ** 32
  }

  #address(): AddressInfo {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the proxy listens on a port")
    return address
  }
}
