// L4, sentence by sentence: one append for one key, whatever is repeated, whenever, and under whatever else is wrong.
// The key is looked at before everything else, so each law here also holds in a session that is closed or not there.

import { origin, pointOf, sessionName } from "@tidemark/kernel"
import { expect, test } from "vitest"
import { ada, afterStart, ask, bob, close, commit, dataOf, event, LogUser, only, part, type MakeLog } from "./log-under-test.ts"

export function idempotencyLaws(make: MakeLog): void {
  plainKeyLaws(make)
  producerLaws(make)
  rememberingLaws(make)
}

function plainKeyLaws(make: MakeLog): void {
  test("L4 same key, same content: the first result again, and nothing is appended", async () => {
    const log = await LogUser.of(make)
    const { epoch, first, last } = await log.appended(ada, [event("a"), commit("v1")], { key: "k" })
    await log.appended(ada, [event("b")])
    expect(await log.append(ada, [event("a"), commit("v1")], { key: "k" })).toEqual({ type: "repeated", epoch, first, last: pointOf(last) })
    expect(dataOf(await log.entriesAfter(ada, origin))).toEqual(["a", "v1", "b"])
  })

  test("L4 same key, other content: conflict, and nothing is appended", async () => {
    const log = await LogUser.of(make)
    const { last } = await log.appended(ada, [event("a")], { key: "k" })
    expect(await log.append(ada, [event("b")], { key: "k" })).toEqual({ type: "conflict", highest: undefined })
    expect((await log.head(ada)).head).toEqual(pointOf(last))
  })

  test("L4 content is compared by its hash alone", async () => {
    const log = await LogUser.of(make)
    await log.appended(ada, [event({ a: 1, b: 2 })], { key: "k", content: "one" })
    only(await log.append(ada, [event({ b: 2, a: 1 })], { key: "k", content: "one" }), "repeated")
    only(await log.append(ada, [event({ a: 1, b: 2 })], { key: "k", content: "two" }), "conflict")
  })

  test("L4 the key comes before every other check: a failing expectation, and a close", async () => {
    const log = await LogUser.of(make)
    const { epoch, first, last } = await log.appended(ada, [event("a")], { key: "k" })
    const repeated = { type: "repeated", epoch, first, last: pointOf(last) }
    expect(await log.append(ada, [event("a")], { key: "k", expect: { revision: 7 } })).toEqual(repeated)
    await log.appended(ada, [close("done")])
    expect(await log.append(ada, [event("a")], { key: "k" })).toEqual(repeated)
    expect(await log.append(ada, [event("b")], { key: "k" })).toEqual({ type: "conflict", highest: undefined })
    only(await log.append(ada, [event("a")], { key: "another" }), "closed")
  })

  test("L4 a close is covered by its key: repeated, it gets the first answer", async () => {
    const log = await LogUser.of(make)
    const { epoch, first, last } = await log.appended(ada, [event("a"), close("done")], { key: "k" })
    const repeated = { type: "repeated", epoch, first, last: pointOf(last) }
    expect(await log.append(ada, [event("a"), close("done")], { key: "k" })).toEqual(repeated)
    only(await log.append(ada, [close("other")], { key: "k" }), "conflict")
    only(await log.append(ada, [close("done")]), "closed")
  })

  test("L4 a key belongs to one session and epoch", async () => {
    const log = await LogUser.of(make)
    await log.appended(ada, [event("a")], { key: "k" })
    await log.appended(ada, [event("p")], { key: "@ada:9" })
    expect((await log.appended(bob, [event("other")], { key: "k" })).first).toBe(1)
    only(await log.delete(ada), "deleted")
    expect((await log.appended(ada, [event("b")], { key: "k" })).first).toBe(1)
    expect((await log.appended(ada, [event("q")], { key: "@ada:1" })).first).toBe(2)
  })

  test("L4 a key repeated within one request is appended once", async () => {
    const log = await LogUser.of(make)
    const twice = [part(ada, [event("a")], { key: "k" }), part(ada, [event("a")], { key: "k" }), part(ada, [event("b")], { key: "k" })]
    expect((await log.group(twice)).map((outcome) => outcome.type)).toEqual(["appended", "repeated", "conflict"])
    expect(dataOf(await log.entriesAfter(ada, origin))).toEqual(["a"])
  })

  test("L4 a key repeated while its append is under way is appended once", async () => {
    const log = await LogUser.of(make)
    await log.create(ada)
    const together = Array.from({ length: Math.min(log.log.appendsInFlightMax, 3) }, () => log.append(ada, [event("a")], { key: "k" }))
    const types = (await Promise.all(together)).map((outcome) => outcome.type)
    expect(types.filter((type) => type !== "repeated")).toEqual(["appended"])
    expect(dataOf(await log.entriesAfter(ada, origin))).toEqual(["a"])
  })

  test("L4 an append that was refused leaves its key free", async () => {
    const log = await LogUser.of(make)
    only(await log.append(ada, [event("a")], { key: "k", create: false }), "absent")
    only(await log.append(ada, [event("a")], { key: "@ada:3", create: false }), "absent")
    await log.create(ada)
    only(await log.append(ada, [event("a")], { key: "k", expect: { revision: 7 } }), "expectation_failed")
    only(await log.append(ada, [event("a")], { key: "@ada:3", expect: { revision: 7 } }), "expectation_failed")
    expect((await log.appended(ada, [event("b")], { key: "k" })).first).toBe(1)
    expect((await log.appended(ada, [event("c")], { key: "@ada:1" })).first).toBe(2)
  })

  test("L4 a producer's name and a key of the same text are two things", async () => {
    const log = await LogUser.of(make)
    await log.appended(ada, [event("a")], { key: "ada" })
    await log.appended(ada, [event("b")], { key: "ada:1" })
    expect((await log.appended(ada, [event("c")], { key: "@ada:1" })).first).toBe(3)
  })
}

