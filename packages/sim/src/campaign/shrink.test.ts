import { expect, test } from "vitest"
import type { Action, Plan, ReaderPlan } from "./plan.ts"
import { shrinking } from "./shrink.ts"

const reader: ReaderPlan = { session: 0, node: 0, from: "now", recover: "rest", filtered: true, folds: false, waits: false, takesMs: 400 }
const none = { faults: [], nodes: 1, sessions: 1, readers: [], publishers: [], latencyMs: 1, logDelayMs: 0, splits: 0, records: false }

function plan(parts: Partial<Plan>): Plan {
  return { seed: 7, ...none, actions: [], ...parts }
}

/** The smallest that is found, with a law that `breaks` stands for. */
function smallest(from: Plan, breaks: (plan: Plan) => boolean): Plan {
  let found = from
  for (const step of shrinking(from, breaks)) found = step.plan
  return found
}

const storms = (count: number): Action[] => Array.from({ length: count }, (_, i) => ({ at: 10 * i, do: "storm" }))
const away = (at: number): Action => ({ at, do: "log-away", node: 0, ms: 0 })

test("two actions that need each other are found among many", () => {
  const actions = [...storms(23), away(230), ...storms(18), { at: 900, do: "sleep", ms: 5 } as const, ...storms(17)]
  const both = (plan: Plan) => ["log-away", "sleep"].every((name) => plan.actions.some((action) => action.do === name))
  expect(smallest(plan({ actions }), both).actions).toEqual([
    { at: 0, do: "log-away", node: 0, ms: 0 },
    { at: 0, do: "sleep", ms: 0 },
  ])
})

test("every plan that is given breaks the law, and what breaks it always shrinks to nothing", () => {
  const actions = storms(9)
  for (const step of shrinking(plan({ actions }), ({ actions: left }) => left.length % 2 === 1)) expect(step.plan.actions.length % 2).toBe(1)
  expect(smallest(plan({ actions, faults: ["storm", "cut"], nodes: 2, sessions: 4, splits: 0.9, latencyMs: 400, records: true }), () => true)).toEqual(plan({}))
})

test("a plan that cannot be smaller is given as it is", () => {
  const least = plan({ actions: [away(0)] })
  expect(smallest(least, ({ actions }) => actions.length > 0)).toBe(least)
})

test("a reader that is dropped takes its actions along, and the others are still meant", () => {
  const readers = [reader, { ...reader, takesMs: 30 }, reader]
  const actions: Action[] = [
    { at: 1, do: "stall", reader: 0 },
    { at: 2, do: "forget", reader: 2 },
    { at: 3, do: "ask", node: 0, session: 0, what: "resume", reader: 2, limit: 1 },
    { at: 4, do: "ask", node: 0, session: 0, what: "resume", reader: 1, limit: 1 },
  ]
  const stays = (plan: Plan) => plan.actions.length >= 3 && plan.readers.some(({ takesMs }) => takesMs === 400)
  expect(smallest(plan({ readers, actions }), stays)).toMatchObject({
    readers: [{ takesMs: 400, filtered: false, waits: true, recover: "events", from: "observation" }],
    actions: [{ do: "forget", reader: 0 }, { do: "ask", reader: 0 }, { do: "ask", reader: 0 }],
  })
})

test("a publisher that is dropped takes its actions along, and batches become smaller", () => {
  const publishers = [{ session: 0, node: 0, lines: 20 }, { session: 0, node: 0, lines: 20 }]
  const actions: Action[] = [{ at: 0, do: "publish", publisher: 0, lines: 9 }, { at: 0, do: "publish", publisher: 1, lines: 40 }]
  const many = (plan: Plan) => plan.actions.some((action) => action.do === "publish" && action.lines > 12) && plan.publishers.some(({ lines }) => lines >= 5)
  expect(smallest(plan({ publishers, actions }), many)).toMatchObject({
    publishers: [{ lines: 5 }],
    actions: [{ do: "publish", publisher: 0, lines: 13 }],
  })
})

test("sessions and nodes that are dropped are no longer named", () => {
  const actions: Action[] = [{ at: 0, do: "wake", node: 1, session: 3, times: 4 }]
  expect(smallest(plan({ nodes: 2, sessions: 4, actions }), (plan) => plan.actions.length === 1)).toEqual(
    plan({ actions: [{ at: 0, do: "wake", node: 0, session: 0, times: 1 }] }),
  )
  expect(smallest(plan({ nodes: 2, sessions: 4, actions }), (plan) => plan.sessions >= 2 && plan.actions.length === 1)).toMatchObject({
    nodes: 1,
    sessions: 2,
    actions: [{ node: 0, session: 1 }],
  })
})

test("kinds of fault, delays and times become what is needed of them", () => {
  const from = plan({ faults: ["cut", "crash", "trim"], latencyMs: 400, logDelayMs: 2_000, splits: 0.2, actions: [away(700), away(1_900)] })
  const needs = ({ faults, latencyMs, logDelayMs, actions }: Plan) =>
    faults.includes("crash") && latencyMs >= 20 && logDelayMs >= 20 && actions.length === 2 && (actions[1]?.at ?? 0) - (actions[0]?.at ?? 0) >= 100
  expect(smallest(from, needs)).toEqual(plan({ faults: ["crash"], latencyMs: 20, logDelayMs: 20, actions: [away(0), away(100)] }))
})

test("each step is one try, so that whoever asks may stop it", () => {
  let runs = 0
  const steps = shrinking(plan({ actions: storms(40) }), ({ actions }) => {
    runs += 1
    return actions.length >= 10
  })
  for (const tries of [1, 2, 3]) expect(steps.next()).toMatchObject({ done: false, value: { tries } })
  expect(runs).toBe(3)
})
