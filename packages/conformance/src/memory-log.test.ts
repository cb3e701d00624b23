// The memory log keeps the laws of a session log, in this process and at the end of a line.

import { MemoryLog, type LogAnswer, type SessionLog } from "@tidemark/driver"
import type { LogUnderTest } from "./log-under-test.ts"
import { describeSessionLog } from "./session-log-laws.ts"

const limits = { keyAgeMs: 60_000, keysPerSession: 20, keysPerProducer: 8, sessionsPerWorkspace: 12 }

function memoryLog(): MemoryLog {
  let drawn = 0
  return new MemoryLog({ limits: { ...limits, memoryLogEvents: 10_000, memoryLogBytes: 2 ** 24 }, token: () => `t${drawn++}` })
}

/** A connection to a log that lives elsewhere: requests arrive in order, answers come later, four appends may be under way. */
function connect(log: MemoryLog): SessionLog {
  return {
    sole: false,
    keepsEntries: true,
    appendsInFlightMax: 4,
    durability: log.durability,
    submit(request, answer) {
      const arrived = Promise.resolve().then(() => new Promise<LogAnswer>((resolve) => log.submit(request, resolve)))
      void arrived.then(answer)
    },
  }
}

describeSessionLog("MemoryLog", () => ({ log: memoryLog(), limits }))

// To a process that starts again, a log elsewhere is one that outlived it: so the laws of restarts run here too.
describeSessionLog("MemoryLog, elsewhere", async (): Promise<LogUnderTest> => {
  const elsewhere = memoryLog()
  return { log: connect(elsewhere), limits, reopen: async () => connect(elsewhere), trim: async () => undefined, close: () => undefined }
})
