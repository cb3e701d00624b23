// A reader of a fake world: the real client machine, its fold, and a connection of the fake network. It reads as fast as
// its user takes items, reconnects as the machine says, and can be cut, stalled or made to forget.

import { Folding, ReplayClient, replayTiming, type ClientItem, type ConnectRequest, type From, type ReplayItem, type ReplayTiming } from "@tidemark/client"
import { idOf, type ReaderStart, type Recovery, type SessionModel, type SessionName, type Shown } from "@tidemark/kernel"
import type { Chance } from "./chance.ts"
import { FakeConnection, type CutKind, type NetworkSettings, type Receiver, type ResponseHead } from "./fake-network.ts"
import type { FakeHost } from "./fake-host.ts"
import { FrameAhead } from "./frame-ahead.ts"
import type { Schedule, Scheduled } from "./schedule.ts"

export interface FakeClientOptions {
  readonly session: SessionName
  readonly from?: From
  readonly recover?: Recovery
  readonly kinds?: readonly string[]
  /** Wait for a session that is not there. */
  readonly waits?: boolean
  /** Fold with this model: each item then carries `state`. */
  readonly model?: SessionModel
  /** Go on from here, as somebody who kept it. */
  readonly cursor?: string
  /** Milliseconds its user needs for an item; 0 takes it at once. */
  readonly takesMs?: number
  readonly timing?: Partial<ReplayTiming>
}

/** Told what a client does, for whoever examines it. */
export interface ClientWatcher {
  connecting?(client: FakeClient, request: ConnectRequest): void
  /** It was given to the user, who may not be done with it. */
  item?(client: FakeClient, item: ClientItem): void
  /** The user is done with the item before: its cursor counts. */
  taken?(client: FakeClient): void
}

/** A cut that waits for its moment. */
interface PlannedCut<Item> {
  readonly matches: (item: Item) => boolean
  readonly kind: CutKind
}

export class FakeClient implements Receiver {
  /** What the user was given, in order. Emptied by whoever looks, if it likes. */
  readonly items: ClientItem[] = []
  readonly options: FakeClientOptions
  /** False: the user takes nothing, and the network fills up. */
  #takes = true
  readonly #schedule: Schedule
  readonly #chance: Chance
  readonly #network: NetworkSettings
  readonly #host: () => FakeHost
  readonly #watcher: ClientWatcher
  #machine: ReplayClient
  #folding: Folding | undefined
  #connection: FakeConnection | undefined
  /** An item is with the user. */
  #taking = false
  #asleep = false
  #live = false
  #connects = 0
  #last: ClientItem | undefined
  #ahead = new FrameAhead()
  #cutsBefore: PlannedCut<ReplayItem> | undefined
  #cutsAfter: PlannedCut<ClientItem> | undefined
  #timer: Scheduled | undefined
  #closed = false
  /** Its model could not fold what came. */
  failure: Error | undefined

  constructor(schedule: Schedule, chance: Chance, network: NetworkSettings, host: () => FakeHost, options: FakeClientOptions, watcher: ClientWatcher = {}) {
    this.#schedule = schedule
    this.#chance = chance
    this.#network = network
    this.#host = host
    this.options = options
    this.#watcher = watcher
    this.#machine = this.#newMachine(options.cursor)
    this.#folding = options.model === undefined ? undefined : newFolding(options.model, options)
    this.#soon()
  }

  /** Of the last item that was taken. */
  get cursor(): string | undefined {
    return this.#machine.cursor
  }

  get hello(): ReplayClient["hello"] {
    return this.#machine.hello
  }

  /** How reading ended, if it has: with `failure`, because trying again could not mend it. */
  get ended(): { readonly failure: Error | undefined } | undefined {
    return this.failure === undefined ? this.#machine.ended : { failure: this.failure }
  }

  /** It was closed by its user. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** Nothing follows. */
  get isOver(): boolean {
    return this.#closed || this.failure !== undefined || this.#machine.ended !== undefined
  }

