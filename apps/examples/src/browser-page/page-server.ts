// A web server as small as they come: one page at `/`, and `/v1` handed on to a Tidemark host. Three files are read when
// it is made and served from memory; there is no path to traverse.

import { readFileSync } from "node:fs"
import { createServer, type Server, type ServerResponse } from "node:http"
import { forward } from "./forward.ts"

/** Beside this file's source, where the compiler leaves them. */
const folder = new URL("../../src/browser-page/", import.meta.url)

const headers = {
  "cache-control": "no-cache",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}

interface File {
  readonly type: string
  readonly content: Buffer
}

/** The page and its sessions, one origin; not listening yet. `host` is the Tidemark host's address. */
export function pageServer(host: URL): Server {
  const files: ReadonlyMap<string, File> = new Map([
    ["/", file("page.html", "text/html")],
    ["/page.css", file("page.css", "text/css")],
    ["/page.js", file("page.js", "text/javascript")],
  ])
  return createServer((request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "/"
    if (path.startsWith("/v1/")) return forward(request, response, host)
    const found = files.get(path)
    if (found === undefined) return say(response, 404, "There is / and /v1/.")
    if (request.method !== "GET" && request.method !== "HEAD") return say(response, 405, "This is only to be read.")
    response.writeHead(200, { ...headers, "content-type": found.type, "content-length": found.content.length })
    response.end(request.method === "HEAD" ? undefined : found.content)
  })
}

function file(name: string, type: string): File {
  return { type: `${type}; charset=utf-8`, content: readFileSync(new URL(name, folder)) }
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...headers, "content-type": "text/plain; charset=utf-8", ...(status === 405 ? { allow: "GET, HEAD" } : {}) })
  response.end(`${text}\n`)
}
