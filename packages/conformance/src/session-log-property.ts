// A log against the model of `session-log-model.ts`: anything asked in any order, right and wrong, with the wall clock going
// back and forth, and, where the log outlives its process, with restarts in between.

import { epoch as makeEpoch, jsonText, mark, origin, position, sessionName } from "@tidemark/kernel"
import type { Draft, Epoch, Point, SessionName } from "@tidemark/kernel"
import { parseIdempotencyKey } from "@tidemark/driver"
import type { AppendPart, Expectation, LogRequest, RangeBudget, Retention, Snapshot } from "@tidemark/driver"
import fc from "fast-check"
import { expect, test } from "vitest"
import { ask, type LogUnderTest } from "./log-under-test.ts"
import { Model, plainly, settings, type ModelBounds } from "./session-log-model.ts"

export interface ModelledLog extends Pick<LogUnderTest, "log" | "reopen" | "close"> {
  /** Called at the end of a run, with what the log must hold by then. */
  readonly check?: (held: { readonly sessions: number; readonly entries: number; readonly bytes: number }) => void
}

const names = [sessionName("lab", "a"), sessionName("lab", "b"), sessionName("lab", "c"), sessionName("mill", "a")]
const foreign = makeEpoch("nobody", "knows")

/** Registers one test. `make` gives a fresh log, made with `modelLimits` and the given bounds. */
export function describeSessionLogAgainstModel(
  name: string,
  make: () => ModelledLog | Promise<ModelledLog>,
  bounds?: ModelBounds,
  numRuns = 250,
): void {
  test(`whatever is asked in whatever order, ${name} answers as the model does`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 80, size: "max" }), async (steps) => {
        const under = await make()
        let { log } = under
        const model = new Model(log.durability, bounds)
        try {
          for (const step of steps) {
            if (step.type === "restart") {
              if (under.reopen === undefined) continue
              log = await under.reopen()
              model.restarted()
              continue
            }
            const request = requestOf(model, step)
            const answer = await ask(log, request)
            expect({ request, answer: plainly(answer) }).toEqual({ request, answer: model.answerTo(request, answer) })
          }
          for (const session of names) {
            const request: LogRequest = { type: "head", session }
            const answer = await ask(log, request)
            expect(answer).toEqual(model.answerTo(request, answer))
          }
          const held = names.flatMap((each) => model.sessions.get(each) ?? []).flatMap((session) => session.written.slice(session.floor))
          const bytes = held.reduce((sum, written) => sum + written.text.length, 0)
          under.check?.({ sessions: model.sessions.size, entries: held.length, bytes })
        } finally {
          await under.close?.()
        }
      }),
      { numRuns },
    )
  })
}

type PlaceAt = { readonly fraction: number; readonly beyond: number; readonly forge: "no" | "mark" | "epoch" | "no point" }

type Step =
  | { readonly type: "append"; readonly after: number; readonly parts: readonly PartStep[] }
  | { readonly type: "create"; readonly after: number; readonly session: number; readonly retention: Retention }
  | { readonly type: "delete" | "head"; readonly session: number }
  | { readonly type: "open"; readonly session: number; readonly budget: RangeBudget }
  | { readonly type: "range"; readonly session: number; readonly place: PlaceAt; readonly budget: RangeBudget }
  | { readonly type: "save"; readonly session: number; readonly place: PlaceAt }
  | { readonly type: "trim"; readonly after: number; readonly session: number; readonly place: PlaceAt; readonly keep: Retention }
  | { readonly type: "list"; readonly after: string | undefined; readonly limit: number }
  | { readonly type: "restart" }

interface PartStep {
  readonly session: number
  readonly drafts: readonly ("event" | "commit" | "hole")[]
  readonly closes: boolean
  readonly key: string | undefined
  readonly content: string
  readonly expects: ExpectStep | undefined
  readonly create: Retention | undefined
}

/** Position and revision as steps from the actual ones. */
interface ExpectStep {
  readonly position: number | undefined
  readonly revision: number | undefined
  readonly epoch: "no" | "right" | "wrong"
}