  get isConnected(): boolean {
    return this.#connection?.isOpen === true
  }

  /** It has said so, and nothing else since: it was given all there was, and is given what follows. */
  get isLive(): boolean {
    return this.#live
  }

  /** Its user takes what comes: it is not stalled, and not asleep. */
  get takes(): boolean {
    return this.#takes && !this.#asleep
  }

  /** Connections it has asked for so far. */
  get connects(): number {
    return this.#connects
  }

  /** With a model: what a user sees who shows the state of the last item; nothing from a gap to its observation. */
  get shown(): Shown | undefined {
    return this.#last?.state
  }

  /** Body bytes of the connection it has now. */
  get deliveredBytes(): number {
    return this.#connection?.delivered ?? 0
  }

  get reads(): boolean {
    return this.#takes && !this.#taking && !this.isOver
  }

  /** Cuts its connection once it was given `bytes` more bytes of it. */
  cut(kind: CutKind = "both", bytes = 0): void {
    this.#connection?.cutAfter(bytes, kind)
  }

  /** Cuts the connection in the middle of the next frame that matches: the item is not given until it comes again. */
  cutBefore(matches: (item: ReplayItem) => boolean, kind: CutKind = "both"): void {
    this.#cutsBefore = { matches, kind }
  }

  /** Cuts the connection when the next item that matches was given; what had arrived behind it is lost with the connection. */
  cutAfter(matches: (item: ClientItem) => boolean, kind: CutKind = "both"): void {
    this.#cutsAfter = { matches, kind }
  }

  /** Its machine sleeps: it does nothing, and nobody is told. */
  sleep(): void {
    this.#asleep = true
    this.#connection?.cut("silent")
  }

  wake(): void {
    if (!this.#asleep) return
    this.#asleep = false
    this.#machine.handleTimeout(this.#schedule.now)
    this.#advance()
  }

  /** Its user stops taking items; what arrives stays in the network. */
  stall(): void {
    this.#takes = false
  }

  resume(): void {
    if (this.#takes) return
    this.#takes = true
    this.#soon()
  }

  /** Starts over as somebody who kept `cursor`; without one, as somebody who kept nothing. */
  restart(cursor?: string): void {
    this.#drop()
    this.failure = undefined
    this.#taking = false
    this.#last = undefined
    this.#live = false
    this.#machine = this.#newMachine(cursor)
    const { model } = this.options
    this.#folding = model === undefined ? undefined : newFolding(model, { ...this.options, ...(cursor === undefined ? {} : { cursor }) })
    this.#soon()
  }

  close(): void {
    this.#closed = true
    this.#drop()
    if (this.#timer !== undefined) this.#timer.cancelled = true
  }

  handleResponse(head: ResponseHead): void {
    const { status, retryAfterMs, problem } = head
    this.#machine.handleResponse(this.#schedule.now, { status, retryAfterMs, problem, eventStream: status === 200 })
    this.#advance()
  }

  handleBytes(chunk: Uint8Array): void {
    const cut = this.#cutsBefore
    const kept = cut === undefined ? undefined : this.#ahead.within(chunk, cut.matches)
    const arrived = kept === undefined ? chunk : chunk.subarray(0, kept)
    this.#ahead.pass(arrived)
    this.#machine.handleBytes(this.#schedule.now, arrived)
    this.#advance()
    if (kept === undefined) return
    this.#cutsBefore = undefined
    this.#connection?.cut(cut?.kind)
  }

  handleEnd(because: string): void {
    this.#connection = undefined
    this.#machine.handleEnd(this.#schedule.now, because)
    this.#advance()
  }

  #newMachine(cursor: string | undefined): ReplayClient {
    const { session, from = "observation", recover = "events", kinds, waits = false, model, timing } = this.options
    return new ReplayClient(this.#schedule.now, {
      session: idOf(session),
      cursor,
      from,
      recover,
      waits,
      filtered: kinds !== undefined,
      folds: model !== undefined,
      follow: true,
      timing: { ...replayTiming, ...timing },
    })
  }

  #soon(): void {
    this.#schedule.after(0, () => this.#advance())
  }

