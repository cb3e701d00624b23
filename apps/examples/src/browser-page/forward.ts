// Hands a request on to a Tidemark host and its answer back, so that a page and its sessions share one origin: no CORS,
// no token in a URL, and `EventSource` as it stands. Works for any backend that serves a page.
//
// The one thing to know before changing it: an answer may last for days. Nothing is collected, a client that leaves ends
// the request to the host (also one that only half-closes, which raises nothing but the socket's `end`), a host that
// leaves cuts the client, and a stream is never answered with an error status for something that will pass: that would
// stop a browser's `EventSource` for good.

import { request as send, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import { primeFrame, problem, problemMediaType, reconnectFrame, sseHeaders } from "@tidemark/protocol"

/** When a browser comes back to a host that is away. */
const retryMs = 2000

/** Hands `request` on to the host at `host`, an `http:` URL. `Host` and `Origin` go with it: the host judges both. */
export function forward(request: IncomingMessage, response: ServerResponse, host: URL): void {
  const { method, url: path, headers, socket } = request
  const target = { host: host.hostname.replace(/^\[|\]$/g, ""), port: host.port === "" ? 80 : host.port }
  const framing = headers["transfer-encoding"] === undefined ? {} : { "transfer-encoding": headers["transfer-encoding"] }
  const onward = send({ ...target, method, path, headers: { ...endToEnd(headers), ...framing }, agent: false })
  const leave = (): void => {
    onward.destroy()
  }
  socket.once("end", leave)
  response.once("close", () => {
    socket.off("end", leave)
    leave()
  })
  request.pipe(onward)
  onward.once("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers)).flushHeaders()
    // Not `end` but `destroy` when the host breaks off: half an answer must not look like a whole one.
    answer.once("error", () => response.destroy()).pipe(response)
  })
  onward.on("error", () => {
    // After the head of the answer it is the answer that says what went wrong: a host that refuses a body half-way is heard.
    if (!response.headersSent && !response.closed) sayAway(request, response, host)
  })
}

/** Nobody answers. A stream is told to come back; everything else, what to do. */
function sayAway({ headers }: IncomingMessage, response: ServerResponse, { origin }: URL): void {
  if (headers.accept?.includes("text/event-stream") === true) {
    response.writeHead(200, sseHeaders).end(primeFrame(retryMs) + reconnectFrame({ afterMs: retryMs, reason: "unavailable" }))
    return
  }
  const body = problem("unavailable", `No Tidemark host answers at ${origin}: start one with \`npm start\`, or try again.`)
  response.writeHead(body.status, { "content-type": problemMediaType, "retry-after": `${retryMs / 1000}` }).end(JSON.stringify(body))
}

/** What belongs to one connection and not to the message (RFC 9110, 7.6.1). */
const hopByHop = new Set(["connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"])

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = headers.connection?.toLowerCase().split(/\s*,\s*/) ?? []
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.includes(name)))
}
