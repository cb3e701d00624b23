// What a host asks before it starts: which models the sessions are of, and which of them nothing but a snapshot can bring back.

import { sessionName, type SessionName } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { append, ask, event, plain, start } from "./asking.testing.ts"
import { freshDirectory, InlineLog } from "./inline-log.testing.ts"
import { storedModels } from "./stored-models.ts"

test("models and versions are told once each, with a session that has them, and one that was trimmed", () => {
  const { directory, remove } = freshDirectory()
  let drawn = 0
  const log = new InlineLog(directory, () => `t${drawn++}`)
  const made = (id: string, model: string, version?: number, trims = false): SessionName => {
    const session = sessionName("lab", id)
    const { epoch, last } = append(log, session, [event(1)], { ...plain, model })
    const shown = { view: 1, provisional: null }
    if (version !== undefined) ask(log, { type: "save", session, epoch, snapshot: { point: last, modelVersion: version, shown } })
    if (trims) ask(log, { type: "trim", session, epoch, keep: { events: 0 }, at: start })
    return session
  }
  expect(storedModels(directory)).toEqual([])
  const a = made("a", "log")
  made("b", "log")
  const c = made("c", "log", 1)
  const d = made("d", "log", 1, true)
  const e = made("e", "agent", 2)
  expect(storedModels(directory)).toEqual([
    { model: "agent", version: 2, session: e, trimmed: undefined },
    { model: "log", version: undefined, session: a, trimmed: undefined },
    { model: "log", version: 1, session: c, trimmed: d },
  ])
  log.close()
  remove()
})
