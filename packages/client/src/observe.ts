// The way most people use the client: `for await (const item of connect({ url, session }))`. Leaving the loop ends the
// connection; coming back for the next item is what says that the last one was taken.

import { parseFilter, type SessionModel, type Shown } from "@tidemark/kernel"
import { ClientError } from "./client-error.ts"
import type { CursorStorage } from "./cursor-storage.ts"
import { FetchDriver } from "./drivers/fetch-driver.ts"
import { now } from "./drivers/waker.ts"
import { Folding, type ClientItem } from "./folding.ts"
import { ReplayClient, replayTiming, type ConnectRequest, type From, type ReplayTiming } from "./replay-client.ts"
import { checkHeaders, sessionUrl, type SessionAddress } from "./session-address.ts"

export interface ConnectOptions extends SessionAddress {
  /** Where to go on; goes before what `storage` holds. */
  readonly cursor?: string
  /** Loaded when the iteration begins; saved as each item is taken. */
  readonly storage?: CursorStorage
  /** Where to begin without a cursor: with an observation (the default), at the start of the log, now, or N events back. */
  readonly from?: From
  /** Only these kinds; `turn.*` allowed. Gaps, observations and the close are always given. */
  readonly kinds?: readonly string[]
  /** After a gap: an observation (`events`, the default), already when far behind (`auto`), or what is still readable (`rest`). */
  readonly recover?: "events" | "auto" | "rest"
  /** Wait for a session that is not there yet. */
  readonly missing?: "wait"
  /** Fold with this model: each item then carries `state`. */
  readonly model?: SessionModel
  /** With `model` and `cursor`: the `state` that belongs to the cursor. */
  readonly state?: Shown
  /** False: end at the first caught-up. */
  readonly follow?: boolean
  /** Aborting ends the iteration as `break` would, after the item that was taken; nothing is thrown. */
  readonly signal?: AbortSignal
  /** Other times than the defaults. */
  readonly timing?: Partial<ReplayTiming>
}

/**
 * The session's items from where the cursor says, for ever: replay, then live, over lost connections and host restarts.
 * Ends after `closed`, at the first caught-up with `follow: false`, on `break`, and when `signal` aborts.
 *
 * Throws `ClientError` for what trying again cannot mend: `bad-options` at once, anything else (400, 401, 403, 404 without
 * `missing`) out of the iteration. Each iteration of the result is a client of its own.
 */
export function connect(options: ConnectOptions): AsyncIterable<ClientItem> {
  check(options)
  return {
    [Symbol.asyncIterator]() {
      const stop = new AbortController()
      const items = iterate(options, stop)
      return {
        next: () => items.next(),
        // A `return` while `next` waits would else wait with it, for as long as the session is quiet.
        return: () => {
          stop.abort()
          return items.return(undefined)
        },
      }
    },
  }
}

async function* iterate(options: ConnectOptions, stop: AbortController): AsyncGenerator<ClientItem, undefined> {
  const { storage, signal } = options
  const abort = (): void => stop.abort()
  signal?.addEventListener("abort", abort)
  if (signal?.aborted === true) abort()
  let driver: FetchDriver | undefined
  try {
    let saved = options.cursor || (await storage?.load()) || undefined // an empty one is none, as on the wire
    const client = new ReplayClient(now(), settings(options, saved))
    const fold = folding(options)
    driver = new FetchDriver(client, target(options))
    stop.signal.addEventListener("abort", driver.wake)
    for (;;) {
      if (client.cursor !== undefined && client.cursor !== saved) {
        saved = client.cursor
        await storage?.save(saved)
      }
      if (stop.signal.aborted) return
      const item = client.pollItem(now())
      if (item !== undefined) {
        yield fold === undefined ? item : fold.handle(item, client.hello)
        client.handleTaken(now())
      } else if (client.ended !== undefined) {
        if (client.ended.failure !== undefined) throw client.ended.failure
        return
      } else await driver.advance()
    }
  } finally {
    driver?.close()
    signal?.removeEventListener("abort", abort)
  }
}

function settings(options: ConnectOptions, cursor: string | undefined) {
  const { session, from = "observation", recover = "events", follow = true } = options
  return {
    session,
    cursor,
    from,
    recover,
    follow,
    filtered: options.kinds !== undefined && !options.kinds.includes("*"),
    waits: options.missing === "wait",
    folds: options.model !== undefined,
    timing: { ...replayTiming, ...options.timing },
  }
}

function target(options: ConnectOptions) {
  return {
    fetch: options.fetch ?? fetch,
    headers: options.headers ?? {},
    url: (request: ConnectRequest) => subscribeUrl(options, request),
  }
}

/** The cursor goes into the query: a header of its own would make every cross-origin request a preflighted one. */
function subscribeUrl(options: ConnectOptions, request: ConnectRequest): string {
  const { kinds, recover, missing } = options
  return sessionUrl(options, "subscribe", { ...request, kinds: kinds?.join(","), recover, missing, refuse: "status" })
}

function folding(options: ConnectOptions): Folding | undefined {
  if (options.model === undefined) return undefined
  return new Folding(options.model, options.state ?? (options.from === "start" ? "initial" : undefined))
}

function check(options: ConnectOptions): void {
  subscribeUrl(options, { from: "now" })
  checkHeaders(options)
  for (const [wrong, message] of refusals(options)) if (wrong) throw new ClientError("bad-options", message)
}

function refusals({ from, kinds, model, state, recover, storage, cursor }: ConnectOptions): readonly (readonly [boolean, string])[] {
  const folds = model !== undefined
  const tail = from?.startsWith("tail:") === true
  return [
    [
      kinds !== undefined && parseFilter(kinds) === undefined,
      "kinds: give 1–64 names of 1–128 characters without comma or space; `turn.*` passes all that begin with `turn.`",
    ],
    [tail && !/^tail:(0|[1-9][0-9]{0,8})$/.test(from), "from: write the number of events as in `tail:100`"],
    [state !== undefined && (!folds || cursor === undefined), "state: goes with a `model` and the `cursor` it was seen at"],
    [folds && kinds !== undefined, "model: cannot fold what a filter hides; leave out `kinds`"],
    [folds && recover === "rest", 'model: cannot fold over a gap without an observation; leave out `recover: "rest"`'],
    [folds && storage !== undefined, "model: a stored cursor has no state to fold on; keep both yourself and pass `cursor` and `state`"],
    [folds && cursor !== undefined && state === undefined, "model: pass the `state` that belongs to the cursor, or leave it out"],
    [folds && (tail || from === "now"), "model: begin at an observation or at the start, where the state is known"],
  ]
}