  /** The machine's contract: items until there are none, then the connection, then one timer. */
  #advance(): void {
    if (this.#closed || this.#asleep) return
    const { now } = this.#schedule
    while (this.takes && !this.#taking && !this.#closed && this.failure === undefined) {
      const item = this.#machine.pollItem(now)
      if (item === undefined) break
      this.#give(item)
    }
    // What it was given may have made its user leave.
    if (this.#closed || this.#asleep) return
    if (!this.#machine.connectionWanted) this.#drop()
    if (this.#connection === undefined && this.failure === undefined) {
      const request = this.#machine.pollConnect(now, this.#chance.next())
      if (request !== undefined) this.#connect(request)
    }
    this.#connection?.resume()
    this.#arm()
  }

  #give(received: ClientItem): void {
    let item = received
    try {
      item = this.#folding?.handle(received, this.#machine.hello) ?? received
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error))
      return this.#drop()
    }
    this.items.push(item)
    // Shown when somebody looks: showing after each event of a long replay would cost more than folding.
    this.#last = item
    if (item.type === "status") this.#live = item.status === "live"
    this.#taking = true
    const machine = this.#machine
    this.#watcher.item?.(this, item)
    const cut = this.#cutsAfter
    if (cut?.matches(item) === true) {
      this.#cutsAfter = undefined
      this.#connection?.cut(cut.kind)
    }
    const { takesMs = 0 } = this.options
    if (takesMs === 0) return this.#taken(machine)
    this.#schedule.after(takesMs, () => {
      if (machine !== this.#machine) return
      this.#taken(machine)
      this.#advance()
    })
  }

  #taken(machine: ReplayClient): void {
    if (machine !== this.#machine) return
    this.#taking = false
    machine.handleTaken(this.#schedule.now)
    this.#watcher.taken?.(this)
  }

  #connect(request: ConnectRequest): void {
    this.#watcher.connecting?.(this, request)
    const { session, kinds, recover = "events", waits = false } = this.options
    const connection = new FakeConnection(this.#schedule, this.#chance, this.#network, this)
    this.#connection = connection
    this.#connects += 1
    this.#ahead = new FrameAhead()
    connection.send((arrived) => {
      this.#host().accept({ type: "subscribe", session, start: startOf(request), kinds, recover: recoveryOf(request, recover), waits }, arrived)
    })
  }

  #drop(): void {
    this.#connection?.leave()
    this.#connection = undefined
  }

  #arm(): void {
    if (this.#timer !== undefined) this.#timer.cancelled = true
    const next = this.isOver ? undefined : this.#machine.pollTimeout()
    if (next === undefined) return
    this.#timer = this.#schedule.after(Math.max(0, Math.ceil(next - this.#schedule.now)), () => {
      if (this.#asleep) return
      this.#machine.handleTimeout(this.#schedule.now)
      this.#advance()
    })
  }
}

function newFolding(model: SessionModel, { from, cursor }: Pick<FakeClientOptions, "from" | "cursor">): Folding {
  return new Folding(model, from === "start" && cursor === undefined ? "initial" : undefined)
}

function startOf(request: ConnectRequest): ReaderStart {
  if (request.from === undefined) return { type: "cursor", cursor: request.cursor }
  if (request.from === "observation" || request.from === "start" || request.from === "now") return { type: request.from }
  return { type: "tail", events: Number(request.from.slice("tail:".length)) }
}

/** `start` and `tail` read with `rest`, whatever was asked for. */
function recoveryOf({ from }: ConnectRequest, recover: Recovery): Recovery {
  return from === "start" || from?.startsWith("tail:") === true ? "rest" : recover
}
