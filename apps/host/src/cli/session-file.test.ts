import { describe, expect, test } from "vitest"
import { closedLine, readLine } from "./session-file.ts"

describe("a line of an export", () => {
  const good: readonly (readonly [line: string, entry: object])[] = [
    ['{"position":1,"revision":0,"kind":"a","at":"x","data":{"n":[1.50,null]}}', { type: "event", kind: "a", data: { n: [1.5, null] }, commit: false }],
    ['{"position":2,"revision":1,"kind":"a","at":"x","data":null,"commit":true}', { type: "event", kind: "a", data: null, commit: true }],
    ['{"kind":"a","data":false}\r', { type: "event", kind: "a", data: false, commit: false }],
    ['{"closed":{"reason":"done"}}', { type: "close", reason: "done" }],
    ['{"position":3,"revision":1,"at":"x","closed":{"reason":""}}', { type: "close", reason: "" }],
    ['{"position":3,"revision":1,"at":"x","hole":{"count":2,"reason":"disk"}}', { type: "hole", count: 2, reason: "disk" }],
    ['{"position":3,"revision":1,"at":"x","hole":{"reason":"disk"}}', { type: "hole", reason: "disk" }],
  ]
  test.each(good)("%s", (line, entry) => {
    expect(readLine(line, 7)).toEqual({ ...entry, line: 7 })
  })

  test("`__proto__` is a key like any other", () => {
    const read = readLine('{"kind":"a","data":{"__proto__":{"x":1}}}', 1)
    expect(JSON.stringify(read)).toBe('{"type":"event","line":1,"kind":"a","data":{"__proto__":{"x":1}},"commit":false}')
  })

  test("of the close is what the reader takes for it", () => {
    expect(readLine(closedLine('say "bye"'), 2)).toEqual({ type: "close", line: 2, reason: 'say "bye"' })
  })

  const notAnEntry = 'it is no entry as `tidemark export` writes them: {"kind": …, "data": …}, {"hole": …} or {"closed": …}'
  const bad: readonly (readonly [line: string, because: string])[] = [
    ["", "it is empty, and every line is an entry"],
    [" \r", "it is empty, and every line is an entry"],
    ['{"kind":"a","data":', "it cannot be taken as JSON, at character 20: A JSON value is missing here."],
    ['{"kind":"a","data":9007199254740993}', expect.stringContaining("it cannot be taken as JSON, at character 20")],
    ['"text"', notAnEntry],
    ["[]", notAnEntry],
    ["{}", notAnEntry],
    ['{"data":1}', notAnEntry],
    ['{"kind":"a","data":1,"closed":{"reason":"r"}}', notAnEntry],
    ['{"closed":{"reason":"r"},"data":1}', notAnEntry],
    ['{"closed":"r"}', notAnEntry],
    ['{"closed":null}', notAnEntry],
    ['{"hole":{}}', notAnEntry],
    ['{"hole":{"reason":"r","count":0}}', notAnEntry],
    ['{"kind":"a"}', "it has a kind and no data"],
    ['{"kind":1,"data":1}', "its kind is not a text of 1–128 characters without control characters"],
    ['{"kind":"a\\n","data":1}', "its kind is not a text of 1–128 characters without control characters"],
    ['{"kind":"a","data":1,"commit":false}', "its field commit is not true; an event that is no commit has none"],
    ['{"kind":"a","data":1,"epoch":"e"}', 'it has a field "epoch", which no entry has'],
  ]
  test.each(bad)("that is none: %s", (line, because) => {
    expect(readLine(line, 1)).toEqual({ type: "refused", because })
  })
})
