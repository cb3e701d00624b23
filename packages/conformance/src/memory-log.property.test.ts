// The memory log answers as the model does, and holds what the model says it holds.

import { MemoryLog } from "@tidemark/driver"
import { expect } from "vitest"
import { modelLimits } from "./session-log-model.ts"
import { describeSessionLogAgainstModel } from "./session-log-property.ts"

const bounds = { events: 12, bytes: 1100 }

describeSessionLogAgainstModel(
  "the memory log",
  () => {
    let drawn = 0
    const limits = { ...modelLimits, memoryLogEvents: bounds.events, memoryLogBytes: bounds.bytes }
    const log = new MemoryLog({ limits, token: () => `t${drawn++}` })
    return { log, check: (held) => expect(log.stats()).toMatchObject(held) }
  },
  bounds,
)
