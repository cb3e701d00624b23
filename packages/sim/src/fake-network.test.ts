import { describe, expect, test } from "vitest"
import { Chance } from "./chance.ts"
import { FakeConnection, type CutKind, type NetworkSettings } from "./fake-network.ts"
import { Schedule } from "./schedule.ts"

/** A connection between two ends that write down what they are told. */
function connect(settings: Partial<NetworkSettings> = {}) {
  const schedule = new Schedule()
  const told: { readonly client: string[]; readonly server: string[] } = { client: [], server: [] }
  const client = { reads: true, bytes: "", chunks: 0, told: told.client }
  const server = { told: told.server }
  const receiver = {
    get reads() {
      return client.reads
    },
    handleResponse: ({ status }: { readonly status: number }) => void client.told.push(`status ${status}`),
    handleBytes: (chunk: Uint8Array) => {
      client.bytes += new TextDecoder().decode(chunk)
      client.chunks += 1
    },
    handleEnd: (because: string) => void client.told.push(because),
  }
  const connection = new FakeConnection(schedule, new Chance(1), { latencyMs: [1, 1], splits: 0, windowBytes: 100, keepAliveMs: 60_000, ...settings }, receiver)
  connection.serve({ handleDrain: () => void server.told.push("drain"), handleClose: () => void server.told.push("close") })
  const write = (text: string) => connection.write(new TextEncoder().encode(text))
  return { schedule, connection, client, server, write }
}

const frame = "id: 7\ndata: tea\n\n"

test("a request arrives after its latency, and the answer's head, bytes and end in order", () => {
  const { schedule, connection, client, write } = connect()
  const arrived: number[] = []
  connection.send(() => arrived.push(schedule.now))
  schedule.run(1)
  connection.respond({ status: 200 })
  write("a")
  write("b")
  connection.end()
  schedule.run(10)
  expect(arrived).toEqual([1])
  expect(client.bytes).toBe("ab")
  expect(client.told).toEqual(["status 200", "the answer ended"])
  expect(connection.isOpen).toBe(false)
})

describe("a cut", () => {
  const kinds: Readonly<Record<CutKind, { readonly client: readonly string[]; readonly server: readonly string[] }>> = {
    both: { client: ["the connection was cut"], server: ["close"] },
    client: { client: ["the connection was cut"], server: [] },
    server: { client: [], server: ["close"] },
    silent: { client: [], server: [] },
  }

  test("at a byte is exact, at every byte of a frame, however the bytes are split; each end is told of its kinds", () => {
    for (const splits of [0, 0.5]) {
      for (const [kind, told] of [["both", kinds.both], ["client", kinds.client], ["server", kinds.server], ["silent", kinds.silent]] as const) {
        for (let bytes = 0; bytes <= frame.length; bytes++) {
          const { schedule, connection, client, server, write } = connect({ splits })
          connection.cutAfter(bytes, kind)
          write(frame)
          write("more")
          schedule.run(1_000)
          expect([kind, bytes, client.bytes]).toEqual([kind, bytes, frame.slice(0, bytes)])
          expect([kind, bytes, connection.delivered]).toEqual([kind, bytes, bytes])
          expect([client.told, server.told]).toEqual([told.client, told.server])
        }
      }
    }
  })

  test("before the request arrived leaves the server without it", () => {
    const { schedule, connection, client } = connect()
    const arrived: number[] = []
    connection.send(() => arrived.push(schedule.now))
    connection.cut()
    schedule.run(10)
    expect(arrived).toEqual([])
    expect(client.told).toEqual(["the connection was cut"])
  })

  test("that nobody hears of leaves both ends as they were: the server writes until the way is full, and finds out by keep-alive alone", () => {
    const { schedule, connection, client, server, write } = connect({ windowBytes: 10 })
    connection.cut("silent")
    expect(write("0123456789")).toBe(true)
    expect(write("x")).toBe(false)
    connection.leave()
    schedule.run(59_999)
    expect([client.bytes, client.told, server.told]).toEqual(["", [], []])
    schedule.run(1)
    expect([client.bytes, client.told, server.told]).toEqual(["", [], ["close"]])
  })
})

describe("a client that does not read", () => {
  test("leaves the bytes on the way: the server is told to wait, and of the drain once all was taken", () => {
    const { schedule, connection, client, server, write } = connect({ windowBytes: 10 })
    client.reads = false
    expect(write("01234")).toBe(true)
    expect(write("56789")).toBe(true)
    expect(write("x")).toBe(false)
    schedule.run(1_000)
    expect([client.bytes, connection.queuedBytes, server.told]).toEqual(["", 11, []])
    client.reads = true
    connection.resume()
    schedule.run(1_000)
    expect([client.bytes, connection.queuedBytes, server.told]).toEqual(["0123456789x", 0, ["drain"]])
  })

  test("and leaves lets go of what was on the way, and the server hears of it", () => {
    const { schedule, connection, client, server, write } = connect()
    client.reads = false
    write("lost")
    connection.leave()
    schedule.run(10)
    expect(server.told).toEqual(["close"])
    expect([client.bytes, client.told]).toEqual(["", []])
    expect(write("more")).toBe(false)
  })
})

test("a server that drops the connection takes with it what has not arrived", () => {
  const { schedule, connection, client, write } = connect({ latencyMs: [5, 5] })
  write("arrived")
  schedule.run(5)
  client.reads = false
  write(", lost")
  connection.destroy("the process is gone")
  schedule.run(100)
  client.reads = true
  connection.resume()
  schedule.run(100)
  expect(client.bytes).toBe("arrived")
  expect(client.told).toEqual(["the process is gone"])
})

test("bytes that are split arrive all the same, in more chunks", () => {
  const { schedule, client, write } = connect({ splits: 0.9, latencyMs: [1, 50] })
  for (let i = 0; i < 20; i++) write(frame)
  schedule.run(100_000)
  expect(client.bytes).toBe(frame.repeat(20))
  expect(client.chunks).toBeGreaterThan(40)
})
