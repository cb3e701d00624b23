// A power cut, as the worst of disks takes it: of each file there is left what was synced last, and nothing else. What the
// host acknowledged with the default durability is there afterwards; with `normal` the readers are told what is not.

import { cpSync, mkdirSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { Crowd, type Scene } from "./crash-load.testing.ts"
import { FailingDisk } from "./failing-disk.testing.ts"
import { call, get, storedEvents } from "./host-client.testing.ts"
import { canPreload, preloading } from "./preloaded.testing.ts"
import { killAll, Served } from "./served.testing.ts"
import { Gate, randomFrom, Tally, testSeed } from "./waiting.testing.ts"

const rounds = Number(process.env["TIDEMARK_CRASH_ROUNDS"] ?? 2)

describe.runIf(canPreload)("power cuts", () => {
  let disk: FailingDisk
  let env: Readonly<Record<string, string>> = {}
  beforeEach(() => {
    disk = new FailingDisk()
    const { directory } = disk
    mkdirSync(`${directory}.synced/new`, { recursive: true })
    const { LD_PRELOAD } = preloading("synced-disk.testing.c", dirname(directory))
    env = { ...disk.env, LD_PRELOAD: `${disk.env["LD_PRELOAD"]}:${LD_PRELOAD}`, SYNCED_DISK: directory }
  })
  afterEach(async () => {
    await killAll()
    disk.remove()
  })

  function start(durability: "full" | "normal", port = 0): Promise<Served> {
    const words = ["--durability", durability, "--limit", "window-events=64", "--limit", "log-timeout=1min"]
    return Served.listening({ directory: disk.directory, port, env, words })
  }

  async function cutPower(served: Served): Promise<void> {
    await served.kill()
    rmSync(disk.directory, { recursive: true })
    cpSync(`${disk.directory}.synced`, disk.directory, { recursive: true })
    rmSync(`${disk.directory}/new`, { recursive: true })
  }

  test("L1 L4 L5 what was acknowledged, and what a reader saw, is there after a power cut, once", async () => {
    const seed = testSeed()
    let served = await start("full")
    const { port, url } = served
    const random = randomFrom(seed)
    const scene: Scene = { url, gate: new Gate(), random, acknowledged: new Tally(), repeatsAfter: () => false, headsAtStart: new Map() }
    const crowd = await Crowd.begin(scene)
    for (let round = 0; round < rounds; round++) {
      await crowd.more(50 + Math.floor(random() * 100), served.ended)
      scene.gate.shut()
      await cutPower(served)
      served = await start("full", port)
      await crowd.resume()
    }
    await crowd.settle(served.ended)
    await crowd.check()
  }, 60_000 + rounds * 10_000)

  test("L5 what a host finds after a kill -9 is synced before anybody is told of it", async () => {
    let served = await start("full")
    const session = `${served.url}/v1/sessions/found`
    const publish = (n: number) => call("POST", `${session}/events`, { body: { kind: "n", data: n }, key: `@p:${n}` })
    expect((await publish(1)).status).toBe(200)
    disk.failSyncs(0, "-wal")
    expect(await publish(2)).toMatchObject({ status: 503, body: { type: "https://tidemark.dev/problems/outcome-unknown" } })
    await served.kill()
    disk.heal()
    served = await start("full", served.port)
    // It was written, though nobody knew whether it was synced.
    expect(await get(session)).toMatchObject({ head: 2 })
    expect(await publish(2)).toMatchObject({ status: 200, body: { first: 2, last: 2, durability: "local" } })
    await cutPower(served)
    await start("full", served.port)
    expect((await storedEvents(session)).length).toBe(2)
  })

  test("L5 L7 with --durability normal it may take what was written last, and the cursors beyond are gap ahead", async () => {
    let served = await start("normal")
    const session = `${served.url}/v1/sessions/left`
    const publish = async (data: string) => (await call("POST", `${session}/events`, { body: { kind: "n", data } })).body
    expect(await publish("synced by the end of the host")).toMatchObject({ first: 1, durability: "written" })
    const { epoch } = await get(session)
    expect(await served.stop()).toMatchObject({ code: 0 })
    served = await start("normal", served.port)
    const { cursor } = await publish("only written")
    await cutPower(served)
    await start("normal", served.port)
    expect(await get(session)).toMatchObject({ epoch, head: 1 })
    expect(await get(`${session}/resume?cursor=${String(cursor)}`)).toMatchObject({ type: "gap", gap: { reason: "ahead" }, observation: { position: 1 } })
  })
})
