// How the README's marks are read: what CI runs, what it passes over on purpose, and what it will not pass over.

import { describe, expect, test } from "vitest"
import { readmeBlocks } from "../gate/readme-blocks.ts"

/** A fenced block, with a mark before it or without. */
function fenced(mark: string | undefined, language: string, ...body: string[]): string {
  return ["Text.", ...(mark === undefined ? [] : ["", `<!-- ci: ${mark} -->`, ""]), `\`\`\`${language}`, ...body, "```", ""].join("\n")
}

describe("a block of commands", () => {
  test("is one command per line, without comments for the reader, lines joined at a backslash", () => {
    expect(readmeBlocks(fenced("run", "sh", "npm ci && npm start   # terminal 1", "", "# nothing", "a \\", "  b#c | d"))).toEqual([
      {
        type: "shell",
        line: 5,
        commands: [
          { mode: "run", text: "npm ci && npm start" },
          { mode: "run", text: "a    b#c | d" },
        ],
      },
    ])
  })

  test("may have a mark for each of its commands, as many as there are", () => {
    expect(readmeBlocks(fenced("serve, follow", "", "a", "b"))).toMatchObject([{ commands: [{ mode: "serve" }, { mode: "follow" }] }])
    expect(readmeBlocks(fenced("serve, follow", "", "a"))).toMatchObject([{ type: "wrong", because: "2 marks for 1 commands" }])
    expect(readmeBlocks(fenced("walk", "", "a"))).toMatchObject([{ type: "wrong" }])
  })
})

describe("a block of code", () => {
  test("is compiled, or compiled and run", () => {
    expect(readmeBlocks(fenced("node", "ts", "a", "b"))).toEqual([{ type: "source", line: 5, mode: "node", text: "a\nb" }])
    expect(readmeBlocks(fenced("run", "ts", "a"))).toMatchObject([{ type: "wrong", because: "a ts block is compile or node, not run" }])
  })
})

describe("a block without a mark", () => {
  test("is noticed if somebody might type it", () => {
    const blocks = readmeBlocks(fenced(undefined, "", "a") + fenced(undefined, "ts", "b"))
    expect(blocks.map(({ type }) => type)).toEqual(["unmarked", "unmarked"])
  })

  test("is none of ours if it is no commands and no code, or says why it is not run", () => {
    expect(readmeBlocks(fenced(undefined, "json", "{}") + fenced("no, because it needs a browser", "sh", "a"))).toEqual([])
  })
})

test("a mark counts for the block that follows it, and no other", () => {
  expect(readmeBlocks(`${fenced("run", "", "a")}${fenced(undefined, "", "b")}`).map(({ type }) => type)).toEqual(["shell", "unmarked"])
})
