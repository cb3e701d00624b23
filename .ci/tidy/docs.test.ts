// The documents keep their promises: the README's commands are marked for CI and are there, the glossary's words are in
// use, the protocol's problem types are those of the code, links lead somewhere, decisions are short.

import { describe, expect, test } from "vitest"
import { readmeBlocks } from "../gate/readme-blocks.ts"
import { exists, files, isTest, read, sources } from "./repository.ts"

const documents = files.filter((path) => path.endsWith(".md"))

describe("README.md", () => {
  const blocks = exists("README.md") ? readmeBlocks(read("README.md")) : []
  const commands = blocks.flatMap((block) => (block.type === "shell" ? block.commands : []))

  test("has commands that CI runs, the main job among them", () => {
    const main = ["npm ci && npm start", "npx --no-install tidemark publish deps", "npx --no-install tidemark tail deps"]
    expect(main.filter((wanted) => !commands.some(({ text }) => text.includes(wanted)))).toEqual([])
  })

  test("marks every block of commands or code", () => {
    const left = blocks.flatMap((block) => {
      if (block.type === "unmarked") return [`line ${block.line}: no mark`]
      return block.type === "wrong" ? [`line ${block.line}: ${block.because}`] : []
    })
    expect(left).toEqual([])
  })

  test("names only scripts that are there", () => {
    const manifest: { scripts: Record<string, string> } = JSON.parse(read("package.json"))
    const wanted = [...read("README.md").matchAll(/\bnpm run ([a-z:-]+)/g)].map(([, name]) => name ?? "")
    expect(wanted.filter((name) => manifest.scripts[name] === undefined)).toEqual([])
  })

  test("calls the command line in a way that never asks a registry", () => {
    expect(commands.filter(({ text }) => /\bnpx (?!--no-install )/.test(text)).map(({ text }) => text)).toEqual([])
  })
})

test("every example is run: by the README, by a script, or by a test of its own", () => {
  const examples = sources.filter((path) => /^apps\/examples\/src\/[^/]+\.ts$/.test(path) && !isTest(path))
  const runs = ["README.md", "package.json", "apps/examples/package.json"].filter(exists).map(read).join("\n")
  const tests = files.filter((path) => path.startsWith("apps/examples/") && isTest(path)).map(read).join("\n")
  const program = (path: string) => path.replace("/src/", "/dist/").replace(/\.ts$/, ".js")
  const idle = examples.filter((path) => {
    const name = path.slice(path.lastIndexOf("/") + 1)
    return !runs.includes(program(path)) && !tests.includes(`/${name}"`) && !tests.includes(name.replace(/\.ts$/, ".js"))
  })
  expect(idle).toEqual([])
})

describe("docs/GLOSSARY.md", () => {
  const glossary = read("docs/GLOSSARY.md")
  const firstCells = [...glossary.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = ""]) => cell.split(", "))
  const terms = firstCells.filter((term) => !/^(term|-+|`\w+`)$/.test(term))

  test("has every term of the design, once", () => {
    const design = `session event position epoch text mark point floor commit activity revision view provisional observation cursor
      window history gap hole close reader producer workspace scope presence run runner driver host`
    expect(design.split(/\s+/).filter((term) => terms.filter((each) => each.toLowerCase() === term).length !== 1)).toEqual([])
  })

  test("holds only words that the code or the protocol uses", () => {
    const words = [...sources, "docs/PROTOCOL.md", "docs/SPEC.md"].map(read).join("\n").toLowerCase()
    expect(terms.filter((term) => !words.includes(term.toLowerCase()))).toEqual([])
  })

  test("leads from the names of lash to names that are there", () => {
    const code = sources.filter((path) => !isTest(path)).map(read).join("\n")
    const cells = [...glossary.matchAll(/^\| `\w+` \| (.+?) \|/gm)].map(([, cell = ""]) => cell)
    const ours = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ""))
    expect(cells.length).toBeGreaterThan(6)
    expect(ours.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([])
  })
})

describe("docs/PROTOCOL.md", () => {
  const protocol = read("docs/PROTOCOL.md")

  test("explains the eight gap reasons of the code, and no other", () => {
    const union = /export type LiveReplayGapReason =([\s\S]*?)\n\n/.exec(read("packages/kernel/src/gap.ts"))?.[1] ?? ""
    const reasons = [...union.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, reason]) => reason)
    const table = [...section(protocol, "Gaps").matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason)
    expect(table.toSorted()).toEqual(["ahead", "budget", "diverged", "epoch", "hole", "lagged", "trimmed", "unknown_log"])
    expect(reasons.toSorted()).toEqual(table.toSorted())
  })

  test("lists the problems of the code with their status, and no other", () => {
    const rows = [...section(protocol, "Problems").matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm)]
    const kinds = [...read("packages/protocol/src/problem.ts").matchAll(/^ {2}"?([a-z-]+)"?: \{ status: (\d+),/gm)]
    const named = ([, name, status]: RegExpExecArray) => `${name} ${status}`
    expect(rows.length).toBeGreaterThan(20)
    expect(kinds.map(named).toSorted()).toEqual(rows.map(named).toSorted())
  })

  test("lists the frames of the code, and no other", () => {
    const union = /export type Frame =([\s\S]*?)\n\n/.exec(read("packages/protocol/src/wire.ts"))?.[1] ?? ""
    const types = [...union.matchAll(/readonly type: "(\w+)"/g)].map(([, type]) => type)
    const table = [...section(protocol, "Streams").matchAll(/^\| `(\w+)` \| `\{|^\| `(observation|gap)` \|/gm)].map(([, a, b]) => a ?? b)
    expect(types.toSorted()).toEqual([...table, "event"].toSorted())
  })
})

/** What stands between `## title` and the next heading of that level. */
function section(markdown: string, title: string): string {
  return markdown.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? ""
}

describe("every document", () => {
  test("links to what is there", () => {
    const dead = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, target = ""]) => new URL(target, `file:///${path}`).pathname.slice(1))
        .filter((target) => !exists(target))
        .map((target) => `${path} → ${target}`),
    )
    expect(dead).toEqual([])
  })

  test("names only files that are there", () => {
    const dead = documents.flatMap((path) =>
      [...read(path).matchAll(/`((?:packages|apps|docs|\.ci)\/[\w./-]+\.\w+)`/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !exists(target))
        .map((target) => `${path} → ${target}`),
    )
    expect(dead).toEqual([])
  })
})

test("a decision is one page: a date, a claim, why, what, and what follows", () => {
  const decisions = files.filter((path) => path.startsWith("docs/adr/"))
  const wrong = decisions.filter((path) => {
    const text = read(path)
    const parts = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)
    const named = /^docs\/adr\/\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.md$/.test(path)
    return !named || text.split("\n").length > 70 || parts.join() !== "Context,Decision,Consequences"
  })
  expect(decisions.length).toBeGreaterThan(4)
  expect(wrong).toEqual([])
})
