import { expect, test } from "vitest"
import { hottest, type CpuProfile } from "./profile.ts"

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: { functionName: "(idle)", url: "", lineNumber: -1 } },
    { id: 2, callFrame: { functionName: "writev", url: "", lineNumber: -1 } },
    { id: 3, callFrame: { functionName: "#flush", url: "file:///somewhere/apps/host/dist/engine.js", lineNumber: 41 } },
    { id: 4, callFrame: { functionName: "#flush", url: "file:///somewhere/apps/host/dist/engine.js", lineNumber: 41 } },
  ],
  samples: [1, 2, 3, 2, 4, 1],
  timeDeltas: [9000, 3000, 500, 3000, 1500, 9000],
}

test("a function's time is its own, wherever it was called from, and idling is no time", () => {
  expect(hottest(profile, 10)).toEqual([" 75.0 %       6 ms  writev", " 25.0 %       2 ms  #flush  host/dist/engine.js:42"])
})

test("only so many are told as were asked for", () => {
  expect(hottest(profile, 1)).toEqual([" 75.0 %       6 ms  writev"])
})
