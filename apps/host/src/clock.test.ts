// The wall clock under a host on SQLite goes back, jumps ahead, and is older after a restart. It only stamps: places do not
// come from it, and what ages by it (keys, retention) ages by the latest time that was seen.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { timestamp } from "@tidemark/kernel"
import { afterEach, beforeEach, expect, test } from "vitest"
import { systemClock, type Clock } from "./clock.ts"
import { call, get, storedEvents } from "./host-client.testing.ts"
import { startHost, type HostUnderTest } from "./host-under-test.testing.ts"

const hour = 3_600_000
const day = 24 * hour
const year = 365 * day
const noon = Date.parse("2026-11-21T12:00:00.000Z")

/** A wall clock that says what it is told to; what lasts is measured as ever. */
class SetClock implements Clock {
  at = noon
  readonly now = systemClock.now

  wall() {
    return timestamp(this.at)
  }
}

let dataDir = ""
let clock: SetClock
let host: HostUnderTest
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "tidemark-clock-"))
  clock = new SetClock()
  host = await start()
})
afterEach(async () => {
  await host.stop()
  expect(host.fatal).toEqual([])
  rmSync(dataDir, { recursive: true, force: true })
})

function start(): Promise<HostUnderTest> {
  return startHost({ log: "sqlite", dataDir, limits: { "window-events": 4 }, parts: { clock } })
}

async function restart(): Promise<void> {
  await host.stop()
  expect(host.fatal).toEqual([])
  host = await start()
}

async function publish(session: string, data: unknown, key?: string) {
  const sent = { body: { kind: "n", data }, ...(key === undefined ? {} : { key }) }
  return (await call("POST", `${host.url}/v1/sessions/${session}/events`, sent)).body
}

async function stamps(session: string): Promise<readonly string[]> {
  const events: readonly { at: string }[] = (await storedEvents(`${host.url}/v1/sessions/${session}`)).map((text) => JSON.parse(text))
  return events.map(({ at }) => at)
}

test("L3 L16 the clock goes back an hour, ahead a year and back again: `at` never goes back, and places go on", async () => {
  const cursors: string[] = []
  const tell = async (data: unknown): Promise<void> => void cursors.push(String((await publish("told", data))["cursor"]))
  await tell("at noon")
  clock.at = noon - hour
  await tell("an hour before")
  clock.at = noon + year
  await tell("a year on")
  clock.at = noon + hour
  await tell("today again")
  await call("POST", `${host.url}/v1/sessions/told/commit`, { body: { view: "settled" } })
  const [first, later] = ["2026-11-21T12:00:00.000Z", "2027-11-21T12:00:00.000Z"]
  expect(await stamps("told")).toEqual([first, first, later, later, later])
  const info = await get(`${host.url}/v1/sessions/told`)
  expect(info).toMatchObject({ head: 5, revision: 1, earliest: 1 })

  clock.at = noon - day
  await restart()
  expect(await get(`${host.url}/v1/sessions/told`)).toEqual(info)
  expect(await publish("told", "the day before")).toMatchObject({ epoch: info["epoch"], first: 6, revision: 1 })
  expect((await stamps("told")).at(-1)).toBe(later)
  for (const [i, cursor] of cursors.entries()) {
    const { type, events } = await get(`${host.url}/v1/sessions/told/resume?cursor=${cursor}`)
    const positions = [events].flat().map((event) => Object(event).position)
    expect([type, positions]).toEqual(["replayed", [2, 3, 4, 5, 6].slice(i)])
  }
  // Sessions have clocks of their own: a new one begins with the time that is.
  await publish("new", "the day before")
  expect(await stamps("new")).toEqual(["2026-11-20T12:00:00.000Z"])
})

test("L4 keys hold while the clock goes back, are forgotten when it has jumped beyond their age, and hold on over an older restart", async () => {
  const first = await publish("keyed", 1, "@p:1")
  const plain = await publish("keyed", "plain", "k")
  clock.at = noon - hour
  expect(await publish("keyed", 1, "@p:1")).toEqual(first)
  expect(await publish("keyed", "plain", "k")).toEqual(plain)
  expect(await publish("keyed", 2, "@p:2")).toMatchObject({ first: 3 })
  clock.at = noon + year
  // Older than `key-age` now: the producer starts anew, as it would after a year.
  expect(await publish("keyed", "anew", "@p:1")).toMatchObject({ first: 4 })
  const anew = await publish("keyed", "again", "k")
  expect(anew).toMatchObject({ first: 5 })
  clock.at = noon
  expect(await publish("keyed", "again", "k")).toEqual(anew)
  await restart()
  expect(await publish("keyed", "again", "k")).toEqual(anew)
  expect(await publish("keyed", "anew", "@p:1")).toMatchObject({ first: 4 })
  expect(await publish("keyed", "more", "@p:2")).toMatchObject({ first: 6 })
})

test("retention by age: a clock that goes back lets nothing go, one that jumps ahead lets go of what is old then", async () => {
  const session = `${host.url}/v1/sessions/aging`
  await call("PUT", session, { body: { retention: { ageMs: 2 * hour } } })
  for (let n = 1; n <= 20; n++) await publish("aging", n)
  clock.at = noon - year
  for (let n = 21; n <= 25; n++) await publish("aging", n)
  expect(await get(session)).toMatchObject({ head: 25, earliest: 1 })
  clock.at = noon + 2 * hour
  await publish("aging", 26)
  expect(await get(session)).toMatchObject({ head: 26, earliest: 1 })
  clock.at = noon + 3 * hour
  await publish("aging", 27)
  // Nothing that the last snapshot does not cover, and nothing of the last two hours.
  const { earliest } = await get(session)
  expect(earliest).toBeGreaterThan(20)
  expect(earliest).toBeLessThanOrEqual(27)
  clock.at = noon
  await publish("aging", 28)
  await restart()
  expect(await get(`${host.url}/v1/sessions/aging`)).toMatchObject({ head: 28 })
  expect(await publish("aging", 29)).toMatchObject({ first: 29 })
  const kept = await storedEvents(`${host.url}/v1/sessions/aging`)
  const values = kept.map((text) => Number(/"data":(\d+)\}$/.exec(text)?.[1]))
  expect(values.slice(-3)).toEqual([27, 28, 29])
  expect(values).toEqual([...values.keys()].map((i) => 30 - values.length + i))
})
