import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "vitest"

test("the kernel alone records, cuts, resumes and says a gap, the same every time", async () => {
  const program = fileURLToPath(new URL("../dist/embed-kernel.js", import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 })
  expect(stdout).toBe(`Ada reads from the start, then live:
  {"position":1,"revision":0,"kind":"turn.text","at":"2026-11-21T08:30:00.000Z","data":"Hello"}
  {"position":2,"revision":0,"kind":"turn.text","at":"2026-11-21T08:30:00.000Z","data":", "}
  {"position":3,"revision":0,"kind":"turn.text","at":"2026-11-21T08:30:00.000Z","data":"world"}
  up to date
  {"position":4,"revision":1,"kind":"committed","at":"2026-11-21T08:30:00.000Z","data":"Hello, world","commit":true}
  up to date

Her connection is cut; two more events are recorded while she is away:
  {"position":5,"revision":1,"kind":"turn.text","at":"2026-11-21T08:30:00.000Z","data":"How"}
  {"position":6,"revision":1,"kind":"turn.text","at":"2026-11-21T08:30:00.000Z","data":" are you?"}
  up to date

Cut again, for longer than the window is:
  gap: trimmed, 4 missed; instead of them:
  {"position":10,"revision":2,"view":"Fine, thanks.","provisional":{"events":[],"omitted":0}}
  {"position":11,"revision":2,"kind":"turn.text","at":"2026-11-21T08:30:00.000Z","data":"And"}
  {"position":12,"revision":2,"kind":"turn.text","at":"2026-11-21T08:30:00.000Z","data":" you?"}
  up to date

The session is closed:
  ended: done
`)
})
