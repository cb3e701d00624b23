// The lint rules hold: one violation of each is planted in a folder of its own and must be caught there, under the
// repository's own configuration. A rule that no plant covers fails, so that none is there for show.

import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { allowed, plants, type Plant } from "./planted-violations.ts"
import { read, root } from "./repository.ts"

interface Diagnostic {
  readonly filename: string
  /** As `eslint(no-var)`; a directive that excepts nothing has none. */
  readonly code?: string
  readonly message: string
}

const folder = mkdtempSync(join(tmpdir(), "tidemark-lint-"))
const caught = new Map<string, Diagnostic[]>()

function plant(path: string, code: string): void {
  mkdirSync(join(folder, dirname(path)), { recursive: true })
  writeFileSync(join(folder, path), `${code}\n`)
}

/** The files that one plant becomes. */
function plantedAt({ in: places }: Plant, number: number, piece: number): string[] {
  const name = `planted-${number}-${piece}`
  return places.map((place) => (place.endsWith(".test.ts") ? `${dirname(place)}/${name}.test.ts` : `${place}/${name}.ts`))
}

beforeAll(async () => {
  writeFileSync(join(folder, ".oxlintrc.json"), read(".oxlintrc.json"))
  plants.forEach((each, number) => each.code.forEach((code, piece) => plantedAt(each, number, piece).forEach((path) => plant(path, code))))
  for (const [path, code] of Object.entries(allowed)) plant(path, code)
  plant("packages/kernel/src/egg.ts", 'import { hen } from "./hen.ts"; export const egg = (): string => hen()')
  plant("packages/kernel/src/hen.ts", 'import { egg } from "./egg.ts"; export const hen = (): string => egg()')
  plant("packages/kernel/src/idle.ts", "// oxlint-disable-next-line no-var -- there is none\nexport const x = 1")
  const oxlint = join(root, "node_modules/oxlint/bin/oxlint")
  const run = promisify(execFile)(process.execPath, [oxlint, "--format=json"], { cwd: folder, maxBuffer: 64 * 1024 * 1024 })
  const { stdout } = await run.catch((failed: { stdout: string }) => failed)
  const report: { diagnostics: Diagnostic[] } = JSON.parse(stdout)
  for (const diagnostic of report.diagnostics) {
    const path = diagnostic.filename.replaceAll("\\", "/")
    caught.set(path, [...(caught.get(path) ?? []), diagnostic])
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("caught where it is planted", () => {
  plants.forEach((each, number) => {
    test(`${each.law} (${each.rule}, ${each.in[0]})`, () => {
      const missed = each.code.flatMap((code, piece) =>
        plantedAt(each, number, piece)
          .filter((path) => !caught.get(path)?.some(({ code: rule }) => rule === each.rule))
          .map((path) => `${dirname(path)}: ${code}`),
      )
      expect(missed).toEqual([])
    })
  })

  test("two files do not need each other (import(no-cycle))", () => {
    expect(caught.get("packages/kernel/src/egg.ts")?.map(({ code }) => code)).toEqual(["import(no-cycle)"])
  })

  test("an exception that excepts nothing is removed", () => {
    const messages = caught.get("packages/kernel/src/idle.ts")?.map(({ message }) => message.slice(0, 31))
    expect(messages).toEqual(["Unused oxlint-disable directive"])
  })
})

test("what is allowed passes", () => {
  expect(Object.keys(allowed).flatMap((path) => caught.get(path) ?? [])).toEqual([])
})

describe("nothing is there for show", () => {
  const configuration = read(".oxlintrc.json").replace(/^\s*\/\/.*$/gm, "")

  test("every rule that is switched on is planted", () => {
    const on = [...configuration.matchAll(/"((?:[a-z]+\/)?[a-z-]+)": (?:"error"|\[\s*"error")/g)].map(([, name]) => name)
    const planted = plants.map(({ rule }) => rule.replace(/^eslint\((.*)\)$/, "$1").replace(/^(\w+)\((.*)\)$/, "$1/$2"))
    const tested = new Set([...planted, "import/no-cycle", "reportUnusedDisableDirectives", "correctness"])
    expect(on.filter((name) => name !== undefined && !tested.has(name))).toEqual([])
  })

  test("every name that is forbidden is planted", () => {
    const names = [...configuration.matchAll(/"(?:name|property)": "(\w+)"/g)].map(([, name]) => name ?? "")
    const code = plants.flatMap((each) => each.code).join("\n")
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([])
  })
})
