// Recording a session of a real host, over real sockets: whoever reads it is asked to come again and loses nothing, and what
// comes out is replayed to the same.

import { append, commit, connect, createSession, getSession, memoryCursor, resume, type ClientItem } from "@tidemark/client"
import { everything, instant, logModel, replayCapsule, sessionName } from "@tidemark/kernel"
import { afterAll, describe, expect, test } from "vitest"
import { call } from "./host-client.testing.ts"
import { startHost } from "./host-under-test.testing.ts"
import { systemClock } from "./clock.ts"
import { RawSocket } from "./raw-socket.testing.ts"

const host = await startHost({ limits: { retry: 20, recordings: 2 } })

afterAll(async () => {
  await host.stop()
  expect(host.fatal).toEqual([])
})

const at = (session: string) => ({ url: host.url, session })
const urlOf = (session: string): string => `${host.url}/v1/sessions/${session}/record`

/** Asks for a recording; `text` is the whole capsule, once it has ended. */
async function record(session: string, body: object = {}, signal?: AbortSignal) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
  const response = await fetch(urlOf(session), signal === undefined ? init : { ...init, signal })
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"])
  return response
}

const endRecording = async (session: string) => expect((await call("DELETE", urlOf(session))).status).toBe(204)

/** Asks the host until it is so: there is nothing else to wait for. */
async function eventually(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await fetch(`${host.url}/healthz`)
}

/** A reader that writes down the positions it was given. */
function reader(session: string, storage = memoryCursor()) {
  const stop = new AbortController()
  const positions: number[] = []
  const others = new Set<ClientItem["type"]>()
  const done = (async () => {
    for await (const item of connect({ ...at(session), from: "start", storage, signal: stop.signal })) {
      if (item.type === "event") positions.push(item.event.position)
      else others.add(item.type)
    }
  })()
  return { positions, others, leave: () => (stop.abort(), done.catch(() => {})) }
}

describe("a recording", () => {
  test("begins with connected readers, who lose nothing, and is replayed to the same without its secrets", async () => {
    const drafts = (from: number) => [from, from + 1].map((n) => ({ kind: "n", data: { n: n + 123_456_000, password: `hunter-${n}`, apiKey: n * 1_000_003 } }))
    await append(at("incident"), drafts(1))
    const storage = memoryCursor()
    const first = reader("incident", storage)
    const other = reader("incident")
    await eventually(() => first.positions.length === 2 && other.positions.length === 2)

    const capsule = (await record("incident", { secrets: ["n"] })).text()
    await append(at("incident"), drafts(3))
    await eventually(() => first.positions.length === 4 && other.positions.length === 4)
    await first.leave()
    await append(at("incident"), drafts(5))
    await commit(at("incident"), { view: { token: "hunter-view" } })
    const again = reader("incident", storage)
    await eventually(() => again.positions.length === 3 && other.positions.length === 7)
    await endRecording("incident")
    await again.leave()
    await other.leave()

    const text = await capsule
    const calls = text.trimEnd().split("\n").length - 2
    expect(replayCapsule(text, [logModel])).toEqual({ type: "same", calls, end: "it was ended" })
    expect(calls).toBeGreaterThan(20)
    const found = ["hunter", "1000003", "123456"].filter((secret) => text.includes(secret))
    expect(found).toEqual([])
    expect([first.positions, again.positions, other.positions]).toEqual([[1, 2, 3, 4], [5, 6, 7], [1, 2, 3, 4, 5, 6, 7]])
    expect([...other.others].filter((type) => type === "gap")).toEqual([])
  })

  test("ends when its time is over, with its last line", async () => {
    await append(at("timed"), [{ kind: "n", data: 1 }])
    const text = await (await record("timed", { forSeconds: 1, all: true })).text()
    expect(replayCapsule(text, [logModel])).toMatchObject({ type: "same", end: "the time is over" })
    expect(host.parts.recordings.size).toBe(0)
  })

  test("ends with its client, and the session can be recorded again", async () => {
    await createSession(at("left"))
    const stop = new AbortController()
    await record("left", {}, stop.signal)
    expect(host.parts.recordings.size).toBe(1)
    stop.abort()
    await eventually(() => host.parts.recordings.size === 0)
    const capsule = (await record("left")).text()
    await endRecording("left")
    expect(replayCapsule(await capsule, [logModel])).toMatchObject({ type: "same", end: "it was ended" })
  })

  test("ends a long poll, which is answered as if its time were over", async () => {
    await append(at("polled"), [{ kind: "n", data: 1 }])
    const { cursor } = await append(at("polled"), [{ kind: "n", data: 2 }])
    const poll = resume(at("polled"), { cursor, wait: 25 })
    await eventually(async () => (await getSession(at("polled"))).readers === 1)
    await record("polled")
    expect(await poll).toMatchObject({ type: "replayed", events: [], upToDate: true })
    await endRecording("polled")
  })

  test("that its client does not take ends with a last line that says so", async () => {
    await createSession(at("slow"))
    const client = await RawSocket.open(host.port)
    const headers = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    await client.send(`POST /v1/sessions/slow/record HTTP/1.1\r\n${headers}`).until("openSession")
    client.socket.pause()
    while (host.parts.recordings.size > 0) await append(at("slow"), [{ kind: "n", data: "x".repeat(200_000) }])
    client.socket.resume()
    await client.until('{"end":"more than 8MiB waited for the client"')
    client.socket.destroy()
  })
})

