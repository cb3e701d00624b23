import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { parseCursorFile } from "./cursor-file.ts"
import { CommandFailure } from "./exit.ts"
import { OutputFile, planOutput, refuseSharedPath } from "./output-file.ts"

describe("the plan", () => {
  test("without either file, the cursor file comes first", () => {
    expect(planOutput(undefined, undefined)).toEqual({ type: "fresh" })
    expect(planOutput(undefined, 0)).toEqual({ type: "fresh" })
  })

  test("an output file with something in it and no cursor file is refused", () => {
    expect(planOutput(undefined, 1).type).toBe("refused")
  })

  test("what the output file has beyond the cursor file is cut off", () => {
    expect(planOutput({ cursor: "c", bytes: 10 }, 17)).toEqual({ type: "continue", cursor: "c", bytes: 10 })
    expect(planOutput({ cursor: null, bytes: 0 }, 17)).toEqual({ type: "continue", cursor: null, bytes: 0 })
  })

  test("an output file that is shorter than the cursor file says is refused, and so is one that is gone", () => {
    expect(planOutput({ cursor: "c", bytes: 10 }, 9).type).toBe("refused")
    expect(planOutput({ cursor: "c", bytes: 10 }, undefined).type).toBe("refused")
    expect(planOutput({ cursor: null, bytes: 0 }, undefined)).toEqual({ type: "continue", cursor: null, bytes: 0 })
  })

  test("a cursor file of standard output says nothing about a file", () => {
    expect(planOutput({ cursor: "c" }, 0).type).toBe("refused")
  })
})

describe("a cursor file", () => {
  test("is read with a cursor and bytes, or with a cursor alone", () => {
    expect(parseCursorFile('{"cursor":"c","bytes":3}\n')).toEqual({ type: "saved", place: { cursor: "c", bytes: 3 } })
    expect(parseCursorFile('{"cursor":null,"bytes":0}')).toEqual({ type: "saved", place: { cursor: null, bytes: 0 } })
    expect(parseCursorFile('{"cursor":"c"}')).toEqual({ type: "saved", place: { cursor: "c" } })
  })

  test.each([
    ...["", "{", "[]", "null", '{"bytes":3}', '{"cursor":1,"bytes":3}', '{"cursor":"","bytes":3}', '{"cursor":"c","bytes":-1}'],
    ...['{"cursor":"c","bytes":1.5}', '{"cursor":"c","bytes":"3"}', '{"cursor":null,"bytes":3}'],
  ])("that holds %j is no cursor file, and never a missing one", (content) => {
    expect(parseCursorFile(content).type).toBe("unreadable")
  })
})

describe("the two files", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tidemark-output-"))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const output = () => join(folder, "F")
  const cursors = () => join(folder, "C")
  const open = () => OutputFile.open(output(), cursors())

  test("the cursor file says that nothing was written before the output file has a byte", () => {
    open().close()
    expect(readFileSync(cursors(), "utf8")).toBe('{"cursor":null,"bytes":0}\n')
    expect(readFileSync(output(), "utf8")).toBe("")
  })

  test("a write that fails leaves the cursor file as it was: the output file comes first", () => {
    const file = open()
    file.write("one\n", "c1")
    file.close()
    expect(() => file.write("two\n", "c2")).toThrow(/EBADF/)
    expect(readFileSync(cursors(), "utf8")).toBe('{"cursor":"c1","bytes":4}\n')
  })

  test("bytes are counted as bytes, not as characters", () => {
    const file = open()
    file.write("☃\n", "c1")
    file.close()
    expect(readFileSync(cursors(), "utf8")).toBe('{"cursor":"c1","bytes":4}\n')
  })

  test("a write that was cut down before the cursor file was replaced is given again, and stands once", () => {
    const first = open()
    first.write("one\n", "c1")
    first.close()
    writeFileSync(output(), "one\ntwo\nthr") // what a killed process had written beyond its cursor
    const second = open()
    expect(second.cursor).toBe("c1")
    second.write("two\nthree\n", "c3")
    second.close()
    expect(readFileSync(output(), "utf8")).toBe("one\ntwo\nthree\n")
  })

  test("a refusal changes neither file", () => {
    writeFileSync(output(), "precious\n")
    expect(open).toThrow(CommandFailure)
    expect(readFileSync(output(), "utf8")).toBe("precious\n")
    writeFileSync(cursors(), "not a cursor file")
    expect(open).toThrow(/cannot be read as a cursor file/)
    expect(readFileSync(cursors(), "utf8")).toBe("not a cursor file")
  })

  test("a cursor file behind a link is replaced where the link leads", () => {
    writeFileSync(join(folder, "real"), '{"cursor":null,"bytes":0}')
    symlinkSync(join(folder, "real"), cursors())
    const file = open()
    file.write("one\n", "c1")
    file.close()
    expect(readFileSync(join(folder, "real"), "utf8")).toBe('{"cursor":"c1","bytes":4}\n')
  })

  test("what lies beyond the cursor is cut with the first write, not before", () => {
    const first = open()
    first.write("one\n", "c1")
    first.close()
    writeFileSync(output(), "one\ntorn\n")
    const second = open()
    expect(readFileSync(output(), "utf8")).toBe("one\ntorn\n")
    second.write("", "c1")
    second.close()
    expect(readFileSync(output(), "utf8")).toBe("one\n")
  })

  test("one path for both files is refused, whatever it is called", () => {
    symlinkSync(output(), cursors())
    writeFileSync(output(), "")
    expect(() => refuseSharedPath(output(), output())).toThrow(/same file/)
    expect(() => refuseSharedPath(output(), cursors())).toThrow(/same file/)
    expect(() => refuseSharedPath(join(folder, "C2.tmp"), join(folder, "C2"))).toThrow(/name another output/)
  })

  test("a folder as output and a folder that is not there are refused", () => {
    expect(() => OutputFile.open(folder, cursors())).toThrow(/not a regular file/)
    expect(() => OutputFile.open(join(folder, "no", "F"), cursors())).toThrow(/folder is not there/)
  })

  test("wherever it is cut down, the file holds every line once", () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom("a", "é", "😀"), maxLength: 4 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(lines, fc.array(fc.record({ flushes: fc.nat(4), torn: fc.nat(9) }), { maxLength: 5 }), (all, lives) => {
        rmSync(output(), { force: true })
        rmSync(cursors(), { force: true })
        const live = (flushes: number) => {
          const file = open()
          let next = file.cursor === undefined ? 0 : Number(file.cursor)
          for (let i = 0; i < flushes && next < all.length; i++, next++) file.write(`${all[next]}\n`, String(next + 1))
          file.close()
          return next
        }
        for (const { flushes, torn } of lives) {
          const next = live(flushes)
          const beyond = Buffer.from(all.slice(next).map((line) => `${line}\n`).join("")).subarray(0, torn)
          writeFileSync(output(), Buffer.concat([readFileSync(output()), beyond]))
        }
        live(all.length)
        expect(readFileSync(output(), "utf8")).toBe(all.map((line) => `${line}\n`).join(""))
      }),
      { numRuns: 30 },
    )
  })
})
