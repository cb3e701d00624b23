import { describe, expect, test } from "vitest"
import { planOf } from "../campaign/plan.ts"
import { promotedText, readPlanFile } from "./plan-file.ts"

const nobody = { nodes: 1, sessions: 1, readers: [], publishers: [] }
const plan = { seed: 7, faults: ["cut"], ...nobody, latencyMs: 1, logDelayMs: 0, splits: 0, records: false, actions: [{ at: 1, do: "storm" }] }

test("a plan alone and a promoted seed are both read", () => {
  expect(readPlanFile(JSON.stringify(plan))).toEqual({ type: "plan", plan })
  expect(readPlanFile(JSON.stringify({ found: "It was wrong.", law: "L8", plan }))).toEqual({ type: "promoted", found: "It was wrong.", law: "L8", plan })
})

test("every plan of a seed can be kept in a file and read back", () => {
  const whole = { found: "It was wrong.", law: "liveness" }
  for (let seed = 1; seed <= 300; seed++) {
    const each = planOf(seed, 100)
    expect(readPlanFile(promotedText({ ...whole, plan: each }))).toEqual({ type: "promoted", ...whole, plan: each })
  }
})

describe("what cannot be run is refused, with what is wrong and where", () => {
  const action = (fields: object) => ({ ...plan, actions: [{ at: 0, do: "storm" }, { at: 1, ...fields }] })
  const reader = { session: 0, node: 0, from: "now", recover: "rest", filtered: true, folds: false, waits: false, takesMs: 400 }
  test.each([
    [[], "it is an object, not []"],
    [{ ...plan, seed: undefined }, "seed is a whole number from 0 to 2147483647, not nothing"],
    [{ ...plan, seed: 1.5 }, "seed is a whole number from 0 to 2147483647, not 1.5"],
    [{ ...plan, fault: [] }, "fault is nothing that is known"],
    [{ ...plan, faults: ["cut", "cutt"] }, 'faults[1] is a kind of fault, and "cutt" is none'],
    [{ ...plan, nodes: 0 }, "nodes is a whole number from 1 to 16, not 0"],
    [{ ...plan, splits: 2 }, "splits is a number from 0 to 1, not 2"],
    [{ ...plan, readers: [{ ...reader, from: "tail" }] }, 'readers[0].from is observation, start, now or tail:N, not "tail"'],
    [{ ...plan, readers: [{ ...reader, folds: "no" }] }, 'readers[0].folds is true or false, not "no"'],
    [{ ...plan, readers: [{ ...reader, recover: "toString" }] }, 'readers[0].recover is one of events, auto, rest, not "toString"'],
    [{ ...plan, publishers: [{ session: 0, node: 0, lines: 0 }] }, "publishers[0].lines is a whole number from 1, not 0"],
    [{ ...plan, actions: {} }, "actions is a list, not {}"],
    [action({ do: "late-reads" }), "actions[1].node is a whole number from 0, not nothing"],
    [action({ do: "storm", node: 1 }), "actions[1].node is nothing that is known"],
    [action({ do: "cut", reader: 0, bytes: 4, kind: "neither" }), 'actions[1].kind is one of both, client, server, silent, not "neither"'],
    [action({ do: "sleep", ms: -1 }), "actions[1].ms is a whole number from 0 to 1000000000, not -1"],
    [{ plan }, "found is a sentence, not nothing"],
    [{ found: " ", law: "L8", plan }, 'found is a sentence, not " "'],
    [{ found: "Wrong.", law: "8", plan }, 'law is L1 … L21, liveness or crash, not "8"'],
    [{ found: "Wrong.", law: "L8", plan: { ...plan, sessions: 0 } }, "plan.sessions is a whole number from 1 to 1000, not 0"],
  ])("%j", (value, because) => {
    expect(readPlanFile(JSON.stringify(value))).toEqual({ type: "refused", because })
  })

  test("an action that nobody knows, and text that is no JSON", () => {
    const unknown = readPlanFile(JSON.stringify(action({ do: "explode" })))
    expect(unknown).toMatchObject({ type: "refused", because: expect.stringMatching(/^actions\[1\]\.do is one of publish, append, .*, not "explode"$/) })
    expect(readPlanFile("{")).toMatchObject({ type: "refused", because: expect.stringMatching(/^it is no JSON: /) })
  })
})
