// Who uses a host while it is killed: publishers who repeat each batch under its key until they are answered, readers who
// come back with their last cursor, and somebody who makes and deletes sessions beside them. Everybody writes down what
// they were told; what that comes to in the end is judged here too, against what the host then says.

import { expect } from "vitest"
import type { Ended } from "./cli/spawned.testing.ts"
import { call, eachFrame, get, storedEvents, wasCut, type Answer, type Sent, type StreamFrame } from "./host-client.testing.ts"
import { Tally, type Gate } from "./waiting.testing.ts"

/** What everybody shares. */
export interface Scene {
  /** Of the host, whichever life it is in. */
  readonly url: string
  /** Open while the host listens. */
  readonly gate: Gate
  readonly random: () => number
  /** Answers of 200 to publishers. */
  readonly acknowledged: Tally
  /** Of an answer to a publisher: whether it says to repeat. */
  readonly repeatsAfter: (answer: Answer) => boolean
  /** By session: its head when the host came back, before anybody wrote again. */
  readonly headsAtStart: Map<string, number>
}

interface Draft {
  readonly kind: string
  readonly data: unknown
}

interface Receipt {
  readonly epoch: string
  readonly first: number
  readonly last: number
  readonly revision: number
  readonly durability: string
}

interface Batch {
  readonly drafts: readonly Draft[]
  readonly commit: boolean
  readonly receipt: Receipt
}

interface Insisted {
  readonly answer: Answer
  readonly tries: number
}

/** Sends it again, after as many crashes as it takes, until there is an answer that is not to be repeated. */
async function insist({ gate, url, repeatsAfter }: Scene, method: string, path: string, sent: Sent = {}): Promise<Insisted> {
  for (let tries = 1; ; tries++) {
    await gate.through()
    try {
      const answer = await call(method, `${url}${path}`, sent)
      if (!repeatsAfter(answer)) return { answer, tries }
    } catch (error) {
      if (!wasCut(error)) throw error
    }
  }
}

function receiptIn({ status, body }: Answer): Receipt {
  const { epoch, first, last, revision, durability } = body
  const whole = typeof epoch === "string" && typeof first === "number" && typeof last === "number"
  if (status !== 200 || !whole || typeof revision !== "number" || typeof durability !== "string") {
    throw new Error(`a publisher was answered ${status}: ${JSON.stringify(body)}`)
  }
  return { epoch, first, last, revision, durability }
}

export class Publisher {
  readonly name: string
  readonly session: string
  readonly batches: Batch[] = []
  /** Batches that were sent more than once. */
  repeats = 0
  /** Those of them that the host held already when it came back. */
  repeatsFound = 0
  #stopping = false

  constructor(name: string, session: string) {
    this.name = name
    this.session = session
  }

  /** Ends when it is told to and its last batch is answered. */
  async run(scene: Scene): Promise<void> {
    while (!this.#stopping) await this.#publish(scene)
  }

  stop(): void {
    this.#stopping = true
  }

  async #publish(scene: Scene): Promise<void> {
    const { random } = scene
    const n = this.batches.length + 1
    const kind = random() < 0.2 ? "batch" : random() < 0.1 ? "commit" : "event"
    const count = kind === "batch" ? 2 + Math.floor(random() * 30) : 1
    const drafts = Array.from({ length: count }, (_, i) => ({
      kind: kind === "commit" ? "committed" : `load.${kind}`,
      data: { by: this.name, n, i, rest: "☃".repeat(Math.floor(random() ** 6 * 20_000)) },
    }))
    const [body, route] = kind === "commit" ? [{ view: drafts[0]?.data }, "commit"] : [kind === "batch" ? drafts : drafts[0], "events"]
    const { answer, tries } = await insist(scene, "POST", `/v1/sessions/${this.session}/${route}`, { body, key: `@${this.name}:${n}` })
    const receipt = receiptIn(answer)
    if (receipt.last - receipt.first + 1 !== count) throw new Error(`${count} events were acknowledged as ${JSON.stringify(receipt)}`)
    this.batches.push({ drafts, commit: kind === "commit", receipt })
    if (tries > 1) this.repeats += 1
    if (tries > 1 && receipt.last <= (scene.headsAtStart.get(this.session) ?? 0)) this.repeatsFound += 1
    scene.acknowledged.add(count)
  }
}

