// Tables for the small parts: names, cursors, sealed entries, windows, filters, deadlines, JSON.

import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ContractViolation } from "./contract.ts"
import { base36, cursorBytesMax, cursorText, parseCursor } from "./cursor.ts"
import { Deadlines } from "./deadlines.ts"
import { formatTimestamp, seal, unseal, type Draft } from "./entry.ts"
import { parseFilter } from "./filter.ts"
import { contentHash, markAfter } from "./hash.ts"
import { epoch, idOf, instant, mark, origin, parseSessionName, position, revision, sessionName, timestamp, workspaceOf } from "./ids.ts"
import { jsonText, utf8Bytes, type Json } from "./json.ts"
import { ParkedReaders, type Parkable } from "./parked-readers.ts"
import { RetainedLog } from "./retained-log.ts"

const one = sessionName("default", "one")
const e = epoch("gen", "inc")
const line = (data: string): Draft => ({ type: "event", kind: "line", data: jsonText(data), commit: false })

describe("names", () => {
  test.each([
    ["default", "turn-1", true],
    ["w", "a.b_c~d:e", true],
    ["w", "..", false],
    ["w", ".", false],
    [".", "a", false],
    ["w", "", false],
    ["w", "a/b", false],
    ["w", "a b", false],
    ["w", "é", false],
    ["w", "a".repeat(128), true],
    ["w", "a".repeat(129), false],
  ])("%s and %s name a session: %s", (workspace, id, valid) => {
    expect(parseSessionName(workspace, id) !== undefined).toBe(valid)
  })

  test("a session's name gives back its two parts", () => {
    expect([workspaceOf(one), idOf(one)]).toEqual(["default", "one"])
  })
})

describe("cursors", () => {
  const point = { position: position(12), revision: revision(3), mark: mark(0xffff_ffff_ffff) }
  const text = cursorText(one, e, point)

  test("a cursor is one opaque word of characters that need no preflight", () => {
    expect(text).toMatch(/^[A-Za-z0-9._-]+$/)
    expect(text.length).toBeLessThanOrEqual(cursorBytesMax)
    const longest = cursorText(sessionName("w".repeat(128), "i".repeat(128)), epoch("g".repeat(22), "i".repeat(22)), {
      position: position(Number.MAX_SAFE_INTEGER),
      revision: revision(Number.MAX_SAFE_INTEGER),
      mark: mark(2 ** 48 - 1),
    })
    expect(longest.length).toBeLessThanOrEqual(cursorBytesMax)
  })

  test("a cursor is read back as what it was made of", () => {
    expect(parseCursor(one, text)).toEqual({ type: "cursor", cursor: { session: one, epoch: e, point } })
  })

  test("the same text always: cursors that were handed out stay valid", () => {
    expect(text).toBe("1.2epjk08b6r.gen.inc.3.c.2rrvthnxtr.1xzn7vs")
  })

  test("numbers are written in base 36 as the language has them", () => {
    const group = 36 ** 5
    const whole = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(99).chain((n) => fc.constantFrom(n * group, n * group + 1, Math.max(0, n * group - 1))))
    fc.assert(
      fc.property(whole, (value) => {
        expect(base36(value)).toBe(value.toString(36))
      }),
      { numRuns: 2_000 },
    )
    expect([0, 35, 36, group - 1, group, Number.MAX_SAFE_INTEGER].map(base36)).toEqual(["0", "z", "10", "zzzzz", "100000", "2gosa7pa2gv"])
  })

  test("L7 shape comes before version, and version before session", () => {
    expect(parseCursor(one, "")).toEqual({ type: "rejected", reason: "malformed" })
    expect(parseCursor(one, "x".repeat(200))).toEqual({ type: "rejected", reason: "malformed" })
    expect(parseCursor(one, "7.what-ever-comes")).toEqual({ type: "rejected", reason: "unsupported-version" })
    expect(parseCursor(one, "0.what-ever-comes")).toEqual({ type: "rejected", reason: "malformed" })
    expect(parseCursor(sessionName("default", "two"), text)).toEqual({ type: "rejected", reason: "wrong-session" })
    expect(parseCursor(sessionName("other", "one"), text)).toEqual({ type: "rejected", reason: "wrong-session" })
  })

  test("an accident is malformed: any one character changed, dropped or doubled", () => {
    for (let i = 0; i < text.length; i++) {
      const [before, here, after] = [text.slice(0, i), text.slice(i, i + 1), text.slice(i + 1)]
      for (const accident of [before + after, before + (here === "z" ? "y" : "z") + after, before + here + here + after]) {
        if (accident === text) continue
        const outcome = parseCursor(one, accident)
        expect(outcome.type === "rejected" && outcome.reason !== "wrong-session").toBe(true)
      }
    }
  })

  test("L7 a place that no log can have is malformed: more commits than entries, or a mark before the first entry", () => {
    const written = (p: number, r: number, m: number) => cursorText(one, e, { position: position(p), revision: revision(r), mark: mark(m) })
    const read = (p: number, r: number, m: number) => parseCursor(one, written(p, r, m)).type
    expect([read(2, 2, 7), read(2, 3, 7), read(0, 0, 0), read(0, 0, 7)]).toEqual(["cursor", "rejected", "cursor", "rejected"])
  })

  test("no text is read as a cursor that would be written otherwise", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat({ max: 2 ** 48 - 1 }), (p, r, m) => {
        const at = { position: position(p + r + 1), revision: revision(r), mark: mark(m) }
        const written = cursorText(one, e, at)
        expect(parseCursor(one, written)).toEqual({ type: "cursor", cursor: { session: one, epoch: e, point: at } })
      }),
    )
  })
})

