import { defineModel, type ObservationJson, type SessionEvent } from "@tidemark/kernel"
import type { Hello } from "@tidemark/protocol"
import { expect, test } from "vitest"
import { Folding } from "./folding.ts"

/** Counts events, shows the latest kinds, and throws on the kind `bad`. */
const tally = defineModel({
  name: "tally",
  version: 2,
  viewBytesMax: 1_000,
  initial: { view: 0, provisional: [] },
  apply: ({ view, provisional }, event) => {
    if (event.kind === "bad") throw new Error("bad event")
    const kinds = Array.isArray(provisional) ? provisional : []
    return { view: Number(view) + 1, provisional: event.commit === true ? [] : [...kinds, event.kind] }
  },
  migrate: (from, shown) => (from === 1 ? { view: Number(shown.view) * 10, provisional: [] } : undefined),
})

const event = (position: number, kind: string, commit = false): { type: "event"; event: SessionEvent } => ({
  type: "event",
  event: { position, revision: 0, kind, at: "2026-11-21T08:30:00.000Z", data: null, ...(commit ? { commit: true } : {}) },
})
// Plain data in the shape of the wire; brands are made by the decoder, which is not under test here.
const hello = (model: string, modelVersion: number): Hello => JSON.parse(JSON.stringify({ model, modelVersion }))
const observed = (view: number, failed = false): { type: "observation"; observation: ObservationJson } => ({
  type: "observation",
  observation: JSON.parse(JSON.stringify({ view, provisional: ["x"], ...(failed ? { view_failed: true } : {}) })),
})

test("from the start of the log, the state is folded from the model's beginning", () => {
  const folding = new Folding(tally, "initial")
  expect(folding.handle(event(1, "a"), undefined).state).toEqual({ view: 1, provisional: ["a"] })
  expect(folding.handle(event(2, "b"), undefined).state).toEqual({ view: 2, provisional: ["a", "b"] })
  expect(folding.handle(event(3, "c", true), undefined).state).toEqual({ view: 3, provisional: [] })
  expect(folding.handle({ type: "caught_up", position: 3 }, undefined).state).toEqual({ view: 3, provisional: [] })
})

test("from the start of the log, another model than the session's is refused before anything is folded", () => {
  const folding = new Folding(tally, "initial")
  expect(() => folding.handle(event(1, "a"), hello("log", 1))).toThrow('the session is folded with model "log", not "tally"; pass that one')
})

test("an observation is where folding goes on", () => {
  const folding = new Folding(tally, undefined)
  expect(folding.handle({ type: "status", status: "connecting", attempt: 0 }, undefined)).not.toHaveProperty("state")
  expect(folding.handle(observed(7), hello("tally", 2)).state).toEqual({ view: 7, provisional: ["x"] })
  expect(folding.handle(event(8, "a"), undefined).state).toEqual({ view: 8, provisional: ["x", "a"] })
})

test("from a gap to its observation there is no state", () => {
  const folding = new Folding(tally, "initial")
  const gap = JSON.parse('{"type":"gap","gap":{"reason":"trimmed"}}')
  expect(folding.handle(gap, undefined)).not.toHaveProperty("state")
  expect(folding.handle(observed(7), hello("tally", 2)).state).toEqual({ view: 7, provisional: ["x"] })
})

test("a state that was kept beside its cursor is gone on with", () => {
  const folding = new Folding(tally, { view: 41, provisional: [] })
  expect(folding.handle(event(9, "a"), undefined).state).toEqual({ view: 42, provisional: ["a"] })
})

test("a state that was given stays what it was when more is folded", () => {
  const folding = new Folding(tally, "initial")
  const first = folding.handle(event(1, "a"), undefined)
  folding.handle(event(2, "b"), undefined)
  expect(first.state).toEqual({ view: 1, provisional: ["a"] })
})

test("a model that throws keeps its fold and says so until the next observation", () => {
  const folding = new Folding(tally, "initial")
  folding.handle(event(1, "a"), undefined)
  expect(folding.handle(event(2, "bad"), undefined)).toMatchObject({ state: { view: 1, provisional: ["a"] }, viewFailed: true })
  expect(folding.handle(event(3, "b"), undefined)).toMatchObject({ state: { view: 2, provisional: ["a", "b"] }, viewFailed: true })
  expect(folding.handle(observed(7), hello("tally", 2))).not.toHaveProperty("viewFailed")
  expect(folding.handle(observed(7, true), hello("tally", 2)).viewFailed).toBe(true)
})

test("an older version's observation is migrated, a newer one's or another model's is refused", () => {
  const folding = new Folding(tally, undefined)
  expect(folding.handle(observed(7), hello("tally", 1)).state).toEqual({ view: 70, provisional: [] })
  const newer = hello("tally", 3)
  const other = hello("log", 1)
  expect(() => folding.handle(observed(7), newer)).toThrow('the server folds with version 3 of model "tally", this client with 2')
  expect(() => folding.handle(observed(7), other)).toThrow('the session is folded with model "log", not "tally"; pass that one')
})

test("what the model cannot read is refused", () => {
  const strict = { ...tally, restore: () => undefined }
  expect(() => new Folding(strict, { view: 1, provisional: null })).toThrow('model "tally" cannot read what was observed')
})
