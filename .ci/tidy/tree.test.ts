// The source tree keeps its shape: what may stand at the top, what files may be called, how long they may be, how they
// open, and what they may not say. A new exception is a line in one of the lists below, with its reason.

import { describe, expect, test } from "vitest"
import { files, isEntry, isTest, occurrences, read, sources, texts } from "./repository.ts"

const top = [
  ".ci",
  ".gitignore",
  ".npmrc",
  ".oxlintrc.json",
  "LICENSE",
  "README.md",
  "apps",
  "docs",
  "package-lock.json",
  "package.json",
  "packages",
  "tsconfig.base.json",
  "tsconfig.json",
  "tsconfig.test.json",
  "vitest.config.ts",
  "vitest.workspace.ts",
]

/** Longer than `sourceLinesMax`, and why it stays one file. */
const longFiles: Readonly<Record<string, number>> = {
  // A table, read entry by entry.
  ".ci/mutants/table.ts": 700,
}

const sourceLinesMax = 450
const testLinesMax = 650
const linesMin = 12
/** We write up to 140; beyond this nobody reads. */
const columnsMax = 160

/** This folder spells out what it forbids. */
const notTidy = (path: string) => !path.startsWith(".ci/tidy/")

function lines(path: string): string[] {
  return read(path).replace(/\n$/, "").split("\n")
}

/** Lines of the comment that a file opens with, after a `#!` line. */
function openingLines(path: string): number {
  const all = lines(path).filter((line, i) => i > 0 || !line.startsWith("#!"))
  if (all[0]?.startsWith("/*")) return all.findIndex((line) => line.includes("*/")) + 1
  const end = all.findIndex((line) => !line.startsWith("//"))
  return end === -1 ? all.length : end
}

/** The source that a test stands beside: `x.ts` of `x.test.ts` and of `x.property.test.ts`. */
function subject(path: string): string {
  return path.replace(/(\.property)?\.test\.ts$/, ".ts")
}

describe("shape", () => {
  test("the top level holds what was agreed and nothing else", () => {
    expect([...new Set(files.map((path) => path.split("/")[0]))].sort()).toEqual([...top].sort())
  })

  test("no file is named after what it is made of instead of what it is for", () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|types|constants|index)(\.test)?\.[cm]?[jt]sx?$/
    expect(files.filter((path) => vague.test(path))).toEqual([])
  })

  test("names of files are lower-case words joined by hyphens", () => {
    const hyphened = /^\.?[a-z0-9-]+(\/[a-z0-9-]+)+(\.(property\.test|test|testing|bench|config))?\.[cm]?[jt]s$/
    expect(sources.filter((path) => !hyphened.test(path))).toEqual([])
  })

  test("no source is longer than a person reads in one sitting", () => {
    const long = sources.filter((path) => lines(path).length > (longFiles[path] ?? (isTest(path) ? testLinesMax : sourceLinesMax)))
    expect(long.map((path) => `${path}: ${lines(path).length} lines`)).toEqual([])
  })

  test("the list of long files names only files that need it", () => {
    expect(Object.keys(longFiles).filter((path) => !sources.includes(path) || lines(path).length <= sourceLinesMax)).toEqual([])
  })

  test("no source is too short to be a file", () => {
    const mayBeShort = (path: string) => isEntry(path) || isTest(path) || /\/bin\/|\.config\.ts$/.test(path)
    const short = sources.filter((path) => lines(path).length < linesMin && !mayBeShort(path))
    expect(short.map((path) => `${path}: ${lines(path).length} lines`)).toEqual([])
  })

  test("every source opens by saying what lives there; a test beside its subject need not say it again", () => {
    const explained = (path: string) => isTest(path) && sources.includes(subject(path))
    expect(sources.filter((path) => openingLines(path) < 1 && !explained(path))).toEqual([])
  })

  test("an entry file defines nothing", () => {
    const definition = /^(export )?(declare )?(abstract |async )?(const|let|function|class|interface)\b/m
    expect(sources.filter(isEntry).filter((path) => definition.test(read(path)))).toEqual([])
  })
})

