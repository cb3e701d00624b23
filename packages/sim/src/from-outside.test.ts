// The package as somebody else uses it: as it would be published, in a project outside of this repository, with the README's
// own blocks as its tests; and the README's parts of an example as they stand there. It needs what `npm run build` builds; a
// run of single tests does without, and says so.

import { execFile, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const names = ["kernel", "protocol", "driver", "client", "sim"]
const missing = names.map((name) => `packages/${name}/dist/${name}.js`).filter((path) => !existsSync(join(root, path)))
const folder = mkdtempSync(join(tmpdir(), "tidemark-sim-outside-"))
const readme = readFileSync(join(root, "packages/sim/README.md"), "utf8")
const marked = readme.matchAll(/^<!-- ci: (outside as|from) (\S+) -->\n```ts\n([\s\S]*?)^```$/gm)
const blocks = [...marked].map(([, use, path = "", text = ""]) => ({ use, path, text }))

afterAll(() => rmSync(folder, { recursive: true }))

test("each block of code of the README says where it is run", () => {
  expect(blocks.length).toBe(readme.split("```ts").length - 1)
})

test("what the README shows of an example stands there, word for word", () => {
  const parts = blocks.filter(({ use }) => use === "from")
  expect(parts.length).toBe(3)
  expect(parts.filter(({ path, text }) => !readFileSync(join(root, path), "utf8").includes(text))).toEqual([])
})

test("the packages are built, or this is no CI and they are not looked at from outside", (context) => {
  context.skip(missing.length > 0 && process.env["CI"] === undefined, `run \`npm run build\`: ${missing.join(", ")} is not there`)
  expect(missing).toEqual([])
})

describe.skipIf(missing.length > 0)("from outside", { timeout: 120_000 }, () => {
  beforeAll(installPackages, 60_000)

  test("the other blocks of the README compile without Node's types, and pass", async () => {
    const files = blocks.filter(({ use }) => use === "outside as")
    for (const { path, text } of files) writeFileSync(join(folder, path), text)
    expect(await compiled()).toBe("")
    expect(await run()).toEqual([
      "campaign.test.ts: twenty runs of everything that can happen break no law: passed",
      "reader.test.ts: a connection that is cut within an event costs nothing but time: passed",
    ])
  })
})

/** What is published of each package, and a link to what the tests are compiled and run with. */
function installPackages(): void {
  const modules = join(folder, "node_modules")
  mkdirSync(join(modules, "@tidemark"), { recursive: true })
  const workspaces = names.flatMap((name) => ["--workspace", `packages/${name}`])
  execFileSync("npm", ["pack", "--silent", "--offline", "--ignore-scripts", "--pack-destination", folder, ...workspaces], { cwd: root })
  for (const name of names) {
    const into = join(modules, "@tidemark", name)
    mkdirSync(into)
    const { version }: { readonly version: string } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))
    execFileSync("tar", ["-xzf", join(folder, `tidemark-${name}-${version}.tgz`), "-C", into, "--strip-components=1"])
  }
  for (const tool of ["typescript", "vitest"]) symlinkSync(join(root, "node_modules", tool), join(modules, tool))
  const module = { module: "NodeNext", moduleResolution: "NodeNext", target: "ES2023", lib: ["ES2023", "DOM", "DOM.AsyncIterable"] }
  const checks = { strict: true, noEmit: true, skipLibCheck: true, types: [] }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n')
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...module, ...checks }, include: ["*.ts"] }))
}

/** What the compiler has to say. */
function compiled(): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(folder, "node_modules/typescript/bin/tsc"), "-p", folder], { cwd: folder }, (_, said) => resolve(said))
  })
}

interface Results {
  readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[]
}

/** Runs vitest there, as a program of its own that knows nothing of the vitest it is started by. */
async function run(): Promise<readonly string[]> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|VITE_|NODE_ENV$|TEST$|NODE_OPTIONS$)/.test(name))
  const words = [join(folder, "node_modules/vitest/vitest.mjs"), "run", "--reporter=json", "--outputFile=results.json"]
  const child = spawn(process.execPath, words, { cwd: folder, env: Object.fromEntries(inherited), stdio: ["ignore", "pipe", "pipe"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  let said = ""
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text))
  await once(child, "close")
  expect(existsSync(join(folder, "results.json")), said).toBe(true)
  const { testResults }: Results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8"))
  const told = ({ name, assertionResults }: Results["testResults"][number]) =>
    assertionResults.map(({ fullName, status }) => `${name.slice(name.lastIndexOf("/") + 1)}: ${fullName}: ${status}`)
  return testResults.flatMap(told).toSorted()
}
