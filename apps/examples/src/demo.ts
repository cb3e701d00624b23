// `npm run demo`: the promise, in one terminal. A real child process is published, a reader is cut again and again and
// resumed, a gap is forced and recovered, and in the end everything is counted and compared; exit code 1 if it differs.
// It runs on a port and in a folder of its own and touches nothing else.

import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { connect, explain, observe, type ClientItem } from "@tidemark/client"

/** The memory log keeps this many entries, so that a gap can be forced: whoever is further behind gets one. */
const keptEntries = 1500
const firstLines = 1000
const secondLines = 2500
const session = "demo"

const program = join(dirname(createRequire(import.meta.url).resolve("tidemark/package.json")), "bin", "tidemark.js")
const folder = mkdtempSync(join(tmpdir(), "tidemark-demo-"))
const differences: string[] = []

const hostFlags = ["--port", "0", "--data-dir", folder, "--log", "memory", "--limit", `memory-log-events=${keptEntries}`]
const host = spawn(process.execPath, [program, "serve", ...hostFlags])
const tooLong = setTimeout(() => {
  say("This takes longer than it may; something hangs.")
  host.kill("SIGKILL")
  process.exit(1)
}, 15_000)
try {
  const url = await listening(host)
  say(`a host of its own at ${url}, which keeps the last ${keptEntries} entries of a session`)
  const kept = await cutAndResumed(url)
  await gapAndRecovered(url, kept)
} finally {
  clearTimeout(tooLong)
  host.kill("SIGTERM")
  await once(host, "exit")
  rmSync(folder, { recursive: true, force: true })
}
say("")
for (const difference of differences) say(`DIFFERENT: ${difference}`)
say(differences.length === 0 ? "Everything is the same: every line, in order, once, and every cursor." : "This must not happen.")
process.exitCode = differences.length === 0 ? 0 : 1

/** Two readers of one session, one of them cut again and again. Gives a cursor from early on, for later. */
async function cutAndResumed(url: string): Promise<string> {
  say("")
  say(`A child process prints ${firstLines} lines, and "tidemark publish" records them. Two readers follow; one is cut all the time.`)
  const whole = readLines(url, undefined, firstLines)
  const published = publishChild(url, 1, firstLines)
  const lines: string[] = []
  const cuts: number[] = []
  let cursor: string | undefined
  let early = ""
  while (lines.length < firstLines) {
    const until = Math.min(firstLines, lines.length + 60 + Math.floor(Math.random() * 120))
    const part = await readLines(url, cursor, until - lines.length)
    lines.push(...part.lines)
    cursor = part.cursor
    if (early === "") early = part.cursor
    cuts.push(lines.length)
  }
  const uncut = await whole
  const { printed } = await published
  say(`cut after position ${cuts.slice(0, -1).join(", ")}; resumed each time with the cursor it had`)
  compare("lines the child printed", printed.length, "lines the cut reader has", lines.length)
  compare("what the child printed", printed.join("\n"), "what the cut reader has, in order", lines.join("\n"))
  compare("the cursor of the reader that was never cut", uncut.cursor, "the cut reader's", cursor ?? "")
  return early
}

/** A reader that stayed away too long: told so, and given the observation that replaces what it missed. */
async function gapAndRecovered(url: string, kept: string): Promise<void> {
  const total = firstLines + secondLines
  say("")
  say(`${secondLines} more lines, while a reader stays away with its cursor from the beginning: more than the host keeps.`)
  await publishChild(url, firstLines + 1, secondLines)
  const away = await explain({ url, session }, kept)
  say(`"tidemark explain" says of it: ${away.because}`)
  const seen: ClientItem[] = []
  let last: string | undefined
  for await (const item of connect({ url, session, cursor: kept, follow: false })) {
    seen.push(item)
    last = item.cursor
  }
  const gap = seen.find((item) => item.type === "gap")?.gap
  const observation = seen.find((item) => item.type === "observation")?.observation
  const events = seen.filter((item) => item.type === "event").length
  if (gap === undefined || observation === undefined) {
    differences.push("the reader that stayed away was given no gap and no observation")
    return
  }
  say(`it is told: gap, reason "${gap.reason}", ${gap.missed} entries missed, the log holds ${gap.earliest}–${gap.head}`)
  say(`and given the observation at position ${observation.position}, then ${events} events`)
  compare("the head", total, "position it had + entries missed + events given", away.cursor.position + (gap.missed ?? 0) + events)
  compare("the session's cursor now", (await observe({ url, session })).cursor, "the recovered reader's", last ?? "")
}

interface Read {
  readonly lines: readonly string[]
  readonly cursor: string
}

/** Reads `count` lines after the cursor and cuts the connection. */
async function readLines(url: string, cursor: string | undefined, count: number): Promise<Read> {
  const lines: string[] = []
  let reached = cursor ?? ""
  const from = cursor === undefined ? ({ from: "start", missing: "wait" } as const) : { cursor }
  for await (const item of connect({ url, session, ...from })) {
    if (item.type !== "event") continue
    lines.push(String(item.event.data))
    reached = item.cursor ?? reached
    if (lines.length === count) break
  }
  return { lines, cursor: reached }
}

/** A child process that prints numbered lines, a few at a time, into `tidemark publish`. */
async function publishChild(url: string, first: number, count: number): Promise<{ readonly printed: readonly string[] }> {
  const script = `
    let next = ${first}
    const some = setInterval(() => {
      for (let i = 0; i < ${Math.ceil(count / 40)} && next < ${first + count}; i++) console.log("line " + next++ + "·".repeat(next % 40))
      if (next === ${first + count}) clearInterval(some)
    }, 25)`
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] })
  const publish = spawn(process.execPath, [program, "publish", session, "--url", url], { stdio: ["pipe", "inherit", "pipe"] })
  let printed = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text))
  child.stdout.pipe(publish.stdin)
  publish.stderr.setEncoding("utf8").on("data", (text: string) => say(text.trimEnd()))
  const [code] = await once(publish, "close")
  if (code !== 0) differences.push(`publish ended with exit code ${code}`)
  return { printed: printed.split("\n").slice(0, -1) }
}

function compare<Value extends string | number>(what: string, value: Value, other: string, otherValue: Value): void {
  const same = value === otherValue
  const shown = typeof value === "number" ? ` (${value}${same ? "" : ` and ${otherValue}`})` : ""
  say(`${same ? "same     " : "DIFFERENT"}  ${what} = ${other}${shown}`)
  if (!same) differences.push(`${what}, and ${other}`)
}

/** Until it says where. */
function listening(process: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ""
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
      if (url !== undefined) resolve(url)
    }
    process.stdout?.on("data", hear)
    process.stderr?.on("data", hear)
    process.once("exit", () => reject(new Error(`the host did not start: ${said}`)))
  })
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
