import { expect, test } from "vitest"
import { eventText, tokenOf } from "../load/event-text.ts"
import { FaultyStream, faultKinds, parseFault } from "./fault.ts"

const frame = (position: number): Buffer => Buffer.from(`id: ${position}\ndata: ${eventText(tokenOf(0, 0, position), 0)}\n\n`)

function written(kind: (typeof faultKinds)[number]): string[] {
  const stream = new FaultyStream(kind)
  return [15, 16, 17, 18, 19].flatMap((position) => stream.frames(position, frame(position)).map((each) => /^id: (\d+)/.exec(each.toString())?.[1] ?? ""))
}

test("each kind of fault is what it is called, once", () => {
  expect(written("skip")).toEqual(["15", "16", "18", "19"])
  expect(written("duplicate")).toEqual(["15", "16", "17", "17", "18", "19"])
  expect(written("swap")).toEqual(["15", "16", "18", "17", "19"])
  expect(written("alter")).toEqual(["15", "16", "17", "18", "19"])
})

test("what is altered is another event at the same position", () => {
  const [other] = new FaultyStream("alter").frames(17, frame(17))
  expect(other?.toString()).toBe(frame(17).toString().replace("~0000000000017", "~0000000000018"))
})

test("a kind that is none is not guessed at", () => {
  expect(faultKinds.map(parseFault)).toEqual(["skip", "duplicate", "swap", "alter"])
  expect(parseFault("lose")).toBe(undefined)
})