export class Reader {
  readonly session: string
  /** The events' texts, by position from 1. */
  readonly seen: string[] = []
  readonly epochs = new Set<string>()
  readonly positions = new Tally()
  /** Connections made with a cursor. */
  resumes = 0
  #cursor: string | undefined
  /** Position of the last event that came in this reading. */
  #at = 0
  #hangUp = new AbortController()
  #stopping = false

  constructor(session: string) {
    this.session = session
  }

  async run(scene: Scene): Promise<void> {
    const { gate, random } = scene
    while (!this.#stopping) {
      await gate.through()
      if (random() < 0.1) {
        // From the start again: what it has seen before must come as it was.
        this.#cursor = undefined
        this.#at = 0
      }
      if (this.#cursor !== undefined) this.resumes += 1
      const from = this.#cursor === undefined ? "from=start" : `cursor=${this.#cursor}`
      this.#hangUp = new AbortController()
      try {
        await eachFrame(`${scene.url}/v1/sessions/${this.session}/subscribe?${from}`, (frame) => this.#take(frame, random), this.#hangUp.signal)
      } catch (error) {
        if (!wasCut(error)) throw error
      }
    }
  }

  stop(): void {
    this.#stopping = true
    this.#hangUp.abort()
  }

  #take({ event, data, id }: StreamFrame, random: () => number): void {
    if (event === "hello") {
      const { epoch }: { epoch: string } = JSON.parse(data)
      this.epochs.add(epoch)
      return
    }
    if (event === "message") this.#read(data)
    else if (!["caught_up", "heartbeat", "reconnect"].includes(event)) throw new Error(`a reader was told ${event}: ${data}`)
    if (id !== undefined) this.#cursor = id
    if (random() < 0.001) this.#hangUp.abort()
  }

  #read(data: string): void {
    const { position }: { position: number } = JSON.parse(data)
    if (position !== this.#at + 1) throw new Error(`a reader got position ${position} after ${this.#at}`)
    this.#at = position
    const text = JSON.stringify(JSON.parse(data))
    if (position > this.seen.length) {
      this.seen.push(text)
      this.positions.add()
    } else if (this.seen[position - 1] !== text) {
      throw new Error(`position ${position} was ${this.seen[position - 1]}, and now is ${text}`)
    }
  }
}

/** Makes sessions of a few names, publishes a little to them, and deletes them. */
export class Neighbour {
  /** What it did that was answered. */
  made = 0
  deleted = 0
  readonly #sessions = new Map<string, { readonly epoch: string; readonly values: number[] }>()
  readonly #epochs = new Set<string>()
  #n = 0
  #stopping = false

