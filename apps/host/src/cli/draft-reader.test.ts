import { expect, test } from "vitest"
import { DraftReader } from "./draft-reader.ts"

function read(input: string, settings: { kind?: string; eventBytesMax?: number } = {}) {
  const reader = new DraftReader({ kind: settings.kind, eventBytesMax: settings.eventBytesMax ?? 100 })
  const first = reader.push(Buffer.from(input, "utf8"))
  const last = reader.end()
  return { drafts: [...first.drafts, ...last.drafts], refused: last.refused }
}

test("a line becomes the data of an event of its kind, its CR included", () => {
  expect(read('say "hi"\r\n\n', { kind: "line" }).drafts).toEqual([
    '{"kind":"line","data":"say \\"hi\\"\\r"}',
    '{"kind":"line","data":""}',
  ])
  expect(read("x", { kind: "build.out" }).drafts).toEqual(['{"kind":"build.out","data":"x"}'])
})

test("a line is too long by its JSON, not by its characters", () => {
  expect(read("123456\n12345678\n123456789\n1\n", { kind: "line", eventBytesMax: 10 })).toEqual({
    drafts: ['{"kind":"line","data":"123456"}', '{"kind":"line","data":"12345678"}'],
    refused: { line: 3, because: "its data is longer than 10 bytes of JSON" },
  })
  expect(read("\u0001\u0001\n", { kind: "line", eventBytesMax: 10 }).refused?.line).toBe(1)
  expect(read("☃☃\n", { kind: "line", eventBytesMax: 8 }).drafts).toEqual(['{"kind":"line","data":"☃☃"}'])
  expect(read("☃☃\n", { kind: "line", eventBytesMax: 7 }).refused?.line).toBe(1)
})

test("a draft is sent as it was written, so that no number is spelled anew", () => {
  expect(read('{"kind":"a","data":1.0}\r\n { "data" : [1,  2], "kind":"b" }\n{"kind":"c"}\n').drafts).toEqual([
    '{"kind":"a","data":1.0} ',
    ' { "data" : [1,  2], "kind":"b" }',
    '{"kind":"c"}',
  ])
})

test.each([
  ["", "it is empty"],
  ["{", "it cannot be taken as JSON, at character 2"],
  ['{"kind":"a","data":9007199254740993}', "it cannot be taken as JSON"],
  ['{"kind":"a","data":"\\ud800"}', "it cannot be taken as JSON"],
  ['{"kind":"a","kind":"b"}', "it cannot be taken as JSON"],
  ['["a"]', "it is not of the form"],
  ['"a"', "it is not of the form"],
  ["null", "it is not of the form"],
  ['{"data":1}', "it is not of the form"],
  ['{"kind":""}', "it is not of the form"],
  ['{"kind":1}', "it is not of the form"],
  ['{"kind":"a","commit":true}', 'it has a field "commit" besides kind and data'],
  [`{"kind":"a","data":"${"x".repeat(99)}"}`, "its data is longer than 100 bytes"],
])("the draft %j is refused by its line, and the one before it stands", (line, because) => {
  const { drafts, refused } = read(`{"kind":"ok"}\n${line}\n{"kind":"after"}\n`)
  expect(drafts).toEqual(['{"kind":"ok"}'])
  expect(refused?.line).toBe(2)
  expect(refused?.because).toContain(because)
})
