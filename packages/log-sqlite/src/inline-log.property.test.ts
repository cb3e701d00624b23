// Writer and reader answer as the model does, with restarts in between.

import { describeSessionLogAgainstModel, modelLimits } from "@tidemark/conformance"
import { freshDirectory, InlineLog } from "./inline-log.testing.ts"

describeSessionLogAgainstModel(
  "the SQLite log",
  () => {
    const { directory, remove } = freshDirectory()
    let drawn = 0
    const open = () => new InlineLog(directory, () => `t${drawn++}`, { limits: { ...modelLimits, diskFree: 0 } })
    let log = open()
    return {
      log,
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
  },
  undefined,
  Number(process.env["TIDEMARK_RUNS"] ?? 40),
)
