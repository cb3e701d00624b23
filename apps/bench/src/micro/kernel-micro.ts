// The kernel's pieces by themselves, in nanoseconds an event: each round does a piece many times over and is one figure, and
// the median of the rounds is what is printed, as JSON. What is not the piece is done outside of the measured stretch.
//
//   kernel-micro ROUNDS EVENTS

import { epoch, everything, instant, jsonText, Kernel, logModel, origin, seal, sessionName, timestamp } from "@tidemark/kernel"
import type { Draft, Entry, Epoch, KernelConfig, Point, ReadBudget, ReaderId, SessionName } from "@tidemark/kernel"
import { eventText, tokenOf } from "../load/event-text.ts"
import { median } from "../report/statistics.ts"

const rounds = Number(process.argv[2] ?? 25)
const events = Number(process.argv[3] ?? 20_000)

const config: KernelConfig = {
  models: [logModel],
  windowEvents: 2048,
  windowBytes: 4 * 1024 * 1024,
  windowAgeMs: 15 * 60_000,
  readersPerSession: 10_000,
  recoverEvents: 1000,
  encodesPerSecond: 2,
  retryMs: 1000,
}

const now = instant(0)
const at = timestamp(1_700_000_000_000)
const batch = 16
const budget: ReadBudget = { events: batch, bytes: 64 * 1024 }
const ofEpoch: Epoch = epoch("bench", "bench")
const session: SessionName = sessionName("default", "bench")

/** Data as a tree, of which JSON is made once; what is published over HTTP comes as text and skips that. */
const parsed = Array.from({ length: 64 }, (_, i) => JSON.parse(eventText(tokenOf(0, 0, i), i)))

/** Gives the nanoseconds that each of `things` took in one round. */
type Round = () => number

function timed(things: number, work: () => void): number {
  const began = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - began) / things
}

function medianOf(round: Round): number {
  const warmUp = Math.ceil(rounds / 5)
  const figures = Array.from({ length: warmUp + rounds }, round).slice(warmUp)
  return median(figures) ?? 0
}

function sealed(count: number): Entry[] {
  const entries: Entry[] = []
  let after: Point = origin
  for (let i = 0; i < count; i++) {
    const draft: Draft = { type: "event", kind: "bench", data: jsonText(parsed[i % parsed.length]), commit: false }
    const entry = seal(after, at, draft)
    entries.push(entry)
    after = entry
  }
  return entries
}

const sealing: Round = () => timed(events, () => sealed(events))

function opened(name: SessionName, kernel = new Kernel(config)): Kernel {
  const base = { point: origin, shown: undefined, closed: null }
  kernel.openSession(now, name, { epoch: ofEpoch, model: logModel.name, modelVersion: logModel.version, floor: origin, base, entries: [] })
  return kernel
}

function inBatches(entries: readonly Entry[], size: number): Entry[][] {
  return Array.from({ length: Math.floor(entries.length / size) }, (_, i) => entries.slice(i * size, (i + 1) * size))
}

/** Nobody reads: what remains is the window and the fold. */
function installing(size: number): Round {
  const batches = inBatches(sealed(events), size)
  return () => {
    const kernel = opened(session)
    return timed(batches.length * size, () => {
      for (const entries of batches) kernel.handleAppended(now, session, ofEpoch, entries)
    })
  }
}

/** So many sessions with so many readers each are given a batch, and then every reader is polled and read. */
function handingOver(sessions: number, readers: number): Round {
  const names = Array.from({ length: sessions }, (_, i) => sessionName("default", `bench-${i}`))
  const turns = Math.max(1, Math.floor(events / (batch * sessions * readers)))
  const batches = inBatches(sealed(batch * turns), batch)
  return () => {
    const kernel = names.reduce((made, name) => opened(name, made), new Kernel(config))
    for (const name of names) for (let i = 0; i < readers; i++) subscribed(kernel, name)
    let ns = 0
    for (const entries of batches) {
      for (const name of names) kernel.handleAppended(now, name, ofEpoch, entries)
      let given = 0
      ns += timed(1, () => {
        for (let reader = kernel.pollReady(); reader !== undefined; reader = kernel.pollReady()) {
          const outcome = kernel.read(now, reader, budget)
          if (outcome.type === "events") given += outcome.batch.events.length
        }
      })
      if (given !== batch * sessions * readers) throw new Error(`${given} events were handed over, not ${batch * sessions * readers}`)
    }
    return ns / (turns * batch * sessions * readers)
  }
}

function subscribed(kernel: Kernel, name: SessionName): ReaderId {
  const proof = { epoch: ofEpoch, head: origin, floor: origin, closed: null }
  const outcome = kernel.subscribe(now, name, { type: "start" }, { filter: everything, recovery: "events" }, proof)
  if (outcome.type !== "subscribed") throw new Error(`subscribing was answered ${outcome.type}`)
  kernel.read(now, outcome.reader, budget)
  return outcome.reader
}

const figures = {
  sealNs: medianOf(sealing),
  installNs: medianOf(installing(batch)),
  installOneNs: medianOf(installing(1)),
  handOneNs: medianOf(handingOver(100, 1)),
  handManyNs: medianOf(handingOver(1, 1000)),
}

process.stdout.write(`${JSON.stringify(figures)}\n`)
