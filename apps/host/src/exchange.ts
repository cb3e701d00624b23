// One request as the routes see it: its target taken apart, its headers one by one, its body read within limits. Nothing is
// mended on the way in: what is ambiguous (a parameter given twice, a header that should be one) is refused.

import { isUtf8 } from "node:buffer"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { parseJson } from "@tidemark/protocol"
import type { Json } from "@tidemark/kernel"
import { formatLimit, type Limits } from "./limits.ts"
import { badJson, refuse, type Refused } from "./refused.ts"
import { atOnce, awaited, type Settle, type TakeBack } from "./settling.ts"

/** A request target: the path's segments as they stand, and the query decoded. */
export interface Target {
  readonly segments: readonly string[]
  readonly query: Readonly<Record<string, string>>
}

export function parseTarget(url: string): Either.Either<Target, Refused> {
  const [, path, search] = /^(?:https?:\/\/[^/?#]*)?(\/[^?#]*)(?:\?([^#]*))?$/.exec(url) ?? []
  if (path === undefined) return refuse("bad-request", "The target is no path: send one that begins with a slash.")
  const query = new Map<string, string>()
  for (const pair of (search ?? "").split("&").filter((part) => part !== "")) {
    const [rawName = "", ...rawValue] = pair.replaceAll("+", " ").split("=")
    const name = percentDecode(rawName)
    const value = percentDecode(rawValue.join("="))
    if (name === undefined || value === undefined) {
      return refuse("bad-request", `The query cannot be read at ${JSON.stringify(pair)}: percent-encode it as UTF-8.`)
    }
    if (query.has(name)) return refuse("bad-request", `The parameter ${JSON.stringify(name)} is given twice: give it once.`)
    query.set(name, value)
  }
  return Either.right({ segments: path.split("/").slice(1), query: Object.fromEntries(query) })
}

/** `undefined` for what is not percent-encoded UTF-8. */
export function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

export class Exchange {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly limits: Limits
  /** Of the body, as far as it was read. */
  bodyBytes = 0
  /** Taken apart when it is first asked for: the hot routes know theirs by sight. */
  #target: Either.Either<Target, Refused> | undefined
  /** The client sent `Expect: 100-continue` and waits with its body. */
  readonly #awaitsContinue: boolean

  constructor(message: IncomingMessage, response: ServerResponse, limits: Limits, awaitsContinue: boolean) {
    this.message = message
    this.response = response
    this.limits = limits
    this.#awaitsContinue = awaitsContinue
  }

  get target(): Either.Either<Target, Refused> {
    this.#target ??= parseTarget(this.message.url ?? "/")
    return this.#target
  }

  /** Of the target; empty where that cannot be read. */
  get query(): Target["query"] {
    const { target } = this
    return Either.isRight(target) ? target.right.query : {}
  }

  get method(): string {
    return this.message.method ?? "GET"
  }

  /** Node undoes `chunked` and nothing else: what is coded besides would be taken for the body as it is meant. */
  get framing(): Either.Either<void, Refused> {
    const coding = this.header("transfer-encoding") ?? "chunked"
    if (coding.toLowerCase() === "chunked") return Either.void
    const detail = `The Transfer-Encoding is ${JSON.stringify(coding)}: send the body as it is, or chunked and nothing else.`
    return refuse("unsupported-media-type", detail, {}, { connection: "close" })
  }

  /** Whether only headers may be answered. */
  get headOnly(): boolean {
    return this.method === "HEAD"
  }

  /** The remote address, as Node spells it; empty when the socket is gone. */
  get peer(): string {
    return this.message.socket.remoteAddress ?? ""
  }

  /** Lines of one name joined by `, `, as HTTP says. */
  header(name: string): string | undefined {
    const value = this.message.headers[name]
    return typeof value === "string" ? value.trim() : value?.join(", ").trim()
  }

  /** Whether the client asks for an event stream by name. */
  get acceptsStream(): boolean {
    return (this.header("accept") ?? "").split(",").some((range) => range.split(";")[0]?.trim().toLowerCase() === "text/event-stream")
  }

  /** `Last-Event-ID`, else `lastEventId`, else `cursor`; what is not chosen is not looked at, and an empty one is none. */
  get cursor(): string | undefined {
    return this.header("last-event-id") || this.query["lastEventId"] || this.query["cursor"] || undefined
  }

  /** Media type of the body, lower case, without parameters; `undefined` when none is said. */
  get mediaType(): string | undefined {
    if (this.message.headers["content-type"] === "application/json") return "application/json"
    return this.header("content-type")?.split(";")[0]?.trim().toLowerCase() || undefined
  }

  /** Whether the body has not arrived entirely. */
  get bodyUnread(): boolean {
    return !this.message.complete && (this.message.headers["transfer-encoding"] !== undefined || this.contentLength > 0)
  }

  get contentLength(): number {
    return Number(this.message.headers["content-length"] ?? 0)
  }

  /** The body as text. Its size is checked before it is read and counted while it is; encodings are refused, not guessed. */
  readText(mediaTypes: readonly string[]): Effect.Effect<string, Refused> {
    return awaited((settle) => this.onText(mediaTypes, settle))
  }

  /** The same without an effect. */
  onText(mediaTypes: readonly string[], settle: Settle<string>): TakeBack {
    const type = this.#checkType(mediaTypes)
    if (Either.isLeft(type)) return atOnce(settle, Either.left(type.left))
    return this.#onBytes((bytes) => settle(Either.flatMap(bytes, decodeUtf8)))
  }

  /** The body as JSON; `undefined` when there is none. */
  readJson(): Effect.Effect<Json | undefined, Refused> {
    if (this.#isEmpty) return Effect.succeed(undefined)
    return Effect.flatMap(this.readText(["application/json"]), (text) => {
      return text.trim() === "" ? Effect.succeed(undefined) : this.parse(text, "The body")
    })
  }

  /** `what` begins the sentence of a refusal: `The body`, `Line 7`. */
  parse(text: string, what: string): Either.Either<Json, Refused> {
    const parsed = parseJson(text, { depth: this.limits["json-depth"] })
    return parsed.type === "json" ? Either.right(parsed.value) : Either.left(badJson(what, parsed))
  }

  get #isEmpty(): boolean {
    return this.contentLength === 0 && this.message.headers["transfer-encoding"] === undefined
  }

  #checkType(mediaTypes: readonly string[]): Either.Either<void, Refused> {
    const plain = this.message.headers["content-encoding"] === undefined
    if (plain && mediaTypes.includes(this.message.headers["content-type"] ?? "")) return Either.void
    const encoding = this.header("content-encoding") || "identity"
    if (encoding.toLowerCase() !== "identity") {
      return refuse("unsupported-media-type", "The body is compressed: send it as it is.", {}, { "accept-encoding": "identity" })
    }
    const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(this.header("content-type") ?? "")?.[1]
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
      return refuse("unsupported-media-type", `The body is in ${charset}: send it in UTF-8.`)
    }
    if (this.mediaType !== undefined && mediaTypes.includes(this.mediaType)) return Either.void
    const sent = this.mediaType === undefined ? "The body has no Content-Type" : `The body is ${this.mediaType}`
    const accept = mediaTypes.join(", ")
    return refuse("unsupported-media-type", `${sent}: send it as ${mediaTypes.join(" or ")}.`, {}, { accept })
  }

  #onBytes(settle: Settle<Buffer>): TakeBack {
    const { message } = this
    const most = this.limits["body-bytes"]
    const chunks: Buffer[] = []
    const onData = (chunk: Buffer): void => {
      this.bodyBytes += chunk.length
      if (this.bodyBytes <= most) return void chunks.push(chunk)
      stop()
      settle(tooLarge(most))
    }
    const onEnd = (): void => {
      const [first] = chunks
      settle(Either.right(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, this.bodyBytes)))
    }
    const stop = (): void => {
      message.off("data", onData).off("end", onEnd).pause()
    }
    if (this.contentLength > most) return atOnce(settle, tooLarge(most))
    if (this.#awaitsContinue) this.response.writeContinue()
    message.on("data", onData).on("end", onEnd)
    return stop
  }
}

function tooLarge(most: number): Either.Either<never, Refused> {
  return refuse("too-large", `The body is over ${formatLimit("bytes", most)} (limit body-bytes): send it in parts.`)
}

function decodeUtf8(bytes: Buffer): Either.Either<string, Refused> {
  if (isUtf8(bytes)) return Either.right(bytes.toString())
  return refuse("bad-utf8", "The body is not UTF-8, and nothing of it was taken: encode it as UTF-8.")
}