describe("entries", () => {
  const at = timestamp(1_700_000_000_000)

  test("an event's text is what is sent, field by field", () => {
    const first = seal(origin, at, line("hi"))
    expect(first.text).toBe('{"position":1,"revision":0,"kind":"line","at":"2023-11-14T22:13:20.000Z","data":"hi"}')
    const second = seal(first, at, { type: "event", kind: "committed", data: jsonText({ a: 1 }), commit: true })
    expect(second.text).toBe('{"position":2,"revision":1,"kind":"committed","at":"2023-11-14T22:13:20.000Z","data":{"a":1},"commit":true}')
    const hole = seal(second, at, { type: "hole", count: 3, reason: "disk" })
    expect(hole.text).toBe('{"position":3,"revision":1,"at":"2023-11-14T22:13:20.000Z","hole":{"count":3,"reason":"disk"}}')
    const close = seal(hole, at, { type: "close", reason: "done" })
    expect(close.text).toBe('{"position":4,"revision":1,"at":"2023-11-14T22:13:20.000Z","closed":{"reason":"done"}}')
  })

  test("L3 every entry carries the revision in force once it is applied", () => {
    const commit: Draft = { type: "event", kind: "c", data: jsonText(null), commit: true }
    const drafts = [line("a"), commit, line("b"), commit, commit]
    let before = origin
    const revisions = drafts.map((draft) => {
      const entry = seal(before, at, draft)
      before = entry
      return entry.revision
    })
    expect(revisions).toEqual([0, 1, 1, 2, 3])
  })

  test.each<Draft>([line("x"), { type: "event", kind: "k", data: jsonText([]), commit: true }, { type: "hole", reason: "r" }, { type: "close", reason: "c" }])(
    "what was stored is read back as the entry it was: %j",
    (draft) => {
      const entry = seal(origin, at, draft)
      expect(unseal(entry.text, entry.mark)).toEqual(entry)
    },
  )

  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom('"', "\\", '","data":', ',"commit":true}', '"hole":{}', "\u0000\n"))
  const value = fc.oneof(fc.jsonValue(), text, fc.constantFrom({ a: 1, commit: true }, { commit: true }, [{ x: 0, commit: true }]))
  const data = value.map((each) => jsonText(JSON.parse(JSON.stringify(each))))
  const anyDraft = fc.oneof(
    fc.record({ type: fc.constant("event" as const), kind: text, data, commit: fc.boolean() }),
    fc.record({ type: fc.constant("hole" as const), reason: text, count: fc.nat() }),
    fc.record({ type: fc.constant("close" as const), reason: text }),
  )

  test("whatever its kind, data and reason hold, an entry is read back as it was", () => {
    fc.assert(
      fc.property(anyDraft, (draft) => {
        const entry = seal(origin, at, draft)
        expect(unseal(entry.text, entry.mark)).toEqual(entry)
      }),
      { numRuns: 500 },
    )
  })

  test("a mark depends on the text and on every mark before it", () => {
    expect(markAfter(mark(0), "a")).not.toBe(markAfter(mark(0), "b"))
    expect(markAfter(mark(1), "a")).not.toBe(markAfter(mark(0), "a"))
    expect(markAfter(mark(2 ** 40), "a")).not.toBe(markAfter(mark(0), "a"))
    expect(markAfter(mark(0), "a")).toBe(109_223_138_697_260)
  })

  test("marks and content hashes stay what they are: logs hold them", () => {
    expect(seal(origin, at, line("é😀"))).toMatchObject({ mark: 72_922_349_448_234, bytes: 89 })
    expect(markAfter(mark(123_456_789_012_345), '{"a":"é😀"}')).toBe(88_797_673_354_762)
    expect(contentHash('{"a":"é😀"}')).toBe("a403559b23e1387599db63612d900616")
    expect(contentHash("")).toBe("6e059bc5ac66f05ca9085f58d2e80c93")
  })

  test("an entry has the mark and the bytes of its text, whatever is in it", () => {
    fc.assert(
      fc.property(anyDraft, fc.nat(2 ** 48 - 1), (draft, before) => {
        const entry = seal({ ...origin, mark: mark(before) }, at, draft)
        expect([entry.mark, entry.bytes]).toEqual([markAfter(mark(before), entry.text), new TextEncoder().encode(entry.text).length])
      }),
      { numRuns: 500 },
    )
  })

  test("times are written as the language writes them, in whatever order they come", () => {
    const ms = fc.oneof(fc.nat(3_000), fc.nat(8.64e15).map((n) => n - (n % 500)), fc.constantFrom(0, 1_700_000_000_999, 253_402_300_800_000, 8.64e15))
    fc.assert(
      fc.property(ms, (time) => {
        // oxlint-disable-next-line no-restricted-globals -- a conversion, not a clock
        expect(formatTimestamp(timestamp(time))).toBe(new Date(time).toISOString())
      }),
      { numRuns: 2_000 },
    )
  })

  test("the hashes spread: a hundred thousand short texts, no two alike", () => {
    const marks = new Set<number>()
    const contents = new Set<string>()
    for (let n = 0; n < 100_000; n++) {
      marks.add(markAfter(mark(0), `{"position":${n}}`))
      contents.add(contentHash(`[${n}]`))
    }
    expect([marks.size, contents.size]).toEqual([100_000, 100_000])
  })
})

