// How tests talk to a log that answers within `submit`.

import { jsonText, timestamp, type Draft, type Json, type SessionName } from "@tidemark/kernel"
import type { AppendOutcome, AppendPart, LogAnswer, LogRequest, SessionLog, SessionSettings } from "@tidemark/driver"

export const start = timestamp(1_234_567_890_000)
export const plain: SessionSettings = { model: "log", retention: {}, metadata: null }

export function ask(log: SessionLog, request: LogRequest): LogAnswer {
  const given: LogAnswer[] = []
  log.submit(request, (answer) => given.push(answer))
  const [answer] = given
  if (answer === undefined || given.length > 1) throw new Error(`${request.type} was answered ${given.length} times`)
  return answer
}

export function event(data: Json): Draft {
  return { type: "event", kind: "line", data: jsonText(data), commit: false }
}

export function part(session: SessionName, drafts: readonly Draft[], settings = plain): AppendPart {
  return { session, drafts, key: undefined, contentHash: undefined, expect: undefined, create: settings }
}

/** The outcome of one part, which must have been appended. */
export function append(log: SessionLog, session: SessionName, drafts: readonly Draft[], settings = plain): Extract<AppendOutcome, { type: "appended" }> {
  const answer = ask(log, { type: "append", at: start, parts: [part(session, drafts, settings)] })
  const [outcome] = answer.type === "appended" ? answer.outcomes : []
  if (outcome?.type !== "appended") throw new Error(JSON.stringify(answer))
  return outcome
}
