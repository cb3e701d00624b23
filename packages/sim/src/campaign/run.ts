// A run of a plan, from its first step to an empty world: what happened, what was reached, and what went wrong.

import { Actions, headCursor } from "./actions.ts"
import type { Coverage } from "./coverage.ts"
import type { FaultName } from "./faults.ts"
import type { Plan } from "./plan.ts"
import { World, type Watched } from "./world.ts"
import { Violation } from "./violation.ts"
import { jsonText } from "@tidemark/kernel"

export interface RunResult {
  readonly steps: number
  /** Milliseconds of the world's time. */
  readonly simulatedMs: number
  readonly events: number
  readonly coverage: Coverage
  /** `undefined`: every law held. */
  readonly failure: RunFailure | undefined
}

export interface RunFailure {
  /** `L1` … `L21`, `liveness`, or `crash` where something was thrown that is no violation. */
  readonly law: string
  readonly message: string
  readonly stack: string
}

/** Once everything is well again, so much of the world's time brings everybody to the head. */
const healMsMost = 400_000

export function runPlan(plan: Plan, trace?: (line: string) => void): RunResult {
  const world = new World(plan, trace)
  const failure = attempt(() => {
    disturb(world)
    heal(world)
    leave(world)
  })
  const events = [...world.record.lifetimes.values()].reduce((sum, { byPlace }) => sum + byPlace.size, 0)
  world.say(() => (failure === undefined ? "every law held" : failure.message))
  return { steps: world.schedule.steps, simulatedMs: world.schedule.now, events, coverage: world.coverage, failure }
}

function attempt(run: () => void): RunFailure | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { law: error instanceof Violation ? error.law : "crash", message: error.message, stack: error.stack ?? "" }
  }
}

function disturb(world: World): void {
  const actions = new Actions(world)
  for (const name of shaping) if (world.has(name)) world.coverage.fault(name)
  for (const action of world.plan.actions) {
    while (world.step(action.at));
    world.runFor(Math.max(0, action.at - world.schedule.now))
    actions.perform(action)
  }
  world.runFor(500)
}

/** Kinds that shape a whole run, and have no moment of their own. */
const shaping: readonly FaultName[] = ["chunks", "slow-reader", "idle", "second-node", "no-history", "full-log"]

function heal(world: World): void {
  world.say(() => "——     heal")
  world.losesWakes = false
  for (const host of world.hosts) {
    host.log.heal()
    host.start(world.kernelConfig())
  }
  for (const watched of world.readers) {
    watched.client.resume()
    checkFailure(watched)
  }
  if (world.has("full-log")) for (const { client } of world.readers.slice(1)) client.close()
  world.runFor(40_000)
  for (const [index] of world.sessions.entries()) publishLast(world, index)
  for (const publisher of world.publishers) publisher.endInput()
  for (const watched of world.readers) {
    if (watched.client.failure === undefined && !hasFailed(watched)) continue
    watched.forged = false
    watched.checker.restarted(undefined)
    watched.client.restart(undefined)
  }
  const until = world.schedule.now + healMsMost
  while (world.schedule.now < until && !isWell(world)) world.runFor(5_000)
  for (const watched of world.readers) checkFailure(watched)
  const late = whyNotWell(world)
  if (late !== undefined) throw new Violation("liveness", `${late}, ${healMsMost} ms after everything was healed`)
  checkPublishers(world)
  checkReceipts(world)
}

/** Trying again cannot mend it: the only reasons there may be. */
function checkFailure(watched: Watched): void {
  const code = failureOf(watched)
  if (code === undefined) return
  if (code.startsWith("cursor-") && watched.forged) return
  if (code === "unknown-session" && !watched.plan.waits) return
  throw new Violation("L7", `a client ended with ${code}`)
}

function failureOf({ client }: Watched): string | undefined {
  const failure = client.failure ?? client.ended?.failure
  if (failure === undefined) return undefined
  return "code" in failure && typeof failure.code === "string" ? failure.code : failure.message
}

function hasFailed(watched: Watched): boolean {
  return failureOf(watched) !== undefined
}

