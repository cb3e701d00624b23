import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { lockFile } from "./exclusive.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-lock-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Another process that locks `path` and says so. */
async function owner(path: string) {
  const built = new URL("../../dist/cli/exclusive.js", import.meta.url).href
  const script = `
    const { lockFile } = await import(${JSON.stringify(built)})
    await lockFile(process.argv[1])
    console.log("locked")
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, path], { stdio: ["ignore", "pipe", "inherit"] })
  await once(child.stdout, "data")
  return child
}

test("a file that another process has is refused, and is free as soon as that one is killed", async () => {
  const path = join(folder, "F")
  const child = await owner(path)
  await expect(lockFile(path)).rejects.toThrow(/another tidemark is writing/)
  child.kill("SIGKILL")
  await once(child, "exit")
  await lockFile(path)
  await expect(lockFile(path)).rejects.toThrow(/another tidemark is writing/)
})

test("two files do not share a lock", async () => {
  await lockFile(join(folder, "A"))
  await lockFile(join(folder, "B"))
})
