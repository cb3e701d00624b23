// How each action of a plan is done to a world. What an action does depends on the world as it is then; an action that
// makes no sense at that moment (a cut of no connection) does nothing, so that any part of a plan is a plan.

import { cursorText, epoch, everything, jsonText, mark, parseCursor, position, revision, sessionName, type Draft } from "@tidemark/kernel"
import { parseIdempotencyKey, type AppendCallOutcome } from "@tidemark/driver"
import { askedNow, checkDescribed, checkExplained, checkKnown, checkListed } from "./answer-checker.ts"
import { checkObserved, checkQueried, checkReceipt, checkRefusal, checkResumed } from "./answer-checker.ts"
import type { FaultName } from "./faults.ts"
import type { Action } from "./plan.ts"
import { numberOf, type Watched, type World } from "./world.ts"

type Do<Name extends Action["do"]> = Action & { readonly do: Name }

/** Keys that appends were made under, to be used again. */
interface Used {
  readonly key: string
  readonly drafts: readonly Draft[]
  readonly numbers: readonly number[]
  readonly session: number
}

export class Actions {
  readonly #world: World
  readonly #used: Used[] = []
  #counter = 0

  constructor(world: World) {
    this.#world = world
  }

  perform(action: Action): void {
    const world = this.#world
    world.say(() => `——     ${JSON.stringify(action)}`)
    switch (action.do) {
      case "publish":
        return this.#publish(action)
      case "append":
        return this.#append(action)
      case "ask":
        return this.#ask(action)
      case "close":
        this.#count("close")
        return this.#appendDrafts(action, [{ type: "close", reason: "done" }], [], undefined)
      case "hole":
        this.#count("hole")
        return this.#appendDrafts(action, [this.#hole()], [], undefined)
      case "delete":
        this.#count("recreate")
        return this.#call(action, "delete")
      case "create":
        return this.#call(action, "create")
      case "trim":
        this.#count("trim")
        return this.#trim(action)
      case "wake":
        this.#count("wake-again")
        for (let i = 0; i < action.times; i++) world.host(action.node).tell((driver, now) => driver.handleWake(now, world.session(action.session)))
        return
      case "lose-wakes":
        this.#count("wake-lost")
        world.losesWakes = true
        world.schedule.after(action.ms, () => (world.losesWakes = false))
        return
      case "lose-answer":
        this.#count("answer-lost")
        return world.publishers[action.publisher]?.cut(world.chance.pick(["client", "server", "both"]))
      case "restart-publisher":
        this.#count("publisher-restart")
        return world.publishers[action.publisher]?.restart()
      case "cut":
      case "stall":
      case "go-on":
      case "forget":
      case "come-back":
      case "kill-reader":
      case "forge":
        return this.#toReader(action)
      case "storm":
        this.#count("storm")
        if (world.chance.flip(0.3)) for (const host of world.hosts) host.drain("drain")
        else for (const { client } of world.readers) client.cut()
        return
      case "fail-change":
        this.#count(action.how === "before" ? "append-fails-before" : action.how === "after" ? "append-fails-after" : "append-answered-late")
        return world.host(action.node).log.failNext(action.how)
      case "log-away": {
        this.#count("log-away")
        const { log } = world.host(action.node)
        log.isAway = true
        world.schedule.after(action.ms, () => (log.isAway = false))
        return
      }
      case "late-reads":
        this.#count("late-log")
        world.host(action.node).log.readsLateMs = action.ms
        return
      case "crash":
        return this.#crash(action)
      case "backup":
        return this.#backup(action)
      case "clock":
        this.#count("clock-jump")
        world.wallOffset = Math.max(0, world.wallOffset + action.ms)
        return
      case "sleep":
        this.#count("sleep")
        return world.schedule.sleep(action.ms)
    }
  }

