// A host refuses sessions that it could not show: of a model it does not have, or of a version that nothing leads on from.

import { defineModel, logModel, sessionName, type Shown } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { whyUnreadable } from "./open-log.ts"

const session = sessionName("lab", "ada")
const counting = { name: "counting", version: 2, viewBytesMax: 1000, initial: { view: 0, provisional: null }, apply: (state: Shown) => state }
const plain = defineModel(counting)
const migrating = defineModel({ ...counting, migrate: (_from, shown) => shown })

test("what can be shown is not refused: no snapshot, the same version, all events there, or a version that migrates", () => {
  expect(whyUnreadable([logModel], { model: "log", version: undefined, session, trimmed: undefined })).toBe(undefined)
  expect(whyUnreadable([logModel, plain], { model: "counting", version: 2, session, trimmed: session })).toBe(undefined)
  expect(whyUnreadable([plain], { model: "counting", version: 1, session, trimmed: undefined })).toBe(undefined)
  expect(whyUnreadable([migrating], { model: "counting", version: 1, session, trimmed: session })).toBe(undefined)
})

test("an unknown model, and a version that nothing leads on from, are refused with the session's name and what to do", () => {
  expect(whyUnreadable([logModel], { model: "counting", version: 1, session, trimmed: undefined })).toBe(
    'session lab/ada is of the model "counting", which this release does not have: start the one that wrote it',
  )
  const said = whyUnreadable([plain], { model: "counting", version: 1, session, trimmed: session })
  expect(said).toContain("and this release has version 2, which cannot migrate it")
})