function producerLaws(make: MakeLog): void {
  test("L4 a producer's number above its highest is appended, gaps between numbers or not", async () => {
    const log = await LogUser.of(make)
    const first = await log.appended(ada, [event("a")], { key: "@ada:1" })
    const second = await log.appended(ada, [event("b")], { key: "@ada:7" })
    const another = await log.appended(ada, [event("c")], { key: "@bob:3" })
    expect([first.first, second.first, another.first]).toEqual([1, 2, 3])
  })

  test("L4 a producer's repetition gives its result again; other content is a conflict that carries the highest", async () => {
    const log = await LogUser.of(make)
    const { epoch, first, last } = await log.appended(ada, [event("a"), event("b")], { key: "@ada:2" })
    await log.appended(ada, [event("c")], { key: "@ada:5" })
    const repeated = { type: "repeated", epoch, first, last: pointOf(last) }
    expect(await log.append(ada, [event("a"), event("b")], { key: "@ada:2" })).toEqual(repeated)
    expect(await log.append(ada, [event("x")], { key: "@ada:2" })).toEqual({ type: "conflict", highest: 5 })
    expect(await log.append(ada, [event("x")], { key: "@ada:5" })).toEqual({ type: "conflict", highest: 5 })
    expect((await log.head(ada)).head.position).toBe(3)
  })

  test("L4 a number that a producer skipped is expired, never appended later", async () => {
    const log = await LogUser.of(make)
    await log.appended(ada, [event("a")], { key: "@ada:2" })
    await log.appended(ada, [event("b")], { key: "@ada:5" })
    expect(await log.append(ada, [event("late")], { key: "@ada:4" })).toEqual({ type: "key_expired", highest: 5 })
    expect(await log.append(ada, [event("late")], { key: "@ada:1" })).toEqual({ type: "key_expired", highest: 5 })
    expect(dataOf(await log.entriesAfter(ada, origin))).toEqual(["a", "b"])
  })

  test("L4 a producer's number that says what it follows is appended only where nothing has come between", async () => {
    const user = await LogUser.of(make)
    await user.appended(ada, [event(1)], { key: "@p:0-1" })
    const late = [event("a"), event("b"), event("c")]
    await user.appended(ada, [event("a"), event("b")], { key: "@p:1-3" })
    expect(await user.append(ada, late, { key: "@p:1-4" })).toEqual({ type: "key_expired", highest: 3 })
    const repeated = await user.append(ada, [event("a"), event("b")], { key: "@p:1-3" })
    await user.appended(ada, [event("c")], { key: "@p:3-4" })
    await user.appended(ada, [event("x")], { key: "@p:7-9" })
    expect([repeated.type, dataOf(await user.entriesAfter(ada, origin))]).toEqual(["repeated", [1, "a", "b", "c", "x"]])
  })

  test("L4 of a producer the last results are remembered; an older number is expired with the highest", async () => {
    const log = await LogUser.of(make)
    const kept = log.under.limits.keysPerProducer
    for (let n = 1; n <= kept + 1; n++) await log.appended(ada, [event(n)], { key: `@ada:${n}` })
    expect(await log.append(ada, [event(1)], { key: "@ada:1" })).toEqual({ type: "key_expired", highest: kept + 1 })
    expect(only(await log.append(ada, [event(2)], { key: "@ada:2" }), "repeated").first).toBe(2)
    expect(only(await log.append(ada, [event(kept + 1)], { key: `@ada:${kept + 1}` }), "repeated").first).toBe(kept + 1)
    expect((await log.head(ada)).head.position).toBe(kept + 1)
  })

  test("L4 number 0 is never appended: it asks for the highest, in any session and in none", async () => {
    const log = await LogUser.of(make)
    expect(await log.append(ada, [event("a")], { key: "@ada:0" })).toEqual({ type: "key_expired", highest: 0 })
    only(await ask(log.log, { type: "head", session: ada }), "absent")
    await log.create(ada)
    expect(await log.append(ada, [event("a")], { key: "@ada:0" })).toEqual({ type: "key_expired", highest: 0 })
    await log.appended(ada, [event("a")], { key: "@ada:8" })
    await log.appended(ada, [close("done")])
    expect(await log.append(ada, [event("a")], { key: "@ada:0" })).toEqual({ type: "key_expired", highest: 8 })
    expect((await log.head(ada)).head.position).toBe(2)
  })

  test("L4 a producer's keys come before closed and expectation too", async () => {
    const log = await LogUser.of(make)
    await log.appended(ada, [event("a")], { key: "@ada:3" })
    only(await log.append(ada, [event("a")], { key: "@ada:3", expect: { revision: 7 } }), "repeated")
    await log.appended(ada, [close("done")], { key: "@ada:4" })
    expect(only(await log.append(ada, [close("done")], { key: "@ada:4" }), "repeated").first).toBe(2)
    only(await log.append(ada, [event("a")], { key: "@ada:3" }), "repeated")
    only(await log.append(ada, [event("b")], { key: "@ada:2" }), "key_expired")
    only(await log.append(ada, [event("b")], { key: "@ada:5" }), "closed")
  })
}