/** One more event for every session that goes on, so that whoever missed something is proven wrong. */
function publishLast(world: World, index: number): void {
  const session = world.session(index)
  const draft = { type: "event", kind: "odd", data: jsonText({ n: world.nextNumber() }), commit: false } as const
  const create = world.has("full-log") ? undefined : world.settingsOf(index)
  const key = { type: "key", text: `last ${index}` } as const
  world.lastsDue += 1
  const attempt = (): void => {
    world.host(index).ask((driver, now, at) => driver.append(now, at, { session, drafts: [draft], key, create }), (outcome) => {
      if (outcome.type === "appended" || outcome.type === "closed" || world.has("full-log")) world.lastsDue -= 1
      else world.schedule.after(1_000, attempt)
    })
  }
  attempt()
}

function isWell(world: World): boolean {
  return whyNotWell(world) === undefined
}

function whyNotWell(world: World): string | undefined {
  if (world.lastsDue > 0) return `${world.lastsDue} sessions take no event`
  for (const [i, watched] of world.readers.entries()) {
    const { client, checker, plan } = watched
    if (client.isClosed || checker.isClosed || hasFailed(watched)) continue
    const lifetime = world.record.current.get(world.session(plan.session))
    if (lifetime === undefined) continue
    if (!checker.isAtHead(client)) return `client ${i} is not at the head of ${lifetime.session}, ${headCursor(world, plan.session) ?? "empty"}`
  }
  for (const [i, publisher] of world.publishers.entries()) {
    if (publisher.ended === undefined && !world.has("full-log")) return `publisher ${i} is not done`
  }
  return undefined
}

/** Faults that may take from a publisher what it was told is stored, or end its session. */
const takes: readonly FaultName[] = ["acknowledged-tail", "backup-noticed", "backup-unnoticed", "recreate", "close", "full-log", "no-history"]

function checkPublishers(world: World): void {
  const mayFail = takes.some((name) => world.met(name))
  for (const [i, publisher] of world.publishers.entries()) {
    const failure = publisher.ended?.failure
    if (failure !== undefined && !mayFail) throw new Violation("L4", `publisher ${i} could not go on: ${failure.message}`)
    if (failure !== undefined || mayFail) continue
    const stored = new Set(storedNumbers(world, i))
    const missing = publisher.input.map((line) => Number(/"n":(\d+)/.exec(line)?.[1])).filter((n) => !stored.has(n))
    if (missing.length > 0) throw new Violation("L5", `publisher ${i} was told that all is stored, and number ${missing[0]} is not there`)
  }
}

/** Faults after which something that was acknowledged may be gone. */
const loses: readonly FaultName[] = ["acknowledged-tail", "backup-noticed", "backup-unnoticed", "no-history"]

/** What somebody was told is recorded stays so, whatever died since. */
function checkReceipts(world: World): void {
  const gone = loses.some((name) => world.met(name)) ? undefined : world.receipts.find((entry) => !entry.lifetime.holds(entry))
  if (gone !== undefined) throw new Violation("L5", `entry ${gone.position} of ${gone.lifetime.session} was acknowledged, and is gone`)
}

function storedNumbers(world: World, publisher: number): readonly number[] {
  const { session } = world.plan.publishers[publisher] ?? { session: 0 }
  const entries = world.record.current.get(world.session(session))?.entries ?? []
  const numbers = entries.map(({ text }) => Number(/"n":(\d+)/.exec(text)?.[1] ?? 0))
  return numbers
}

/** Everybody leaves, everything is deleted: nothing stays in memory (L17). */
function leave(world: World): void {
  world.say(() => "——     leave")
  for (const { client } of world.readers) client.close()
  for (const publisher of world.publishers) publisher.close()
  world.runFor(10_000)
  for (const session of world.sessions) {
    for (const host of world.hosts) host.ask((driver, now) => driver.delete(now, session), () => {})
  }
  world.runFor(800_000)
  for (const [i, host] of world.hosts.entries()) {
    const stats = host.stats()
    if (stats === undefined) throw new Violation("liveness", `host ${i} is not up`)
    const { gaps: _gaps, appendsFailed: _appendsFailed, viewsFailed: _viewsFailed, ...kernel } = stats.kernel
    const left = { streams: host.streams, ...kernel, ...stats.driver }
    for (const [name, count] of Object.entries(left)) {
      if (count !== 0) throw new Violation("L17", `host ${i} still has ${name} ${count} when everybody has left`)
    }
  }
  for (const index of world.hosts.keys()) world.endLife(index)
  const held = world.disk.stats()
  for (const [name, count] of Object.entries(held)) if (count !== 0) throw new Violation("L17", `the log still has ${name} ${count} when everything is deleted`)
}
