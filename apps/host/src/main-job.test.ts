// The main job, on real processes: a child prints 5,000 lines, `publish` records them, and readers that are killed and
// interrupted at random points end up with what the child printed, every line once, in order. Where it is cut is drawn
// from a seed; a failure names it, and `TIDEMARK_TEST_SEED=<seed>` draws the same cuts again.

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as elapsed } from "node:timers/promises"
import { afterEach, beforeEach, expect, test } from "vitest"
import { Spawned, startHost, tidemark, tidemarkOpen, type RunningHost } from "./cli/spawned.testing.ts"
import { randomFrom, testSeed } from "./waiting.testing.ts"

const linesTotal = 5000

/** Prints as many of its lines as it is told to: short, long, empty, with CR, beyond ASCII. */
const talker = `
let next = 1
const line = (n) => n % 7 === 0 ? "" : n % 11 === 0 ? "progress " + n + "\\r" : n % 97 === 0 ? "x".repeat(3000) + n : "☃ line " + n
let asked = ""
process.stdin.on("data", (chunk) => {
  asked += chunk
  for (let end = asked.indexOf("\\n"); end >= 0; end = asked.indexOf("\\n")) {
    let text = ""
    for (let left = Number(asked.slice(0, end)); left > 0 && next <= ${linesTotal}; left--) text += line(next++) + "\\n"
    process.stdout.write(text)
    asked = asked.slice(end + 1)
  }
})
`

let folder = ""
let host: RunningHost
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-main-job-"))
  host = await startHost()
})
afterEach(async () => {
  await host.stop()
  rmSync(folder, { recursive: true, force: true })
})

test("readers that are killed and interrupted twenty times end up with what the child printed, every line once, in order", async () => {
  const seed = testSeed()
  const random = randomFrom(seed)
  const output = join(folder, "deps.txt")
  const outputWords = ["tail", "deps", "--url", host.url, "--output", output, "--cursor-file", join(folder, "deps.cursor")]
  const pipedWords = ["tail", "deps", "--url", host.url, "--cursor-file", join(folder, "piped.cursor")]
  const publishWords = ["publish", "deps", "--url", host.url, "--producer", "talker"]

  const child = new Spawned(process.execPath, ["-e", talker])
  const publish = tidemarkOpen(publishWords)
  child.child.stdout?.on("data", (chunk: Buffer) => publish.child.stdin?.write(chunk))
  let told = 0
  const tell = (lines: number): void => {
    const more = Math.min(lines, linesTotal - told)
    told += more
    child.child.stdin?.write(`${more}\n`)
  }

  let piped = ""
  const cuts = shuffled(random, [...Array<"kill">(12).fill("kill"), ...Array<"interrupt">(8).fill("interrupt")])
  for (const cut of cuts) {
    if (random() < 0.6) tell(Math.floor(random() * 300)) // published while nobody reads
    const tail = tidemark(cut === "kill" ? outputWords : pipedWords)
    const began = cut === "kill" ? sizeOf(output) : 0
    const grown = Math.floor(random() * 20_000)
    tell(Math.floor(random() * 300))
    if (random() < 0.5) await elapsed(random() * 400) // perhaps before it has even connected
    else await soon(() => (cut === "kill" ? sizeOf(output) - began : tail.outBytes) >= grown, 600)
    tail.kill(cut === "kill" ? "SIGKILL" : "SIGINT")
    const ended = await tail.ended
    if (cut === "kill") {
      expect(ended.signal, `seed ${seed}: it ended by itself: ${ended.stderr}`).toBe("SIGKILL")
    } else {
      const asked = ended.code === 130 || ended.signal === "SIGINT" // the latter before it had begun to listen
      expect(asked, `seed ${seed}: ${ended.stderr}`).toBe(true)
      piped += ended.stdout
    }
  }

  tell(linesTotal)
  child.child.stdin?.end()
  const { stdout: printed } = await child.ended
  publish.child.stdin?.end()
  const published = await publish.ended
  expect(published.code, published.stderr).toBe(0)
  const last = await tidemark([...outputWords, "--no-follow"]).ended
  expect(last.code, last.stderr).toBe(0)
  const rest = await tidemark([...pipedWords, "--no-follow"]).ended
  expect(rest.code, rest.stderr).toBe(0)

  expect(printed.split("\n").length - 1).toBe(linesTotal)
  expect(readFileSync(output, "utf8") === printed, `the output file is not what was printed; seed ${seed}`).toBe(true)
  expect(piped + rest.stdout === printed, `standard output is not what was printed; seed ${seed}`).toBe(true)

  const again = await tidemark(publishWords, printed).ended
  expect(again.code, again.stderr).toBe(0)
  expect(again.stderr).toContain("0 lines published to deps, 5,000 lines had been published before")
  const session = await tidemark(["sessions", "--json", "--url", host.url]).ended
  expect(JSON.parse(session.stdout)).toMatchObject({ session: "deps", earliest: 1, head: linesTotal })
})

test("a publish that is killed and started again with its producer's name records every line once", async () => {
  const seed = testSeed()
  const random = randomFrom(seed)
  const input = Array.from({ length: linesTotal }, (_, i) => `line ${i + 1}\n`).join("")
  const words = ["publish", "deps", "--url", host.url, "--producer", "once"]
  for (let life = 0; life < 6; life++) {
    const publish = tidemarkOpen(words)
    publish.child.stdin?.write(input.slice(0, random() * input.length)) // it may end in the middle of a line
    await elapsed(150 + random() * 250)
    publish.kill("SIGKILL")
    await publish.ended
  }
  const finished = await tidemark(words, input).ended
  expect(finished.code, finished.stderr).toBe(0)
  const { stdout } = await tidemark(["tail", "deps", "--url", host.url, "--no-follow"]).ended
  expect(stdout === input, `what was recorded is not the input; seed ${seed}`).toBe(true)
})

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** Until `holds`, or `withinMs` have passed: where the cut falls is chance anyway. */
async function soon(holds: () => boolean, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs
  while (!holds() && performance.now() < until) await elapsed(2)
}

function shuffled<Value>(random: () => number, values: readonly Value[]): readonly Value[] {
  return values.map((value) => ({ value, at: random() })).sort((a, b) => a.at - b.at).map(({ value }) => value)
}
