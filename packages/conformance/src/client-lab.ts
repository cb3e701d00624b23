// What the laws of a client work with: sessions that are made for one law, the answers that most of them give, and what a
// client took, brought into a form that can be compared.

import type { ClientTraits, ClientUnderTest, ClientUnderTestItem } from "./client-under-test.ts"
import type { Scripted, ScriptedLog } from "./scripted-log.ts"
import { chunked, type Answer, type ScriptedSession } from "./scripted-server.ts"

export interface ClientLab {
  readonly traits: ClientTraits
  client(): ClientUnderTest
  /** A session of its own for one law: what is in it, and what each of its connections is answered. */
  script(events: readonly Scripted[], ...answers: readonly ((log: ScriptedLog) => Answer)[]): Script
}

export interface Script {
  readonly log: ScriptedLog
  readonly session: ScriptedSession
}

/** All that follows the cursor that the client came with, through the close. */
export function serve(log: ScriptedLog): Answer {
  return (line, { cursor }) => {
    const after = log.positionOf(cursor)
    if (after === log.end) line.nothing()
    else line.cut(chunked([log.rest(after)], true))
  }
}

/** These frames, and then the connection is lost. */
export function cutAfter(frames: (log: ScriptedLog) => string): (log: ScriptedLog) => Answer {
  return (log) => (line) => line.cut(chunked([frames(log)]))
}

export function events(count: number): readonly Scripted[] {
  return Array.from({ length: count }, (_, i) => ({ data: `event ${i + 1}` }))
}

export function dataOf(items: readonly ClientUnderTestItem[]): readonly unknown[] {
  return items.flatMap((item) => (item.type === "event" ? [item.data] : []))
}

export function typesOf(items: readonly ClientUnderTestItem[]): readonly string[] {
  return items.map(({ type }) => type)
}
