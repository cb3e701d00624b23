import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { setImmediate } from "node:timers/promises"
import { append, connect as follow } from "@tidemark/client"
import { afterAll, afterEach, describe, expect, test } from "vitest"
import { listen, startHost, stopServer } from "../host-process.ts"
import { forward } from "./forward.ts"

const servers: Server[] = []
const host = await startHost()

afterEach(() => servers.splice(0).forEach(stopServer))
afterAll(() => host.stop())

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  return listen(server)
}

/** In front of a host that answers like this, or of one that is there. */
async function inFront(behind: string | ((request: IncomingMessage, response: ServerResponse) => void)): Promise<string> {
  const url = new URL(typeof behind === "string" ? behind : await serve(behind))
  return serve((request, response) => forward(request, response, url))
}

describe("a stream", () => {
  test("goes through as it comes: what was recorded after the client came is read", async () => {
    const at = { url: await inFront(host.url), session: "through" }
    await append(at, [{ kind: "line", data: "before" }])
    const read: unknown[] = []
    for await (const item of follow({ ...at, from: "start" })) {
      if (item.type === "event") read.push(item.event.data)
      if (item.type === "caught_up") await append(at, [{ kind: "line", data: "after" }])
      if (read.length === 2) break
    }
    expect(read).toEqual(["before", "after"])
  })

  /** A host that sends more than anybody's buffers hold, and a client that asks and then reads nothing. */
  async function stalled() {
    let left = (): void => {}
    const leaving = new Promise<void>((resolve) => (left = resolve))
    const behind = await serve((_, response) => {
      response.once("close", left).writeHead(200, { "content-type": "text/event-stream" }).write(Buffer.alloc(64 * 1024 * 1024))
    })
    const responses: ServerResponse[] = []
    const url = await serve((request, response) => {
      responses.push(response)
      forward(request, response, new URL(behind))
    })
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true })
    socket.pause().write("GET /v1/sessions/a/subscribe HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for (let sent = -1, quiet = 0; quiet < 100 || sent <= 0; await setImmediate()) {
      const { bytesWritten = 0 } = responses[0]?.socket ?? {}
      quiet = bytesWritten === sent ? quiet + 1 : 0
      sent = bytesWritten
    }
    return { socket, leaving }
  }

  test("ends at the host when the client leaves", async () => {
    const { socket, leaving } = await stalled()
    socket.resetAndDestroy()
    await leaving
  })

  test("ends at the host when the client half-closes and reads nothing, which nobody else hears of", async () => {
    const { socket, leaving } = await stalled()
    socket.end()
    await leaving
    socket.destroy()
  })

  test("is cut, and does not end, when the host breaks off", async () => {
    const url = await inFront((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": 100 }).write('{"half":', () => response.destroy())
    })
    const answer = await fetch(`${url}/v1/sessions/a`)
    await expect(answer.text()).rejects.toThrow("terminated")
  })
})

describe("a host that is away", () => {
  const nobody = "http://127.0.0.1:9"

  test("is said in band to a stream, which an error status would end for good", async () => {
    const answer = await fetch(`${await inFront(nobody)}/v1/sessions/a/subscribe`, { headers: { accept: "text/event-stream" } })
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"])
    expect(await answer.text()).toBe('retry: 2000\n: tidemark\n\nevent: reconnect\ndata: {"afterMs":2000,"reason":"unavailable"}\n\n')
  })

  test("is a problem to everybody else, with what to do", async () => {
    const answer = await fetch(`${await inFront(nobody)}/v1/sessions/a`)
    expect([answer.status, answer.headers.get("retry-after"), answer.headers.get("content-type")]).toEqual([503, "2", "application/problem+json"])
    expect((await answer.text()).match(/"detail":"(.*?)"/)?.[1]).toBe(
      "No Tidemark host answers at http://127.0.0.1:9: start one with `npm start`, or try again.",
    )
  })
})

describe("a request", () => {
  const echo = (request: IncomingMessage, response: ServerResponse): void => {
    let body = ""
    request.setEncoding("utf8").on("data", (text: string) => (body += text))
    request.on("end", () => {
      response.writeHead(207, { "x-own": "kept", connection: "close" }).end(JSON.stringify({ ...request.headers, url: request.url, body }))
    })
  }

  test("keeps its target, its Host and its Origin, for the host to judge; what is the connection's stays behind", async () => {
    const { port } = new URL(await inFront(echo))
    const own = { host: "page.example", origin: "http://page.example" }
    const hop = { connection: "keep-alive, x-hop", "x-hop": "1", te: "trailers", expect: "100-continue" }
    const sent = send({ host: "127.0.0.1", port, method: "POST", path: "/v1/sessions/%2e%2e/events?a=%20b", headers: { ...own, ...hop } })
    sent.write("in two ")
    sent.end("parts")
    const answer = await new Promise<IncomingMessage>((resolve, reject) => sent.on("error", reject).once("response", resolve))
    const got: Record<string, string> = JSON.parse(await text(answer))
    expect([got["url"], got["host"], got["origin"], got["body"]]).toEqual([
      "/v1/sessions/%2e%2e/events?a=%20b",
      "page.example",
      "http://page.example",
      "in two parts",
    ])
    expect([got["x-hop"], got["te"], got["expect"], answer.headers["x-own"]]).toEqual([undefined, undefined, undefined, "kept"])
  })

  test("of a page elsewhere is refused by the host", async () => {
    const url = await inFront(host.url)
    const answer = await fetch(`${url}/v1/sessions`, { headers: { origin: "http://elsewhere.example" } })
    expect(answer.status).toBe(403)
  })

  test("that the host refuses half-way gets the refusal", async () => {
    const url = await inFront(host.url)
    const body = JSON.stringify({ kind: "line", data: "x".repeat(5 * 1024 * 1024) })
    const answer = await fetch(`${url}/v1/sessions/big/events`, { method: "POST", headers: { "content-type": "application/json" }, body })
    expect(answer.status).toBe(413)
  })
})
