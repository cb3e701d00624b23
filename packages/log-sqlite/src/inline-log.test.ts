// Writer and reader keep the laws of a session log, on one file and without threads.

import { describeSessionLog, type LogUnderTest } from "@tidemark/conformance"
import { freshDirectory, InlineLog, testLimits } from "./inline-log.testing.ts"

describeSessionLog("SQLite, without threads", (): LogUnderTest => {
  const { directory, remove } = freshDirectory()
  let drawn = 0
  const open = () => new InlineLog(directory, () => `t${drawn++}`)
  let log = open()
  return {
    log,
    limits: testLimits,
    reopen: () => {
      log.close()
      log = open()
      return log
    },
    close: () => {
      log.close()
      remove()
    },
  }
})
