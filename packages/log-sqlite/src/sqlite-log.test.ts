// The SQLite log keeps the laws of a session log, with its threads, which run what was built (`npm test` builds first).

import { describeSessionLog, type LogUnderTest } from "@tidemark/conformance"
import { freshDirectory, testLimits } from "./inline-log.testing.ts"
import { SqliteLog } from "./sqlite-log.ts"

describeSessionLog("SQLite", async (): Promise<LogUnderTest> => {
  const { directory, remove } = freshDirectory()
  const failed = (what: unknown): never => {
    throw what
  }
  const open = () => SqliteLog.open({ directory, durability: "full", limits: testLimits, wall: () => 0, report: failed, fatal: failed })
  let log = await open()
  return {
    log,
    limits: testLimits,
    reopen: async () => {
      await log.close()
      log = await open()
      return log
    },
    close: async () => {
      await log.close()
      remove()
    },
  }
})
