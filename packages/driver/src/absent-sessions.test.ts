import { everything, instant, sessionName } from "@tidemark/kernel"
import { describe, expect, test } from "vitest"
import { AbsentSessions } from "./absent-sessions.ts"
import { WatchedLog } from "./watched-log.testing.ts"
import { jobs, World } from "./world.testing.ts"

const other = sessionName("default", "other")

describe("who waits for a session", () => {
  test("is told once that it may be there, and so are all others who wait for it", () => {
    const absent = new AbsentSessions()
    const told: string[] = []
    absent.wait(jobs, (now) => told.push(`ada ${now}`))
    absent.wait(jobs, (now) => told.push(`bob ${now}`))
    absent.wait(other, (now) => told.push(`eve ${now}`))
    expect(absent.size).toBe(3)
    absent.tell(instant(7), jobs)
    absent.tell(instant(8), jobs)
    expect(told).toEqual(["ada 7", "bob 7"])
    expect(absent.size).toBe(1)
  })

  test("may wait again while being told, and is told the next time", () => {
    const absent = new AbsentSessions()
    const told: number[] = []
    const look = (now: number): void => {
      told.push(now)
      absent.wait(jobs, look)
    }
    absent.wait(jobs, look)
    absent.tellAll(instant(1))
    absent.tellAll(instant(2))
    expect(told).toEqual([1, 2])
  })

  test("stays when one who was told before, and waits no longer, takes that wait back", () => {
    const absent = new AbsentSessions()
    const told: string[] = []
    const takeBack = absent.wait(jobs, () => told.push("ada"))
    absent.tell(instant(1), jobs)
    absent.wait(jobs, () => told.push("bob"))
    takeBack()
    absent.tell(instant(2), jobs)
    expect(told).toEqual(["ada", "bob"])
  })

  test("L17 leaves nothing behind when it gives up", () => {
    const absent = new AbsentSessions()
    const takeBack = [absent.wait(jobs, () => {}), absent.wait(jobs, () => {})]
    takeBack[0]?.()
    expect(absent.size).toBe(1)
    takeBack[1]?.()
    expect(absent.size).toBe(0)
  })

  test("L8 has it looked for again and again, however often it was not there", () => {
    const log = new WatchedLog(false)
    const [here, there] = [new World(log, { positionCheckMs: 40_000 }), new World(log)]
    const waiting = here.driver.subscribe(here.now, jobs, { type: "observation" }, { filter: everything, recovery: "events", missing: "wait" })
    here.run()
    for (let n = 0; n < 3; n++) here.wait(40_000)
    expect(waiting.outcome).toBe(undefined)
    there.publish(1, 1)
    here.wait(40_000)
    expect(waiting.outcome?.type).toBe("subscribed")
  })
})
