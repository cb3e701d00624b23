import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, describeSessionLog, describeSessionLogAgainstModel, modelLimits } from "@tidemark/conformance"
import { jsonText, sessionName, timestamp } from "@tidemark/kernel"
import type { LogRequest } from "@tidemark/driver"
import { expect, onTestFinished, test } from "vitest"
import { OwnLog } from "./own-log.ts"

const limits = { keyAgeMs: 60_000, keysPerSession: 20, keysPerProducer: 8, sessionsPerWorkspace: 12 }

/** A log in a folder of its own, as often as it is opened; the one before is left as a killed process leaves it. */
function fresh(of = limits) {
  const folder = mkdtempSync(join(tmpdir(), "own-log-"))
  const path = join(folder, "log.jsonl")
  const logs: OwnLog[] = []
  const open = () => {
    const log = new OwnLog(path, of)
    logs.push(log)
    return log
  }
  const close = () => {
    rmSync(folder, { recursive: true })
    for (const log of logs) log.close()
  }
  return { path, log: open(), limits: of, reopen: open, close }
}

describeSessionLog("OwnLog", () => fresh())

describeSessionLogAgainstModel("OwnLog", () => fresh({ ...limits, ...modelLimits }), undefined, 60)

const ada = sessionName("lab", "ada")
const create = { model: "log", retention: {}, metadata: null }

function append(text: string): LogRequest {
  const draft = { type: "event", kind: "line", data: jsonText(text), commit: false } as const
  const part = { session: ada, drafts: [draft], key: undefined, contentHash: undefined, expect: undefined, create }
  return { type: "append", at: timestamp(1_234_567_890_000), parts: [part] }
}

test("a last line that was cut off is gone, at whatever byte, and everything before it is there", async () => {
  const { path, log, reopen, close } = fresh()
  onTestFinished(close)
  await ask(log, append("one"))
  const whole = readFileSync(path)
  await ask(log, append("two"))
  const longer = readFileSync(path)
  for (let bytes = whole.length; bytes < longer.length; bytes += 7) {
    writeFileSync(path, longer.subarray(0, bytes))
    const reopened = reopen()
    expect(await ask(reopened, { type: "head", session: ada })).toMatchObject({ head: { head: { position: 1 } } })
    expect(await ask(reopened, append("again"))).toMatchObject({ outcomes: [{ type: "appended", first: 2 }] })
  }
})

test("a line that is none of its own is refused with the line's number, and the file is left as it was", () => {
  const { path, reopen, close } = fresh()
  onTestFinished(close)
  appendFileSync(path, "nonsense\n")
  const before = readFileSync(path, "utf8")
  expect(reopen).toThrow("log.jsonl: line 2 is no fact of this log")
  expect(readFileSync(path, "utf8")).toBe(before)
})

test("a log that could not write says that nobody knows, and answers nothing after that", async () => {
  const { log, close } = fresh()
  onTestFinished(() => expect(close).toThrow("bad file descriptor")) // it is closed already
  await ask(log, append("one"))
  log.close()
  expect(await ask(log, append("two"))).toMatchObject({ type: "failed", effect: "unknown" })
  expect(await ask(log, { type: "head", session: ada })).toMatchObject({ type: "failed", effect: "none" })
})
