// Something between a command and its host that meddles: it holds requests up, acts in between, and loses answers. What
// is sent on is sent on as it came.

import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface Passing {
  /** `POST /v1/sessions/s/events`, without the query. */
  readonly what: string
  /** How many of `what` there were, this one included. */
  readonly times: number
}

/** What becomes of a request: it is passed on, or passed on and its answer lost, or never answered at all. */
export type Verdict = "pass" | "lose" | "hang"

export interface Meddler {
  readonly url: string
  close(): void
}

export async function meddler(hostUrl: string, judge: (passing: Passing) => Verdict | Promise<Verdict>): Promise<Meddler> {
  const seen = new Map<string, number>()
  const server = createServer((incoming, answer) => {
    const what = `${incoming.method} ${incoming.url?.split("?")[0]}`
    const times = (seen.get(what) ?? 0) + 1
    seen.set(what, times)
    void pass(hostUrl, incoming, answer, async () => judge({ what, times }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = addressOf(server.address())
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function pass(hostUrl: string, incoming: IncomingMessage, answer: ServerResponse, judge: () => Promise<Verdict>): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const verdict = await judge()
  if (verdict === "hang") return
  const { method, headers } = incoming
  const onward = request(new URL(incoming.url ?? "/", hostUrl), { method, headers: { ...headers, host: new URL(hostUrl).host } }, (response) => {
    if (verdict === "lose") {
      response.resume().once("end", () => answer.destroy())
      return
    }
    answer.writeHead(response.statusCode ?? 502, response.headers)
    response.pipe(answer)
  })
  onward.once("error", () => answer.destroy())
  onward.end(Buffer.concat(chunks))
}

function addressOf(address: string | AddressInfo | null): AddressInfo {
  if (typeof address === "object" && address !== null) return address
  throw new Error("a server that listens on TCP has an address")
}
