// A disk that fills up, and a disk that fails to sync, under a host at work: nobody is told that something was recorded
// when it may not have been, nothing is half recorded, and the host goes on by itself when the disk does.

import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { Crowd, type Scene } from "./crash-load.testing.ts"
import { FailingDisk } from "./failing-disk.testing.ts"
import { call, get, storedEvents, type Answer } from "./host-client.testing.ts"
import { canPreload } from "./preloaded.testing.ts"
import { killAll, Served } from "./served.testing.ts"
import { Gate, randomFrom, Tally, testSeed } from "./waiting.testing.ts"

describe.runIf(canPreload)("disk faults", () => {
  let disk: FailingDisk
  beforeEach(() => {
    disk = new FailingDisk()
  })
  afterEach(async () => {
    await killAll()
    disk.remove()
  })

  function start(port?: number): Promise<Served> {
    // A machine that is slow is not what is tested.
    return Served.listening({ directory: disk.directory, env: disk.env, words: ["--limit", "log-timeout=1min"], ...(port === undefined ? {} : { port }) })
  }

  test("L4 L5 a disk that fills up in the middle of commits: 507, nothing by halves, reading goes on, and so does writing once there is room", async () => {
    const served = await start()
    const { scene, refusals } = sceneOf(served)
    const crowd = await Crowd.begin(scene)
    for (const room of [0, 3000, 40_000, 300_000]) {
      await crowd.more(20, served.ended)
      disk.failWrites("ENOSPC", room)
      await crowd.until(refusals.more("storage-full", 8), served.ended)
      const { head } = await get(`${scene.url}/v1/sessions/left`)
      expect((await storedEvents(`${scene.url}/v1/sessions/left`)).length).toBeGreaterThanOrEqual(Number(head))
      await get(`${scene.url}/v1/sessions/right/observation`)
      disk.heal()
    }
    await crowd.more(20, served.ended)
    await crowd.settle(served.ended)
    await crowd.check()
    expect(refusals.names).toEqual(["storage-full"])
    expect(refusals.one("storage-full")).toMatchObject({ status: 507, mediaType: "application/problem+json" })
    expect(refusals.one("storage-full")?.body["detail"]).toMatch(/^Nothing was recorded: .*free some space/)
    // Said once while it lasts, and once when it is over: publishers are told each time.
    expect(served.process.stderr).toMatch(/ERROR .*nothing is recorded: the disk of the data directory is full/)
    expect(served.process.stderr).toContain("there is room again, and events are recorded")
  })

  test("a disk with less room than disk-free keeps: 507, and what needs no room goes on", async () => {
    const served = await start()
    const session = `${served.url}/v1/sessions/kept`
    const publish = () => call("POST", `${session}/events`, { body: { kind: "n" } })
    expect((await publish()).status).toBe(200)
    disk.leave(255 * 1024 * 1024)
    const refused = await publish()
    expect(refused).toMatchObject({ status: 507, mediaType: "application/problem+json" })
    expect(refused.body).toMatchObject({ type: "https://tidemark.dev/problems/storage-full" })
    expect(refused.body["detail"]).toMatch(/^Nothing was recorded: .* has 255 MiB left, and disk-free keeps 256 MiB: free some space there, .*\.$/)
    expect((await call("PUT", `${served.url}/v1/sessions/another`, { body: {} })).status).toBe(507)
    expect((await storedEvents(session)).length).toBe(1)
    expect((await call("POST", `${session}/trim`, { body: { events: 0 } })).status).toBe(200)
    disk.leave(256 * 1024 * 1024)
    expect((await publish()).status).toBe(200)
    disk.leave(0)
    expect((await call("DELETE", session)).status).toBe(204)
  })

  test("L4 L5 a sync that fails: outcome unknown, no writing until the file was synced anew, and the repeat is recorded once", async () => {
    const served = await start()
    const { scene, refusals } = sceneOf(served)
    const crowd = await Crowd.begin(scene)
    await crowd.more(20, served.ended)
    disk.failSyncs(2)
    await crowd.until(refusals.more("outcome-unknown"), served.ended)
    await served.says(/the log broke off: .*takes nothing until it was opened and synced anew/)
    await served.says(/the log could not be opened anew/)
    // All that was acknowledged before has reached whom it was for by now: nothing is added to it.
    const { value } = scene.acknowledged
    const seen = crowd.readers.map((reader) => reader.seen.length)
    await served.says(/(the log could not be opened anew[^]*){2}/)
    expect(scene.acknowledged.value).toBe(value)
    expect(crowd.readers.map((reader) => reader.seen.length)).toEqual(seen)
    for (const session of ["left", "right"]) {
      const receipts = crowd.publishers.filter((publisher) => publisher.session === session).flatMap(({ batches }) => batches)
      const last = Math.max(0, ...receipts.map(({ receipt }) => receipt.last))
      const ofIt = crowd.readers.filter((reader) => reader.session === session)
      expect(Math.max(...ofIt.map((reader) => reader.seen.length))).toBeLessThanOrEqual(last)
    }
    disk.heal()
    await served.says(/the log was opened and synced anew, and is served again/)
    await crowd.more(20, served.ended)
    await crowd.settle(served.ended)
    await crowd.check()
    expect(refusals.names).toEqual(["outcome-unknown", "unavailable"])
    expect(refusals.one("outcome-unknown")).toMatchObject({ status: 503, mediaType: "application/problem+json" })
    expect(refusals.one("outcome-unknown")?.body["detail"]).toMatch(/^Nobody knows whether it was (recorded|done) .*Repeat it/)
    expect(refusals.one("unavailable")).toMatchObject({ status: 503, mediaType: "application/problem+json" })
  })

  test("L5 kill -9 right after a sync has failed loses nothing that was acknowledged, and doubles nothing", async () => {
    const served = await start()
    const { scene, refusals } = sceneOf(served)
    const crowd = await Crowd.begin(scene)
    await crowd.more(20, served.ended)
    disk.failSyncs()
    await crowd.until(refusals.more("outcome-unknown"), served.ended)
    scene.gate.shut()
    await served.kill()
    disk.heal()
    const again = await start(served.port)
    await crowd.resume()
    await crowd.more(20, again.ended)
    await crowd.settle(again.ended)
    await crowd.check()
  })

  test("L5 the data file fails to sync when the write-ahead log is moved into it: the host opens it anew, and nothing is lost", async () => {
    const served = await start()
    const session = `${served.url}/v1/sessions/large`
    const publish = (n: number) => call("POST", `${session}/events`, { body: { kind: "n", data: `${n}${"x".repeat(200_000)}` }, key: `@large:${n}` })
    disk.failSyncs(0, "tidemark.db")
    let n = 1
    while ((await publish(n)).status === 200) n += 1
    await served.says(/the log could not be opened anew/)
    expect(await publish(n)).toMatchObject({ status: 503 })
    disk.heal()
    await served.says(/the log was opened and synced anew/)
    expect(await publish(n)).toMatchObject({ status: 200, body: { first: n, last: n } })
    const numbers = (await storedEvents(session)).map((text) => /"data":"(\d+)x/.exec(text)?.[1])
    expect(numbers).toEqual(Array.from({ length: n }, (_, i) => String(i + 1)))
  })

  test("L4 L5 a write that fails for another reason than room: outcome unknown, and the repeat is recorded once", async () => {
    const served = await start()
    const { scene, refusals } = sceneOf(served)
    const crowd = await Crowd.begin(scene)
    await crowd.more(20, served.ended)
    disk.failWrites("EIO", 5000)
    await crowd.until(refusals.more("outcome-unknown"), served.ended)
    await served.says(/the log broke off/)
    disk.heal()
    await crowd.more(20, served.ended)
    await crowd.settle(served.ended)
    await crowd.check()
  })

  test("the commit counter cannot be written: it stays behind, and nobody notices", async () => {
    const served = await start()
    const session = `${served.url}/v1/sessions/counted`
    const publish = () => call("POST", `${session}/events`, { body: { kind: "n" } })
    await publish()
    for (const error of ["ENOSPC", "EIO"] as const) {
      disk.failWrites(error, 0, "/commits")
      expect((await publish()).status).toBe(200)
      disk.heal()
    }
    const { epoch } = await get(session)
    await served.kill()
    const again = await start(served.port)
    expect(await get(session)).toMatchObject({ epoch, head: 3 })
    expect(again.process.stderr).toBe("")
  })

  test("a host on a full disk, or one that fails to sync, refuses to start, says why and what to do, and has changed nothing", async () => {
    const served = await start()
    const session = `${served.url}/v1/sessions/there`
    await call("POST", `${session}/events`, { body: { kind: "n", data: "x".repeat(100_000) } })
    const before = await get(session)
    await served.kill()
    const refuses = async (directory: string, sentence: RegExp): Promise<void> => {
      const refused = await new Served({ directory, env: disk.env }).ended
      expect(refused).toMatchObject({ code: 6, stdout: "" })
      expect(refused.stderr).toMatch(sentence)
      expect(refused.stderr).toContain(directory)
    }
    disk.failWrites("ENOSPC")
    await refuses(disk.directory, /^tidemark: .*\bfree some space.*\n$/)
    disk.heal()
    disk.failSyncs()
    for (const directory of [disk.directory, `${disk.directory}-new`]) await refuses(directory, /^tidemark: .*\bcheck its disk.*\n$/)
    disk.heal()
    await start(served.port)
    expect(await get(session)).toEqual(before)
  })
})

/** What publishers were refused with, by the name of the problem. */
class Refusals {
  readonly #answers = new Map<string, Answer>()
  readonly #tallies = new Map<string, Tally>()

  take(answer: Answer): boolean {
    if (answer.status !== 503 && answer.status !== 507) return false
    const name = String(answer.body["type"]).replace("https://tidemark.dev/problems/", "")
    this.#answers.set(name, answer)
    this.#tally(name).add()
    return true
  }

  /** So many more of this name. */
  async more(name: string, least = 1): Promise<void> {
    await this.#tally(name).reaches(this.#tally(name).value + least)
  }

  get names(): readonly string[] {
    return [...this.#answers.keys()].toSorted()
  }

  one(name: string): Answer | undefined {
    return this.#answers.get(name)
  }

  #tally(name: string): Tally {
    const tally = this.#tallies.get(name) ?? new Tally()
    this.#tallies.set(name, tally)
    return tally
  }
}

function sceneOf({ url }: Served): { readonly scene: Scene; readonly refusals: Refusals } {
  const refusals = new Refusals()
  const repeatsAfter = (answer: Answer) => refusals.take(answer)
  const scene: Scene = { url, gate: new Gate(), random: randomFrom(testSeed()), acknowledged: new Tally(), repeatsAfter, headsAtStart: new Map() }
  return { scene, refusals }
}
