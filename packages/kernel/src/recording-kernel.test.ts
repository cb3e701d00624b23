import { expect, test } from "vitest"
import { replayCapsule } from "./capsule.ts"
import { FedLog, keyed } from "./capsule.testing.ts"
import { everything } from "./filter.ts"
import { instant, sessionName } from "./ids.ts"
import { config } from "./kernel.testing.ts"
import { Kernel } from "./machine.ts"
import { logModel } from "./models/log.ts"
import { RecordingKernel } from "./recording-kernel.ts"

const name = sessionName("default", "watched")
const budget = { events: 2, bytes: 10_000 }

/** As the opening comment of `recording-kernel.ts` has them, each with its reason. */
const notRecorded = [
  ...["resume", "standing", "resumed", "modelVersion", "stats", "pollFailure", "pollTimeout"],
  ...["commit", "record", "close"],
]

test("every method of a kernel is recorded, or is one of those that need not be", () => {
  const own = new Set(Object.getOwnPropertyNames(RecordingKernel.prototype))
  const missing = Object.getOwnPropertyNames(Kernel.prototype).filter((method) => !own.has(method))
  expect(missing.toSorted()).toEqual(notRecorded.toSorted())
})

test("L16 every call about a session is a line of its capsule, with all that it was told", () => {
  const kernel = new RecordingKernel(config)
  const log = new FedLog(name)
  for (let n = 0; n < 3; n++) log.append()
  const lines: string[] = []
  kernel.beginRecording(instant(1), name, keyed, (line) => lines.push(line))
  kernel.openSession(instant(2), name, log.origin())
  const subscribed = kernel.subscribe(instant(3), name, { type: "start" }, { filter: everything, recovery: "events" }, log.head)
  if (subscribed.type !== "subscribed") throw new Error(subscribed.type)
  const { reader } = subscribed
  kernel.read(instant(4), reader, budget)
  kernel.wake(reader)
  kernel.pollReady()
  kernel.cursorOf(reader)
  log.append()
  kernel.handleHead(instant(5), name, log.head)
  kernel.handleAppended(instant(6), name, log.epoch, log.after(3, 1))
  kernel.handleHistory(instant(7), reader, log.page({ position: log.at(2).position, point: log.at(2) }, 2))
  kernel.observe(instant(8), name)
  kernel.describe(name)
  kernel.explain(instant(9), name, log.cursor(1), { proof: log.head })
  kernel.handleTimeout(instant(10))
  log.lose(2)
  kernel.openSession(instant(11), name, log.origin(), "ahead")
  kernel.unloadSession(instant(12), name)
  kernel.unsubscribe(reader)
  kernel.deleteSession(instant(13), name)
  kernel.endRecording(name, "enough")
  const calls = lines.slice(1, -1).map((line) => JSON.parse(line))
  expect(calls.map(({ call, now, outcome }) => `${call} ${now ?? ""}: ${outcome}`)).toEqual([
    "openSession 2: opened",
    "subscribe 3: reader 1",
    "read 4: 2 events, through 2",
    "wake : done",
    "pollReady : reader 1",
    expect.stringMatching(/^cursorOf : 1\.\w+\.gen\.e1\.0\.2\./),
    "handleHead 5: missing after 3",
    "handleAppended 6: installed",
    "handleHistory 7: 2 events, through 4, up to date",
    "observe 8: observation at 4",
    "describe : at 4, 1 readers",
    "explain 9: replayed",
    "handleTimeout 10: done",
    "openSession 11: opened",
    "unloadSession 12: in_use",
    "unsubscribe : done",
    "deleteSession 13: done",
  ])
  expect(calls[13]).toMatchObject({ lost: "ahead" })
  expect(replayCapsule(lines.join("\n"), [logModel])).toEqual({ type: "same", calls: 17, end: "enough" })
})
