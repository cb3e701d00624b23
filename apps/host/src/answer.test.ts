// The receipt is written by hand, and must be what `JSON.stringify` writes.

import fc from "fast-check"
import { cursorText, epoch, mark, position, revision, sessionName } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { receiptJson } from "./answer.ts"

const nameCharacters = "ABCxyz019._~:-"
const name = fc.string({ unit: fc.constantFrom(...nameCharacters), minLength: 1, maxLength: 20 }).filter((text) => text !== "." && text !== "..")

test("a receipt is the JSON of its fields, in their order", () => {
  const count = fc.nat(Number.MAX_SAFE_INTEGER)
  fc.assert(
    fc.property(name, count, count, fc.constantFrom("memory", "local", "written", "replicated"), (id, last, commits, durability) => {
      const point = { position: position(last), revision: revision(commits), mark: mark(last % 2 ** 48) }
      const its = epoch("FRkE-jWdQr4tuNmy", "Q7MHzE7jLSZX9r_p")
      const cursor = cursorText(sessionName("w", id), its, point)
      const receipt = { session: id, epoch: its, first: last, last, revision: commits, cursor, durability }
      expect(receiptJson(receipt)).toMatchObject({ body: JSON.stringify(receipt) })
    }),
  )
})
