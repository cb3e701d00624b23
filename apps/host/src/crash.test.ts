// `kill -9` at random moments under load, and the same directory again: nothing that was acknowledged is lost, doubled or
// changed, and nobody who reads notices more than a connection that ended. A few rounds; `TIDEMARK_CRASH_ROUNDS=50` makes
// it fifty and says what they came to. Chance comes from a seed that a failure names: `TIDEMARK_TEST_SEED=<seed>`.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as elapsed } from "node:timers/promises"
import { afterEach, beforeEach, expect, test } from "vitest"
import { Crowd, type Scene } from "./crash-load.testing.ts"
import { killAll, Served } from "./served.testing.ts"
import { Gate, randomFrom, Tally, testSeed } from "./waiting.testing.ts"

const told = process.env["TIDEMARK_CRASH_ROUNDS"]
const roundsOf = { full: Number(told ?? 5), normal: Number(told ?? 1) }

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tidemark-crash-"))
})
afterEach(async () => {
  await killAll()
  rmSync(directory, { recursive: true, force: true })
})

/** Kills it, as a rule once, and starts it again on the same directory and port. */
async function killAndStartAgain(served: Served, words: readonly string[], random: () => number): Promise<Served> {
  const { port } = served
  await served.kill()
  while (random() < 0.25) {
    const early = new Served({ directory, port, words })
    await elapsed(random() * 500) // somewhere between its first instruction and its first answer
    await early.kill()
  }
  return Served.listening({ directory, port, words })
}

const withinMs = 60_000 + roundsOf.full * 10_000

test("L1 L3 L4 L5 L8 kill -9 under load loses nothing, doubles nothing and changes nothing", () => crash("full"), withinMs)

test("L5 nor does it with --durability normal: only a power cut could", () => crash("normal"), withinMs)

async function crash(durability: "full" | "normal"): Promise<void> {
  const seed = testSeed()
  try {
    await crashFrom(seed, durability)
  } catch (error) {
    throw new Error(`seed ${seed}, ${roundsOf[durability]} rounds, --durability ${durability}: ${String(error)}`, { cause: error })
  }
}

async function crashFrom(seed: number, durability: "full" | "normal"): Promise<void> {
  const random = randomFrom(seed)
  const rounds = roundsOf[durability]
  // Small windows, so that history and snapshots take part; and a machine that is slow is not what is tested.
  const limits = ["window-events=64", "heartbeat=100ms", "log-timeout=1min"].flatMap((limit) => ["--limit", limit])
  const words = ["--durability", durability, ...limits]
  let served = await Served.listening({ directory, words })
  const { port, url } = served
  const scene: Scene = { url, gate: new Gate(), random, acknowledged: new Tally(), repeatsAfter: () => false, headsAtStart: new Map() }
  const crowd = await Crowd.begin(scene)
  for (let round = 1; round <= rounds; round++) {
    await crowd.more(Math.floor(random() ** 3 * 600), served.ended)
    // A first kill may come before anybody has read: the last one must not, or no reader is seen to come back.
    if (round === rounds) await crowd.reading(served.ended)
    await crowd.until(elapsed(random() * 20)) // somewhere in the middle of whatever is under way
    scene.gate.shut()
    served = await crowd.until(killAndStartAgain(served, words, random))
    await crowd.resume()
  }
  await crowd.settle(served.ended)
  await crowd.check()
  expect(await served.stop()).toMatchObject({ code: 0 })
  served = await Served.listening({ directory, port, words })
  await crowd.check()

  const { publishers, readers, neighbour } = crowd
  const promised = publishers.flatMap(({ batches }) => batches.map(({ receipt }) => receipt.durability))
  expect(new Set(promised)).toEqual(new Set([durability === "full" ? "local" : "written"]))
  const resumes = sum(readers.map((each) => each.resumes))
  expect(resumes).toBeGreaterThan(rounds)
  if (told === undefined) return
  const counts = [
    `${rounds} rounds (${durability}, seed ${seed})`,
    `${scene.acknowledged.value} events acknowledged`,
    `${sum(publishers.map((each) => each.repeats))} batches repeated, ${sum(publishers.map((each) => each.repeatsFound))} of them found stored`,
    `${resumes} reader resumes`,
    `${neighbour.made} sessions made and ${neighbour.deleted} deleted beside them`,
  ]
  process.stdout.write(`${counts.join(", ")}\n`)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