describe("writing", () => {
  test("nothing is left for later in a comment", () => {
    expect(occurrences(texts.filter(notTidy), /\b(TODO|FIXME|XXX|HACK)\b/g)).toEqual([])
  })

  test("no test is left out or left alone", () => {
    expect(occurrences(sources.filter(notTidy), /\b(test|it|describe|bench)(\.\w+)*\.(only|skip|todo)\b/g)).toEqual([])
  })

  test("lines end without semicolons, tabs or spaces", () => {
    expect(occurrences(sources, /^(?!\s*(\/\/|\/?\*|while|for)).*;$/g)).toEqual([])
    expect(occurrences(sources, /\t|[ \t]+$/g)).toEqual([])
  })

  test("a line is not longer than an eye follows", () => {
    const long = sources.flatMap((path) => lines(path).flatMap((line, i) => (line.length > columnsMax ? [`${path}:${i + 1}`] : [])))
    expect(long).toEqual([])
  })

  test("imports are quoted twice", () => {
    expect(occurrences(sources, /^\s*(import|export)\b.*\bfrom '/g)).toEqual([])
  })

  test("no banner divides a file into sections", () => {
    expect(occurrences(sources, /^\s*(\/\/|\*)\s*([-=*#~─═]\s?){4,}.*/g)).toEqual([])
  })

  test("a file ends with one line end", () => {
    expect(texts.filter((path) => read(path) !== "" && !/[^\n]\n$/.test(read(path)))).toEqual([])
  })
})

describe("nothing of the machine it was written on", () => {
  test("no file names a registry", () => {
    expect(occurrences(texts.filter(notTidy), /registry\.[a-z0-9-]+\.[a-z]+|\b(artifactory|jfrog|verdaccio|npm\.pkg)\b/gi)).toEqual([])
  })

  test("no file names a path of a machine", () => {
    const machine = /(?<![\w.~-])\/(root|work|home|tmp|Users|private|mnt)(?=\/|["'`\s)]|$)/g
    expect(occurrences(texts.filter(notTidy), machine)).toEqual([])
  })
})

describe("exceptions to the lint rules", () => {
  const directives = sources.filter(notTidy).flatMap((path) =>
    lines(path).flatMap((line, i) => (/(ox|es)lint-disable/.test(line) ? [{ path, at: `${path}:${i + 1}`, line }] : [])),
  )

  test("each is for one line, names its rule, and says why", () => {
    const shape = /\/\/ oxlint-disable(-next)?-line [a-z/-]+ -- \S.{8,}$/
    expect(directives.filter(({ line }) => !shape.test(line)).map(({ at }) => at)).toEqual([])
  })

  test("a package holds at most one cast, marked as such", () => {
    const casts = directives.filter(({ line }) => line.includes("consistent-type-assertions"))
    const packages = casts.map(({ path }) => path.split("/").slice(0, 2).join("/"))
    expect(packages.filter((name, i) => packages.indexOf(name) !== i)).toEqual([])
  })

  test("only a cast and the one conversion of a timestamp are excepted in the pure packages", () => {
    const pure = directives.filter(({ path }) => /^packages\/(kernel|protocol|driver)\/src\//.test(path) && !isTest(path))
    const others = pure.filter(({ line }) => !line.includes("consistent-type-assertions"))
    expect(others.map(({ path }) => path)).toEqual(["packages/kernel/src/entry.ts"])
  })
})

test("a pure package loads nothing while it runs", () => {
  const pure = sources.filter((path) => /^packages\/(kernel|protocol|driver|sim)\/src\/(?!cli\/)/.test(path) && !isTest(path))
  expect(occurrences(pure, /\bimport\s*\(|\brequire\s*\(/g)).toEqual([])
})
