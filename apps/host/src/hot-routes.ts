// The hot path: a request to publish, or for a stream, that has nothing unusual about it is answered here, past router and
// effects, which cost four times what the work itself does. What is asked of it is what every request is asked, in the same
// order; what needs a closer look (an appending query, a coded body, another origin, a host that drains, …) is not refused
// here but left to the routes, so that there is one wording of every refusal. Tests send the same requests both ways.

import * as Either from "effect/Either"
import { parseSessionName } from "@tidemark/kernel"
import type { Answer, Headers } from "./answer.ts"
import { answerPlainly, corsOf } from "./answering.ts"
import * as api from "./api.ts"
import { publish } from "./appending.ts"
import type { Exchange } from "./exchange.ts"
import type { HostParts } from "./host-parts.ts"
import type { Refused } from "./refused.ts"
import { decoderOf } from "./router.ts"
import { defaultWorkspace, type SessionPath } from "./session-path.ts"
import { atOnce, type TakeBack } from "./settling.ts"
import { subscribed } from "./stream-routes.ts"

/** Targets that are remembered; more, and all of them are forgotten. */
const targetsMax = 4096

interface NamedPath extends SessionPath {
  readonly workspace: string
}

/** Longer ones are looked at elsewhere: two names and a cursor are shorter. */
const targetLengthMax = 1024

export class HotRoutes {
  readonly #parts: HostParts
  /** Those that this is the path of, by method and target without its query. */
  readonly #paths = { POST: new Map<string, NamedPath>(), GET: new Map<string, NamedPath>() }
  /** The `Host` that was admitted last: clients send the same one every time. */
  #known: { readonly host: string | undefined; readonly cors: Headers } | undefined

  constructor(parts: HostParts) {
    this.#parts = parts
  }

  /** Answers the exchange, or leaves it alone: then `undefined`. */
  take(exchange: Exchange): TakeBack | undefined {
    const { method, url = "" } = exchange.message
    if (url.length > targetLengthMax) return undefined
    switch (method) {
      case "POST":
        return this.#publish(exchange, url)
      case "GET":
        return this.#subscribe(exchange, url)
      default:
        return undefined
    }
  }

  #publish(exchange: Exchange, target: string): TakeBack | undefined {
    const path = this.#pathOf("POST", target)
    const cors = path === undefined ? undefined : this.#admitted(exchange)
    if (path === undefined || cors === undefined) return undefined
    return publish(this.#parts, exchange, path, unconditional, (outcome) => answerPlainly(this.#parts, exchange, { cors, streams: false }, outcome))
  }

  #subscribe(exchange: Exchange, target: string): TakeBack | undefined {
    const queryAt = target.indexOf("?")
    const path = this.#pathOf("GET", queryAt === -1 ? target : target.slice(0, queryAt))
    if (path === undefined || Either.isLeft(exchange.target)) return undefined
    const cors = this.#admitted(exchange)
    if (cors === undefined) return undefined
    const decoded = decodeSubscribe(exchange, { ...path })
    const settle = (outcome: Either.Either<Answer, Refused>): void => answerPlainly(this.#parts, exchange, { cors, streams: true }, outcome)
    if (Either.isLeft(decoded)) return atOnce(settle, Either.left(decoded.left))
    return subscribed(this.#parts, exchange, decoded.right.path, decoded.right.query, settle)
  }

  /** The CORS headers of a request that is admitted as `answerTo` admits and needs no closer look. */
  #admitted({ message, peer }: Exchange): Headers | undefined {
    const { streams, rates, engine, config } = this.#parts
    const { headers, rawHeaders } = message
    if (streams.draining || headers.origin !== undefined || headers["transfer-encoding"] !== undefined) return undefined
    if (hostsOf(rawHeaders) !== 1) return undefined
    if (headers.host !== this.#known?.host) {
      const cors = corsOf(config, message)
      this.#known = Either.isRight(cors) ? { host: headers.host, cors: cors.right } : undefined
    }
    // Last, because it takes something.
    if (this.#known === undefined || Either.isLeft(rates.admit("requests-per-second", engine.now, peer))) return undefined
    return this.#known.cors
  }

  #pathOf(method: "GET" | "POST", target: string): NamedPath | undefined {
    const paths = this.#paths[method]
    const known = paths.get(target)
    if (known !== undefined) return known
    const [, workspace = defaultWorkspace, id = ""] = targets[method].exec(target) ?? []
    if (parseSessionName(workspace, id) === undefined) return undefined
    const path = { workspace, id }
    if (paths.size >= targetsMax) paths.clear()
    paths.set(target, path)
    return path
  }
}

/** Without percent-encoding, which is read with care elsewhere. */
const targets = {
  POST: /^\/v1(?:\/workspaces\/([^/?#%]+))?\/sessions\/([^/?#%]+)\/events$/,
  GET: /^\/v1(?:\/workspaces\/([^/?#%]+))?\/sessions\/([^/?#%]+)\/subscribe$/,
} as const

const unconditional = { expectRevision: undefined, creates: true }

const decodeSubscribe = decoderOf(api.subscribe)

/** Lines of the name `Host`, in any spelling. Node joins them into the first one, and a second one is a request to refuse. */
function hostsOf(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1
  }
  return hosts
}
