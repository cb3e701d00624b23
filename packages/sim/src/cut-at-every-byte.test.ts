// A short fixed world, and its one connection cut after every number of bytes of the stream: whatever end hears of it, the
// client ends with what a client that was never cut has, and was given every event once.

import { describe, expect, test } from "vitest"
import type { CutKind } from "./fake-network.ts"
import type { FakeClient } from "./fake-client.ts"
import { FakeWorld } from "./fake-world.ts"

const kinds: readonly CutKind[] = ["both", "client", "server", "silent"]

/** What a reader is given of a session with a commit, text of several bytes a character, and an end; `cut` once it connects. */
function read(from: "start" | "observation", cut: (client: FakeClient) => void) {
  const world = new FakeWorld()
  world.publish("turn", [{ kind: "text", data: "Grüße" }, { kind: "said", data: { n: 1 }, commit: true }])
  const client = world.client({ session: "turn", from })
  world.runUntil(() => client.isConnected)
  cut(client)
  world.runFor(20)
  const first = client.deliveredBytes
  world.publish("turn", [{ kind: "text", data: "日本" }])
  world.runFor(20)
  const all = client.deliveredBytes
  world.runUntilCaughtUp({ withinMs: 200_000 })
  const events = client.items.flatMap((item) => (item.type === "event" ? [item.event.position] : []))
  return { bytes: { first, all }, events, gaps: client.items.filter(({ type }) => type === "gap"), shown: client.shown, connects: client.connects }
}

const uncut = {
  start: read("start", () => {}),
  observation: read("observation", () => {}),
}

test("a client that is never cut is given everything on one connection", () => {
  const { start, observation } = uncut
  expect([start.events, start.gaps, start.connects]).toEqual([[1, 2, 3], [], 1])
  expect([observation.events, observation.gaps, observation.connects]).toEqual([[3], [], 1])
  expect(start.shown).toMatchObject({ view: { n: 1 }, provisional: { events: [{ position: 3, data: "日本" }] } })
  expect(observation.shown).toEqual(start.shown)
  expect(start.bytes.first).toBeGreaterThan(400)
  expect(start.bytes.all).toBeGreaterThan(start.bytes.first)
})

describe.each(kinds)("cut for %s", (kind) => {
  test("L8 L11 a reader from the start, cut at any byte, is given every event once and ends where it would have", () => {
    const { bytes, shown } = uncut.start
    for (let at = 0; at < bytes.all; at++) {
      const cut = read("start", (client) => client.cut(kind, at))
      expect([at, cut.connects, cut.events, cut.gaps]).toEqual([at, 2, [1, 2, 3], []])
      expect(cut.shown).toEqual(shown)
    }
  })

  test("L10 L11 a reader that begins with an observation, cut at any byte, ends with the same state and no event twice", () => {
    const { bytes, shown } = uncut.observation
    for (let at = 0; at < bytes.all; at++) {
      const cut = read("observation", (client) => client.cut(kind, at))
      expect([at, cut.connects, cut.gaps]).toEqual([at, 2, []])
      // Cut before its first observation arrived whole, it is given a later one, which has the event in it.
      expect([[3], []]).toContainEqual(cut.events)
      expect(cut.shown).toEqual(shown)
    }
  })
})
