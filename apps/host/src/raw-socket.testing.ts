// A client that speaks bytes, for tests: it sends what no HTTP library would, and reads what comes until the end.

import { connect, type Socket } from "node:net"

export class RawSocket {
  readonly socket: Socket
  #received = ""
  #ended = false
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding("latin1")
    socket.on("error", () => {})
    socket.on("data", (text: string) => {
      this.#received += text
      this.#wake()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    socket.on("end", end).on("close", end)
  }

  static open(port: number): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true })
      socket.once("error", reject)
      socket.once("connect", () => resolve(new RawSocket(socket)))
    })
  }

  send(text: string | Uint8Array): this {
    if (!this.socket.destroyed) this.socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text)
    return this
  }

  /** What came so far. */
  get received(): string {
    return this.#received
  }

  /** Until `text` came; what came by then. Fails when the server ends before it. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (this.#ended) throw new Error(`the server ended before ${JSON.stringify(text)}, after ${JSON.stringify(this.#received)}`)
      await this.#change()
    }
    return this.#received
  }

  /** All that came until the server closed. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#change()
    return this.#received
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

/** Sends one text and gives all that comes back. */
export async function rawExchange(port: number, text: string | Uint8Array): Promise<string> {
  return (await RawSocket.open(port)).send(text).rest()
}

/** A request as it is sent; `Content-Length` is the body's unless `headers` say otherwise. */
export function requestText(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ""): string {
  const described = body === "" ? {} : { "Content-Type": "application/json", "Content-Length": String(body.length) }
  const lines = Object.entries({ Host: "localhost", ...described, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`
}