describe("JSON", () => {
  test("what JSON cannot carry is refused, never mangled", () => {
    expect(() => jsonText("\ud800")).toThrow("half a surrogate pair")
    expect(() => jsonText({ "\udfff": 1 })).toThrow("half a surrogate pair")
    expect(() => jsonText([Number.NaN])).toThrow("no JSON form")
    expect(() => jsonText(Number.POSITIVE_INFINITY)).toThrow(ContractViolation)
    expect(jsonText("\\ud800 is only text")).toBe('"\\\\ud800 is only text"')
    expect(jsonText("😀")).toBe('"😀"')
  })

  test("a value is written, or refused, as the plain way has it", () => {
    const odd = fc.constantFrom<Json>(Number.NaN, Infinity, -0, "\ud800", "\\ud800", "\\\\\udc00", "😀")
    const key = fc.oneof(fc.string({ unit: "binary", maxLength: 3 }), fc.constantFrom("__proto__", "\udfff"))
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        odd,
        fc.jsonValue().map((each): Json => JSON.parse(JSON.stringify(each))),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(value, (each) => {
        expect(written(jsonText, each)).toBe(written(plainText, each))
      }),
      { numRuns: 500 },
    )
  })

  test("bytes are counted as UTF-8 has them", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "binary-ascii" })), (text) => {
        expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length)
      }),
    )
  })
})

function written(write: (value: Json) => string, value: Json): string {
  try {
    return write(value)
  } catch {
    return "refused"
  }
}

function plainText(value: Json): string {
  const text = JSON.stringify(value, (_key, part) => {
    if (typeof part === "number" && !Number.isFinite(part)) throw new Error("no JSON form")
    return part
  })
  const halves = [text, ...strings(JSON.parse(text))].some((each) => /[\ud800-\udfff]/u.test(each))
  if (halves) throw new Error("half a pair")
  return text
}

function strings(value: Json): string[] {
  if (typeof value === "string") return [value]
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => [key, ...strings(part)])
}