function rememberingLaws(make: MakeLog): void {
  test("L4 a key is remembered for its age and then forgotten, by `at`", async () => {
    const log = await LogUser.of(make)
    const { keyAgeMs } = log.under.limits
    await log.appended(ada, [event("a")], { key: "k" })
    only(await log.append(ada, [event("a")], { key: "k" }, afterStart(keyAgeMs - 1)), "repeated")
    expect((await log.appended(ada, [event("b")], { key: "k" }, afterStart(keyAgeMs + 1))).first).toBe(2)
  })

  test("L4 a producer that has appended nothing for that long is forgotten and starts anew", async () => {
    const log = await LogUser.of(make)
    const { keyAgeMs } = log.under.limits
    await log.appended(ada, [event("a")], { key: "@ada:5" })
    await log.appended(ada, [event("b")], { key: "@ada:6" }, afterStart(keyAgeMs - 1))
    only(await log.append(ada, [event("a")], { key: "@ada:5" }, afterStart(keyAgeMs + 1)), "repeated")
    const forgotten = afterStart(2 * keyAgeMs)
    expect(await log.append(ada, [event("c")], { key: "@ada:0" }, forgotten)).toEqual({ type: "key_expired", highest: 0 })
    expect((await log.appended(ada, [event("c")], { key: "@ada:1" }, forgotten)).first).toBe(3)
    expect((await log.appended(ada, [event("d")], { key: "@ada:5" }, forgotten)).first).toBe(4)
    expect(only(await log.append(ada, [event("d")], { key: "@ada:5" }, forgotten), "repeated").first).toBe(4)
  })

  test("L17 a session remembers its latest keys, so many and no more", async () => {
    const log = await LogUser.of(make)
    const kept = log.under.limits.keysPerSession
    for (let from = 0; from <= kept; from += 100) {
      const numbers = Array.from({ length: Math.min(100, kept + 1 - from) }, (_, i) => from + i)
      await log.group(numbers.map((n) => part(ada, [event(n)], { key: `k${n}` })))
    }
    only(await log.append(ada, [event(1)], { key: "k1" }), "repeated")
    only(await log.append(ada, [event(kept)], { key: `k${kept}` }), "repeated")
    expect((await log.appended(ada, [event("again")], { key: "k0" })).first).toBe(kept + 2)
  })

  test("L4 a name like an object's own property is only a name", async () => {
    const log = await LogUser.of(make)
    const odd = sessionName("__proto__", "constructor")
    expect((await log.appended(odd, [event("a")], { key: "__proto__" })).first).toBe(1)
    expect((await log.appended(odd, [event("b")], { key: "@constructor:1" })).first).toBe(2)
    only(await log.append(odd, [event("a")], { key: "__proto__" }), "repeated")
    expect((await log.appended(odd, [event("c")], { key: "toString" })).first).toBe(3)
  })
}
