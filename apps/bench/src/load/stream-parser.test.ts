import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { eventText, tokenOf } from "./event-text.ts"
import { StreamParser, type StreamSink } from "./stream-parser.ts"

/** What the parser said, in order; chunks that it offers are known where `knows` says so. */
class Said implements StreamSink {
  readonly lines: string[] = []
  readonly knows: (chunk: string) => boolean

  constructor(knows: (chunk: string) => boolean = () => false) {
    this.knows = knows
  }

  opened(status: number): void {
    this.lines.push(`opened ${status}`)
  }

  known(bytes: Buffer, from: number, to: number): boolean {
    return this.knows(bytes.toString("latin1", from, to))
  }

  event(position: number, token: number, stampUs: number): void {
    this.lines.push(`event ${position} ${token} ${stampUs}`)
  }

  learned(_bytes: Buffer, from: number, to: number): void {
    this.lines.push(`learned ${to - from}`)
  }

  control(frame: string): void {
    this.lines.push(`control ${frame}`)
  }

  /** Which chunks come whole depends on where reads end; everything else does not. */
  get withoutLearning(): string[] {
    return this.lines.filter((line) => !line.startsWith("learned"))
  }
}

const data = (n: number): string => eventText(tokenOf(0, 0, n), 1000 + n)
const raw = (position: number): string => `id: ${position}\ndata: ${data(position)}\n\n`
const sealed = (position: number): string =>
  `data: {"position":${position},"revision":0,"kind":"bench","at":"2026-01-01T00:00:00.000Z","data":${data(position)}}\nid: 1.abc.d-e_f.${position}\n\n`
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

function parse(stream: string, reads: readonly number[] = [], hasPositions = true, said = new Said()): Said {
  const parser = new StreamParser(said, hasPositions)
  const shared = Buffer.alloc(64 * 1024)
  const bytes = Buffer.from(stream, "latin1")
  let from = 0
  for (const at of [...reads, bytes.length]) {
    // As sockets do it: the same memory again for every read.
    const length = bytes.copy(shared, 0, from, at)
    if (length > 0) parser.feed(shared, length)
    from = Math.max(from, at)
  }
  return said
}

const stream = head + chunk("retry: 2000\n: hello\n\n") + chunk(sealed(1) + sealed(2)) + chunk("event: heartbeat\ndata: {}\n\n") + chunk(sealed(3))
const frames = [
  "opened 200",
  "control retry: 2000\n: hello",
  "event 1 1 1001",
  "event 2 2 1002",
  "control event: heartbeat\ndata: {}",
  "event 3 3 1003",
]

describe("a stream in chunks", () => {
  test("is read as events with their positions, and frames without any", () => {
    expect(parse(stream).withoutLearning).toEqual(frames)
  })

  test("is read alike wherever reads end", () => {
    const cuts = fc.array(fc.nat(stream.length), { maxLength: 12 })
    fc.assert(
      fc.property(cuts, (reads) => {
        expect(parse(stream, reads.toSorted((a, b) => a - b)).withoutLearning).toEqual(frames)
      }),
    )
  })

  test("is read byte by byte too", () => {
    const every = Array.from({ length: stream.length }, (_, i) => i)
    expect(parse(stream, every).withoutLearning).toEqual(frames)
  })

  test("has ids before the data where raw loops write them", () => {
    const told = parse(head + chunk(raw(41)) + chunk(raw(42) + raw(43))).withoutLearning
    expect(told).toEqual(["opened 200", "event 41 41 1041", "event 42 42 1042", "event 43 43 1043"])
  })

  test("has frames that go on in the next chunk", () => {
    const text = raw(1) + raw(2)
    expect(parse(head + chunk(text.slice(0, 300)) + chunk(text.slice(300))).withoutLearning).toEqual(["opened 200", "event 1 1 1001", "event 2 2 1002"])
  })

  test("ends with a chunk of nothing, whatever follows", () => {
    expect(parse(`${head}${chunk(raw(1))}0\r\n\r\n${chunk(raw(2))}`).withoutLearning).toEqual(["opened 200", "event 1 1 1001"])
  })
})

describe("a chunk that came whole", () => {
  test("is offered before it is read, and learned after", () => {
    const said = parse(head + chunk(raw(1) + raw(2)))
    expect(said.lines).toEqual(["opened 200", "event 1 1 1001", "event 2 2 1002", `learned ${(raw(1) + raw(2)).length}`])
  })

  test("is not read where it is known", () => {
    const said = new Said((text) => text === raw(2))
    parse(head + chunk(raw(1)) + chunk(raw(2)) + chunk(raw(3)), [], true, said)
    expect(said.withoutLearning).toEqual(["opened 200", "event 1 1 1001", "event 3 3 1003"])
  })

  test("is neither offered nor learned when it began or ended within a frame", () => {
    const text = raw(1) + raw(2)
    const offered: string[] = []
    const said = new Said((each) => {
      offered.push(each)
      return false
    })
    parse(head + chunk(text.slice(0, 300)) + chunk(text.slice(300)), [], true, said)
    expect(offered).toEqual([text.slice(0, 300)])
    expect(said.lines).toEqual(["opened 200", "event 1 1 1001", "event 2 2 1002"])
  })
})

test("a stream without chunks, and without positions, is read to its end", () => {
  const plain = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n"
  expect(parse(`${plain}id: 1795276985:0\ndata: ${data(5)}\n\n`, [70, 90], false).lines).toEqual(["opened 200", "control : hi", "event 0 5 1005"])
})

test("an answer that is no stream is said with its status, and not read on", () => {
  expect(parse("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 400\r\n\r\nid: 1\n\n").lines).toEqual(["opened 429"])
})
