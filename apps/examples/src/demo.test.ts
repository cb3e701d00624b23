import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "vitest"

test("the demo keeps its promise within 15 seconds and says so", async () => {
  const demo = fileURLToPath(new URL("../dist/demo.js", import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [demo], { timeout: 20_000 })
  expect(stdout).toContain('reason "trimmed"')
  expect(stdout.trimEnd().split("\n").at(-1)).toBe("Everything is the same: every line, in order, once, and every cursor.")
})
