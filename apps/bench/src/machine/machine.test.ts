import { expect, test } from "vitest"
import { halves } from "./machine.ts"

test("server and load get a half of the cores each, and the words say which", () => {
  expect(halves([0, 1], true)).toEqual({ server: "0", load: "1", words: "server on core 0, load on core 1" })
  expect(halves([2, 3, 6, 7, 8], true)).toEqual({ server: "2,3", load: "6,7,8", words: "server on core 2,3, load on core 6,7,8" })
})

test("where nothing can be pinned it is said, never passed over", () => {
  expect(halves([0], true)).toEqual({ server: undefined, load: undefined, words: "not pinned: there is one core; server and load share it" })
  expect(halves([0, 1], false).words).toBe("not pinned: there is no taskset; server and load may share a core")
})
