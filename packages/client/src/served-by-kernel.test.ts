// The client against the real kernel and the real wire, without a socket between them: whatever a server of ours says, the
// client takes it without a complaint, and what it folded is what the kernel observes (B1, L10, L11).

import fc from "fast-check"
import { epoch, idOf, instant, jsonText, Kernel, logModel, parseFilter, sessionName, timestamp } from "@tidemark/kernel"
import type { ReaderId, ReaderStart, Recovery } from "@tidemark/kernel"
import { encodeBatch, encodeObservation, ServerConnection, type ConnectionOutput } from "@tidemark/protocol"
import { expect, test } from "vitest"
import { Folding, type ClientItem } from "./folding.ts"
import { ReplayClient, replayTiming, type ConnectRequest, type From } from "./replay-client.ts"

const name = sessionName("default", "s")
const everyKind = parseFilter(["*"])
const oneKind = parseFilter(["b"])
if (everyKind === undefined || oneKind === undefined) throw new Error("both are filters")

interface Wishes {
  readonly from: From
  readonly recover: Recovery
  readonly filtered: boolean
  readonly folds: boolean
}

class World {
  readonly kernel = new Kernel({
    models: [logModel],
    windowEvents: 6,
    windowBytes: 1_000_000,
    windowAgeMs: 1e9,
    readersPerSession: 10,
    recoverEvents: 3,
    encodesPerSecond: 1_000,
    retryMs: 10,
  })
  readonly client: ReplayClient
  readonly items: ClientItem[] = []
  readonly #wishes: Wishes
  readonly #folding: Folding | undefined
  #ms = 0
  #made = 0
  #link: { readonly reader: ReaderId; readonly connection: ServerConnection; bytes: Uint8Array; ended: boolean } | undefined

  constructor(wishes: Wishes) {
    const { from, recover, filtered, folds } = wishes
    this.#wishes = wishes
    this.#folding = folds ? new Folding(logModel, from === "start" ? "initial" : undefined) : undefined
    const settings = { from, recover, filtered, folds, waits: false, follow: true, timing: replayTiming }
    this.client = new ReplayClient(instant(0), { session: idOf(name), cursor: undefined, ...settings })
    this.#create()
  }

