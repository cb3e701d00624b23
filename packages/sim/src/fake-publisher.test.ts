import { expect, test } from "vitest"
import { FakeWorld } from "./fake-world.ts"

function line(n: number): string {
  return JSON.stringify({ kind: "said", data: n })
}

const line1 = line(1)

function publishing(lines: number) {
  const world = new FakeWorld()
  const publisher = world.publisher({ session: "log", producer: "p", batch: { lines: 2, bytes: 1_000 } })
  for (let n = 1; n <= lines; n++) publisher.publish(line(n))
  const recorded = () => world.recorded("log").map(({ data }) => data)
  return { world, publisher, recorded }
}

test("lines are stored in order, in batches, and the publisher knows how many", () => {
  const { world, publisher, recorded } = publishing(5)
  publisher.endInput()
  world.runUntil(() => publisher.ended !== undefined)
  expect(recorded()).toEqual([1, 2, 3, 4, 5])
  expect([publisher.stored, publisher.ended]).toEqual([5, { failure: undefined }])
})

test("killed at every step and started again with the same input, it stores every line once", () => {
  const whole = publishing(5)
  whole.publisher.endInput()
  whole.world.runUntil(() => whole.publisher.ended !== undefined)
  const { steps } = whole.world.schedule
  expect(steps).toBeGreaterThan(20)
  for (let killed = 0; killed < steps; killed++) {
    const { world, publisher, recorded } = publishing(5)
    publisher.endInput()
    world.runUntil(() => world.schedule.steps === killed)
    publisher.restart()
    world.runUntil(() => publisher.ended !== undefined)
    expect([killed, recorded(), publisher.ended?.failure]).toEqual([killed, [1, 2, 3, 4, 5], undefined])
  }
})

test("an answer that is lost at every step costs a repetition and no second line", () => {
  for (const kind of ["client", "server", "both", "silent"] as const) {
    for (let cut = 0; cut < 30; cut++) {
      const { world, publisher, recorded } = publishing(3)
      publisher.endInput()
      world.runUntil(() => world.schedule.steps === cut || publisher.ended !== undefined)
      publisher.cut(kind)
      world.runUntil(() => publisher.ended !== undefined, { withinMs: 200_000 })
      expect([kind, cut, recorded()]).toEqual([kind, cut, [1, 2, 3]])
    }
  }
})

test("what is no line of a draft is refused at once, and nothing of it is sent", () => {
  const { world, publisher, recorded } = publishing(0)
  const said = /^publish\(\) takes one line of JSON, \{"kind": "said", "data": 1\}, and not /
  const wrong = ["", "tea", "null", "[]", '{"kind":"said"}', '{"data":1}', '{"kind":"","data":1}', '{"kind":"\\n","data":1}', '{"kind":7,"data":1}']
  for (const line of [...wrong, '{"kind":"said","data":1,"commit":true}', '{"kind":"said",\n"data":1}', `${line1}\n`]) {
    expect(() => publisher.publish(line)).toThrow(said)
  }
  publisher.publish('{"data":null,"kind":"said"}')
  publisher.endInput()
  expect(() => publisher.publish(line1)).toThrow("the input has ended: publish() comes before endInput()")
  world.runUntilCaughtUp()
  expect(recorded()).toEqual([null])
})

test("a publisher that was closed sends nothing more", () => {
  const { world, publisher, recorded } = publishing(1)
  publisher.close()
  world.runFor(60_000)
  world.runUntilCaughtUp()
  expect(recorded()).toEqual([])
})