describe("the retained log", () => {
  const limits = { events: 3, bytes: 10_000, ageMs: 1_000 }

  function fill(log: RetainedLog, count: number, now = instant(0)): void {
    for (let n = 0; n < count; n++) log.append(now, seal(log.head, timestamp(0), line(`${n}`)))
  }

  test("L1 the floor moves up with trimming, and the head stands when everything but it is gone", () => {
    const log = new RetainedLog(origin)
    fill(log, 5)
    log.trim(instant(0), limits)
    expect([log.floor.position, log.head.position, log.length]).toEqual([2, 5, 3])
    log.trim(instant(5_000), limits)
    expect([log.floor.position, log.head.position, log.length]).toEqual([4, 5, 1])
    log.trim(instant(5_000), { events: 1, bytes: 1, ageMs: 1 })
    expect([log.length, log.bytes]).toEqual([1, 84])
  })

  test("entries are found by position, and nothing outside of the window is", () => {
    const log = new RetainedLog(origin)
    fill(log, 5)
    log.trim(instant(0), limits)
    expect([1, 2, 3, 5, 6].map((at) => log.pointAt(at)?.position)).toEqual([undefined, 2, 3, 5, undefined])
    expect(log.after(2, { events: 2, bytes: 10_000 }).map((entry) => entry.position)).toEqual([3, 4])
    expect(log.after(5, { events: 2, bytes: 10_000 })).toEqual([])
    expect(() => log.after(1, { events: 2, bytes: 10_000 })).toThrow("behind the floor")
  })

  test("a budget of bytes ends a page, but one entry is given whatever it says", () => {
    const log = new RetainedLog(origin)
    fill(log, 3)
    expect(log.after(0, { events: 10, bytes: 1 }).length).toBe(1)
    expect(log.after(0, { events: 10, bytes: 84 * 2 }).length).toBe(2)
  })

  test("an entry that does not follow the head breaks the contract", () => {
    const log = new RetainedLog(origin)
    const entry = seal({ ...origin, position: position(1) }, timestamp(0), line("x"))
    expect(() => log.append(instant(0), entry)).toThrow("does not follow")
  })

  test("it says when its oldest entry is too old", () => {
    const log = new RetainedLog(origin)
    fill(log, 1)
    expect(log.expiresAt(limits)).toBe(undefined)
    fill(log, 1, instant(500))
    expect(log.expiresAt(limits)).toBe(1_001)
  })
})

describe("filters", () => {
  test.each([
    [["a"], "a", true],
    [["a"], "a.b", false],
    [["a.*"], "a.b", true],
    [["a.*"], "a.b.c", true],
    [["a.*"], "a", false],
    [["a.*"], "ab", false],
    [["x", "*"], "anything", true],
  ])("%j passes %s: %s", (kinds, kind, passes) => {
    expect(parseFilter(kinds)?.passes(kind)).toBe(passes)
  })

  test("filters of the same kinds have the same key, in whatever order they are named", () => {
    expect(parseFilter(["b", "a.*", "b"])?.key).toBe(parseFilter(["a.*", "b"])?.key)
    expect(parseFilter(["a.*"])?.key).not.toBe(parseFilter(["a."])?.key)
  })

  test.each([[[]], [[""]], [["a b"]], [["a,b"]], [["*a"]], [Array.from({ length: 65 }, (_, n) => `k${n}`)]])("%j is no filter", (kinds) => {
    expect(parseFilter(kinds)).toBe(undefined)
  })
})

interface Numbered extends Parkable {
  readonly id: number
}

describe("parked readers", () => {
  test("they are what a set of them would be, however they come and go", () => {
    const step = fc.tuple(fc.constantFrom<"add" | "delete" | "take">("add", "add", "delete", "take"), fc.nat(6))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const readers = Array.from({ length: 7 }, (_, id): Numbered => ({ id, parkedAt: undefined }))
        const parked = new ParkedReaders<Numbered>()
        const model = new Set<number>()
        for (const [what, id] of steps) {
          if (what === "take") {
            expect(parked.takeAll().map((each) => each.id).toSorted()).toEqual([...model].toSorted())
            model.clear()
          } else {
            const reader = readers[id]
            if (reader !== undefined) parked[what](reader)
            model[what](id)
          }
          expect([parked.size, readers.filter((each) => each.parkedAt !== undefined).map((each) => each.id)]).toEqual([model.size, [...model].toSorted()])
        }
      }),
      { numRuns: 500 },
    )
  })

  test("they are taken in the order they came", () => {
    const readers = [0, 1, 2].map((): Parkable => ({ parkedAt: undefined }))
    const parked = new ParkedReaders<Parkable>()
    for (const reader of readers) parked.add(reader)
    expect(parked.takeAll()).toEqual(readers)
  })
})

describe("deadlines", () => {
  test("each key comes up once, at its latest deadline, in the order of time", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.option(fc.nat(50), { nil: undefined })), { maxLength: 300 }), (settings) => {
        const deadlines = new Deadlines<number>()
        const model = new Map<number, number>()
        for (const [key, at] of settings) {
          deadlines.set(key, at === undefined ? undefined : instant(at))
          if (at === undefined) model.delete(key)
          else model.set(key, at)
        }
        const taken: [number, number][] = []
        for (let at = deadlines.next(); at !== undefined; at = deadlines.next()) {
          const key = deadlines.take(at)
          if (key === undefined) throw new Error("what is next can be taken")
          taken.push([key, at])
        }
        expect(taken.map(([, at]) => at)).toEqual([...model.values()].sort((a, b) => a - b))
        expect(new Map(taken)).toEqual(model)
      }),
    )
  })
})