  async run(scene: Scene): Promise<void> {
    while (!this.#stopping) {
      const name = `side-${Math.floor(scene.random() * 4)}`
      if (!this.#sessions.has(name)) await this.#make(scene, name)
      else if (scene.random() < 0.7) await this.#publish(scene, name)
      else await this.#remove(scene, name)
    }
  }

  stop(): void {
    this.#stopping = true
  }

  async #make(scene: Scene, name: string): Promise<void> {
    const { answer, tries } = await insist(scene, "PUT", `/v1/sessions/${name}`, { body: {} })
    const { epoch } = answer.body
    const expected = answer.status === 201 || (answer.status === 200 && tries > 1)
    if (!expected || typeof epoch !== "string") throw new Error(`making ${name} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    if (this.#epochs.has(epoch)) throw new Error(`${name} was made again in epoch ${epoch}, which was there before`)
    this.#epochs.add(epoch)
    this.#sessions.set(name, { epoch, values: [] })
    this.made += 1
  }

  async #publish(scene: Scene, name: string): Promise<void> {
    const session = this.#sessions.get(name)
    this.#n += 1
    const key = `neighbour-${this.#n}`
    const { answer } = await insist(scene, "POST", `/v1/sessions/${name}/events?create=false`, { body: { kind: "side", data: this.#n }, key })
    const { epoch, first } = receiptIn(answer)
    session?.values.push(this.#n)
    if (epoch !== session?.epoch || first !== session.values.length) throw new Error(`event ${session?.values.length} of ${name} is at ${epoch}:${first}`)
  }

  async #remove(scene: Scene, name: string): Promise<void> {
    const { answer, tries } = await insist(scene, "DELETE", `/v1/sessions/${name}`)
    if (answer.status !== 204 && !(answer.status === 404 && tries > 1)) throw new Error(`deleting ${name} answered ${answer.status}`)
    this.#sessions.delete(name)
    this.deleted += 1
  }

  /** What it made is there, and nothing that it deleted. */
  async check(url: string): Promise<void> {
    for (const name of ["side-0", "side-1", "side-2", "side-3"]) {
      const session = this.#sessions.get(name)
      const { status, body } = await call("GET", `${url}/v1/sessions/${name}`)
      expect([name, status, body["epoch"]]).toEqual([name, session === undefined ? 404 : 200, session?.epoch])
      if (session === undefined) continue
      const values = (await storedEvents(`${url}/v1/sessions/${name}`)).map((text) => parsedEvent(text).data)
      expect(values).toEqual(session.values)
    }
  }
}

interface StoredEvent {
  readonly position: number
  readonly revision: number
  readonly kind: string
  readonly at: string
  readonly data: unknown
  readonly commit?: true
}

function parsedEvent(text: string): StoredEvent {
  return JSON.parse(text)
}

/**
 * Every acknowledged event is there, in order, once, and nothing else; what a reader saw is what is there; one epoch,
 * dense positions, revisions that count the commits. Everybody must have stopped.
 */
async function checkSession(url: string, session: string, publishers: readonly Publisher[], readers: readonly Reader[]): Promise<void> {
  const texts = await storedEvents(`${url}/v1/sessions/${session}`)
  const events = texts.map(parsedEvent)
  const { epoch, head, revision } = await get(`${url}/v1/sessions/${session}`)
  const acknowledged: (Draft & { readonly commit: boolean })[] = []
  for (const { batches } of publishers) {
    let last = 0
    for (const { drafts, commit, receipt } of batches) {
      if (receipt.epoch !== epoch) throw new Error(`${JSON.stringify(receipt)} is not of epoch ${String(epoch)}`)
      if (receipt.first <= last) throw new Error(`${JSON.stringify(receipt)} is of a later batch than ${last} is`)
      last = receipt.last
      for (const [i, draft] of drafts.entries()) acknowledged[receipt.first - 1 + i] = { ...draft, commit }
      if (events[last - 1]?.revision !== receipt.revision) throw new Error(`${JSON.stringify(receipt)} is at another revision`)
    }
  }
  let commits = 0
  let at = ""
  for (const [i, event] of events.entries()) {
    const expected = acknowledged[i]
    commits += event.commit === true ? 1 : 0
    const found = { position: event.position, revision: event.revision, kind: event.kind, data: event.data, commit: event.commit === true }
    expect(found).toEqual({ position: i + 1, revision: commits, kind: expected?.kind, data: expected?.data, commit: expected?.commit })
    expect(event.at >= at).toBe(true)
    at = event.at
  }
  expect([events.length, head, revision]).toEqual([acknowledged.length, acknowledged.length, commits])
  const observed = await get(`${url}/v1/sessions/${session}/observation`)
  expect([observed["position"], observed["view"]]).toEqual([head, events.findLast((event) => event.commit === true)?.data ?? null])
  for (const reader of readers) {
    expect([...reader.epochs]).toEqual([epoch])
    expect(reader.seen.findIndex((text, i) => text !== texts[i])).toBe(-1)
    expect(reader.seen.length).toBe(texts.length)
  }
}

/** All of them on one host, at work until they are told to settle. */
export class Crowd {
  readonly scene: Scene
  readonly publishers: readonly Publisher[]
  readonly readers: readonly Reader[]
  readonly neighbour = new Neighbour()
  readonly #sessions: readonly string[]
  readonly #writing: Promise<unknown>
  readonly #reading: Promise<unknown>
  readonly #faults: Promise<never>

  private constructor(scene: Scene, sessions: readonly string[]) {
    this.scene = scene
    this.#sessions = sessions
    this.publishers = sessions.flatMap((session) => ["ada", "bob", "cyd"].map((name) => new Publisher(`${name}-${session}`, session)))
    this.readers = sessions.flatMap((session) => Array.from({ length: 3 }, () => new Reader(session)))
    this.#writing = Promise.all([...this.publishers, this.neighbour].map((each) => each.run(scene)))
    this.#reading = Promise.all(this.readers.map((each) => each.run(scene)))
    this.#faults = new Promise((_, reject) => {
      for (const work of [this.#writing, this.#reading]) work.catch(reject)
    })
    this.#faults.catch(() => {}) // whoever waits next is told
  }

  /** Makes the sessions and opens the gate. */
  static async begin(scene: Scene, sessions: readonly string[] = ["left", "right"]): Promise<Crowd> {
    for (const session of sessions) expect((await call("PUT", `${scene.url}/v1/sessions/${session}`, { body: {} })).status).toBe(201)
    scene.gate.open()
    return new Crowd(scene, sessions)
  }

  /** What `step` comes to, unless somebody meets a fault first, or the host ends by itself. */
  async until<Result>(step: Promise<Result>, hostEnds?: Promise<Ended>): Promise<Result> {
    const death = hostEnds?.then(({ code, stderr }): never => {
      throw new Error(`the host ended by itself with ${code}: ${stderr}`)
    })
    return Promise.race([step, this.#faults, ...(death === undefined ? [] : [death])])
  }

  /** So many more events are acknowledged. */
  async more(events: number, hostEnds: Promise<Ended>): Promise<void> {
    await this.until(this.scene.acknowledged.reaches(this.scene.acknowledged.value + events), hostEnds)
  }

  /** Every reader has got something, and so has a cursor to come back with. */
  async reading(hostEnds: Promise<Ended>): Promise<void> {
    for (const { positions } of this.readers) await this.until(positions.reaches(1), hostEnds)
  }

  /** Notes where the sessions are when a host has come back, and lets everybody at it. */
  async resume(): Promise<void> {
    const { url, headsAtStart, gate } = this.scene
    for (const session of this.#sessions) headsAtStart.set(session, Number((await get(`${url}/v1/sessions/${session}`))["head"]))
    gate.open()
  }

  /** Ends when everything that was sent is answered, and everybody has read all of it. */
  async settle(hostEnds: Promise<Ended>): Promise<void> {
    for (const each of [...this.publishers, this.neighbour]) each.stop()
    await this.until(this.#writing, hostEnds)
    for (const { session, positions } of this.readers) {
      const { head } = await get(`${this.scene.url}/v1/sessions/${session}`)
      await this.until(positions.reaches(Number(head)), hostEnds)
    }
    for (const reader of this.readers) reader.stop()
    await this.#reading
  }

  /** To be called when it has settled. */
  async check(): Promise<void> {
    for (const session of this.#sessions) {
      const inIt = ({ session: its }: { readonly session: string }) => its === session
      await checkSession(this.scene.url, session, this.publishers.filter(inIt), this.readers.filter(inIt))
    }
    await this.neighbour.check(this.scene.url)
  }
}
