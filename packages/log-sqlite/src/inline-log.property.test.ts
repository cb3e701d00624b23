// Writer and reader answer as the model does, with restarts in between.

import { describeSessionLogAgainstModel, modelLimits } from "@tidemark/conformance"
import { reopenableLog } from "./inline-log.testing.ts"

describeSessionLogAgainstModel(
  "the SQLite log",
  () => reopenableLog({ limits: { ...modelLimits, diskFree: 0 } }),
  undefined,
  Number(process.env["TIDEMARK_RUNS"] ?? 40),
)
