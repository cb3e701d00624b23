// The kernel alone, in one process: it is its own log. No socket, no file, no clock, no chance: time and the epoch's
// tokens are arguments, so that this prints the same every time, byte for byte.
//
// The one thing to know: after whatever changes a session, read the readers that `pollReady()` gives. Readiness is only
// a hint; what a reader is given depends on its position alone.

import { epoch, everything, instant, jsonText, Kernel, logModel, sessionName, timestamp, type ReaderId, type ReaderStart } from "@tidemark/kernel"

const kernel = new Kernel({
  models: [logModel],
  ...{ windowEvents: 4, windowBytes: 65_536, windowAgeMs: 60_000 },
  ...{ readersPerSession: 10, recoverEvents: 100, encodesPerSecond: 2, retryMs: 100 },
})
const session = sessionName("default", "turn-7")
const now = instant(0)
const at = timestamp(Date.UTC(2026, 10, 21, 8, 30))

kernel.createSession(now, session, { epoch: epoch("example", "first"), model: "log" })
record("Hello", ", ", "world")

console.log("Ada reads from the start, then live:")
let ada = subscribe({ type: "start" })
commit("Hello, world")
readAll()

console.log("\nHer connection is cut; two more events are recorded while she is away:")
let cursor = cut(ada)
record("How", " are you?")
ada = subscribe({ type: "cursor", cursor })

console.log("\nCut again, for longer than the window is:")
cursor = cut(ada)
record("Fine", ", ", "thanks")
commit("Fine, thanks.")
record("And", " you?")
ada = subscribe({ type: "cursor", cursor })

console.log("\nThe session is closed:")
kernel.close(now, at, session, "done")
readAll()

function record(...texts: readonly string[]): void {
  for (const text of texts) kernel.record(now, at, session, { kind: "turn.text", data: jsonText(text) })
}

function commit(view: string): void {
  kernel.commit(now, at, session, { data: jsonText(view) })
}

/** A fresh reader is read once without waiting to become ready. */
function subscribe(start: ReaderStart): ReaderId {
  const outcome = kernel.subscribe(now, session, start, { filter: everything, recovery: "events" })
  if (outcome.type !== "subscribed") throw new Error(`not subscribed: ${outcome.type}`)
  read(outcome.reader)
  return outcome.reader
}

function cut(reader: ReaderId): string {
  const kept = kernel.cursorOf(reader) ?? ""
  kernel.unsubscribe(reader)
  return kept
}

function readAll(): void {
  for (let reader = kernel.pollReady(); reader !== undefined; reader = kernel.pollReady()) read(reader)
}

function read(reader: ReaderId): void {
  const outcome = kernel.read(now, reader, { events: 64, bytes: 65_536 })
  if (outcome.type === "idle") return console.log("  up to date")
  if (outcome.type === "ended") return console.log(`  ended: ${outcome.reason}`)
  if (outcome.type === "events") for (const event of outcome.batch.events) console.log(`  ${event.text}`)
  if (outcome.type === "gap" && outcome.observation !== undefined) {
    const { position, revision, view, provisional } = outcome.observation.json()
    console.log(`  gap: ${outcome.gap.reason}, ${outcome.gap.missed} missed; instead of them:`)
    console.log(`  ${JSON.stringify({ position, revision, view, provisional })}`)
  }
  read(reader)
}
