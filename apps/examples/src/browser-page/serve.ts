// `npm run example:page`: serves the page beside this file, and hands `/v1` on to a Tidemark host.
//
//   --port PORT   where to listen, on 127.0.0.1; 0 takes any free port (default 4478)
//   --url URL     the Tidemark host (default TIDEMARK_URL, else http://127.0.0.1:4477)

import { parseArgs } from "node:util"
import { pageServer } from "./page-server.ts"

const { values } = parseArgs({ options: { port: { type: "string", default: "4478" }, url: { type: "string" } } })
const address = values.url ?? process.env["TIDEMARK_URL"] ?? "http://127.0.0.1:4477"
const host = URL.canParse(address) ? new URL(address) : undefined
if (host?.protocol !== "http:") {
  console.error(`--url: ${address} is no http: address; give one like http://127.0.0.1:4477`)
  process.exit(2)
}

const server = pageServer(host)
server.listen(Number(values.port), "127.0.0.1", () => {
  const listening = server.address()
  console.log(`Open http://127.0.0.1:${typeof listening === "object" ? listening?.port : values.port}/?session=deps`)
  console.log(`It shows sessions of the Tidemark host at ${host.origin}. Ctrl-C ends it.`)
})
server.once("error", (error) => {
  console.error(`cannot listen: ${error.message}`)
  process.exitCode = 1
})

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}
