import { jsonText, sessionName, timestamp, type Draft } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { diskLimits, fakeSettings } from "./fake-settings.ts"
import { FakeDisk } from "./fake-disk.ts"

const ada = sessionName("lab", "ada")
const create = { model: "log", retention: {}, metadata: null }

function freshDisk(): FakeDisk {
  return new FakeDisk({ limits: diskLimits(fakeSettings) })
}

function append(disk: FakeDisk, ...texts: readonly string[]): void {
  const drafts = texts.map((text): Draft => ({ type: "event", kind: "said", data: jsonText(text), commit: false }))
  disk.apply({ type: "append", at: timestamp(1_000), parts: [{ session: ada, drafts, key: undefined, contentHash: undefined, expect: undefined, create }] })
}

function texts(disk: FakeDisk): readonly string[] {
  return disk.entriesOf(ada).flatMap((entry) => (entry.type === "event" ? [String(entry.event().data)] : []))
}

test("restored to all of its changes it is what it was, to the mark", () => {
  const disk = freshDisk()
  append(disk, "a", "b")
  append(disk, "c")
  const before = [disk.headOf(ada), disk.entriesOf(ada).map(({ text }) => text)]
  disk.restore(disk.length, false)
  expect([disk.headOf(ada), disk.entriesOf(ada).map(({ text }) => text)]).toEqual(before)
  expect(texts(disk)).toEqual(["a", "b", "c"])
})

test("a lost tail is gone, and what is appended then stands at its positions with other marks, in the same epoch", () => {
  const disk = freshDisk()
  append(disk, "a")
  append(disk, "b")
  const before = disk.headOf(ada)
  disk.restore(1, false)
  expect(texts(disk)).toEqual(["a"])
  append(disk, "c")
  const after = disk.headOf(ada)
  expect(after?.epoch).toBe(before?.epoch)
  expect([before?.head.position, after?.head.position]).toEqual([2, 2])
  expect(after?.head.mark).not.toBe(before?.head.mark)
})

test("another generation is another epoch for every session, with the same entries", () => {
  const disk = freshDisk()
  append(disk, "a")
  append(disk, "b")
  const before = disk.headOf(ada)
  disk.restore(1, true)
  expect(texts(disk)).toEqual(["a"])
  expect(disk.headOf(ada)?.epoch).not.toBe(before?.epoch)
})

test("reads and snapshots are played again under the new generation's epoch", () => {
  const disk = freshDisk()
  append(disk, "a", "b", "c")
  const head = disk.headOf(ada)
  if (head === undefined) throw new Error("the session is there")
  disk.apply({ type: "save", session: ada, epoch: head.epoch, snapshot: { point: head.head, modelVersion: 1, shown: { view: 1, provisional: null } } })
  disk.apply({ type: "trim", session: ada, epoch: head.epoch, keep: { events: 1 }, at: timestamp(2_000) })
  expect(texts(disk)).toEqual(["c"])
  disk.restore(disk.length, true)
  expect(texts(disk)).toEqual(["c"])
})

test("tokens are never used again: a session that is made anew after a loss has an epoch that never was", () => {
  const disk = freshDisk()
  const epochs: (string | undefined)[] = []
  for (let i = 0; i < 5; i++) {
    append(disk, "a")
    epochs.push(disk.headOf(ada)?.epoch)
    disk.restore(0, i % 2 === 1)
    expect(disk.headOf(ada)).toBe(undefined)
  }
  expect(new Set(epochs).size).toBe(5)
})

test("whoever watches is told of every request with its answer, and of what was restored", () => {
  const disk = freshDisk()
  const told: string[] = []
  disk.watch({
    applied: (request, answer) => told.push(`${request.type} ${answer.type}`),
    restored: (kept, generation) => told.push(`${kept} kept${generation === undefined ? "" : ", another generation"}`),
  })
  append(disk, "a")
  disk.apply({ type: "head", session: ada })
  disk.restore(1, false)
  disk.restore(0, true)
  disk.apply({ type: "head", session: ada })
  expect(told).toEqual(["append appended", "head head", "1 kept", "0 kept, another generation", "head absent"])
  expect(disk.length).toBe(0)
})