const session = fc.constantFrom(0, 0, 0, 0, 1, 2, 3)
const after = fc.constantFrom(0, 0, 1, 50, 400, 1001, -300)
const budget = fc.record({ events: fc.constantFrom(1, 3, 100), bytes: fc.constantFrom(0, 150, 1e6) })
const bounds = { events: fc.constantFrom(0, 3, 30), bytes: fc.constantFrom(200, 1e6), ageMs: fc.constantFrom(100, 600) }
const retention = fc.oneof(fc.constant({}), fc.record(bounds, { requiredKeys: [] }))
const forge = fc.constantFrom("no" as const, "no" as const, "no" as const, "mark" as const, "epoch" as const, "no point" as const)
const place = fc.record({ fraction: fc.constantFrom(0, 0.3, 0.7, 0.9, 1, 1), beyond: fc.constantFrom(0, 0, 0, 1, 5), forge })
const producerKeys = ["@p:0", "@p:1", "@p:2", "@p:3", "@p:4", "@p:0-2", "@p:1-3", "@p:2-4", "@q:1", "@r:2", "@s:1"]
const key = fc.constantFrom(undefined, undefined, "k1", "k2", "k3", "k4", "k5", ...producerKeys)
const expectation = fc.record({
  position: fc.constantFrom(undefined, 0, 0, 1),
  revision: fc.constantFrom(undefined, 0, 0, 1),
  epoch: fc.constantFrom("no" as const, "no" as const, "right" as const, "wrong" as const),
})
const expects = fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: expectation })
const part: fc.Arbitrary<PartStep> = fc.record({
  session,
  drafts: fc.array(fc.constantFrom("event" as const, "event" as const, "commit" as const, "hole" as const), { minLength: 1, maxLength: 5 }),
  closes: fc.integer({ min: 0, max: 30 }).map((n) => n === 7),
  key,
  content: fc.constantFrom("one", "one", "two"),
  expects,
  create: fc.option(retention, { freq: 8, nil: undefined }),
})
const parts = fc.array(part, { minLength: 1, maxLength: 3 })
const listed = { after: fc.constantFrom(undefined, "a", "aa", "b"), limit: fc.constantFrom(1, 2, 5) }
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ type: fc.constant("append" as const), after, parts }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("create" as const), after, session, retention }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("delete" as const, "head" as const, "head" as const), session }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("open" as const), session, budget }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("range" as const), session, place, budget }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("save" as const), session, place }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("trim" as const), after, session, place, keep: retention }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("list" as const), ...listed }) },
  { weight: 1, arbitrary: fc.constant({ type: "restart" as const }) },
)

function requestOf(model: Model, step: Exclude<Step, { type: "restart" }>): LogRequest {
  switch (step.type) {
    case "append":
      return { type: "append", at: model.clock(step.after), parts: step.parts.map((part) => partOf(model, part)) }
    case "create":
      return { type: "create", session: nameOf(step.session), settings: settings(step.retention), at: model.clock(step.after) }
    case "list":
      return { type: "list", workspace: "lab", after: step.after, limit: step.limit }
    case "range": {
      const { epoch, point } = placeIn(model, step.session, step.place)
      const after = { position: point.position, point: step.place.forge === "no point" ? undefined : point }
      return { type: "range", session: nameOf(step.session), epoch, after, budget: step.budget }
    }
    case "save": {
      const { epoch, point } = placeIn(model, step.session, step.place)
      return { type: "save", session: nameOf(step.session), epoch, snapshot: snapshot(point) }
    }
    case "trim": {
      const { epoch } = placeIn(model, step.session, step.place)
      return { type: "trim", session: nameOf(step.session), epoch, keep: step.keep, at: model.clock(step.after) }
    }
    case "open":
      return { type: "open", session: nameOf(step.session), budget: step.budget }
    default:
      return { type: step.type, session: nameOf(step.session) }
  }
}

function partOf(model: Model, step: PartStep): AppendPart {
  const known = model.sessions.get(nameOf(step.session))
  const head = known?.head ?? origin
  const drafts = step.drafts.map((type, i): Draft => {
    if (type === "hole") return { type: "hole", reason: "lost" }
    return { type: "event", kind: type, data: jsonText([step.content, i]), commit: type === "commit" }
  })
  const key = step.key === undefined ? undefined : parseIdempotencyKey(step.key)
  const wanted = step.expects?.epoch === "right" ? known?.epoch : foreign
  const expectation: Expectation = {
    ...(step.expects?.position === undefined ? {} : { position: position(head.position + step.expects.position) }),
    ...(step.expects?.revision === undefined ? {} : { revision: head.revision + step.expects.revision }),
    ...(step.expects?.epoch === "no" || wanted === undefined ? {} : { epoch: wanted }),
  }
  return {
    session: nameOf(step.session),
    drafts: step.closes ? [...drafts, { type: "close", reason: "done" }] : drafts,
    key,
    contentHash: key === undefined ? undefined : step.content,
    expect: step.expects === undefined ? undefined : expectation,
    create: step.create === undefined ? undefined : settings(step.create),
  }
}

/** A place of a session at random: mostly one that was written, sometimes past the head, sometimes with a forged mark. */
function placeIn(model: Model, index: number, at: PlaceAt): { epoch: Epoch; point: Point } {
  const known = model.sessions.get(nameOf(index))
  const written = known?.written ?? []
  const through = Math.round(at.fraction * written.length)
  const here = known?.pointAt(through) ?? origin
  const point = { ...here, position: position(through === written.length ? through + at.beyond : through) }
  const epoch = at.forge === "epoch" || known === undefined ? foreign : known.epoch
  return { epoch, point: at.forge === "mark" ? { ...point, mark: mark(here.mark === 5 ? 6 : 5) } : point }
}

function nameOf(index: number): SessionName {
  const name = names[index]
  if (name === undefined) throw new Error(`there are ${names.length} names`)
  return name
}

function snapshot(point: Point): Snapshot {
  return { point, modelVersion: 1, shown: { view: point.position, provisional: null } }
}
