// What crosses between the threads arrives as it was said, whatever it is made of.

import { epoch, jsonText, mark, position, revision, sessionName, timestamp, type Draft } from "@tidemark/kernel"
import type { AppendPart } from "@tidemark/driver"
import fc from "fast-check"
import { expect, test } from "vitest"
import { plain } from "./asking.testing.ts"
import { receivedAnswer, receivedRequest, sentAnswer, sentRequest } from "./crossing.ts"
import type { StoredOutcome } from "./stored-answer.ts"

const at = timestamp(1_234_567_890_000)
const ada = sessionName("lab", "ada")
const its = epoch("generation", "incarnation")
const point = fc.record({ position: fc.nat().map(position), revision: fc.nat().map(revision), mark: fc.maxSafeNat().map((n) => mark(n % 2 ** 48)) })

const drafted: fc.Arbitrary<Draft> = fc.record({
  type: fc.constant("event" as const),
  kind: fc.string(),
  data: fc.json().map((text) => jsonText(text)),
  commit: fc.boolean(),
})

const draft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 30, arbitrary: drafted },
  { weight: 1, arbitrary: fc.constant({ type: "hole", count: 3, reason: "lost" } as const) },
  { weight: 1, arbitrary: fc.constant({ type: "close", reason: "done" } as const) },
)

const part: fc.Arbitrary<AppendPart> = fc.record({
  session: fc.constantFrom(ada, sessionName("lab", "bob")),
  drafts: fc.array(draft, { minLength: 1, maxLength: 20 }),
  key: fc.constantFrom(undefined, { type: "key" as const, text: "k" }, { type: "producer" as const, producer: "p", n: 7 }),
  contentHash: fc.option(fc.string(), { nil: undefined }),
  expect: fc.option(fc.record({ epoch: fc.constant(its), position: fc.constant(position(3)) }), { nil: undefined }),
  create: fc.constantFrom(undefined, plain),
})

const outcome: fc.Arbitrary<StoredOutcome> = fc.oneof(
  fc.record({
    type: fc.constant("appended" as const),
    epoch: fc.constant(its),
    first: fc.nat().map(position),
    last: point,
    entries: fc.record({ texts: fc.array(fc.string(), { minLength: 1 }), marks: fc.array(fc.maxSafeNat(), { minLength: 1 }) }),
    floor: point,
    created: fc.boolean(),
  }),
  fc.record({ type: fc.constant("repeated" as const), epoch: fc.constant(its), first: fc.nat().map(position), last: point }),
  fc.constantFrom<StoredOutcome>({ type: "absent" }, { type: "conflict", highest: undefined }, { type: "full", limit: 12 }),
)

test("an append arrives as it was sent: every part, every draft, in order", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      expect(receivedRequest(structuredClone(sentWrite(parts)))).toEqual({ type: "append", at, parts })
    }),
  )
})

test("an answer arrives as it was given: every outcome, in order", () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 6 }), (outcomes) => {
      const answer = { type: "appended", outcomes, durability: "local" } as const
      expect(receivedAnswer(structuredClone(sentAnswer(answer)))).toEqual(answer)
    }),
  )
})

test("what is no append crosses as it is", () => {
  expect(sentRequest({ type: "delete", session: ada })).toEqual({ type: "delete", session: ada })
  expect(receivedRequest({ type: "delete", session: ada })).toEqual({ type: "delete", session: ada })
  expect(receivedAnswer(sentAnswer({ type: "absent" }))).toEqual({ type: "absent" })
})

function sentWrite(parts: readonly AppendPart[]) {
  const request = sentRequest({ type: "append", at, parts })
  if (request.type !== "append") throw new Error(request.type)
  return request
}
