// How a server of the bench begins: on a free port, which it says in the words that Tidemark says it in, and never ended by
// a client that leaves in the middle of a write.

import type { Server } from "node:http"

export function listenAndSay(server: Server): void {
  server.on("clientError", (_error, socket) => socket.destroy())
  server.keepAliveTimeout = 0
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    if (address !== null && typeof address === "object") process.stdout.write(`listens on http://127.0.0.1:${address.port}\n`)
  })
}
