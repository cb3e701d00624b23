// Runs what the README tells a stranger to type, in the order it stands there, against the host that it starts itself.
// The host listens on a free port: `4477` in a command is replaced, and TIDEMARK_PORT and TIDEMARK_URL say the same to
// those that do not name it. `npm ci &&` is left out: the gate has just done it.
//
//   node .ci/dist/gate/run-readme.js [README.md]

import { spawn, spawnSync, type ChildProcess, type StdioOptions } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { setTimeout as pause } from "node:timers/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { readmeBlocks, type Block } from "./readme-blocks.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const commandMs = 180_000
const serveMs = 60_000

interface Running {
  readonly text: string
  readonly child: ChildProcess
  readonly ended: Promise<number>
  readonly serves: boolean
}

const background: Running[] = []
const thereBefore = new Set(readdirSync(root))
const readme = process.argv[2] ?? join(root, "README.md")
const blocks = existsSync(readme) ? readmeBlocks(readFileSync(readme, "utf8")) : []
const port = await freePort()
const url = `http://127.0.0.1:${port}`
const dataDir = mkdtempSync(join(tmpdir(), "tidemark-readme-"))
const env = { ...process.env, TIDEMARK_PORT: String(port), TIDEMARK_URL: url, TIDEMARK_DATA_DIR: dataDir }
const failures: string[] = []
let done = 0

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    endAll()
    process.exit(1)
  })
}

try {
  compileSources(blocks)
  for (const block of blocks) await runBlock(block)
  for (const each of background.toReversed()) await endBackground(each)
} finally {
  endAll()
  removeOutput()
  rmSync(dataDir, { recursive: true, force: true })
}
for (const failure of failures) console.error(`README: ${failure}`)
console.log(`README: ${done} commands and programs as promised, ${failures.length} not`)
process.exitCode = failures.length === 0 && done > 0 ? 0 : 1

async function runBlock(block: Block): Promise<void> {
  switch (block.type) {
    case "shell":
      for (const { mode, text } of block.commands) await runCommand(block.line, mode, text)
      return
    case "source":
      if (block.mode === "node") await runCommand(block.line, "run", `node "${compiledPath(block.line)}"`)
      return
    case "unmarked":
      failures.push(`the block at line ${block.line} has no mark; see .ci/gate/readme-blocks.ts`)
      return
    case "wrong":
      failures.push(`line ${block.line}: ${block.because}`)
  }
}

async function runCommand(line: number, mode: "run" | "serve" | "follow", written: string): Promise<void> {
  const text = written.replace(/^npm ci && /, "").replaceAll("4477", String(port))
  console.log(`README:${line} (${mode}) $ ${text}`)
  const running = start(text, mode === "serve")
  if (mode === "run") {
    const code = await Promise.race([running.ended, pause(commandMs, "late" as const, { ref: false })])
    if (code === "late") signalGroup(running.child, "SIGKILL")
    judge(code === 0, `line ${line}: \`${text}\` ${code === "late" ? `did not end within ${commandMs / 1_000} s` : `ended with ${code}`}`)
    return
  }
  background.push(running)
  if (mode === "serve") judge(await answers(running), `line ${line}: \`${text}\` does not answer at ${url} within ${serveMs / 1_000} s`)
}

function judge(held: boolean, otherwise: string): void {
  if (held) done++
  else failures.push(otherwise)
}

/** What the README leaves running must still be there at its end, and go when it is told to. */
async function endBackground({ child, ended, text, serves }: Running): Promise<void> {
  if (child.exitCode !== null) {
    judge(false, `\`${text}\` ended with ${child.exitCode} while it should have stayed`)
    return
  }
  signalGroup(child, "SIGTERM")
  const code = await Promise.race([ended, pause(20_000, "late" as const, { ref: false })])
  if (!serves) done++
  if (code === "late") failures.push(`\`${text}\` did not end within 20 s of SIGTERM`)
}

function endAll(): void {
  for (const { child } of background) signalGroup(child, "SIGKILL")
}

/** What the commands made at the top (`deps.txt` and the like) would change the next run. Only what git ignores is removed. */
function removeOutput(): void {
  for (const name of readdirSync(root)) {
    if (thereBefore.has(name)) continue
    const ignored = spawnSync("git", ["check-ignore", "--quiet", name], { cwd: root }).status === 0
    if (ignored) rmSync(join(root, name), { recursive: true })
  }
}

/** Runs a line in a shell and a process group of its own, so that all of a pipeline can be ended. */
function start(text: string, serves: boolean): Running {
  const stdio: StdioOptions = ["ignore", "inherit", "inherit"]
  const child = spawn("bash", ["-c", `set -o pipefail; ${text}`], { cwd: root, env, detached: true, stdio })
  const ended = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)))
  return { text, child, ended, serves }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error
  }
}

async function answers({ child }: Running): Promise<boolean> {
  for (let waited = 0; waited < serveMs && child.exitCode === null; waited += 200) {
    const healthy = await fetch(`${url}/healthz`).then((response) => response.ok, () => false)
    if (healthy) return true
    await pause(200)
  }
  return false
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))))
    })
  })
}

/** Inside node_modules, so that our packages are found and nothing is left in the work tree. */
function compiledFolder(): string {
  return join(root, "node_modules/.cache/tidemark-readme")
}

function compiledPath(line: number): string {
  return join(compiledFolder(), `dist/line-${line}.js`)
}

function compileSources(all: readonly Block[]): void {
  const folder = compiledFolder()
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const built = { composite: false, declaration: false, declarationMap: false, customConditions: [] }
  const compilerOptions = { ...built, rootDir: ".", outDir: "dist", types: ["node"] }
  const configuration = { extends: join(root, "tsconfig.base.json"), compilerOptions, include: ["*.ts"] }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n')
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(configuration))
  let sources = 0
  for (const block of all) {
    if (block.type !== "source") continue
    writeFileSync(join(folder, `line-${block.line}.ts`), `${block.text}\n`)
    sources++
  }
  if (sources === 0) return
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  const compiled = spawnSync(process.execPath, [tsc, "-p", folder], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
  judge(compiled.status === 0, "the code in the README does not compile")
}
