// The suites as somebody else uses them: the packages as they would be published, in a project outside of this repository,
// with the README's own blocks as its tests. What a package forgot to name or to publish is missing there. It needs what
// `npm run build` builds; a run of single tests does without, and says so.

import { execFile, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const names = ["kernel", "protocol", "driver", "client", "conformance"]
const host = join(root, "apps/host/bin/tidemark.js")
const missing = [...names.map((name) => `packages/${name}/dist/${name}.js`), "apps/host/dist/main.js"].filter((path) => !existsSync(join(root, path)))
const folder = mkdtempSync(join(tmpdir(), "tidemark-from-outside-"))

afterAll(() => rmSync(folder, { recursive: true }))

test("the packages are built, or this is no CI and they are not looked at from outside", (context) => {
  context.skip(missing.length > 0 && process.env["CI"] === undefined, `run \`npm run build\`: ${missing.join(", ")} is not there`)
  expect(missing).toEqual([])
})

describe.skipIf(missing.length > 0)("from outside", { timeout: 120_000 }, () => {
  beforeAll(installPackages, 60_000)

  test("every block of the README compiles, and passes against a log, a window, a server and a client", async () => {
    const blocks = readmeBlocks()
    for (const [file, text] of blocks) writeFileSync(join(folder, file), text)
    writeFileSync(join(folder, "my-log.ts"), ownLog())
    expect([...blocks.keys()]).toEqual(["my-log.test.ts", "my-store.test.ts", "my-server.test.ts", "my-client.test.ts"])
    expect(await compiled()).toBe("")
    const url = await startServer()
    const { passed, failed, skipped } = await run([...blocks.keys()], { SERVER_URL: url })
    expect(failed).toEqual([])
    const left: unknown = await (await fetch(`${url}/v1/sessions`)).json()
    expect(left, "each law deletes the sessions that it made").toMatchObject({ sessions: [] })
    expect(skipped).toEqual([
      "client: mine gaps an observation comes with its position and its view, and brings the cursor to go on from",
      "live replay store: a window the door L7 where no log is kept, a cursor behind the head is gap `unknown_log`",
    ])
    expect(passed.length).toBeGreaterThan(150)
  })

  test("a log that breaks a law fails by that law's name, and what it cannot do is listed as skipped", async () => {
    const broken = ownLog().replace("meets(expect, this.epoch, this.#last)", "true")
    expect(broken).not.toBe(ownLog())
    writeFileSync(join(folder, "my-log.ts"), broken)
    const block = readmeBlocks().get("my-log.test.ts") ?? ""
    writeFileSync(join(folder, "broken.test.ts"), block.replace("reopen: open, ", ""))
    const { passed, failed, skipped } = await run(["broken.test.ts"])
    expect(failed.map((name) => name.replace("session log: MyLog ", ""))).toEqual([
      "appending L4 an expectation that does not hold appends nothing and is answered with the actual epoch and place",
      "appending each part of a request stands or falls alone, in order",
      "idempotency keys L4 an append that was refused leaves its key free",
    ])
    expect(skipped).toContain("session log: MyLog restarts L4 keys are remembered over a restart")
    expect(passed.length).toBeGreaterThan(50)
  })
})

/** What is published of each package, and a link to each of its peers: nothing that a manifest does not name is found. */
function installPackages(): void {
  const modules = join(folder, "node_modules")
  mkdirSync(join(modules, "@tidemark"), { recursive: true })
  mkdirSync(join(modules, "@types"))
  const workspaces = names.flatMap((name) => ["--workspace", `packages/${name}`])
  execFileSync("npm", ["pack", "--silent", "--offline", "--ignore-scripts", "--pack-destination", folder, ...workspaces], { cwd: root })
  const peers = new Set(["typescript", "@types/node"])
  for (const name of names) {
    const into = join(modules, "@tidemark", name)
    mkdirSync(into)
    const { version, peerDependencies = {} }: Manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))
    execFileSync("tar", ["-xzf", join(folder, `tidemark-${name}-${version}.tgz`), "-C", into, "--strip-components=1"])
    for (const peer of Object.keys(peerDependencies)) peers.add(peer)
  }
  for (const peer of peers) symlinkSync(join(root, "node_modules", peer), join(modules, peer))
  const module = { module: "NodeNext", moduleResolution: "NodeNext", target: "ES2023", lib: ["ES2023", "DOM", "DOM.AsyncIterable"] }
  const checks = { strict: true, noEmit: true, allowImportingTsExtensions: true, skipLibCheck: true, types: ["node"] }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n')
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...module, ...checks }, include: ["*.ts"] }))
}

interface Manifest {
  readonly version: string
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The README's blocks, by the file that each says it is. */
function readmeBlocks(): ReadonlyMap<string, string> {
  const readme = readFileSync(join(root, "packages/conformance/README.md"), "utf8")
  const marked = [...readme.matchAll(/^<!-- ci: outside as (\S+) -->\n```ts\n([\s\S]*?)^```$/gm)]
  expect(marked.length, "each block of code says as which file it is run").toBe(readme.split("```ts").length - 1)
  return new Map(marked.map(([, file = "", text = ""]) => [file, text]))
}

/** The example's log under another name: it knows the published names only. */
function ownLog(): string {
  return readFileSync(join(root, "apps/examples/src/own-log.ts"), "utf8").replaceAll("OwnLog", "MyLog")
}

/** What the compiler has to say. */
function compiled(): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(folder, "node_modules/typescript/bin/tsc"), "-p", folder], { cwd: folder }, (_, said) => resolve(said))
  })
}

interface Results {
  readonly testResults: readonly { readonly message: string; readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[]
}

/** Runs vitest there, as a program of its own that knows nothing of the vitest it is started by. */
async function run(files: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|VITE_|NODE_ENV$|TEST$|NODE_OPTIONS$)/.test(name))
  const words = [join(folder, "node_modules/vitest/vitest.mjs"), "run", "--reporter=json", "--outputFile=results.json", ...files]
  const child = spawn(process.execPath, words, { cwd: folder, env: { ...Object.fromEntries(inherited), ...env }, stdio: ["ignore", "pipe", "pipe"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  let said = ""
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text))
  await once(child, "close")
  expect(existsSync(join(folder, "results.json")), said).toBe(true)
  const results: Results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8"))
  rmSync(join(folder, "results.json"))
  expect(results.testResults.filter(({ assertionResults }) => assertionResults.length === 0).map(({ message }) => message)).toEqual([])
  const all = results.testResults.flatMap(({ assertionResults }) => assertionResults)
  const of = (...statuses: readonly string[]) => all.flatMap(({ status, fullName }) => (statuses.includes(status) ? [fullName] : [])).sort()
  return { passed: of("passed"), failed: of("failed"), skipped: of("skipped", "pending") }
}

/** The address of this repository's host, which the suite meets over HTTP only; gone when the test is over. */
async function startServer(): Promise<string> {
  const child = spawn(process.execPath, [host, "serve", "--port", "0", "--log", "memory"], { stdio: ["ignore", "pipe", "pipe"] })
  onTestFinished(async () => {
    child.kill("SIGKILL")
    if (child.exitCode === null && child.signalCode === null) await once(child, "close")
  })
  return new Promise((resolve, reject) => {
    let said = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
        if (found !== undefined) resolve(found)
      })
    }
    child.once("close", () => reject(new Error(`the server ended before it listened: ${said}`)))
  })
}
