// What the servers that are written here have in common: how one begins, finds what belongs to a path, takes what is
// published and acknowledges it. On a free port, which it says in the words that Tidemark says it in, and never ended by a
// client that leaves in the middle of a write.

import type { IncomingMessage, Server, ServerResponse } from "node:http"

export function listenAndSay(server: Server): void {
  server.on("clientError", (_error, socket) => socket.destroy())
  server.keepAliveTimeout = 0
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    if (address !== null && typeof address === "object") process.stdout.write(`listens on http://127.0.0.1:${address.port}\n`)
  })
}

/** Gives what a path has, made when it is first asked for. */
export function byPath<Made>(make: () => Made): (path: string) => Made {
  const made = new Map<string, Made>()
  return (path) => {
    const found = made.get(path)
    if (found !== undefined) return found
    const fresh = make()
    made.set(path, fresh)
    return fresh
  }
}

/** Calls `publish` with the body, and answers with the position that it gives. */
export function takePublished(request: IncomingMessage, response: ServerResponse, publish: (data: Buffer) => number): void {
  const chunks: Buffer[] = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const position = publish(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
    const body = `{"first":${position},"last":${position}}`
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
    response.end(body)
  })
}