  #hole(): Draft {
    const { chance } = this.#world
    return { type: "hole", reason: `lost ${this.#world.nextNumber()}`, ...(chance.flip(0.5) ? { count: 3 } : {}) }
  }

  #count(fault: FaultName): void {
    this.#world.coverage.fault(fault)
  }

  #publish({ publisher, lines }: Do<"publish">): void {
    const to = this.#world.publishers[publisher]
    for (let i = 0; i < lines; i++) {
      const n = this.#world.nextNumber()
      to?.publish(JSON.stringify({ kind: n % 2 === 1 ? "odd" : "even", data: { n, pad: "é".repeat(n % 7) } }))
    }
  }

  #append(action: Do<"append">): void {
    const world = this.#world
    const fresh = this.#draftsOf(action)
    const used = action.key === "again" || action.key === "other" ? this.#used.findLast(({ session }) => session === action.session) : undefined
    const { drafts, numbers } = action.key === "again" && used !== undefined ? used : fresh
    this.#counter += 1
    const producer = action.key === "old" ? `@op:${world.chance.flip(0.5) ? this.#counter : 1 + world.chance.below(this.#counter)}` : undefined
    const key = producer ?? used?.key ?? (action.key === "none" ? undefined : `k${this.#counter}`)
    if (action.key === "new" && key !== undefined) this.#used.push({ key, drafts, numbers, session: action.session })
    this.#appendDrafts(action, drafts, numbers, key, action.expect, action.create)
  }

  #draftsOf({ drafts, commit }: Do<"append">): { readonly drafts: readonly Draft[]; readonly numbers: readonly number[] } {
    const numbers = Array.from({ length: drafts }, () => this.#world.nextNumber())
    const made = numbers.map((n, i): Draft => {
      const commits = commit && i === 0
      return { type: "event", kind: commits ? "committed" : n % 2 === 1 ? "odd" : "even", data: jsonText({ n }), commit: commits }
    })
    return { drafts: made, numbers }
  }

  #appendDrafts(
    { node, session: index }: { readonly node: number; readonly session: number },
    drafts: readonly Draft[],
    numbers: readonly number[],
    key: string | undefined,
    expect: Do<"append">["expect"] = "nothing",
    create = false,
  ): void {
    const world = this.#world
    const session = world.session(index)
    const asked = askedNow(world, session)
    const expected = expect === "nothing" ? undefined : { position: position(expect === "right" ? asked.head : asked.head + 7) }
    const parsed = key === undefined ? undefined : parseIdempotencyKey(key)
    world.host(node).ask<AppendCallOutcome>(
      (driver, now, at) => driver.append(now, at, { session, drafts, key: parsed, expect: expected, create: create ? world.settingsOf(index) : undefined }),
      (outcome) => {
        world.coverage.outcome("append", outcome)
        world.say(() => `append ${session} → ${outcome.type}`)
        if (outcome.type === "failed" && outcome.effect === "unknown") world.unsure(session)
        if (outcome.type !== "appended") return checkRefusal(world.record, session, outcome)
        world.acknowledged(outcome.receipt)
        checkReceipt(world.record, outcome.receipt, drafts.map((_, i) => numbers[i]), numberOf)
      },
    )
  }

  #ask({ node, session: index, what, reader, limit }: Do<"ask">): void {
    const world = this.#world
    const session = world.session(index)
    const host = world.host(node)
    const asked = askedNow(world, session)
    const watched = world.readers[reader]
    const own = watched !== undefined && world.session(watched.plan.session) === session ? watched : undefined
    const cursor = limit === 1 ? "no cursor" : (world.chance.flip(0.5) ? own?.cursors[0] : own?.client.cursor) ?? headCursor(world, index)
    switch (what) {
      case "observe":
        host.ask((driver, now) => driver.observe(now, session), (outcome) => {
          world.coverage.outcome("observe", outcome)
          checkObserved(world.record, asked, outcome)
        })
        return
      case "resume":
        if (cursor === undefined) return
        host.ask((driver, now) => driver.resume(now, session, cursor, { events: Math.max(1, limit), bytes: 1_000_000 }), (outcome) => {
          world.coverage.outcome("resume", outcome)
          checkResumed(world, asked, cursor, outcome)
        })
        return
      case "explain":
        if (cursor === undefined) return
        host.ask((driver, now) => driver.explain(now, session, cursor), (outcome) => {
          world.coverage.outcome("explain", outcome)
          checkExplained(world, asked, cursor, outcome)
        })
        return
      case "query": {
        const since = limit === 0 ? asked.head + 3 : Math.max(0, asked.head - world.chance.below(30))
        const at = limit === 1 ? ({ type: "cursor", cursor: "no cursor" } as const) : ({ type: "position", position: since } as const)
        host.ask((driver, now) => driver.query(now, session, { ...at, epoch: undefined }, everything, { events: limit, bytes: 1_000_000 }), (outcome) => {
          world.coverage.outcome("query", outcome)
          if (at.type === "position") checkQueried(world.record, asked, since, limit, outcome)
        })
        return
      }
      case "describe":
        host.ask((driver, now) => driver.describe(now, session), (outcome) => {
          world.coverage.outcome("describe", outcome)
          checkDescribed(world.record, asked, outcome)
        })
        return
      case "list": {
        const all = world.sessions.map((each) => askedNow(world, each))
        host.ask((driver, now) => driver.list(now, "default", undefined, Math.max(1, limit)), (outcome) => {
          world.coverage.outcome("list", outcome)
          checkListed(world.record, all, Math.max(1, limit), outcome)
        })
      }
    }
  }

  #call({ node, session: index }: Do<"delete" | "create">, what: "delete" | "create"): void {
    const world = this.#world
    const session = world.session(index)
    const host = world.host(node)
    if (what === "delete") {
      const asked = askedNow(world, session)
      host.ask((driver, now) => driver.delete(now, session), (outcome) => {
        world.coverage.outcome("delete", outcome)
        checkKnown(world.record, asked, outcome)
      })
      return
    }
    const usual = world.settingsOf(index)
    const settings = world.chance.flip(0.2) ? { ...usual, metadata: "other" } : usual
    host.ask((driver, now, at) => driver.create(now, at, session, settings), (outcome) => world.coverage.outcome("create", outcome))
  }

  #trim({ node, session: index, keep }: Do<"trim">): void {
    const world = this.#world
    world.host(node).ask(
      (driver, now, at) => driver.trim(now, at, world.session(index), { events: keep }),
      (outcome) => world.coverage.outcome("trim", outcome),
    )
  }

  #toReader(action: Do<"cut" | "stall" | "go-on" | "forget" | "come-back" | "kill-reader" | "forge">): void {
    const watched = this.#world.readers[action.reader]
    if (watched === undefined) return
    const { client, checker, cursors } = watched
    switch (action.do) {
      case "cut":
        if (!client.isConnected) return
        this.#count(action.kind === "both" ? "cut" : "half-open")
        return client.cut(action.kind, action.bytes)
      case "stall":
        this.#count("stalled-reader")
        return client.stall()
      case "go-on":
        return client.resume()
      case "forget":
        this.#count("fresh-reader")
        checker.restarted(undefined)
        return client.restart(undefined)
      case "kill-reader":
        this.#count("reader-killed")
        checker.killed(client.cursor)
        return client.restart(client.cursor)
      case "come-back": {
        const cursor = cursors.length === 0 ? undefined : this.#world.chance.pick(cursors)
        if (cursor === undefined) return
        this.#count("old-cursor")
        checker.restarted(cursor)
        return client.restart(cursor)
      }
      case "forge":
        return this.#forge(watched, action.how)
    }
  }

  #forge(watched: Watched, how: Do<"forge">["how"]): void {
    const world = this.#world
    const { session } = watched.client.options
    const whole = watched.client.cursor ?? headCursor(world, watched.plan.session)
    const parsed = whole === undefined ? undefined : parseCursor(session, whole)
    if (whole === undefined || parsed?.type !== "cursor") return
    const { epoch: of, point } = parsed.cursor
    const elsewhere = { position: position(point.position + 40), revision: point.revision, mark: mark(7) }
    const forgeries = {
      digit: () => whole.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
      position: () => cursorText(session, of, elsewhere),
      mark: () => cursorText(session, of, { position: position(Math.max(1, point.position)), revision: revision(0), mark: mark(9) }),
      epoch: () => cursorText(session, epoch("never", "was"), point),
      session: () => cursorText(sessionName("other", "s0"), of, point),
      version: () => whole.replace(/^1\./, "2."),
      noise: () => `1.${world.chance.below(1e9).toString(36)}`,
    }
    this.#count("forged-cursor")
    const cursor = forgeries[how]()
    watched.forged = true
    watched.checker.restarted(cursor)
    watched.client.restart(cursor)
  }

  #crash({ node, downMs, tail, lost, version }: Do<"crash">): void {
    const world = this.#world
    const host = world.host(node)
    if (!host.isUp) return
    this.#count(version > 0 ? "model-version" : tail === "kept" ? "crash" : tail === "unsynced" ? "unsynced-tail" : "acknowledged-tail")
    const { synced } = host.log
    world.endLife(node)
    host.kill()
    if (!world.disk.keepsEntries) world.disk.restore(0, true)
    else if (tail === "unsynced" && world.hosts.length === 1) world.disk.restore(Math.min(synced, world.disk.length), false)
    else if (tail === "acknowledged") {
      world.disk.restore(Math.max(0, world.disk.length - lost), false)
      // A log that fails over tells its users, as a rule; what they know of it tells them if it does not.
      if (world.chance.flip(0.5)) for (const other of world.hosts) if (other.isUp) other.log.reopened()
    }
    if (version > 0) world.version = version
    world.schedule.after(downMs, () => host.start(world.kernelConfig()))
  }

  #backup({ noticed, lost }: Do<"backup">): void {
    const world = this.#world
    this.#count(noticed ? "backup-noticed" : "backup-unnoticed")
    for (const [index, host] of world.hosts.entries()) {
      if (!host.isUp) continue
      world.endLife(index)
      host.kill()
    }
    world.disk.restore(world.disk.keepsEntries ? Math.max(0, world.disk.length - lost) : 0, noticed || !world.disk.keepsEntries)
    for (const host of world.hosts) world.schedule.after(50, () => host.start(world.kernelConfig()))
  }
}

/** A cursor at the head of a session, as a client that has all that may be known of it would have. */
export function headCursor(world: World, index: number): string | undefined {
  const session = world.session(index)
  const { lifetime, head: at } = world.headOf(session)
  const head = lifetime?.entries[at - 1]
  if (lifetime === undefined || head === undefined) return undefined
  return cursorText(session, lifetime.epoch, { position: position(head.position), revision: revision(head.revision), mark: mark(head.mark) })
}
