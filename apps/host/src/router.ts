// From declared endpoints to answers: matches a path, decodes path and query with the endpoint's own schemas, and says 404
// and 405 itself, so that these are problem details with an exact `Allow` like everything else. The framework's router
// answers a wrong method with 404 and costs five times the rest of a request; this one is a table and a loop.

import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Answer } from "./answer.ts"
import { percentDecode, type Exchange } from "./exchange.ts"
import { refuse, type Refused } from "./refused.ts"

/** A route that knows how to run; what it decodes to is between the endpoint and its handler. */
export interface Route {
  readonly method: HttpMethod
  readonly path: string
  /** Whether it may answer with a stream: then a temporary refusal may be said in band. */
  readonly streams: boolean
  readonly run: (exchange: Exchange, params: PathParams) => Effect.Effect<Answer, Refused>
}

/** Path parameters as they stand in the path. */
export type PathParams = Readonly<Record<string, string>>

export type Match =
  | { readonly type: "route"; readonly route: Route; readonly params: PathParams }
  /** The path is there, the method is not. */
  | { readonly type: "other_methods"; readonly allow: string }
  | { readonly type: "none" }

/** Joins an endpoint to what answers it. `handle` is given what the endpoint's schemas decode to. */
export function route<Name extends string, Method extends HttpMethod, Path, Query, Payload, Headers, Success, Failure>(
  endpoint: HttpApiEndpoint.HttpApiEndpoint<Name, Method, Path, Query, Payload, Headers, Success, Failure>,
  handle: (exchange: Exchange, path: Path, query: Query) => Effect.Effect<Answer, Refused>,
  streams = false,
): Route {
  const decode = decoderOf(endpoint)
  return {
    method: endpoint.method,
    path: endpoint.path,
    streams,
    run(exchange, params) {
      const decoded = decode(exchange, params)
      return Either.isLeft(decoded) ? Effect.fail(decoded.left) : handle(exchange, decoded.right.path, decoded.right.query)
    },
  }
}

/** Reads path and query as the endpoint declares them. */
export function decoderOf<Name extends string, Method extends HttpMethod, Path, Query, Payload, Headers, Success, Failure>(
  endpoint: HttpApiEndpoint.HttpApiEndpoint<Name, Method, Path, Query, Payload, Headers, Success, Failure>,
): (exchange: Exchange, params: PathParams) => Either.Either<{ readonly path: Path; readonly query: Query }, Refused> {
  const decodePath = decoder(Option.getOrThrow(endpoint.pathSchema))
  const querySchema = Option.getOrThrow(endpoint.urlParamsSchema)
  const decodeQuery = decoder(querySchema)
  const known = new Set(SchemaAST.getPropertySignatures(Schema.encodedSchema(querySchema).ast).map(({ name }) => String(name)))
  return (exchange, params) => {
    const path = decodePath(percentDecoded(params))
    if (Either.isLeft(path)) return refuse("bad-id", `The ${path.left.name} in the path ${path.left.because}.`)
    const unknown = Object.keys(exchange.query).find((name) => !known.has(name))
    if (unknown !== undefined) return refuse("unknown-parameter", unknownParameter(unknown, known))
    const query = decodeQuery(exchange.query)
    if (Either.isLeft(query)) return refuse("bad-request", `The parameter ${query.left.name} ${query.left.because}.`)
    return Either.right({ path: path.right, query: query.right })
  }
}

/** The same routes under `prefix`. */
export function mount(prefix: string, routes: readonly Route[]): readonly Route[] {
  return routes.map((each) => ({ ...each, path: each.path === "/" ? prefix : prefix + each.path }))
}

export class Router {
  readonly #routes: readonly (Route & { readonly segments: readonly string[] })[]

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((each) => ({ ...each, segments: each.path.split("/").slice(1) }))
  }

  /** `segments`: of the path, as they stand in it. HEAD is answered by the route of GET. */
  match(method: string, segments: readonly string[]): Match {
    const wanted = method === "HEAD" ? "GET" : method
    const methods = new Set<string>()
    for (const each of this.#routes) {
      const params = paramsOf(each.segments, segments)
      if (params === undefined) continue
      if (each.method === wanted) return { type: "route", route: each, params }
      methods.add(each.method)
    }
    if (methods.size === 0) return { type: "none" }
    return { type: "other_methods", allow: [...methods, ...(methods.has("GET") ? ["HEAD"] : []), "OPTIONS"].sort().join(", ") }
  }
}

/** Decoded after matching, so that no `%2f` makes a segment; what cannot be decoded is left, and is no name. */
function percentDecoded(params: PathParams): PathParams {
  return Object.fromEntries(Object.entries(params).map(([name, text]) => [name, percentDecode(text) ?? text]))
}

interface Complaint {
  readonly name: string
  readonly because: string
}

function decoder<Value>(schema: Schema.Schema<Value, unknown>): (input: unknown) => Either.Either<Value, Complaint> {
  const decode = Schema.decodeUnknownEither(schema)
  return (input) =>
    Either.mapLeft(decode(input), (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      return { name: issue?.path.join(".") ?? "", because: issue?.message ?? "cannot be read" }
    })
}

function unknownParameter(name: string, known: ReadonlySet<string>): string {
  const has = known.size === 0 ? "This route takes no parameters." : `This route takes ${[...known].join(", ")}.`
  return `There is no parameter ${JSON.stringify(name)} here: check its spelling, or leave it out. ${has}`
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): PathParams | undefined {
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? ""
    if (part.startsWith(":")) params[part.slice(1)] = segment
    else if (part !== segment) return undefined
  }
  return params
}
