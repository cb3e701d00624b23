// A session read back from its SQLite file, inside one process: through the log's port alone, page by page, and as a reader
// gets it, through log, driver and kernel with a window too small to help. Prints events a second as JSON.
//
//   replay-micro ROUNDS EVENTS DIRECTORY

import { join } from "node:path"
import { Driver, type DriverConfig, type LogAnswer, type LogRequest, type SessionLog } from "@tidemark/driver"
import { everything, instant, jsonText, Kernel, logModel, sessionName, timestamp, type Draft, type Instant } from "@tidemark/kernel"
import type { Epoch, Point } from "@tidemark/kernel"
import { SqliteLog } from "@tidemark/log-sqlite"
import { eventText, tokenOf } from "../load/event-text.ts"
import { median } from "../report/statistics.ts"

const rounds = Math.min(5, Number(process.argv[2] ?? 5))
const events = Number(process.argv[3] ?? 100_000)
const directory = join(process.argv[4] ?? ".", "replay")

const session = sessionName("default", "bench")
const page = { events: 1000, bytes: 1024 * 1024 }
const read = { events: 256, bytes: 64 * 1024 }

const driverConfig: DriverConfig = {
  sessionsInMemoryMax: 100,
  sessionIdleMs: 60_000,
  snapshotEvents: 1000,
  snapshotBytes: 1024 * 1024,
  groupDraftsMax: 1024,
  groupBytesMax: 4 * 1024 * 1024,
  waitingDraftsMax: 65_536,
  waitingBytesMax: 64 * 1024 * 1024,
  pageEvents: page.events,
  pageBytes: page.bytes,
  retryMs: 1000,
}

function kernel(): Kernel {
  const windowLimits = { windowEvents: 4, windowBytes: 4096, windowAgeMs: 60_000 }
  return new Kernel({ models: [logModel], ...windowLimits, readersPerSession: 10, recoverEvents: 1000, encodesPerSecond: 2, retryMs: 1000 })
}

function clock(): Instant {
  return instant(performance.now())
}

function openLog(): Promise<SqliteLog> {
  return SqliteLog.open({
    directory,
    durability: "normal",
    limits: { sessionsPerWorkspace: 10, keyAgeMs: 60_000, keysPerSession: 100, keysPerProducer: 64, diskFree: 0 },
    wall: Date.now,
    report: ({ message }) => process.stderr.write(`${message}\n`),
    fatal: (error) => {
      throw error
    },
  })
}

function asked(log: SessionLog, request: LogRequest): Promise<LogAnswer> {
  return new Promise((resolve) => log.submit(request, resolve))
}

/** Through the driver, so that snapshots are saved as they are in the host. */
async function fill(log: SessionLog): Promise<void> {
  const bound = new Bound(log)
  for (let from = 0; from < events; from += page.events) {
    const drafts: Draft[] = []
    for (let i = from; i < Math.min(events, from + page.events); i++) {
      drafts.push({ type: "event", kind: "bench", data: jsonText(JSON.parse(eventText(tokenOf(0, 0, i), i))), commit: false })
    }
    const create = { model: "log", retention: {}, metadata: null }
    const call = bound.driver.append(clock(), timestamp(Date.now()), { session, drafts, create })
    await bound.until(() => call.outcome !== undefined)
    if (call.outcome?.type !== "appended") throw new Error(`appending was answered ${call.outcome?.type}`)
  }
}

async function throughLog(log: SessionLog): Promise<number> {
  const head = await asked(log, { type: "head", session })
  if (head.type !== "head") throw new Error(`the head was answered ${head.type}`)
  const { epoch } = head.head
  const began = performance.now()
  let after: Point = head.head.floor
  let given = 0
  while (given < events) {
    const entries = await pageOf(log, epoch, after)
    given += entries.length
    after = entries.at(-1) ?? after
  }
  return (events * 1000) / (performance.now() - began)
}

async function pageOf(log: SessionLog, epoch: Epoch, after: Point) {
  const answer = await asked(log, { type: "range", session, epoch, after: { position: after.position, point: after }, budget: page })
  if (answer.type !== "page" || answer.entries.length === 0) throw new Error(`a page was answered ${answer.type}`)
  return answer.entries
}

/** A driver on its log, as small as it can be: what is due is done after every answer. */
class Bound {
  readonly driver: Driver
  readonly #log: SessionLog
  #done: (() => boolean) | undefined
  #resolve: (() => void) | undefined
  #turning = false
  onReady: () => void = () => {}

  constructor(log: SessionLog) {
    this.#log = log
    this.driver = new Driver(driverConfig, kernel(), log)
  }

  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#done = done
      this.#resolve = resolve
      this.turn()
    })
  }

  turn(): void {
    if (this.#turning) return
    this.#turning = true
    for (let numbered = this.driver.pollRequest(); numbered !== undefined; numbered = this.driver.pollRequest()) {
      const { id, request } = numbered
      this.#log.submit(request, (answer) => {
        this.driver.handleAnswer(clock(), id, answer)
        this.turn()
      })
    }
    while (this.driver.pollSettled() !== undefined);
    this.#turning = false
    for (let reader = this.driver.pollReady(); reader !== undefined; reader = this.driver.pollReady()) this.onReady()
    if (this.#done?.() === true) this.#resolve?.()
  }
}

async function throughDriver(log: SessionLog): Promise<number> {
  const bound = new Bound(log)
  const began = performance.now()
  const call = bound.driver.subscribe(clock(), session, { type: "start" }, { filter: everything, recovery: "rest" })
  await bound.until(() => call.outcome !== undefined)
  if (call.outcome?.type !== "subscribed") throw new Error(`subscribing was answered ${call.outcome?.type}`)
  const { reader } = call.outcome
  let position = 0
  bound.onReady = () => {
    for (let more = true; more; ) {
      const outcome = bound.driver.read(clock(), reader, read)
      more = outcome.type === "events"
      if (outcome.type === "gap") throw new Error(`a gap was said at ${position}: ${outcome.gap.reason}`)
      if (outcome.type !== "events") continue
      for (const event of outcome.batch.events) {
        if (event.position !== position + 1) throw new Error(`after ${position} came ${event.position}`)
        position = event.position
      }
    }
    bound.turn()
  }
  bound.onReady()
  await bound.until(() => position === events)
  const perSecond = (events * 1000) / (performance.now() - began)
  bound.driver.unsubscribe(reader)
  return perSecond
}

const filling = await openLog()
await fill(filling)
await filling.close()

const log = await openLog()
const viaLog: number[] = []
const viaDriver: number[] = []
for (let i = 0; i <= rounds; i++) {
  viaLog.push(await throughLog(log))
  viaDriver.push(await throughDriver(log))
}
await log.close()
// The first of each is for warming up.
const figures = { logPerSecond: median(viaLog.slice(1)), driverPerSecond: median(viaDriver.slice(1)) }
process.stdout.write(`${JSON.stringify(figures)}\n`)
