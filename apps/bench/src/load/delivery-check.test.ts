import { describe, expect, test } from "vitest"
import { compareWithAcknowledged, ReaderCheck, SessionCheck } from "./delivery-check.ts"
import { tokenOf } from "./event-text.ts"

/** The n-th event of publisher 0 in session 0. */
const event = (n: number): number => tokenOf(0, 0, n)

function numbered(after = 0) {
  const session = new SessionCheck(0, true, after)
  return { session, reader: new ReaderCheck(session, after) }
}

describe("a stream with positions", () => {
  test("is right when it goes up by one", () => {
    const { session, reader } = numbered()
    expect([1, 2, 3].map((position) => reader.deliver(position, event(position)))).toEqual([undefined, undefined, undefined])
    expect(compareWithAcknowledged(session, { tokens: [null, event(1), event(2), event(3)], count: 3 })).toEqual([])
  })

  test("a position left out is a loss, and said once", () => {
    const { reader } = numbered()
    expect([1, 2, 5, 6].map((position) => reader.deliver(position, event(position)))).toEqual([
      undefined,
      undefined,
      "after position 2 came 5: 2 lost, or late",
      undefined,
    ])
  })

  test("a position that comes again is a duplicate", () => {
    const { reader } = numbered()
    expect([1, 2, 2, 3].map((position) => reader.deliver(position, event(position)))).toEqual([
      undefined,
      undefined,
      "after position 2 came 2: twice, or out of order",
      undefined,
    ])
  })

  test("two that changed places are both wrong", () => {
    const { reader } = numbered()
    expect([1, 3, 2, 4].map((position) => reader.deliver(position, event(position)))).toEqual([
      undefined,
      "after position 1 came 3: 1 lost, or late",
      "after position 3 came 2: twice, or out of order",
      undefined,
    ])
  })

  test("two readers are given the same event at the same position", () => {
    const { session, reader } = numbered()
    reader.deliver(1, event(7))
    expect(new ReaderCheck(session, 0).deliver(1, event(8))).toBe(
      "at position 1 came event 8 of publisher 0 in session 0, where another reader was given event 7 of publisher 0 in session 0",
    )
  })

  test("another event than the acknowledged one is wrong, and so is one too few, or too many", () => {
    const { session, reader } = numbered()
    reader.deliver(1, event(1))
    reader.deliver(2, event(9))
    expect(compareWithAcknowledged(session, { tokens: [null, event(1), event(2)], count: 2 })).toEqual([
      "at position 2 event 2 of publisher 0 in session 0 was acknowledged, and event 9 of publisher 0 in session 0 delivered",
    ])
    expect(compareWithAcknowledged(session, { tokens: [null, event(1)], count: 1 })).toEqual([
      "at position 2 nothing was acknowledged, and event 9 of publisher 0 in session 0 delivered",
      "1 events were acknowledged, and positions went up to 2",
    ])
    expect(compareWithAcknowledged(session, { tokens: [null, event(1), event(9), event(3)], count: 3 })).toEqual([
      "at position 3 event 3 of publisher 0 in session 0 was acknowledged, and nothing delivered",
    ])
  })

  test("begins where its readers began", () => {
    const { session, reader } = numbered(2)
    expect(reader.deliver(3, event(3))).toBe(undefined)
    expect(compareWithAcknowledged(session, { tokens: [null, event(1), event(2), event(3)], count: 3 })).toEqual([])
  })
})

describe("a stream without positions", () => {
  const unnumbered = () => new ReaderCheck(new SessionCheck(0, false), 0)

  test("is held to the order of each publisher, however they are mixed", () => {
    const reader = unnumbered()
    const tokens = [tokenOf(0, 0, 0), tokenOf(0, 1, 0), tokenOf(0, 1, 1), tokenOf(0, 0, 1)]
    expect(tokens.map((token) => reader.deliver(0, token))).toEqual([undefined, undefined, undefined, undefined])
    expect(reader.position).toBe(4)
  })

  test("loss, repetition and a change of places are noticed", () => {
    const said = (...tokens: readonly number[]) => {
      const reader = unnumbered()
      return tokens.flatMap((token) => reader.deliver(0, token) ?? [])
    }
    expect(said(event(0), event(2))).toEqual(["event 2 of publisher 0 in session 0 came after event 0: 1 lost, or late"])
    expect(said(event(0), event(0))).toEqual(["event 0 of publisher 0 in session 0 came after event 0: twice, or out of order"])
    expect(said(event(1), event(0))).toEqual([
      "event 1 of publisher 0 in session 0 came after event -1: 1 lost, or late",
      "event 0 of publisher 0 in session 0 came after event 1: twice, or out of order",
    ])
  })

  test("an event of another session is wrong", () => {
    expect(unnumbered().deliver(0, tokenOf(3, 0, 0))).toBe("event 0 of publisher 0 in session 3 came in session 0")
  })
})