describe("readers who do not go", () => {
  /** A host whose time can be brought forward. */
  async function hasty() {
    let aheadMs = 0
    const clock = { now: () => instant(systemClock.now() + aheadMs), wall: () => systemClock.wall() }
    const hastyHost = await startHost({ limits: { "write-deadline": 3_600_000, heartbeat: 600_000, "max-age": 3_600_000 }, parts: { clock } })
    const of = (session: string) => ({ url: hastyHost.url, session })
    return { hastyHost, of, hurry: (ms: number) => (aheadMs += ms) }
  }

  test("are cut off after a while, where the host writes to them", async () => {
    const { hastyHost, of, hurry } = await hasty()
    await append(of("stuck"), [{ kind: "n", data: 1 }])
    const client = await RawSocket.open(hastyHost.port)
    await client.send("GET /v1/sessions/stuck/subscribe HTTP/1.1\r\nHost: localhost\r\n\r\n").until("caught_up")
    client.socket.pause()
    for (let n = 0; n < 40; n++) await append(of("stuck"), [{ kind: "n", data: "x".repeat(200_000) }])
    const begun = fetch(`${hastyHost.url}/v1/sessions/stuck/record`, { method: "POST" })
    while (hastyHost.parts.recordings.size === 0) await getSession(of("stuck"))
    hurry(6_000)
    const response = await begun
    expect([response.status, (await getSession(of("stuck"))).readers]).toEqual([200, 0])
    await hastyHost.stop()
    client.socket.destroy()
  })

  test("end it after half a minute, and those who come then are let in", async () => {
    const { hastyHost, of, hurry } = await hasty()
    await append(of("held"), [{ kind: "n", data: 1 }])
    const held = new Promise((resolve) => {
      const options = { filter: everything, recovery: "events" } as const
      hastyHost.parts.engine.ask((driver, now) => driver.subscribe(now, sessionName("default", "held"), { type: "now" }, options), resolve)
    })
    await held
    const begun = call("POST", `${hastyHost.url}/v1/sessions/held/record`, { body: {} })
    while (hastyHost.parts.recordings.size === 0) await getSession(of("held"))
    hurry(31_000)
    const { status, body } = await begun
    expect([status, body["detail"]]).toEqual([409, "The session cannot be recorded now: it still has readers (1) after 30 s. Try again in a while."])
    const stop = new AbortController()
    for await (const item of connect({ ...of("held"), from: "start", signal: stop.signal })) if (item.type === "caught_up") stop.abort()
    await hastyHost.stop()
    expect(hastyHost.fatal).toEqual([])
  })
})

describe("what is refused", () => {
  test("a session that is not there, a body that cannot be taken, and a second recording of one session", async () => {
    const nobody = await call("POST", urlOf("nobody"), { body: {} })
    expect([nobody.status, nobody.body["type"]]).toEqual([404, "https://tidemark.dev/problems/unknown-session"])
    await createSession(at("once"))
    const bodies = [{ forSeconds: 0 }, { forSeconds: 3601 }, { secrets: [""] }, { secrets: ["---"] }, { more: 1 }]
    const bad = await Promise.all(bodies.map((body) => call("POST", urlOf("once"), { body })))
    expect(bad.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400])
    await record("once")
    const twice = await call("POST", urlOf("once"), { body: {} })
    expect([twice.status, twice.body["type"]]).toEqual([409, "https://tidemark.dev/problems/recording-conflict"])
    expect(twice.body["detail"]).toContain("or end it with DELETE /v1/sessions/once/record.")
    await endRecording("once")
    await endRecording("once")
  })

  test("more recordings at once than the limit", async () => {
    for (const session of ["one", "two", "three"]) await createSession(at(session))
    await record("one")
    await record("two")
    const third = await call("POST", urlOf("three"), { body: {} })
    expect([third.status, third.body["type"]]).toEqual([429, "https://tidemark.dev/problems/limit-reached"])
    await endRecording("one")
    await record("three")
    await endRecording("two")
    await endRecording("three")
  })
})

test("a session without a log is not recorded: a reader who comes again would have lost what it missed", async () => {
  const other = await startHost({ log: "disabled" })
  await createSession({ url: other.url, session: "s" })
  const { status, body } = await call("POST", `${other.url}/v1/sessions/s/record`, { body: {} })
  expect([status, body["type"]]).toEqual([409, "https://tidemark.dev/problems/recording-conflict"])
  expect(body["detail"]).toMatch(/^The session has no log, .*: record on a host whose log is sqlite or memory\.$/)
  expect(other.parts.recordings.size).toBe(0)
  await other.stop()
})

test("a host that shuts down ends its recordings with their last line", async () => {
  const other = await startHost()
  await createSession({ url: other.url, session: "s" })
  const response = await fetch(`${other.url}/v1/sessions/s/record`, { method: "POST" })
  const text = response.text()
  await other.stop()
  expect(replayCapsule(await text, [logModel])).toMatchObject({ type: "same", end: "the host is shutting down" })
  expect(other.fatal).toEqual([])
})