  record(count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.#made += 1
      const draft = { kind: this.#made % 3 === 0 ? "b" : "a", data: jsonText(`${this.#made} \u{1f30a}\r\n`) }
      this.kernel.record(this.#now, timestamp(this.#ms), name, draft)
    }
  }

  commit(): void {
    this.kernel.commit(this.#now, timestamp(this.#ms), name, { data: jsonText({ made: this.#made }) })
  }

  /** The session is deleted and made again, which nobody sees but by the epoch. */
  recreate(): void {
    this.cut()
    this.kernel.deleteSession(this.#now, name)
    this.#create()
  }

  cut(): void {
    if (this.#link === undefined) return
    this.kernel.unsubscribe(this.#link.reader)
    this.#link = undefined
    this.client.handleEnd(this.#now, "cut")
  }

  deliver(bytes: number): void {
    this.#ms += 2
    this.kernel.handleTimeout(this.#now)
    this.#settle()
    const link = this.#link
    if (link === undefined) return
    this.#pump()
    this.client.handleBytes(this.#now, link.bytes.slice(0, bytes))
    link.bytes = link.bytes.slice(bytes)
    this.#settle()
    if (link.ended && link.bytes.length === 0) this.cut()
  }

  finish(): void {
    this.kernel.close(this.#now, timestamp(this.#ms), name, "done")
    for (let turn = 0; turn < 60 && this.client.ended === undefined; turn += 1) this.deliver(1e9)
  }

  get #now() {
    return instant(this.#ms)
  }

  #create(): void {
    this.kernel.createSession(this.#now, name, { epoch: epoch("g", `i${this.#made}-${this.#ms}`), model: "log" })
    this.#ms += 1
  }

  #settle(): void {
    this.#take()
    if (!this.client.connectionWanted && this.#link !== undefined) {
      this.kernel.unsubscribe(this.#link.reader)
      this.#link = undefined
    }
    if (this.#link === undefined) {
      this.#ms = Math.max(this.#ms, this.client.pollTimeout() ?? 0)
      const request = this.client.pollConnect(this.#now, 0.5)
      if (request !== undefined) this.#connect(request)
    }
    this.#take()
  }

  #connect(request: ConnectRequest): void {
    const { recover, filtered } = this.#wishes
    const filter = filtered ? oneKind : everyKind
    const rests = request.from === "start" || request.from?.startsWith("tail:") === true
    const options = { filter: filter ?? fail(), recovery: rests ? "rest" : recover } as const
    const subscribed = this.kernel.subscribe(this.#now, name, startOf(request), options)
    if (subscribed.type !== "subscribed") return fail()
    const settings = { session: name, heartbeatMs: 15_000, maxAgeMs: 600_000, retryMs: 500, quietEntriesMax: 2, finite: false }
    const connection = new ServerConnection(this.#now, settings)
    const { point, ...state } = this.kernel.describe(name) ?? fail()
    const { epoch: lifetime, earliest, model, modelVersion } = state
    const hello = { session: idOf(name), epoch: lifetime, head: point.position, earliest, revision: point.revision, model, modelVersion }
    connection.handleHello(this.#now, hello)
    this.#link = { reader: subscribed.reader, connection, bytes: new Uint8Array(0), ended: false }
    this.client.handleResponse(this.#now, { status: 200, eventStream: true, retryAfterMs: undefined, problem: undefined })
  }

  #pump(): void {
    const link = this.#link
    if (link === undefined || link.ended) return
    let reads = true
    while (reads) {
      const outcome = this.kernel.read(this.#now, link.reader, { events: 2, bytes: 1_000 })
      if (outcome.type === "behind") return fail()
      link.connection.handleRead(this.#now, outcome, this.kernel.cursorOf(link.reader))
      for (let output = link.connection.pollOutput(); output !== undefined; output = link.connection.pollOutput()) {
        if (output.type === "end") link.ended = true
        else link.bytes = new Uint8Array([...link.bytes, ...new TextEncoder().encode(textOf(output))])
      }
      reads = link.connection.wantsRead && !link.ended
    }
  }

  #take(): void {
    for (let item = this.client.pollItem(this.#now); item !== undefined; item = this.client.pollItem(this.#now)) {
      this.items.push(this.#folding?.handle(item, this.client.hello) ?? item)
      this.client.handleTaken(this.#now)
    }
  }
}

function startOf(request: ConnectRequest): ReaderStart {
  if (request.from === undefined) return { type: "cursor", cursor: request.cursor }
  if (request.from === "observation" || request.from === "start" || request.from === "now") return { type: request.from }
  return { type: "tail", events: Number(request.from.slice("tail:".length)) }
}

function textOf(output: Exclude<ConnectionOutput, { type: "end" }>): string {
  if (output.type === "text") return output.text
  return output.type === "batch" ? encodeBatch(output.batch) : encodeObservation(output.observation)
}

function fail(): never {
  throw new Error("the test's own world is broken")
}

type Step = { readonly do: "record" | "deliver"; readonly n: number } | { readonly do: "commit" | "cut" | "recreate" }

const bytes = fc.oneof(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 4_000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("record" as const), n: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("commit" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("deliver" as const), n: bytes }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("recreate" as const) }) },
)

function play(world: World, steps: readonly Step[]): void {
  for (const one of steps) {
    if (one.do === "record") world.record(one.n)
    else if (one.do === "deliver") world.deliver(one.n)
    else world[one.do]()
  }
  world.finish()
  expect(world.client.ended).toEqual({ failure: undefined })
  expect(world.items.at(-1)).toMatchObject({ type: "closed", closed: { reason: "done" } })
  expect(world.items.filter((item) => item.type === "status" && item.because?.includes("violation") === true)).toEqual([])
}

test("whatever is cut, missed or made anew, what the client folded is what the kernel observes", () => {
  const froms = fc.constantFrom<From>("observation", "start")
  const recoveries = fc.constantFrom<Recovery>("events", "auto")
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), froms, recoveries, (steps, from, recover) => {
      const world = new World({ from, recover, filtered: false, folds: true })
      play(world, steps)
      const { view, provisional, cursor } = world.kernel.observe(instant(1e9), name)?.json() ?? fail()
      expect(world.items.at(-1)?.state).toEqual({ view, provisional })
      expect(world.client.cursor).toBe(cursor)
    }),
    { numRuns: 200 },
  )
})

test("wherever a reader begins and whatever it asked for, nothing a server of ours says is a violation", () => {
  const wishes = fc.record({
    from: fc.constantFrom<From>("observation", "start", "now", "tail:0", "tail:4"),
    recover: fc.constantFrom<Recovery>("events", "auto", "rest"),
    filtered: fc.boolean(),
    folds: fc.constant(false),
  })
  const reasons = new Set<string>()
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), wishes, (steps, wished) => {
      const world = new World(wished)
      play(world, steps)
      for (const item of world.items) if (item.type === "gap") reasons.add(item.gap.reason)
    }),
    { numRuns: 400 },
  )
  expect([...reasons].sort()).toEqual(["budget", "epoch", "lagged", "trimmed"])
})
