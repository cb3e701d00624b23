// A real HTTP server on a port of its own for one test, gone after it.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { afterEach } from "vitest"

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** Listens on loopback; the answer is its address. */
export async function localHost(handler: Handler): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  open.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("a TCP server has an address")
  return `http://127.0.0.1:${address.port}`
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ""
  request.setEncoding("utf8")
  for await (const chunk of request) text += String(chunk)
  return text
}

/** A problem as a host sends it. */
export function problem(status: number, name: string, detail: string, extra: object = {}) {
  return { ...extra, type: `https://tidemark.dev/problems/${name}`, title: "", status, detail }
}
